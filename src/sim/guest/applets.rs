//! `/init` under its other names inside a distribution: path translation, information, drive mounts, unit generators.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::sim::guest::release;
use crate::system::error::{Context, Failure};
use crate::wsl::settings::WslSettings;

/// Runs the applet of that name, if it is one.
#[must_use]
pub fn run(name: &str, arguments: &[String]) -> Option<ExitCode> {
    Some(match name {
        "wslpath" => wslpath(arguments),
        "wslinfo" => wslinfo(arguments),
        "mount.drvfs" => mount_drvfs(arguments),
        "wsl-generator" => generator(arguments, system_units),
        "wsl-user-generator" => generator(arguments, user_units),
        "init" => {
            eprintln!("wsl-sim: Windows programs cannot be run in the simulator: {}", arguments.join(" "));
            ExitCode::FAILURE
        }
        _ => return None,
    })
}

fn settings() -> WslSettings {
    WslSettings::parse(&fs::read("/etc/wsl.conf").unwrap_or_default()).0
}

fn wslpath(arguments: &[String]) -> ExitCode {
    let mut form = 'u';
    let mut path = None;
    for argument in arguments {
        match argument.as_str() {
            "-a" => {}
            "-u" => form = 'u',
            "-w" => form = 'w',
            "-m" => form = 'm',
            other => path = Some(other),
        }
    }
    let Some(path) = path else {
        eprintln!("usage: wslpath [-a] [-u|-w|-m] PATH");
        return ExitCode::FAILURE;
    };
    let root = settings().automount_root;
    let name = std::env::var("WSL_DISTRO_NAME").unwrap_or_default();
    let translated = if form == 'u' { to_linux(path, &root) } else { to_windows(path, &root, &name) };
    match translated {
        Some(path) if form == 'm' => println!("{}", path.replace('\\', "/")),
        Some(path) => println!("{path}"),
        None => {
            eprintln!("wslpath: {path}: Invalid argument");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// `C:\a\b` to `/mnt/c/a/b`; what is no Windows path stays as it is.
#[must_use]
pub fn to_linux(path: &str, root: &str) -> Option<String> {
    let slashed = path.replace('\\', "/");
    let Some((drive, rest)) = slashed.split_once(':') else { return Some(slashed) };
    let mut letters = drive.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii_alphabetic() => {
            Some(format!("{root}{}{}", letter.to_ascii_lowercase(), rest.trim_end_matches('/')))
        }
        _ => None,
    }
}

/// `/mnt/c/a` to `C:\a`, any other path to `\\wsl.localhost\NAME\…`.
#[must_use]
pub fn to_windows(path: &str, root: &str, name: &str) -> Option<String> {
    let absolute = if path.starts_with('/') {
        path.to_owned()
    } else {
        std::env::current_dir().ok()?.join(path).to_string_lossy().into_owned()
    };
    if let Some(inside) = absolute.strip_prefix(root) {
        let (drive, rest) = inside.split_once('/').unwrap_or((inside, ""));
        if drive.len() == 1 && drive.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Some(format!("{}:\\{}", drive.to_ascii_uppercase(), rest.replace('/', "\\")));
        }
    }
    Some(format!("\\\\wsl.localhost\\{name}{}", absolute.replace('/', "\\")))
}

fn wslinfo(arguments: &[String]) -> ExitCode {
    let end = if arguments.iter().any(|argument| argument == "-n") { "" } else { "\n" };
    let answer = match arguments.iter().find(|argument| argument.as_str() != "-n").map(String::as_str) {
        Some("--networking-mode") => "nat",
        Some("--wsl-version" | "--version") => &release::of_program().to_string(),
        Some("--msal-proxy-path") => "/mnt/c/Program Files/WSL/msal.wsl.proxy.exe",
        _ => {
            eprintln!("usage: wslinfo --networking-mode | --msal-proxy-path | --wsl-version [-n]");
            return ExitCode::FAILURE;
        }
    };
    print!("{answer}{end}");
    ExitCode::SUCCESS
}

/// Drives are temporary file systems here.
fn mount_drvfs(arguments: &[String]) -> ExitCode {
    let error = Command::new("/bin/mount").args(["-i", "-t", "tmpfs"]).args(arguments).exec();
    eprintln!("mount.drvfs: /bin/mount: {error}");
    ExitCode::FAILURE
}

fn generator(arguments: &[String], write: fn(&str) -> Result<(), Failure>) -> ExitCode {
    let Some(folder) = arguments.first() else {
        eprintln!("wsl-generator: the unit folder is missing");
        return ExitCode::FAILURE;
    };
    match write(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A unit that the default target wants.
fn unit(folder: &str, name: &str, text: &str) -> Result<(), Failure> {
    let wants = format!("{folder}/default.target.wants");
    fs::create_dir_all(&wants).doing_at("make", &wants)?;
    let path = format!("{folder}/{name}.service");
    fs::write(&path, text).doing_at("write", &path)?;
    symlink(&path, format!("{wants}/{name}.service")).doing_at("link", &path)
}

/// The masks and units of W§5.5.
fn system_units(folder: &str) -> Result<(), Failure> {
    let settings = settings();
    for name in ["systemd-networkd-wait-online", "NetworkManager-wait-online", "console-getty"] {
        let path = format!("{folder}/{name}.service");
        symlink("/dev/null", &path).doing_at("mask", &path)?;
    }
    let shared = format!("{}wsl", settings.automount_root);
    if release::of_program().guards_mounts() {
        unit(
            folder,
            "wsl-mnt-guard",
            &format!(
                "[Unit]\nDescription=Keep unmounts at shutdown from other distributions (simulated WSL)\n\
                 After=local-fs.target remote-fs.target\nConditionPathIsMountPoint={shared}\n\n\
                 [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n\
                 ExecStop=-/bin/mount --make-rslave {shared}\n"
            ),
        )?;
    }
    if settings.general_gui_applications != Some(false) && Path::new("/mnt/wslg/runtime-dir").exists() {
        fs::create_dir_all("/run/tmpfiles.d").doing_at("make", "/run/tmpfiles.d")?;
        let path = "/run/tmpfiles.d/x11.conf";
        fs::write(path, "# Shadows the vendor's file, which would empty /tmp/.X11-unix (simulated WSL).\n")
            .doing_at("write", path)?;
        unit(
            folder,
            "wslg",
            "[Unit]\nDescription=Mount the X11 sockets again over a new /tmp (simulated WSL)\nDefaultDependencies=no\n\
             After=systemd-tmpfiles-setup.service tmp.mount\nConditionPathExists=/mnt/wslg/.X11-unix\n\
             ConditionPathExists=!/tmp/.X11-unix/X0\n\n[Service]\nType=oneshot\n\
             ExecStart=/bin/mount -o bind,ro,X-mount.mkdir -t none /mnt/wslg/.X11-unix /tmp/.X11-unix\n",
        )?;
    }
    Ok(())
}

fn user_units(folder: &str) -> Result<(), Failure> {
    let root = settings().automount_root;
    let mut text = format!(
        "[Unit]\nDescription=Link the sockets of WSLg (simulated WSL)\nDefaultDependencies=no\n\n\
         [Service]\nType=oneshot\nEnvironment=WSLG_RUNTIME_DIR={root}wslg/runtime-dir\n\
         ExecStart=/bin/sh -c 'mkdir -p -m 00755 \"$XDG_RUNTIME_DIR/pulse\"'\n"
    );
    for name in ["wayland-0", "wayland-0.lock", "pulse/native", "pulse/pid"] {
        // A string takes every write.
        let _ = writeln!(
            text,
            "ExecStart=/bin/sh -c 'ln -sf \"$WSLG_RUNTIME_DIR/{name}\" \"$XDG_RUNTIME_DIR/{name}\"'"
        );
    }
    unit(folder, "wslg-session", &text)
}
