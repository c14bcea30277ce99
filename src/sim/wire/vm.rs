//! The record of a registry's virtual machine, in which all of its distributions run.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::sim::wire::process::Identity;
use crate::sim::wire::version::WslVersion;
use crate::sim::wire::wslconfig::{NetworkingMode, VmIdleTimeout};

/// Settings of the kernel that each distribution has of its own, by its UTS and IPC namespaces.
pub const OF_NAMESPACES: [&str; 10] = [
    "kernel/hostname",
    "kernel/domainname",
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
    "fs/mqueue",
];

/// A virtual machine that runs: one cgroup hierarchy, one network, one `/mnt/wsl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vm {
    /// Its first process (`mini_init`), whose namespaces are the machine's.
    pub init: Identity,
    /// Its cgroup, as this machine sees it. Its own hierarchy is the folder [`Vm::TOP`] in it.
    pub cgroup: PathBuf,
    /// Where its first process has mounted what all distributions share.
    pub shared: PathBuf,
    /// Which WSL it is.
    pub version: WslVersion,
    /// Its GUID.
    pub id: String,
    /// How long it runs after its last distribution.
    pub idle_timeout: VmIdleTimeout,
    /// What `wslinfo` says of its network.
    pub networking_mode: NetworkingMode,
}

impl Vm {
    /// The file of the record, in the registry.
    pub const RECORD: &'static str = "vm.json";
    /// The root of the hierarchy that distributions see. It is a level down, where no controllers reach: processes in it
    /// and controllers below it exclude each other, but for the root of a real machine.
    pub const TOP: &'static str = "vm";

    /// The record in a registry.
    #[must_use]
    pub fn read(home: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(home.join(Self::RECORD)).ok()?).ok()
    }

    /// What all distributions have as `/mnt/wsl`.
    #[must_use]
    pub fn wsl(&self) -> PathBuf {
        self.shared.join("wsl")
    }

    /// Their `/sys`; missing where this machine gives no FUSE.
    #[must_use]
    pub fn sys(&self) -> PathBuf {
        self.shared.join("sys")
    }

    /// Their `/proc/sys`; missing where this machine gives no FUSE.
    #[must_use]
    pub fn proc_sys(&self) -> PathBuf {
        self.shared.join("proc-sys")
    }

    /// Why its processes are not kept from this machine's settings; missing where they are.
    #[must_use]
    pub fn unguarded(&self) -> PathBuf {
        self.shared.join("unguarded")
    }

    /// The root of its hierarchy.
    #[must_use]
    pub fn top(&self) -> PathBuf {
        self.cgroup.join(Self::TOP)
    }
}
