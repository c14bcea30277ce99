//! What WSL's init asks of systemd: a start, login sessions, a poweroff (W§5).

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::pty::OpenptFlags;
use rustix::system::RebootCommand;

use crate::sim::exec::{c_string, standard_streams, strings, take_terminal};
use crate::sim::init::Init;
use crate::sim::protocol;
use crate::sim::windows::command;
use crate::sys::simulator::{execve, fork};
use crate::sys::{reset_signals, with_children};

impl Init<'_> {
    /// Starts systemd for the first session and waits until it is up (W§5.2); then looks at what the start has done.
    pub(super) fn ready(&mut self) {
        let Some(mut boot) = self.boot.take() else {
            if !self.store.is_empty() {
                self.inspect_store();
            }
            return;
        };
        let _ = boot.write_all(b"1");
        drop(boot);
        let timeout = u64::try_from(self.settings.boot_init_timeout).unwrap_or(0);
        if timeout > 0 {
            let question = "systemctl is-system-running | grep -E \"running|degraded\"";
            let up = with_children(|| self.poll_shell(question, timeout, |_| false));
            match up {
                Some(state) if state.trim() == "degraded" => {
                    self.hide("systemd is up, but degraded: a unit has failed (systemctl --failed)");
                }
                Some(_) => {}
                None => {
                    wsl_error!("init", "/sbin/init failed to start within {timeout}ms");
                    self.hide(&format!(
                        "systemd was not ready within {timeout} ms; the session went on without it"
                    ));
                }
            }
        }
        self.inspect_store();
    }

    /// Runs a line with `/bin/sh` every 250 ms until it succeeds: its output. `None` after `timeout` ms, or once
    /// `stop` has seen enough of the output.
    fn poll_shell(&self, line: &str, timeout: u64, stop: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + Duration::from_millis(timeout);
        loop {
            let output =
                command(&self.configured, "/bin/sh").args(["-c", line]).stderr(Stdio::inherit()).output();
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

    /// A launched process asks for its user's login session (W§5.3). `false` when it has closed its end.
    pub(super) fn login(&mut self, socket: &mut UnixStream) -> io::Result<bool> {
        let Some(((uid, name), _)) = protocol::receive::<(u32, String)>(&*socket)? else { return Ok(false) };
        let good = self.sessions.contains(&uid) || self.login_session(uid, &name)?;
        socket.write_all(&[good.into()])?;
        Ok(true)
    }

    fn login_session(&mut self, uid: u32, name: &str) -> io::Result<bool> {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::unlockpt(&master)?;
        let slave = rustix::pty::ioctl_tiocgptpeer(
            &master,
            OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
        )?;
        if fork()?.is_none() {
            let _ = take_terminal(&slave);
            let _ = standard_streams(slave.as_fd(), slave.as_fd(), slave.as_fd());
            let arguments = [c"/bin/login".to_owned(), c"-f".to_owned(), c_string(name.as_bytes())];
            let _ = execve(c"/bin/login", &arguments, &strings(&self.configured.environment));
            std::process::exit(255);
        }
        // Never read, and kept for the life of the distribution.
        std::mem::forget(master);
        self.sessions.insert(uid);
        let timeout = u64::try_from(self.settings.boot_init_timeout).unwrap_or(0);
        if timeout == 0 {
            return Ok(true);
        }
        let question = format!("systemctl is-active user@{uid}.service");
        let active = with_children(|| self.poll_shell(&question, timeout, |text| text == "failed\n"));
        if active.is_none() {
            let _ = writeln!(self.report, "no systemd user session for {name}");
        }
        Ok(active.is_some())
    }

    /// Whether systemd has been started.
    pub(super) fn systemd_started(&self) -> bool {
        self.settings.boot_systemd && self.boot.is_none()
    }

    /// Powers off (W§5.6).
    pub(super) fn terminate(&mut self) -> ! {
        if self.systemd_started() {
            let by_itself = shutting_down();
            reset_signals();
            let poweroff = command(&self.configured, "/bin/sh").args(["-c", "systemctl poweroff"]).spawn();
            if let Err(error) = poweroff {
                wsl_error!("init", "systemctl poweroff: {error}");
            }
            let timeout = u64::try_from(self.settings.boot_init_timeout).unwrap_or(0);
            std::thread::sleep(Duration::from_millis(timeout));
            wsl_error!(
                "init",
                "systemctl poweroff did not terminate the instance in {timeout} ms, calling reboot(RB_POWER_OFF)"
            );
            // Where systemd powers off by itself, it waits for this very process.
            if timeout > 0 && !by_itself {
                self.hide(&format!(
                    "systemctl poweroff took longer than {timeout} ms; the distribution was killed"
                ));
            }
        }
        let _ = rustix::system::reboot(RebootCommand::PowerOff);
        std::process::exit(1);
    }
}

/// Whether PID 1 is systemd's last program, which waits for every process to end. WSL's init ignores its signals.
pub(super) fn shutting_down() -> bool {
    fs::read_link("/proc/1/exe").is_ok_and(|path| path.ends_with("systemd-shutdown"))
}
