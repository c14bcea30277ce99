//! PID 1 until systemd takes over: mounts, choice of the generation, activation, and what to do when they fail.
//!
//! Every step but the last may fail and the boot goes on (docs/design.md).

pub mod activation;
pub mod generations;
pub mod log;
pub mod mounts;
pub mod rescue;
pub mod root;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use activation::Activated;
use generations::Generation;
use log::Log;
use root::Root;

/// How long an activation may take.
const ACTIVATION_LIMIT: Duration = Duration::from_secs(90);

/// Boots; comes back never. `argv` is handed to systemd as it came.
pub fn boot(argv: &[OsString]) -> ! {
    crate::sys::reset_signals();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let _ = rustix::process::chdir("/");
    let mut log = Log::open();
    mounts::prepare(&mut log);
    log.open_file();

    let root = Root::default();
    let mut failures = Vec::new();
    for generation in candidates(&root, &mut log) {
        let reason = start(&generation, argv, &mut log);
        log.error(format_args!("{generation}: {reason}"));
        failures.push(format!("{generation} ({}): {reason}", generation.toplevel.display()));
    }
    rescue::stay(&failures, &mut log)
}

/// The generations in the order in which they are tried: the profile's, then older ones, then newer ones.
fn candidates(root: &Root, log: &mut Log) -> Vec<Generation> {
    let all = generations::all(root);
    let wanted = generations::current(root);
    let Ok(wanted) = wanted.inspect_err(|error| log.error(format_args!("{}: {error}", generations::PROFILE)))
    else {
        return all;
    };
    let (newer, older): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|other| other.toplevel != wanted.toplevel)
        .partition(|other| wanted.number.is_some() && other.number > wanted.number);
    [wanted].into_iter().chain(older).chain(newer).collect()
}

/// Starts one generation; comes back only with the reason why that failed.
fn start(generation: &Generation, argv: &[OsString], log: &mut Log) -> String {
    if let Err(reason) = generation.bootable(&Root::default()) {
        return reason;
    }
    log.info(format_args!("{generation}: activating {}", generation.toplevel.display()));
    match activation::run(generation, ACTIVATION_LIMIT, log) {
        Ok(Activated::Cleanly) => {}
        Ok(Activated::WithFaults(reason)) => {
            log.warn(format_args!("{generation}: {reason}; booting it all the same"));
        }
        Err(reason) => return reason,
    }
    let booted = "/run/booted-system";
    let _ = std::fs::remove_file(booted);
    if let Err(error) = std::os::unix::fs::symlink(&generation.toplevel, booted) {
        log.warn(format_args!("{booted}: {error}"));
    }
    let systemd = generation.file("systemd/lib/systemd/systemd");
    log.info(format_args!("{generation}: starting systemd"));
    let mut command = Command::new(&systemd);
    if let Some((name, arguments)) = argv.split_first() {
        command.arg0(name).args(arguments);
    }
    format!("{}: {}", systemd.display(), command.exec())
}
