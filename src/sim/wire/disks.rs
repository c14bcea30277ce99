//! Disks that `wsl --mount` has attached to the virtual machine: the record of them, and their devices.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::makedev;
use serde::{Deserialize, Serialize};

use crate::sim::wire::process::Identity;

/// A disk of the virtual machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedDisk {
    /// Its path, as it was named.
    pub disk: String,
    /// `--vhd`
    pub vhd: bool,
    /// The process that keeps it attached; after the end of the virtual machine it has ended too.
    pub holder: Identity,
    /// Number of its loop device.
    pub number: u32,
    /// What of it is mounted below `/mnt/wsl`.
    pub mounts: Vec<DiskMount>,
}

/// A file system of a disk that is mounted below `/mnt/wsl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskMount {
    /// Number of its partition, or 0 for the whole disk.
    pub partition: u32,
    /// Its name in `/mnt/wsl`.
    pub name: String,
    /// `--type`
    pub kind: Option<String>,
    /// `--options`
    pub options: Option<String>,
}

/// A device of a disk: the disk itself or one of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskDevice {
    /// Its name in `/dev`.
    pub name: String,
    /// Its number.
    pub device: u64,
}

impl AttachedDisk {
    /// The file of the records in a registry.
    pub const RECORD: &str = "disks.json";

    /// The record of all disks, also of those of a virtual machine that has ended.
    #[must_use]
    pub fn all(home: &Path) -> Vec<Self> {
        let json = fs::read(home.join(Self::RECORD)).unwrap_or_default();
        serde_json::from_slice(&json).unwrap_or_default()
    }

    /// Its devices, as this machine's `/sys` has them.
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn devices(&self) -> io::Result<Vec<DiskDevice>> {
        let name = format!("loop{}", self.number);
        let folder = Path::new("/sys/block").join(&name);
        let mut devices = vec![DiskDevice { device: number(&folder)?, name: name.clone() }];
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let part = entry.file_name().to_string_lossy().into_owned();
            if part.strip_prefix(&name).is_some_and(|rest| rest.starts_with('p')) {
                devices.push(DiskDevice { device: number(&entry.path())?, name: part });
            }
        }
        Ok(devices)
    }
}

fn number(folder: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(folder.join("dev"))?;
    let parts = text.trim_end().split_once(':');
    let parts = parts.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parts.map(|(major, minor)| makedev(major, minor)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
