//! PID 1 until systemd takes over: mounts, choice of the generation, activation, and what to do when they fail.
//!
//! Every step but the last may fail and the boot goes on (docs/design.md).

pub mod activation;
pub mod builtin;
pub mod choose;
pub mod listing;
pub mod mounts;
pub mod namespace;
pub mod plan;
pub mod rescue;
pub mod state;

use std::ffi::OsString;

use crate::system::generations::{self, Generation};
use crate::system::log::Log;
use crate::system::notice;
use crate::system::root::Root;
use crate::system::settings::Settings;
use activation::Activated;
use state::State;

/// Boots; comes back never. `argv` is handed to systemd as it came.
pub fn boot(argv: &[OsString]) -> ! {
    run(argv, false)
}

/// Boots in the namespaces of `nixos-wsl-enter` (namespace mode); comes back never.
pub fn boot_namespace() -> ! {
    run(&namespace::ARGUMENTS.map(OsString::from), true)
}

fn run(argv: &[OsString], namespace: bool) -> ! {
    crate::sys::reset_signals();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let _ = rustix::process::chdir("/");
    let mut log = Log::open();
    if namespace {
        namespace::prepare(&mut log);
    }
    mounts::prepare(&mut log);
    log.open_file();
    let (state, warning) = State::load(&Root::default());
    if let Some(warning) = warning {
        log.warn(format_args!("{warning}"));
    }
    Boot { argv, namespace, log, state, root: Root::default(), failures: Vec::new() }.run()
}

/// One boot, until systemd or the rescue.
struct Boot<'a> {
    argv: &'a [OsString],
    /// A shell outside waits for it.
    namespace: bool,
    log: Log,
    state: State,
    root: Root,
    /// A line for each generation that was not booted.
    failures: Vec<String>,
}

impl Boot<'_> {
    fn run(&mut self) -> ! {
        let all = generations::all(&self.root);
        let profile = generations::current(&self.root)
            .inspect_err(|error| {
                self.log.error(format_args!("{}: {error}", generations::PROFILE));
                self.failures.push(format!("{}: {error}", generations::PROFILE));
            })
            .ok();
        let once = self.state.once;
        let order = plan::order(&all, profile.as_ref(), once);
        self.state.prune(&order);
        let mut passed_over = Vec::new();
        for generation in &order {
            let chosen = once.is_some() && generation.number == once;
            let reason = self.state.record(&generation.toplevel).passed_over();
            match reason {
                Some(reason) if !chosen => {
                    passed_over.push(generation);
                    self.failed(generation, &reason);
                }
                _ => {
                    let reason = self.start(generation);
                    self.state.fail(&generation.toplevel, &reason);
                    self.failed(generation, &reason);
                }
            }
        }
        // The next start tries these again: a healthy system may have been cut off twice.
        for generation in passed_over {
            self.state.record(&generation.toplevel).attempts = 0;
        }
        self.save();
        if self.namespace {
            rescue::give_up(&self.failures, &mut self.log)
        }
        rescue::stay(&self.failures, &mut self.log)
    }

    fn failed(&mut self, generation: &Generation, reason: &str) {
        self.log.error(format_args!("{generation}: {reason}"));
        self.failures.push(format!("{generation}: {reason}"));
    }

    fn save(&mut self) {
        if let Err(error) = self.state.save(&self.root) {
            self.log.warn(format_args!("attempts are not counted: {error}"));
        }
    }

    /// Starts one generation; comes back only with the reason why that failed.
    fn start(&mut self, generation: &Generation) -> String {
        if let Err(reason) = generation.bootable(&self.root) {
            return reason;
        }
        let settings = Settings::load(&self.root, &generation.toplevel).unwrap_or_else(|error| {
            self.log.warn(format_args!("{error}; its defaults are used"));
            Settings::default()
        });
        self.state.attempt(&generation.toplevel);
        let synced = self.state.save_soon(&self.root);
        self.log.info(format_args!("{generation}: activating {}", generation.toplevel.display()));
        self.leave(notice::ACTIVATING, &generation.to_string());
        let activated = activation::run(generation, settings.activation_limit(), &mut self.log);
        notice::remove(notice::ACTIVATING);
        match synced.map(std::thread::JoinHandle::join) {
            Ok(_) => {}
            Err(error) => self.log.warn(format_args!("attempts are not counted: {error}")),
        }
        match activated {
            Ok(Activated::Cleanly) => {}
            Ok(Activated::WithFaults(reason)) => {
                self.log.warn(format_args!("{generation}: {reason}; booting it all the same"));
                self.leave(notice::FAULTS, &reason);
            }
            Err(reason) => return reason,
        }
        if !self.failures.is_empty() {
            self.leave(notice::NOTICE, &notice::fallback(generation, &self.failures));
        }
        self.systemd(generation)
    }

    fn leave(&mut self, file: &str, text: &str) {
        if let Err(error) = notice::write(file, text) {
            self.log.warn(format_args!("{file}: {error}"));
        }
    }

    fn systemd(&mut self, generation: &Generation) -> String {
        let booted = "/run/booted-system";
        let _ = std::fs::remove_file(booted);
        if let Err(error) = std::os::unix::fs::symlink(&generation.toplevel, booted) {
            self.log.warn(format_args!("{booted}: {error}"));
        }
        let systemd = generation.file("systemd/lib/systemd/systemd");
        self.log.info(format_args!("{generation}: starting {}", systemd.display()));
        let error = crate::sys::execve(&systemd, self.argv, None);
        format!("{}: {error}", systemd.display())
    }
}
