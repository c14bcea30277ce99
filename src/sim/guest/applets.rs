//! `/init` under its other names inside a distribution: path translation, information, drive mounts, unit generators.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use crate::sim::guest::release::Release;
use crate::sim::guest::wslpath::Translation;
use crate::sim::guest::{drvfs, wslpath};
use crate::system::error::{Context, Failure};
use crate::wsl::settings::WslSettings;

/// Runs the applet of that name, if it is one.
#[must_use]
pub fn run(name: &str, arguments: &[String]) -> Option<ExitCode> {
    Some(match name {
        "wslpath" => wslpath::run(arguments),
        "wslinfo" => wslinfo(arguments),
        "mount.drvfs" => drvfs::mount(arguments),
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

const WSLINFO_USAGE: &str = "\
Usage:
    --networking-mode
       Display current networking mode.

    --msal-proxy-path
        Display the path to the MSAL proxy application.

    --vm-id
        Display the WSL VM ID.

    --version
        Display the version of the WSL package.

    -n
        Do not print a newline.";

/// Where Windows has WSL's own programs.
const INSTALL_PATH: &str = "C:\\Program Files\\WSL";

/// One question, once (`wslinfo.cpp`).
fn wslinfo(arguments: &[String]) -> ExitCode {
    let (questions, others): (Vec<_>, Vec<_>) = arguments
        .iter()
        .filter(|word| !["-n", "--help"].contains(&word.as_str()))
        .partition(|word| word.starts_with("--"));
    let release = Release::of_program();
    let answer = match (&questions[..], &others[..]) {
        ([question], []) => match question.as_str() {
            "--networking-mode" => Some(release.networking_mode.name().to_owned()),
            "--wsl-version" | "--version" => Some(release.version.to_string()),
            "--vm-id" => Some(release.vm_id),
            "--msal-proxy-path" => {
                let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
                let Some(folder) = Translation::new(&mounts, String::new()).linux(INSTALL_PATH) else {
                    eprintln!("Failed to translate '{INSTALL_PATH}'");
                    return ExitCode::FAILURE;
                };
                Some(format!("{folder}/msal.wsl.proxy.exe"))
            }
            _ => None,
        },
        _ => None,
    };
    let Some(answer) = answer else {
        eprintln!("{WSLINFO_USAGE}");
        return ExitCode::FAILURE;
    };
    let end = if arguments.iter().any(|argument| argument == "-n") { "" } else { "\n" };
    print!("{answer}{end}");
    ExitCode::SUCCESS
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
    if Release::of_program().version.guards_mounts() {
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
