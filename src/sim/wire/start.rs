//! What the start of a distribution depends on: put together by the client, carried out by the supervisor and by WSL's
//! init.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sim::wire::time::TimeFactor;
use crate::sim::wire::version::WslVersion;
use crate::sim::wire::vm::Vm;
use crate::wsl::settings::WslSettings;

/// `WSLg` in the simulated VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wslg {
    /// With sockets for X11, Wayland and sound.
    Present,
    /// The directories without Wayland's socket.
    Headless,
    /// Switched off.
    Absent,
}

/// What of `/nix/store` is compared before and after a start, which no start may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreComparison {
    /// Nothing: WSL takes no time for it, where times are measured.
    Nothing,
    /// Types, modes, sizes and times of all, and the contents of what a start may reach through links.
    Metadata,
    /// The contents, too.
    Contents,
}

/// All that a start depends on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The registry.
    pub home: PathBuf,
    /// The distribution's folder in it.
    pub folder: PathBuf,
    /// Its root directory.
    pub root: PathBuf,
    /// Its disk, if that is a file: the root directory is there once the disk is attached.
    pub vhd: Option<PathBuf>,
    /// Its name.
    pub name: String,
    /// The registry's default user.
    pub default_uid: u32,
    /// Static program for `/init`.
    pub init: PathBuf,
    /// The Windows machine's name.
    pub hostname: String,
    /// IANA name of the Windows time zone.
    pub timezone: String,
    /// Letters of the Windows drives.
    pub drives: String,
    /// The Windows PATH, translated.
    pub windows_path: String,
    /// See [`Wslg`].
    pub wslg: Wslg,
    /// `.wslconfig`'s safe mode.
    pub safe_mode: bool,
    /// What of the store is compared.
    pub store: StoreComparison,
    /// By how much time limits are stretched.
    pub time_factor: TimeFactor,
    /// How long the distribution runs after its last process, in milliseconds; `None`: until it is stopped.
    pub idle_timeout: Option<u32>,
    /// Which WSL it is, where no virtual machine runs yet.
    pub version: WslVersion,
}

/// What the supervisor hands to the distribution's first process, which it has forked in a new PID namespace.
pub struct FirstProcess<'a> {
    /// What the start depends on.
    pub start: &'a Start,
    /// wsl.conf as read from outside (W§4.1).
    pub outside: &'a WslSettings,
    /// The virtual machine that it runs in.
    pub vm: &'a Vm,
    /// That one's first process.
    pub vm_init: &'a OwnedFd,
    /// The machine's cgroup2 is mounted with `nsdelegate`.
    pub nsdelegate: bool,
    /// Stands in for `/dev/kmsg`.
    pub kmsg: OwnedFd,
    /// Where clients connect.
    pub listener: OwnedFd,
}
