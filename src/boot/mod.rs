//! PID 1 until systemd takes over: mounts, choice of the generation, activation, and what to do when they fail.
//!
//! Every step but the last may fail and the boot goes on (docs/design.md).

pub mod activation;
pub mod builtin;
pub mod cgroup;
pub mod choose;
pub mod counting;
pub mod hierarchy;
pub mod listing;
pub mod mounts;
pub mod namespace;
pub mod next;
pub mod plan;
pub mod rescue;

use std::ffi::OsString;

use crate::system::generations::{self, Generation};
use crate::system::log::Log;
use crate::system::notice;
use crate::system::root::Root;
use crate::system::settings::Settings;
use activation::ActivationOutcome;
use counting::SaveError;
use counting::state::BootState;

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
    hierarchy::prepare(namespace, &mut log);
    let root = Root::default();
    let (state, warning) = counting::load(&root);
    if let Some(warning) = warning {
        log.warn(format_args!("{warning}"));
    }
    Boot { argv, namespace, log, state, root, order: Vec::new(), failures: Vec::new() }.run()
}

/// One boot, until systemd or the rescue.
struct Boot<'a> {
    argv: &'a [OsString],
    /// A shell outside waits for it.
    namespace: bool,
    log: Log,
    /// The state as the boot found it: what it decides by.
    state: BootState,
    root: Root,
    /// Every system, in the order in which they are tried.
    order: Vec<Generation>,
    /// A line for each generation that was not booted.
    failures: Vec<String>,
}

/// Why a generation was not started.
enum Unstarted {
    /// It failed.
    Failed(String),
    /// It was chosen for one start, and that it is used up could not be noted.
    Uncounted(SaveError),
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
        self.order = plan::order(&all, profile.as_ref(), self.state.once);
        self.drop_lost_choice(&all);
        let mut passed_over = Vec::new();
        for generation in self.order.clone() {
            let chosen = self.state.once.is_some() && generation.number == self.state.once;
            match self.state.passed_over(&generation.toplevel) {
                Some(reason) if !chosen => {
                    self.failed(&generation, &reason);
                    passed_over.push(generation);
                }
                _ => self.try_start(&generation, chosen),
            }
        }
        // The next start tries all of them again: a healthy system may have been cut off more than once.
        if let Err(error) = counting::update(&self.root, BootState::retry_all) {
            self.log.warn(format_args!("attempts are not forgotten: {error}"));
            // The next start would end here as well.
            for generation in passed_over {
                self.try_start(&generation, false);
            }
        }
        self.prepare_next();
        if self.namespace {
            rescue::give_up(&self.failures, &mut self.log)
        }
        rescue::run(&self.failures, &mut self.log)
    }

    /// The generation that was chosen for this start may have been deleted since.
    fn drop_lost_choice(&mut self, all: &[Generation]) {
        let Some(number) = self.state.once else { return };
        if all.iter().any(|generation| generation.number == Some(number)) {
            return;
        }
        self.failures
            .push(format!("generation {number} was chosen for one start, and does not exist any more"));
        self.state.once = None;
        let _ = counting::update(&self.root, |state| state.once = None);
    }

    /// Starts a generation; comes back if that failed, with the reason noted.
    fn try_start(&mut self, generation: &Generation, chosen: bool) {
        let reason = match self.start(generation, chosen) {
            Unstarted::Failed(reason) => {
                let noted = counting::update(&self.root, |state| {
                    state.fail(&generation.toplevel, &reason);
                    if chosen {
                        state.once = None;
                    }
                });
                if let Err(error) = noted {
                    self.log.warn(format_args!("the failure is not noted: {error}"));
                }
                reason
            }
            Unstarted::Uncounted(error) => {
                format!("it was chosen for one start, which waits until it can be noted as used up: {error}")
            }
        };
        self.failed(generation, &reason);
    }

    fn failed(&mut self, generation: &Generation, reason: &str) {
        self.log.error(format_args!("{generation}: {reason}"));
        self.failures.push(format!("{generation}: {reason}"));
    }

    /// Starts one generation; comes back only with the reason why that failed.
    fn start(&mut self, generation: &Generation, chosen: bool) -> Unstarted {
        if let Err(reason) = generation.bootable(&self.root) {
            return Unstarted::Failed(reason);
        }
        let settings = Settings::load(&self.root, &generation.toplevel).unwrap_or_else(|error| {
            self.log.warn(format_args!("{error}; its defaults are used"));
            Settings::default()
        });
        match counting::begin(&self.root, generation, &self.order, settings.start_limit()) {
            Ok(()) => {}
            // Else a generation that does not come up would be started again and again.
            Err(error) if chosen => return Unstarted::Uncounted(error),
            Err(error) => self.log.warn(format_args!("attempts are not counted: {error}")),
        }
        self.log.info(format_args!("{generation}: activating {}", generation.toplevel.display()));
        self.leave(notice::ACTIVATING, &generation.to_string());
        let mut stopped = false;
        let root = &self.root;
        let activated = activation::run(generation, settings.activation_limit(), &mut self.log, &mut |log| {
            // No unit says so yet, and WSL ends everything some seconds later.
            if !stopped && counting::asked_by_wsl(root) {
                stopped = true;
                log.info(format_args!("WSL stops the distribution"));
                if let Err(error) = counting::asked_to_stop(root) {
                    log.warn(format_args!("this start counts as failed: {error}"));
                }
            }
        });
        notice::remove(notice::ACTIVATING);
        match activated {
            Ok(ActivationOutcome::Cleanly) => {}
            Ok(ActivationOutcome::WithFaults(reason)) => {
                self.log.warn(format_args!("{generation}: {reason}; booting it all the same"));
                self.leave(notice::FAULTS, &reason);
            }
            Err(reason) => return Unstarted::Failed(reason),
        }
        if !self.failures.is_empty() {
            self.leave(notice::NOTICE, &notice::fallback(generation, &self.failures));
        }
        counting::activated(&self.root, generation, settings.start_limit());
        self.prepare_next();
        Unstarted::Failed(self.systemd(generation))
    }

    /// This start may have been the last one before it is passed over, or the only one.
    fn prepare_next(&mut self) {
        if let Err(error) = next::prepare(&self.root) {
            self.log.warn(format_args!("what WSL reads before the next start: {error}"));
        }
    }

    fn leave(&mut self, file: &str, text: &str) {
        if let Err(error) = notice::write(file, text) {
            self.log.warn(format_args!("{error}"));
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
