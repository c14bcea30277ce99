//! The structured attributes of the release derivation (`nix/release/folder.nix`).

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::ReleaseError;
use crate::image::closure::{Closure, ClosurePath};
use crate::system::error::Context;

/// What a release derivation asks for.
#[derive(Debug)]
pub struct ReleaseAttributes {
    /// The derivation's output path.
    pub out: Option<PathBuf>,
    /// The version, as the changelog has it.
    pub version: String,
    /// The machine that it is for, `x86_64` or `aarch64`.
    pub machine: String,
    /// Root file systems.
    pub images: Vec<ReleasedImage>,
    /// The static programs.
    pub programs: Vec<PathBuf>,
    /// `flake.lock` of the source.
    pub lock: PathBuf,
    /// Git's name of the source, where it is a commit.
    pub revision: Option<String>,
    /// `CHANGELOG.md` of the source.
    pub changelog: PathBuf,
    /// The folder on the web where the release will be, where that is known.
    pub url: Option<String>,
    /// The store paths of the images' system.
    pub closure: Closure,
}

/// An image, and what it is called in the release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedImage {
    /// The file's name in the release.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is compressed with zstd on its way.
    #[serde(default)]
    pub compress: bool,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    outputs: Outputs,
    version: String,
    machine: String,
    images: Vec<ReleasedImage>,
    programs: Vec<PathBuf>,
    lock: PathBuf,
    #[serde(default)]
    revision: Option<String>,
    changelog: PathBuf,
    #[serde(default)]
    url: Option<String>,
    closure: Vec<ClosurePath>,
}

#[derive(Default, Deserialize)]
struct Outputs {
    out: Option<PathBuf>,
}

impl ReleaseAttributes {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, misses an attribute, has a closure that is not whole, or names that are paths.
    pub fn read(path: &Path) -> Result<Self, ReleaseError> {
        let text = fs::read(path).doing_at("read", path)?;
        let unfit = |source| ReleaseError::Json { path: path.to_owned(), source };
        let raw: Raw = serde_json::from_slice(&text).map_err(unfit)?;
        let names = raw.images.iter().map(|image| &image.name).chain([&raw.machine]);
        if let Some(name) = names.into_iter().find(|name| !is_plain(name)) {
            return Err(ReleaseError::Name(name.clone()));
        }
        Ok(Self {
            out: raw.outputs.out,
            version: raw.version,
            machine: raw.machine,
            images: raw.images,
            programs: raw.programs,
            lock: raw.lock,
            revision: raw.revision,
            changelog: raw.changelog,
            url: raw.url,
            closure: Closure::new(raw.closure)?,
        })
    }
}

/// A name that is safe in a folder, in an address and in the lines of `sha256sum`.
fn is_plain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(fits)
}
