//! What WSL's init asks of systemd: a start, login sessions, a poweroff (W§5).

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::system::RebootCommand;

use crate::sim::guest::cgroup::Cgroups;
use crate::sim::guest::exec::{c_string, standard_streams, strings, take_terminal};
use crate::sim::guest::report::StartReport;
use crate::sim::guest::windows::{LaunchState, command};
use crate::sim::wire::protocol;
use crate::sim::wire::terminal;
use crate::sim::wire::time::TimeFactor;
use crate::sys::simulator::{execve, fork};
use crate::sys::{reset_signals, with_children};

/// A distribution's systemd, as WSL's init knows it.
pub struct Systemd {
    /// `boot.systemd`
    enabled: bool,
    /// `boot.initTimeout` in milliseconds; with 0 nothing is waited for.
    timeout: u64,
    /// By how much that is stretched.
    factor: TimeFactor,
    /// PID 1 becomes systemd once something is written to this; taken by the first session.
    trigger: Option<UnixStream>,
    /// Users that have a login session.
    sessions: BTreeSet<u32>,
}

impl Systemd {
    /// A distribution without systemd.
    #[must_use]
    pub fn off(factor: TimeFactor) -> Self {
        Self { enabled: false, timeout: 0, factor, trigger: None, sessions: BTreeSet::new() }
    }

    /// A systemd that PID 1 becomes when it reads a byte from the other end of `trigger`. `timeout` is
    /// `boot.initTimeout`, in milliseconds; WSL takes one below 0 for 0.
    #[must_use]
    pub fn new(trigger: UnixStream, timeout: i32, factor: TimeFactor) -> Self {
        Self {
            enabled: true,
            timeout: u64::try_from(timeout).unwrap_or(0),
            factor,
            trigger: Some(trigger),
            sessions: BTreeSet::new(),
        }
    }

    /// Whether PID 1 still waits to become systemd.
    #[must_use]
    pub fn waiting(&self) -> bool {
        self.trigger.is_some()
    }

    /// Whether systemd has been started.
    #[must_use]
    pub fn started(&self) -> bool {
        self.enabled && self.trigger.is_none()
    }

    /// `boot.initTimeout` on this machine.
    fn limit(&self) -> Duration {
        self.factor.stretch(Duration::from_millis(self.timeout))
    }

    /// Starts systemd if it has not been started, and waits until it is up (W§5.2).
    pub fn start(&mut self, configured: &LaunchState, report: &mut StartReport) {
        let Some(mut trigger) = self.trigger.take() else { return };
        let _ = trigger.write_all(b"1");
        drop(trigger);
        let timeout = self.timeout;
        if timeout == 0 {
            return;
        }
        let question = "systemctl is-system-running | grep -E \"running|degraded\"";
        match with_children(|| poll_shell(configured, question, self.limit(), |_| false)) {
            Some(state) if state.trim() == "degraded" => {
                report.add("systemd is up, but degraded: a unit has failed (systemctl --failed)");
            }
            Some(_) => {}
            None => {
                wsl_error!("init", "/sbin/init failed to start within {timeout}ms");
                report.add(&format!(
                    "systemd was not ready within {timeout} ms; the session went on without it"
                ));
            }
        }
    }

    /// Answers a launched process that asks for its user's login session (W§5.3). `false` when it has closed its end.
    ///
    /// # Errors
    ///
    /// The process is gone, or the system's.
    pub fn login(
        &mut self,
        socket: &mut UnixStream,
        configured: &LaunchState,
        cgroups: &Cgroups,
        report: &mut StartReport,
    ) -> io::Result<bool> {
        let Some(((uid, name), _)) = protocol::receive::<(u32, String)>(&*socket)? else { return Ok(false) };
        let good =
            self.sessions.contains(&uid) || self.open_session(uid, &name, configured, cgroups, report)?;
        socket.write_all(&[good.into()])?;
        Ok(true)
    }

    fn open_session(
        &mut self,
        uid: u32,
        name: &str,
        configured: &LaunchState,
        cgroups: &Cgroups,
        report: &mut StartReport,
    ) -> io::Result<bool> {
        let (master, slave) = terminal::pair()?;
        if fork()?.is_none() {
            cgroups.join_login();
            let _ = take_terminal(&slave);
            let _ = standard_streams(slave.as_fd(), slave.as_fd(), slave.as_fd());
            let arguments = [c"/bin/login".to_owned(), c"-f".to_owned(), c_string(name.as_bytes())];
            let _ = execve(c"/bin/login", &arguments, &strings(&configured.environment));
            std::process::exit(255);
        }
        // Never read, and open for the life of the distribution.
        std::mem::forget(master);
        self.sessions.insert(uid);
        if self.timeout == 0 {
            return Ok(true);
        }
        let question = format!("systemctl is-active user@{uid}.service");
        let active =
            with_children(|| poll_shell(configured, &question, self.limit(), |text| text == "failed\n"));
        if active.is_none() {
            report.add_to_file(&format!("no systemd user session for {name}"));
        }
        Ok(active.is_some())
    }

    /// Powers the distribution off (W§5.6).
    pub fn power_off(&self, configured: &LaunchState, report: &mut StartReport) -> ! {
        if self.started() {
            let by_itself = shutting_down();
            reset_signals();
            let poweroff = command(configured, "/bin/sh").args(["-c", "systemctl poweroff"]).spawn();
            if let Err(error) = poweroff {
                wsl_error!("init", "systemctl poweroff: {error}");
            }
            let timeout = self.timeout;
            std::thread::sleep(self.limit());
            wsl_error!(
                "init",
                "systemctl poweroff did not terminate the instance in {timeout} ms, calling reboot(RB_POWER_OFF)"
            );
            // Where systemd powers off by itself, it waits for this very process.
            if timeout > 0 && !by_itself {
                report.add(&format!(
                    "systemctl poweroff took longer than {timeout} ms; the distribution was killed"
                ));
            }
        }
        let _ = rustix::system::reboot(RebootCommand::PowerOff);
        std::process::exit(1);
    }
}

/// Runs a line with `/bin/sh` every 250 ms until it succeeds: its output. `None` after `limit`, or once `stop`
/// has seen enough of the output.
fn poll_shell(
    configured: &LaunchState,
    line: &str,
    limit: Duration,
    stop: impl Fn(&str) -> bool,
) -> Option<String> {
    let deadline = Instant::now() + limit;
    loop {
        let output = command(configured, "/bin/sh").args(["-c", line]).stderr(Stdio::inherit()).output();
        if let Ok(output) = output {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() {
                return Some(text);
            }
            if stop(&text) {
                return None;
            }
        }
        if Instant::now() + Duration::from_millis(250) > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// Whether PID 1 is systemd's last program, which waits for every process to end. WSL's init ignores its signals.
#[must_use]
pub fn shutting_down() -> bool {
    // By the name that the kernel cuts at 15 characters: below an emulator the program is the emulator's.
    fs::read_to_string("/proc/1/comm").is_ok_and(|name| name.trim_end() == "systemd-shutdow")
}
