//! What the doctor finds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Larger than any file that the doctor reads, in bytes.
pub const FILE_LIMIT: u64 = 1 << 20;
/// The way out where a file is missing that the system makes.
pub const REBUILD: &str = "`sudo nixos-rebuild switch` puts it there again";

/// What a finding is about: the first column of the table in docs/doctor.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A path that WSL calls is missing, or of another kind.
    WslPath,
    /// A file of settings cannot be read.
    Settings,
    /// `/etc/wsl.conf` is a link that WSL cannot follow.
    WslConfLink,
    /// WSL does not take a line of `/etc/wsl.conf`.
    WslConfLine,
    /// A key of `/etc/wsl.conf` is not what the configuration says.
    WslConfDiffers,
    /// `boot.systemd` is off, and the configuration leaves systemd to WSL.
    SystemdOff,
    /// WSL does not take a line of `/etc/wsl-distribution.conf`, or what it names.
    DistributionConf,
    /// WSL's user is missing.
    User,
    /// A user's shell cannot be started.
    Shell,
    /// The generation that boots next cannot.
    Generation,
    /// The record of boots cannot be read.
    BootRecord,
    /// A disk takes no writes.
    DiskReadOnly,
    /// A disk is full.
    DiskFull,
    /// A disk will be full soon.
    DiskNearlyFull,
    /// A disk has no inodes left.
    DiskInodes,
    /// The clock is off.
    Clock,
    /// The boot has left a message.
    Notice,
    /// systemd does not run.
    SystemdMissing,
    /// systemd, to which this shell belonged, has ended.
    SystemdEnded,
    /// systemd has not come up.
    SystemdStarting,
    /// systemd is in emergency or rescue mode.
    SystemdMaintenance,
    /// systemd does not answer.
    SystemdSilent,
    /// The system bus does not answer.
    SystemBus,
    /// A unit has failed.
    UnitFailed,
    /// A file system of fstab is not mounted.
    MountFailed,
    /// A user has no session.
    UserSession,
    /// Another distribution's systemd is in the same cgroups.
    OtherDistribution,
    /// The cgroups of an old WSL.
    Cgroups,
    /// This is WSL 1.
    Wsl1,
    /// A certificate that was added is not valid now.
    Certificate,
    /// Nobody answers where a proxy is said to be.
    ProxyUnreachable,
    /// Variables of a proxy contradict each other, or are not everywhere.
    Proxy,
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// What, with the file, in one line.
    pub fault: String,
    /// What to do about it, in one line.
    pub advice: String,
}

/// Makes a finding.
#[must_use]
pub fn finding(kind: FindingKind, fault: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { kind, fault: fault.into(), advice: advice.into() }
}
