//! What the image writer leaves for the installer: the archive, what to know of it before it is read, and their places.

use super::error::one_line;
use serde::{Deserialize, Serialize};

/// All that the minimal distribution has beyond the root it becomes; gone when the installation is done.
pub const DIRECTORY: &str = "usr/lib/nixos-wsl/install";
/// The program itself, a static file; everything that WSL calls in the minimal distribution is a link to it.
pub const PROGRAM: &str = "usr/lib/nixos-wsl/install/nixos-wsl-install";
/// The root file system: a tar archive in zstd frames of at most [`FRAME`] bytes of content.
pub const ARCHIVE: &str = "usr/lib/nixos-wsl/install/root.tar.zst";
/// A [`Manifest`] in JSON.
pub const MANIFEST: &str = "usr/lib/nixos-wsl/install/manifest.json";

/// How much of the tar archive is a zstd frame of its own, in bytes. Frames are decompressed side by side and without a copy
/// from a window; half of it would make the archive 2 % larger.
pub const FRAME: usize = 8 << 20;

/// The version of the manifest's form.
pub const VERSION: u32 = 1;

/// What is to be known of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// SHA-256 of the archive as it is stored, in hexadecimal digits.
    pub sha256: String,
    /// Bytes of the archive as it is stored.
    pub size: u64,
    /// Bytes of the tar archive in it.
    pub unpacked: u64,
    /// Bytes that its members take on a disk with blocks of 4 KiB.
    pub disk: u64,
    /// The number of its members.
    pub members: u64,
    /// The paths, relative to the root, that lead to this program until all others are in place, in the order in which
    /// they are replaced: `etc/passwd` is the last.
    pub entry_points: Vec<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// One phrase, when it is no manifest of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(one_line)?;
        if manifest.version == VERSION {
            Ok(manifest)
        } else {
            Err(format!("its version is {}, not {VERSION}", manifest.version))
        }
    }
}
