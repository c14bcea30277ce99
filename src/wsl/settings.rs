//! `/etc/wsl.conf`: every key that WSL knows, with its default (W§3.2).

use crate::wsl::conf::{self, Diagnostic};
use crate::wsl::keys::{self, SettingTarget};

/// Version of the cgroup hierarchy (`automount.cgroups`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CgroupVersion {
    /// One mount for each controller.
    V1,
    /// The unified hierarchy.
    #[default]
    V2,
}

/// The settings of `/etc/wsl.conf`; field names are `section_key`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // WSL's file has that many switches
pub struct WslSettings {
    /// Mount the Windows drives.
    pub automount_enabled: bool,
    /// Where they are mounted; ends in `/`.
    pub automount_root: String,
    /// Appended to the drives' mount options.
    pub automount_options: Option<String>,
    /// Run `/bin/mount -a` before systemd.
    pub automount_mount_fstab: bool,
    /// Write `/etc/ld.so.conf.d/ld.wsl.conf` and run `/sbin/ldconfig`.
    pub automount_ldconfig: bool,
    /// Which cgroup hierarchy is mounted.
    pub automount_cgroups: CgroupVersion,
    /// umask of launched processes.
    pub filesystem_umask: i32,
    /// Windows programs can be started.
    pub interop_enabled: bool,
    /// The Windows PATH is appended.
    pub interop_append_windows_path: bool,
    /// `/etc/hosts` is written at every start.
    pub network_generate_hosts: bool,
    /// `/etc/resolv.conf` is replaced at every start.
    pub network_generate_resolv_conf: bool,
    /// Host name instead of the Windows one; see [`clean_hostname`].
    pub network_hostname: Option<String>,
    /// The time zone follows Windows.
    pub time_use_windows_timezone: bool,
    /// Serve `\\wsl.localhost`.
    pub file_server_enabled: bool,
    /// Log of that server.
    pub file_server_log_file: Option<String>,
    /// Its level.
    pub file_server_log_level: i32,
    /// Whether its log starts empty.
    pub file_server_log_truncate: bool,
    /// Mount the GPU's libraries.
    pub gpu_enabled: bool,
    /// Append their directory to PATH.
    pub gpu_append_lib_path: bool,
    /// User of the shells.
    pub user_default: Option<String>,
    /// Run by `/bin/sh -c` as root before systemd, not awaited.
    pub boot_command: Option<String>,
    /// `/sbin/init` becomes PID 1.
    pub boot_systemd: bool,
    /// Milliseconds for readiness, login session and shutdown each; 0 waits for none.
    pub boot_init_timeout: i32,
    /// Make `binfmt_misc/status` read-only.
    pub boot_protect_binfmt: bool,
    /// `WSLg`: absent means yes.
    pub general_gui_applications: Option<bool>,
}

impl Default for WslSettings {
    fn default() -> Self {
        Self {
            automount_enabled: true,
            automount_root: "/mnt/".into(),
            automount_options: None,
            automount_mount_fstab: true,
            automount_ldconfig: true,
            automount_cgroups: CgroupVersion::V2,
            filesystem_umask: 0o022,
            interop_enabled: true,
            interop_append_windows_path: true,
            network_generate_hosts: true,
            network_generate_resolv_conf: true,
            network_hostname: None,
            time_use_windows_timezone: true,
            file_server_enabled: true,
            file_server_log_file: None,
            file_server_log_level: 4,
            file_server_log_truncate: true,
            gpu_enabled: true,
            gpu_append_lib_path: true,
            user_default: None,
            boot_command: None,
            boot_systemd: false,
            boot_init_timeout: 10_000,
            boot_protect_binfmt: true,
            general_gui_applications: None,
        }
    }
}

impl WslSettings {
    /// Reads the contents of a `wsl.conf` (a missing file is an empty one) with all of WSL's remarks about it.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> (Self, Vec<Diagnostic>) {
        let mut settings = Self::default();
        let mut cgroups = 1;
        let mut root = None;
        let diagnostics = keys::assign(
            &conf::parse(bytes),
            &mut [
                ("automount.enabled", SettingTarget::Bool(&mut settings.automount_enabled)),
                ("automount.root", SettingTarget::Text(&mut root)),
                ("automount.options", SettingTarget::Text(&mut settings.automount_options)),
                ("automount.mountFsTab", SettingTarget::Bool(&mut settings.automount_mount_fstab)),
                ("automount.ldconfig", SettingTarget::Bool(&mut settings.automount_ldconfig)),
                ("automount.cgroups", SettingTarget::Word(&["v1", "v2"], &mut cgroups)),
                ("filesystem.umask", SettingTarget::Int(&mut settings.filesystem_umask)),
                ("interop.enabled", SettingTarget::Bool(&mut settings.interop_enabled)),
                ("interop.appendWindowsPath", SettingTarget::Bool(&mut settings.interop_append_windows_path)),
                ("network.generateHosts", SettingTarget::Bool(&mut settings.network_generate_hosts)),
                (
                    "network.generateResolvConf",
                    SettingTarget::Bool(&mut settings.network_generate_resolv_conf),
                ),
                ("network.hostname", SettingTarget::Text(&mut settings.network_hostname)),
                ("time.useWindowsTimezone", SettingTarget::Bool(&mut settings.time_use_windows_timezone)),
                ("fileServer.enabled", SettingTarget::Bool(&mut settings.file_server_enabled)),
                ("fileServer.logFile", SettingTarget::Text(&mut settings.file_server_log_file)),
                ("fileServer.logLevel", SettingTarget::Int(&mut settings.file_server_log_level)),
                ("fileServer.logTruncate", SettingTarget::Bool(&mut settings.file_server_log_truncate)),
                ("gpu.enabled", SettingTarget::Bool(&mut settings.gpu_enabled)),
                ("gpu.appendLibPath", SettingTarget::Bool(&mut settings.gpu_append_lib_path)),
                ("user.default", SettingTarget::Text(&mut settings.user_default)),
                ("boot.command", SettingTarget::Text(&mut settings.boot_command)),
                ("boot.systemd", SettingTarget::Bool(&mut settings.boot_systemd)),
                ("boot.initTimeout", SettingTarget::Int(&mut settings.boot_init_timeout)),
                ("boot.protectBinfmt", SettingTarget::Bool(&mut settings.boot_protect_binfmt)),
                (
                    "general.guiApplications",
                    SettingTarget::OptionalBool(&mut settings.general_gui_applications),
                ),
            ],
        );
        if cgroups == 0 {
            settings.automount_cgroups = CgroupVersion::V1;
        }
        if let Some(mut root) = root {
            if !root.ends_with('/') {
                root.push('/');
            }
            settings.automount_root = root;
        }
        (settings, diagnostics)
    }
}

/// What WSL makes of a host name: letters, digits, one inner dot, no doubled hyphen, at most 64 bytes, or `localhost`.
#[must_use]
pub fn clean_hostname(name: &str) -> String {
    let mut clean = String::new();
    let mut dotted = false;
    for byte in name.bytes() {
        let last = clean.bytes().last();
        match byte {
            b'.' if !dotted && !matches!(last, None | Some(b'-')) => {
                dotted = true;
                clean.push('.');
            }
            b'-' if !matches!(last, None | Some(b'-' | b'.')) => clean.push('-'),
            _ if byte.is_ascii_alphanumeric() => clean.push(char::from(byte)),
            _ => {}
        }
    }
    clean.truncate(64);
    let clean = clean.trim_end_matches(['.', '-']);
    if clean.is_empty() { "localhost".into() } else { clean.into() }
}
