//! The list of distributions for `wsl --install NAME` (W§8.3), from the images that it offers.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use tar::EntryType;
use thiserror::Error;

use super::validate::archive::{BadArchive, RawArchive};
use super::validate::compression::{self, Compression};
use super::validate::machine::{HEAD, Machine};
use crate::digest::{hexadecimal, sha256};
use crate::wsl::distribution::{Distribution, RESOURCE_LIMIT, valid_name};
use crate::wsl::manifest::{DistributionArchive, DistributionList, DistributionVersion, Flavors};

/// An image cannot be offered.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The image.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what a list may offer.
    #[error("{}: {reason}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The address is no folder of the web.
    #[error(
        "{0}: an address begins with https://, http:// or file://, and has neither blanks nor control characters"
    )]
    Url(String),
}

/// An image, as the list needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedImage {
    /// The last part of its address.
    pub file_name: String,
    /// The name that it gives itself (`oobe.defaultName`).
    pub name: String,
    /// What it calls itself for people: os-release's `PRETTY_NAME`, else the name.
    pub friendly_name: String,
    /// The machine that its programs are for.
    pub machine: Machine,
    /// Bytes of the file.
    pub size: u64,
    /// Hash of the file.
    pub sha256: String,
}

/// What the head of an archive has told so far.
#[derive(Default)]
struct Known {
    conf: Option<Vec<u8>>,
    release: Option<Vec<u8>>,
    machine: Option<Machine>,
}

impl OfferedImage {
    /// Reads the image at `path`: the archive as far as its name and machine, and all of the file for its hash.
    ///
    /// # Errors
    /// It cannot be read, is no archive that the official list takes (gzip or xz, W§8.1), or has no name.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let unreadable = |source| ManifestError::Read { path: path.to_owned(), source };
        let refuse = |reason: String| ManifestError::Image { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut head = Vec::new();
        (&mut file).take(16).read_to_end(&mut head).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let compression = match Compression::of(&head) {
            Ok(compression @ (Compression::Gzip | Compression::Xz)) => compression,
            Ok(other) => {
                return Err(refuse(format!("is {}, and a list offers gzip or xz", other.name())));
            }
            Err(other) => return Err(refuse(format!("is {other}, and a list offers gzip or xz"))),
        };
        let source = compression::open(file, compression).map_err(unreadable)?;
        let known = search(RawArchive::new(source)).map_err(|error| refuse(error.to_string()))?;
        let conf = known.conf.ok_or_else(|| refuse("has no /etc/wsl-distribution.conf".into()))?;
        let name = Distribution::parse(&conf).0.oobe_default_name;
        let name = name.filter(|name| valid_name(name)).ok_or_else(|| {
            refuse("/etc/wsl-distribution.conf gives no oobe.defaultName that WSL takes".into())
        })?;
        let friendly_name = known.release.as_deref().and_then(pretty_name);
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !file_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            let reason =
                "its name becomes a part of an address: letters, digits, dots, dashes and underscores";
            return Err(refuse(reason.into()));
        }
        Ok(Self {
            file_name,
            friendly_name: friendly_name.unwrap_or_else(|| name.clone()),
            name,
            machine: known.machine.ok_or_else(|| refuse("has no program for x86_64 or aarch64".into()))?,
            size,
            sha256: hexadecimal(&sha256(path).map_err(unreadable)?),
        })
    }
}

/// The list of `images`, which are in the folder at `url`. Images of one name are one version, for each machine one; each
/// version is a flavor of its own, and the first is what `wsl --install` installs without a name.
///
/// # Errors
/// The address is none, or two images have the same name and machine.
pub fn manifest(url: &str, images: &[(PathBuf, OfferedImage)]) -> Result<DistributionList, ManifestError> {
    let known = ["https://", "http://", "file://"].iter().any(|scheme| url.starts_with(scheme));
    if !known || url.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return Err(ManifestError::Url(url.into()));
    }
    let url = url.trim_end_matches('/');
    let mut versions: Vec<DistributionVersion> = Vec::new();
    for (path, image) in images {
        let at = versions.iter().position(|version| version.name.eq_ignore_ascii_case(&image.name));
        let at = at.unwrap_or_else(|| {
            versions.push(DistributionVersion {
                name: image.name.clone(),
                friendly_name: image.friendly_name.clone(),
                default: Some(true),
                ..DistributionVersion::default()
            });
            versions.len() - 1
        });
        let slot = match image.machine {
            Machine::X86 => &mut versions[at].amd64_url,
            Machine::Arm => &mut versions[at].arm64_url,
        };
        let archive =
            DistributionArchive { url: format!("{url}/{}", image.file_name), sha256: image.sha256.clone() };
        if let Some(other) = slot.replace(archive) {
            let (name, machine) = (&image.name, image.machine.name());
            let reason = format!("is {name} for {machine}, which {} is too", other.url);
            return Err(ManifestError::Image { path: path.clone(), reason });
        }
    }
    let default = versions.first().map(|version| version.name.clone());
    let flavors = versions.into_iter().map(|version| (version.name.clone(), vec![version])).collect();
    Ok(DistributionList { modern_distributions: Some(Flavors(flavors)), default })
}

/// Reads members until name and machine are known: both come early in an archive that is in order.
fn search(mut archive: RawArchive<impl io::BufRead>) -> Result<Known, BadArchive> {
    let mut known = Known::default();
    while known.conf.is_none() || known.release.is_none() || known.machine.is_none() {
        let Some(member) = archive.advance()? else { break };
        if matches!(member.kind, EntryType::Directory | EntryType::Symlink | EntryType::Link) {
            continue;
        }
        let mut content = |limit| {
            let mut content = Vec::new();
            archive.content().take(limit).read_to_end(&mut content).map(|_| content)
        };
        let name = member.name.strip_prefix(b"./").unwrap_or(&member.name);
        match name.strip_prefix(b"/").unwrap_or(name) {
            b"etc/wsl-distribution.conf" => known.conf = Some(content(RESOURCE_LIMIT)?),
            b"etc/os-release" => known.release = Some(content(RESOURCE_LIMIT)?),
            _ if known.machine.is_none() => known.machine = Machine::of(&content(HEAD as u64)?),
            _ => {}
        }
    }
    Ok(known)
}

/// `PRETTY_NAME` of an os-release (os-release(5)), where it needs no more than quotes to be understood.
fn pretty_name(release: &[u8]) -> Option<String> {
    let text = str::from_utf8(release).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    let value = value.trim_matches(|character| "\"'".contains(character));
    let plain = |character: char| !character.is_control() && !"\\\"'`$".contains(character);
    (!value.is_empty() && value.chars().all(plain)).then(|| value.into())
}
