//! A release: a folder of images and programs, with what is in them, how to make them again, and a sum for each file.
//!
//! | File | What it is |
//! |---|---|
//! | the images | links to the store's, disks compressed |
//! | `nixos-wsl-tools-MACHINE.tar.gz` | the static programs |
//! | `nixos-wsl-MACHINE.cdx.json` | bill of materials (`materials`) |
//! | `nixos-wsl-MACHINE.provenance.json` | what it was made from (`provenance`) |
//! | `manifest.json` | the list of distributions, with the images that are called `.wsl`; where their address is known |
//! | `RELEASE.md` | notes for people (`notes`) |
//! | `SHA256SUMS` | for `sha256sum --check` |

pub mod attributes;
mod error;
mod materials;
mod notes;
mod programs;
mod provenance;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

pub use error::ReleaseError;

use self::attributes::{ReleaseAttributes, ReleasedImage};
use super::manifest::{OfferedImage, manifest};
use super::zstd;
use crate::digest::{hexadecimal, sha256};
use crate::system::error::Context;

/// The sums' file, in the form of `sha256sum(1)`.
const SUMS: &str = "SHA256SUMS";
/// The list of distributions (W§8.3).
const LIST: &str = "manifest.json";

/// Writes the release into `folder`, which must not exist; `threads` compress. Nothing stays where it fails.
///
/// # Errors
/// A file cannot be read or written, two have one name, or the changelog has nothing of this version.
pub fn write(attributes: &ReleaseAttributes, folder: &Path, threads: usize) -> Result<(), ReleaseError> {
    fs::create_dir(folder).doing_at("make", folder)?;
    let written = fill(attributes, folder, threads);
    if written.is_err() {
        // What is left of it would look like a release.
        fs::remove_dir_all(folder).doing_at("remove", folder)?;
    }
    written
}

fn fill(attributes: &ReleaseAttributes, folder: &Path, threads: usize) -> Result<(), ReleaseError> {
    let machine = &attributes.machine;
    let programs = format!("nixos-wsl-tools-{machine}.tar.gz");
    let texts = [
        (format!("nixos-wsl-{machine}.cdx.json"), materials::bill(attributes)?),
        (format!("nixos-wsl-{machine}.provenance.json"), provenance::statement(attributes)?),
        ("RELEASE.md".to_owned(), notes::text(attributes)?),
    ];
    // Before anything is written: an image is a link, and what is written under its name would go into the image.
    let mut names = BTreeSet::from([SUMS]);
    let own = texts.iter().map(|(name, _)| name.as_str()).chain([programs.as_str()]);
    let own = own.chain(attributes.url.as_ref().map(|_| LIST));
    for name in attributes.images.iter().map(|image| image.name.as_str()).chain(own) {
        if !names.insert(name) {
            return Err(ReleaseError::Twice(name.to_owned()));
        }
    }
    for image in &attributes.images {
        add(image, &folder.join(&image.name), threads)?;
    }
    if let Some(url) = &attributes.url {
        write_new(&folder.join(LIST), &list(attributes, folder, url)?)?;
    }
    programs::write(&attributes.programs, &folder.join(&programs))?;
    for (name, text) in &texts {
        write_new(&folder.join(name), text)?;
    }
    names.remove(SUMS);
    let sum = |name: &&str| {
        let path = folder.join(name);
        let sum = sha256(&path).doing_at("read", &path)?;
        Ok(format!("{}  {name}\n", hexadecimal(&sum)))
    };
    let sums = names.iter().map(sum).collect::<Result<String, ReleaseError>>()?;
    write_new(&folder.join(SUMS), &sums)
}

/// The text of the list of distributions, from the images as they are in the folder.
fn list(attributes: &ReleaseAttributes, folder: &Path, url: &str) -> Result<String, ReleaseError> {
    let wanted = attributes
        .images
        .iter()
        .filter(|image| Path::new(&image.name).extension().is_some_and(|extension| extension == "wsl"));
    let images = wanted.map(|image| {
        let path = folder.join(&image.name);
        OfferedImage::read(&path).map(|offered| (path, offered))
    });
    let list = manifest(url, &images.collect::<Result<Vec<_>, _>>()?)?;
    let unfit = |source| ReleaseError::Json { path: folder.join(LIST), source };
    serde_json::to_string_pretty(&list).map(|text| text + "\n").map_err(unfit)
}

fn write_new(path: &Path, text: &str) -> Result<(), ReleaseError> {
    let mut file = File::create_new(path).doing_at("write", path)?;
    Ok(file.write_all(text.as_bytes()).doing_at("write", path)?)
}

/// A link, as an image is large and is in the store already; a disk is compressed, because no download does it.
fn add(image: &ReleasedImage, path: &Path, threads: usize) -> Result<(), ReleaseError> {
    if !image.compress {
        // A link to nothing would only show at the sum.
        File::open(&image.path).doing_at("read", &image.path)?;
        return Ok(symlink(&image.path, path).doing_at("write", path)?);
    }
    let mut source = File::open(&image.path).doing_at("read", &image.path)?;
    let file = BufWriter::new(File::create_new(path).doing_at("write", path)?);
    let mut encoder = zstd::encoder(file, threads, zstd::DEFAULT_LEVEL).doing_at("write", path)?;
    encoder.include_checksum(true).doing_at("write", path)?;
    std::io::copy(&mut source, &mut encoder).doing_at("write", path)?;
    Ok(encoder.finish().and_then(|mut file| file.flush()).doing_at("write", path)?)
}
