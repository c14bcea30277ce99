//! The structured attributes of the image derivation, as Nix writes them to `$NIX_ATTRS_JSON_FILE`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::closure::{Closure, ClosurePath};
use super::spec::Spec;
use super::{ImageError, Result};

/// What an image derivation asks for.
#[derive(Debug)]
pub struct StructuredAttributes {
    /// The derivation's output path; the archive goes to `tarball/<file name>` below it.
    pub out: Option<PathBuf>,
    /// The archive's file name, with its ending.
    pub file_name: Option<String>,
    /// The compression level, 1 to 12; `None` for the default.
    pub level: Option<i32>,
    /// The static `nixos-wsl-install`, for an installer.
    pub install_program: Option<PathBuf>,
    /// The program `mke2fs` of e2fsprogs, for a disk.
    pub mke2fs: Option<PathBuf>,
    /// The store paths to include, with what Nix knows of them.
    pub closure: Closure,
    /// The rest of the root file system.
    pub spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    outputs: RawOutputs,
    file_name: Option<String>,
    compression_level: Option<i32>,
    install_program: Option<PathBuf>,
    mke2fs: Option<PathBuf>,
    closure: Vec<ClosurePath>,
    spec: Value,
}

#[derive(Default, Deserialize)]
struct RawOutputs {
    out: Option<PathBuf>,
}

/// The file that Nix means by `named`.
///
/// Nix 2.8 names it, in its sandbox, by the build directory's path outside; inside, the directory is `$NIX_BUILD_TOP`.
#[must_use]
pub fn locate(name: PathBuf) -> PathBuf {
    let inside = std::env::var_os("NIX_BUILD_TOP").map(|top| Path::new(&top).join(".attrs.json"));
    match inside {
        Some(inside) if !name.exists() && inside.exists() => inside,
        _ => name,
    }
}

impl StructuredAttributes {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is no JSON, misses an attribute, or holds a spec or closure that cannot be used.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes =
            fs::read(path).map_err(|source| ImageError::ReadAttributes { path: path.to_owned(), source })?;
        Self::parse(path, &bytes)
    }

    /// Parses the attributes in `bytes`; `path` is only for messages.
    ///
    /// # Errors
    /// As [`StructuredAttributes::read`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let unfit = |what: &str| {
            let what = what.to_owned();
            |source| ImageError::Attributes { path: path.to_owned(), what, source }
        };
        let raw: Raw = serde_json::from_slice(bytes).map_err(unfit("an attribute"))?;
        if let Some(level) = raw.compression_level
            && !(1..=12).contains(&level)
        {
            return Err(ImageError::entry(
                "compressionLevel",
                format!("{level} is no level; take one from 1 to 12"),
            ));
        }
        if let Some(name) = &raw.file_name
            && (name.is_empty() || name.contains('/') || name.starts_with('.'))
        {
            return Err(ImageError::entry("fileName", format!("{name:?} is no plain file name")));
        }
        Ok(Self {
            out: raw.outputs.out,
            file_name: raw.file_name,
            level: raw.compression_level,
            install_program: raw.install_program,
            mke2fs: raw.mke2fs,
            closure: Closure::new(raw.closure)?,
            spec: Spec::from_json(raw.spec)?,
        })
    }
}
