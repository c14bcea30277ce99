//! A disk that is full or read-only: WSL starts the distribution all the same, on an overlay (W§4.1).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::system::error::{Context, Failure};
use rustix::mount::{MountFlags, mount, mount_remount};

/// What WSL says then.
pub const WARNING: &str = "An error occurred mounting the distribution disk, it was mounted read-only as a fallback.\n\
                           See recovery instructions on: https://aka.ms/wsldiskmountrecovery";

/// Whether WSL can make the directory that it needs in a distribution's root for a moment.
///
/// # Errors
///
/// The one it meets, but for a full and for a read-only disk.
pub fn writable(root: &Path) -> Result<bool, Failure> {
    let mut number = 0;
    loop {
        let path = root.join(format!("wsl{number:06}"));
        match fs::create_dir(&path) {
            Ok(()) => return fs::remove_dir(&path).doing_at("delete", &path).map(|()| true),
            // One of a start that was killed in between: WSL leaves it too, and draws another name (W§11).
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 999_999 => number += 1,
            Err(error) if full(&error) => return Ok(false),
            Err(error) => return Err(error).doing_at("make", &path),
        }
    }
}

fn full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    [QuotaExceeded, ReadOnlyFilesystem, StorageFull].contains(&error.kind())
}

/// Mounts an overlay of the root with memory on top. `place` is an existing directory that nobody needs any more; only
/// this mount namespace sees what is mounted there.
///
/// # Errors
///
/// The system's.
pub fn attach(root: &Path, place: &Path) -> Result<PathBuf, Failure> {
    mount("tmpfs", place, "tmpfs", MountFlags::empty(), c"mode=755").doing_at("mount tmpfs on", place)?;
    let merged = place.join("merged");
    for name in ["merged", "upper", "work"] {
        let path = place.join(name);
        fs::create_dir(&path).doing_at("make", &path)?;
    }
    // Relative names: what the root's path consists of cannot be taken for an option.
    rustix::process::chdir(root).doing_at("enter", root)?;
    let layers = format!("lowerdir=.,upperdir={0}/upper,workdir={0}/work", place.display());
    let layers = std::ffi::CString::new(layers).map_err(io::Error::from).doing_at("encode", place)?;
    mount("overlay", &merged, "overlay", MountFlags::empty(), layers.as_c_str())
        .doing_at("mount an overlay on", &merged)?;
    Ok(merged)
}

/// Makes the overlay read-only once WSL has put its own mounts into it.
///
/// # Errors
///
/// The system's.
pub fn seal() -> Result<(), Failure> {
    mount_remount("/", MountFlags::RDONLY, "").doing_at("make read-only", "/")
}
