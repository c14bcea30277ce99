//! `wsl --mount` and `wsl --unmount`.
//!
//! The virtual machine has its disks as long as it runs, and the next one has them again, until `wsl --shutdown`. What is
//! printed is WSL's, as far as it is public.

use std::fs::File;
use std::path::{Path, absolute};

use crate::sim::host::bsdtar::needs_root;
use crate::sim::host::disks::attach::{attach, detach, mount, record, release};
use crate::sim::host::registry::Registry;
use crate::sim::host::{cgroup, variables, vm};
use crate::sim::wire::disks::{AttachedDisk, DiskMount};
use crate::sim::wire::error::{Error, Result, reason};
use crate::system::error::Context;

/// The lock of every change of the records.
const LOCK: &str = "disks.lock";

/// What `wsl --mount` is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountRequest {
    /// The disk: a device or file that stands for one, or the file of a virtual disk.
    pub disk: String,
    /// `--vhd`
    pub vhd: bool,
    /// `--bare`
    pub bare: bool,
    /// `--partition`; 0 is the whole disk.
    pub partition: u32,
    /// `--name`
    pub name: Option<String>,
    /// `--type`
    pub kind: Option<String>,
    /// `--options`
    pub options: Option<String>,
}

/// Attaches a disk to the virtual machine, which starts if need be, and mounts it: what is said, and the exit code.
///
/// # Errors
///
/// WSL's own, and the simulator's.
pub fn mount_disk(registry: &Registry, request: &MountRequest) -> Result<(String, i32)> {
    needs_root()?;
    let wanted = DiskMount {
        partition: request.partition,
        name: mount_name(request)?,
        kind: request.kind.clone(),
        options: request.options.clone(),
    };
    let disk = named(&request.disk)?;
    if let Err(error) = Path::new(&disk).metadata() {
        return Err(Error::wsl(
            "Wsl/Service/AttachDisk/MountDisk/HCS/ERROR_FILE_NOT_FOUND",
            format!("Failed to attach disk '{disk}' to WSL2: {error}"),
        ));
    }
    let home = registry.home();
    let _lock = lock(home)?;
    let member = vm::join(home, variables::version(home)?, registry.stretch(cgroup::KILL_LIMIT))?;
    let mut disks = AttachedDisk::all(home);
    let known = disks.iter().position(|known| known.disk == disk && known.vhd == request.vhd);
    if request.bare && known.is_some() {
        return Err(Error::wsl(
            "Wsl/Service/AttachDisk/WSL_E_DISK_ALREADY_ATTACHED",
            format!("The disk '{disk}' is already attached."),
        ));
    }
    let index = known.unwrap_or(disks.len());
    if known.is_none() {
        disks.push(attach(home, &member.vm, &disk, request.vhd)?);
        record(home, &disks).inspect_err(|_| {
            // Nobody would know of it.
            let _ = release(home, &disks[index]);
        })?;
    }
    if request.bare {
        return Ok(("The operation completed successfully.".into(), 0));
    }
    if disks[index].mounts.iter().any(|mount| mount.partition == wanted.partition) {
        return Err(Error::wsl(
            "Wsl/Service/MountDisk/WSL_E_DISK_ALREADY_MOUNTED",
            "The disk is already mounted.",
        ));
    }
    if disks.iter().flat_map(|disk| &disk.mounts).any(|mount| mount.name == wanted.name) {
        return Err(Error::wsl(
            "Wsl/Service/MountDisk/WSL_E_VM_MODE_MOUNT_NAME_ALREADY_EXISTS",
            "A mount with the specified name already exists.",
        ));
    }
    if let Err(error) = mount(&member.vm, &disks[index], &wanted) {
        let text = format!(
            "The disk was attached but failed to mount: {}.\nFor more details, run 'dmesg' inside WSL2.\n\
             To detach the disk, run 'wsl.exe --unmount {disk}'.",
            reason(&error)
        );
        return Ok((text, 1));
    }
    let text = format!(
        "The disk was successfully mounted as '/mnt/wsl/{}'.\nNote: The location will be different if you have \
         modified the automount.root setting in /etc/wsl.conf.\nTo unmount and detach the disk, run 'wsl.exe \
         --unmount {disk}'.",
        wanted.name
    );
    disks[index].mounts.push(wanted);
    record(home, &disks)?;
    Ok((text, 0))
}

/// Unmounts and detaches a disk, or all of them: what is said, and the exit code.
///
/// # Errors
///
/// WSL's own, and the simulator's.
pub fn unmount_disk(registry: &Registry, disk: Option<&str>) -> Result<(String, i32)> {
    needs_root()?;
    let home = registry.home();
    let _lock = lock(home)?;
    let disk = disk.map(named).transpose()?;
    let wanted = |known: &AttachedDisk| disk.as_ref().is_none_or(|disk| known.disk == *disk);
    if disk.is_some() && !AttachedDisk::all(home).iter().any(wanted) {
        return Err(Error::wsl(
            "Wsl/Service/DetachDisk/ERROR_FILE_NOT_FOUND",
            "The system cannot find the file specified.",
        ));
    }
    let member = vm::join(home, variables::version(home)?, registry.stretch(cgroup::KILL_LIMIT))?;
    let mut disks = AttachedDisk::all(home);
    while let Some(index) = disks.iter().position(wanted) {
        if let Err(error) = detach(home, &member.vm, &mut disks[index]) {
            record(home, &disks)?;
            let text = format!(
                "The disk failed to detach: {}. To force the disk to detach, run 'wsl.exe --shutdown'.",
                reason(&error)
            );
            return Ok((text, -1));
        }
        disks.remove(index);
        record(home, &disks)?;
    }
    Ok(("The operation completed successfully.".into(), 0))
}

/// Letters and digits of the disk's path, and the partition's number.
fn mount_name(request: &MountRequest) -> Result<String> {
    if let Some(name) = &request.name {
        if name.contains('/') || [".", ".."].contains(&name.as_str()) {
            return Err(Error::wsl(
                "Wsl/Service/MountDisk/WSL_E_VM_MODE_INVALID_MOUNT_NAME",
                "The specified mount name is invalid.",
            ));
        }
        return Ok(name.clone());
    }
    let name: String = request.disk.chars().filter(char::is_ascii_alphanumeric).collect();
    Ok(if request.partition == 0 { name } else { format!("{name}p{}", request.partition) })
}

/// The whole path, by which a disk is known.
fn named(disk: &str) -> Result<String> {
    let path = absolute(disk).doing_at("resolve", disk)?;
    Ok(path.to_string_lossy().into_owned())
}

fn lock(home: &Path) -> Result<File> {
    let path = home.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).doing_at("open", &path)?;
    file.lock().doing_at("lock", &path)?;
    Ok(file)
}
