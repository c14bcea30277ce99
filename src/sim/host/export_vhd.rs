//! `--export --format vhd` (W§1.5): the disk, or one that is made of the folder.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::sim::host::disks::contents::needs_qemu;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::Registration;
use crate::sys::simulator::die_with_parent;
use crate::system::error::Context;

/// Copies the disk of a distribution to a file. A folder is made a disk as large as WSL's are: 1 TiB, of which only what is
/// in use takes space.
///
/// # Errors
///
/// A program is missing or fails; what has been written stays.
pub fn copy(registration: &Registration, file: &Path) -> Result<()> {
    let disk = registration.disk();
    if registration.vhd_file_name.is_some() {
        fs::copy(&disk, file).doing_at("copy", &disk)?;
        return Ok(());
    }
    // Without a name: whoever is killed leaves nothing.
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let raw = File::from(
        openat(CWD, folder, flags, Mode::from_raw_mode(0o600)).doing_at("make a file in", folder)?,
    );
    raw.set_len(1 << 40).doing_at("make a file in", folder)?;
    let name = format!("/proc/{}/fd/{}", std::process::id(), raw.as_raw_fd());
    let failed = || Error::wsl("Wsl/Service/WSL_E_EXPORT_FAILED", "Exporting the distribution failed.");
    let mut format = Command::new("mke2fs");
    format.args(["-q", "-t", "ext4", "-G", "4096", "-d"]).arg(&disk).arg(&name);
    let mut convert = Command::new("qemu-img");
    convert.args(["convert", "-f", "raw", "-O", "vhdx", "-o", "subformat=dynamic,block_size=1M", &name]);
    convert.arg(file);
    for mut command in [format, convert] {
        die_with_parent(&mut command);
        if !command.stdin(Stdio::null()).stdout(Stdio::null()).status().map_err(needs_qemu)?.success() {
            return Err(failed());
        }
    }
    Ok(())
}
