//! Recovery from outside: the distribution is mounted somewhere and nothing but the kernel can be relied on (U§3 F29).

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive};

use super::arguments::{RECOVER_EXAMPLES, Recover as Action};
use super::error::{Outcome, RecoverError};
use super::generations::show;
use super::output::print;
use crate::boot::{activation, choose};
use crate::system::generations::{self, Generation};
use crate::system::root::Root;
use crate::system::{message, mounts};

/// Where WSL's system distribution has the running distribution.
const WSLG_DISTRO: &str = "/mnt/wslg/distro";

/// Does `action` to the distribution at `root`, or at [`find_root`]; without one it lists the generations.
///
/// # Errors
/// What the action fails with.
pub fn run(root: Option<PathBuf>, action: Option<Action>) -> Outcome {
    let root = root.map_or_else(find_root, Root::new);
    let chosen = |generation| print(format_args!("{generation} boots from the next start on."));
    match action {
        None => {
            show(&root)?;
            print(format_args!("\n{RECOVER_EXAMPLES}"))
        }
        Some(Action::List) => show(&root),
        Some(Action::Rollback) => {
            mounts::make_writable(root.directory())?;
            chosen(choose::roll_back(&root)?)
        }
        Some(Action::Boot { number }) => {
            mounts::make_writable(root.directory())?;
            chosen(choose::choose(&root, number, false)?)
        }
        Some(Action::Enter { generation, command }) => {
            let generation = choose_generation(&root, generation)?;
            eprintln!("nixos-wsl: entering {} with {generation}", root.directory().display());
            message::report_on_terminal("nixos-wsl: mounting what it needs");
            Ok(enter(&root, &generation, &command)?)
        }
    }
}

/// The distribution to recover: where this program lies in one, or where WSL's system distribution has it.
#[must_use]
pub fn find_root() -> Root {
    let beside_program = std::env::current_exe().ok().and_then(|program| {
        let root = program.parent()?.parent()?.to_owned();
        root.join("nix/var/nix/profiles").is_dir().then_some(root)
    });
    Root::new(beside_program.unwrap_or_else(|| WSLG_DISTRO.into()))
}

/// The generation to enter: the one asked for, or the first with a shell, beginning with the profile's.
///
/// # Errors
/// If there is none.
pub fn choose_generation(root: &Root, number: Option<u64>) -> Result<Generation, RecoverError> {
    let all = generations::all(root);
    let nothing = |reason: String| RecoverError::Nothing { root: root.directory().to_owned(), reason };
    if let Some(number) = number {
        let found = all.into_iter().find(|generation| generation.number == Some(number));
        return found.ok_or_else(|| nothing(format!("generation {number} does not exist")));
    }
    let profile = generations::current(root).ok();
    crate::boot::plan::order(&all, profile.as_ref(), None)
        .into_iter()
        .find(|generation| {
            generation.bootable(root).is_ok() && root.executable(generation.file("sw/bin/bash")).is_ok()
        })
        .ok_or_else(|| nothing("no generation can be activated and has a shell".into()))
}

/// Enters the distribution in a mount namespace of its own, activates `generation` and becomes `command`, or a shell.
///
/// # Errors
/// [`RecoverError`]; a failing activation is only a message.
pub fn enter(root: &Root, generation: &Generation, command: &[OsString]) -> Result<(), RecoverError> {
    let step = |step: &str| {
        let step = step.to_owned();
        move |source: Errno| RecoverError::Step { step, source: source.into() }
    };
    mounts::own()?;
    mounts::remount_writable(root.directory())?;
    for (folder, kind) in [("dev", "devtmpfs"), ("proc", "proc"), ("sys", "sysfs")] {
        let target = root.path(folder);
        let _ = std::fs::create_dir_all(&target);
        let bound = mount_bind_recursive(Path::new("/").join(folder), &target);
        let empty = std::fs::read_dir(&target).map_or(true, |mut entries| entries.next().is_none());
        if bound.is_err() || empty {
            let _ = mount(kind, &target, kind, MountFlags::empty(), None);
        }
    }
    let run = root.path("run");
    let _ = std::fs::create_dir_all(&run);
    mount("run", &run, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755").map_err(step("/run"))?;
    // Names are looked up by way of a file that WSL keeps here.
    if let Some(shared) = Some(root.path("mnt/wsl")).filter(|_| Path::new("/mnt/wsl").is_dir()) {
        let _ = std::fs::create_dir_all(&shared);
        let _ = mount_bind("/mnt/wsl", &shared);
    }
    rustix::process::chroot(root.directory()).map_err(step("chroot"))?;
    rustix::process::chdir("/").map_err(step("/"))?;
    crate::sys::reset_signals();
    message::report_on_terminal(&format!("nixos-wsl: activating {generation}"));
    activate(generation);
    Err(become_command(generation, command))
}

fn environment(command: &mut Command, generation: &Generation) {
    let term = std::env::var_os("TERM").unwrap_or_else(|| "linux".into());
    let path = format!("/run/wrappers/bin:{}", activation::search_path(generation));
    command.env_clear().envs([
        ("PATH", path.as_str()),
        ("LANG", "C.UTF-8"),
        ("HOME", "/root"),
        ("USER", "root"),
    ]);
    command.env("TERM", term);
}

fn activate(generation: &Generation) {
    let program = generation.file("activate");
    let mut command = Command::new(&program);
    environment(&mut command, generation);
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("nixos-wsl: {}: {status}; going on", program.display()),
        Err(error) => eprintln!("nixos-wsl: {}: {error}; going on", program.display()),
    }
}

fn become_command(generation: &Generation, arguments: &[OsString]) -> RecoverError {
    let shell = generation.file("sw/bin/bash").into_os_string();
    let login = [shell, "-l".into()];
    let arguments = if arguments.is_empty() { &login[..] } else { arguments };
    let mut command = Command::new(&arguments[0]);
    environment(&mut command, generation);
    let source = command.args(&arguments[1..]).exec();
    RecoverError::Step { step: arguments[0].to_string_lossy().into_owned(), source }
}
