//! A distribution's disk that is a file, a VHDX (W§1.1), attached and mounted where only its user sees it.
//!
//! QEMU's storage daemon gives the disk's contents as a file, which a loop device makes a disk of. All of it hangs on a
//! mount namespace of the caller's own, so that nothing of it is left however the caller ends.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{major, minor};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::sim::host::disks::contents::{VhdContents, wait_until_free};
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::Registration;
use crate::sys::simulator::die_with_parent;
use crate::system::error::{Context, Failure};
use crate::system::mounts;

/// Name of the disk in its directory, as WSL chooses it (W§1.1).
pub const FILE_NAME: &str = "ext4.vhdx";

/// The folder of a distribution's where its disk is attached, which is empty for everybody else.
const MOUNT_POINT: &str = "mnt";

/// Where its file system is mounted there.
const ROOT: &str = "root";

/// A disk that is attached, and its file system mounted.
pub struct AttachedVhd {
    contents: VhdContents,
    at: PathBuf,
}

/// The root directory of a distribution with that folder in the registry: its disk, or what is on it.
#[must_use]
pub fn root(folder: &Path, registration: &Registration) -> PathBuf {
    match registration.vhd_file_name {
        Some(_) => folder.join(MOUNT_POINT).join(ROOT),
        None => registration.disk(),
    }
}

/// Does something in the root directory of a distribution that does not run; a disk is attached meanwhile.
///
/// # Errors
///
/// The disk cannot be attached or detached; `act`'s.
pub fn with_root<T>(
    folder: &Path,
    registration: &Registration,
    act: impl FnOnce(&Path) -> Result<T>,
) -> Result<T> {
    let root = root(folder, registration);
    if registration.vhd_file_name.is_none() {
        return act(&root);
    }
    let attached = AttachedVhd::new(&registration.disk(), folder)?;
    let result = act(&root);
    attached.detach()?;
    result
}

impl AttachedVhd {
    /// Attaches the disk of the distribution with that folder in the registry.
    ///
    /// # Errors
    ///
    /// It is no disk, another has it, or it has no file system that the kernel takes.
    pub fn new(disk: &Path, folder: &Path) -> Result<Self> {
        if let Err(error) = disk.metadata() {
            return Err(match error.kind() {
                io::ErrorKind::NotFound => Error::wsl(
                    "Wsl/Service/CreateInstance/MountVhd/HCS/ERROR_FILE_NOT_FOUND",
                    format!(
                        "Failed to attach disk '{}' to WSL2: The system cannot find the file specified.",
                        disk.display()
                    ),
                ),
                _ => Failure::new("look at", disk, error).into(),
            });
        }
        let at = folder.join(MOUNT_POINT);
        fs::create_dir_all(&at).doing_at("make", &at)?;
        mounts::own().map_err(|failure| Error::privilege("make a mount namespace", failure.reason()))?;
        mount("tmpfs", &at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=700")
            .doing_at("mount tmpfs on", &at)?;
        let (contents, root) = (at.join("disk"), at.join(ROOT));
        fs::create_dir(&root).doing_at("make", &root)?;
        let given = VhdContents::new(disk, &contents).inspect_err(|_| {
            let _ = unmount(&at, UnmountFlags::DETACH);
        });
        let attached = Self { contents: given?, at };
        match mount_disk(&contents, &root) {
            Ok(()) => Ok(attached),
            Err(error) => {
                attached.end()?;
                Err(error)
            }
        }
    }

    /// Unmounts the file system once nobody else has it any more, and closes the disk: all is in its file then.
    ///
    /// # Errors
    ///
    /// Somebody keeps it, or the system's.
    pub fn detach(self) -> Result<(), Failure> {
        let root = self.at.join(ROOT);
        let device = root.metadata().doing_at("look at", &root)?.dev();
        unmount(&root, UnmountFlags::empty()).doing_at("unmount", &root)?;
        wait_until_free(&format!("{}:{}", major(device), minor(device)));
        self.end()
    }

    fn end(self) -> Result<(), Failure> {
        self.contents.end()?;
        unmount(&self.at, UnmountFlags::DETACH).doing_at("unmount", &self.at)
    }
}

/// As WSL mounts it (W§1.2).
fn mount_disk(contents: &Path, root: &Path) -> Result<()> {
    let mut command = Command::new("mount");
    command.args(["-t", "ext4", "-o", "loop,discard,errors=remount-ro,data=ordered"]).arg(contents).arg(root);
    die_with_parent(&mut command);
    let output = command.stdin(Stdio::null()).output().doing("start mount")?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Missing(format!(
        "the disk has no file system that is mounted here: {}",
        String::from_utf8_lossy(&output.stderr).trim_end()
    )))
}
