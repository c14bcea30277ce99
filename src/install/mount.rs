//! `/bin/mount` while there is no system: WSL mounts the Windows drives and `/etc/fstab` by it (W§4.4).

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::mount::MountFlags;

use crate::system::message;

/// One file system to mount.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    source: OsString,
    target: OsString,
    kind: OsString,
    options: String,
}

/// Carries out `mount -a` or `mount [-i] -t TYPE SOURCE TARGET [-o OPTIONS]`.
#[must_use]
pub fn run(arguments: &[OsString]) -> ExitCode {
    let mut request = Request::default();
    let mut all = false;
    let mut places = Vec::new();
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        match argument.to_str() {
            Some("-a") => all = true,
            Some("-i" | "-n") => {}
            Some("-t") => request.kind = rest.next().cloned().unwrap_or_default(),
            Some("-o") => {
                let options = rest.next().cloned().unwrap_or_default();
                if !request.options.is_empty() {
                    request.options.push(',');
                }
                request.options.push_str(&options.to_string_lossy());
            }
            _ => places.push(argument.clone()),
        }
    }
    if all {
        return mount_all();
    }
    let Ok([source, target]) = <[OsString; 2]>::try_from(places) else {
        report("usage: mount -a | mount -t TYPE SOURCE TARGET [-o OPTIONS]");
        return ExitCode::FAILURE;
    };
    if mount(&Request { source, target, ..request }) { ExitCode::SUCCESS } else { ExitCode::from(32) }
}

/// Mounts what `/etc/fstab` names, as far as it goes; a missing file names nothing.
fn mount_all() -> ExitCode {
    let fstab = std::fs::read_to_string("/etc/fstab").unwrap_or_default();
    let mounted: Vec<bool> = fstab.lines().filter_map(fstab_entry).map(|request| mount(&request)).collect();
    if mounted.contains(&false) { ExitCode::from(64) } else { ExitCode::SUCCESS }
}

/// An entry that is to be mounted at the start; the root is mounted already.
fn fstab_entry(line: &str) -> Option<Request> {
    let mut fields = line.split_whitespace();
    let source = fields.next().filter(|field| !field.starts_with('#'))?;
    let (target, kind, options) = (fields.next()?, fields.next()?, fields.next().unwrap_or_default());
    let left_out = options.split(',').any(|option| option == "noauto" || option == "nofail");
    if left_out || target == "/" || kind == "swap" {
        return None;
    }
    Some(Request {
        source: unescape(source).into(),
        target: unescape(target).into(),
        kind: kind.into(),
        options: options.to_owned(),
    })
}

fn unescape(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

fn mount(request: &Request) -> bool {
    let Request { source, target, kind, options } = request;
    let mut name = OsString::from("/sbin/mount.");
    name.push(kind);
    let result = if !kind.is_empty() && Path::new(&name).exists() {
        // drvfs: WSL's own program.
        let status = Command::new(&name).arg(source).arg(target).arg("-o").arg(options).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{}: {status}", name.display())),
            Err(error) => Err(format!("{}: {error}", name.display())),
        }
    } else {
        let (flags, data) = parse(options);
        let data = CString::new(data).unwrap_or_default();
        let kind = CString::new(kind.as_bytes()).unwrap_or_default();
        rustix::mount::mount(source.as_os_str(), target.as_os_str(), kind.as_c_str(), flags, data.as_c_str())
            .map_err(|error| error.to_string())
    };
    if let Err(reason) = &result {
        report(&format!("{}: {reason}", target.display()));
    }
    result.is_ok()
}

/// Divides options into those of every file system and those of this one.
fn parse(options: &str) -> (MountFlags, String) {
    let mut flags = MountFlags::empty();
    let mut data = Vec::new();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let (flag, on) = match option {
            "ro" => (MountFlags::RDONLY, true),
            "rw" => (MountFlags::RDONLY, false),
            "nosuid" => (MountFlags::NOSUID, true),
            "suid" => (MountFlags::NOSUID, false),
            "nodev" => (MountFlags::NODEV, true),
            "dev" => (MountFlags::NODEV, false),
            "noexec" => (MountFlags::NOEXEC, true),
            "exec" => (MountFlags::NOEXEC, false),
            "noatime" => (MountFlags::NOATIME, true),
            "atime" => (MountFlags::NOATIME, false),
            "nodiratime" => (MountFlags::NODIRATIME, true),
            "relatime" => (MountFlags::RELATIME, true),
            "strictatime" => (MountFlags::STRICTATIME, true),
            "sync" => (MountFlags::SYNCHRONOUS, true),
            "dirsync" => (MountFlags::DIRSYNC, true),
            "bind" => (MountFlags::BIND, true),
            "rbind" => (MountFlags::BIND | MountFlags::REC, true),
            "defaults" | "auto" | "user" | "users" | "nouser" | "async" | "_netdev" => continue,
            option
                if option.starts_with("x-") || option.starts_with("X-") || option.starts_with("comment=") =>
            {
                continue;
            }
            option => {
                data.push(option);
                continue;
            }
        };
        flags.set(flag, on);
    }
    (flags, data.join(","))
}

fn report(text: &str) {
    message::print_error(format_args!("mount: {text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_options() {
        let (flags, data) =
            parse("noatime,uid=1000,gid=100,ro,rw,cache=mmap,access=client,x-systemd.automount");
        assert_eq!(flags, MountFlags::NOATIME);
        assert_eq!(data, "uid=1000,gid=100,cache=mmap,access=client");
    }

    #[test]
    fn reads_fstab() {
        assert_eq!(fstab_entry("# C: /mnt/c drvfs defaults 0 0"), None);
        assert_eq!(fstab_entry("/dev/sdc / ext4 defaults 0 1"), None);
        assert_eq!(fstab_entry("server: /data nfs noauto 0 0"), None);
        let found = fstab_entry("C:\\134 /mnt/my\\040c drvfs metadata 0 0").unwrap();
        assert_eq!((found.source, found.target), ("C:\\".into(), "/mnt/my c".into()));
    }
}
