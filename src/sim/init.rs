//! WSL's init, which serves the clients: PID 2 beside systemd, PID 1 without it (W§4.3, W§5, W§6).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::SocketFlags;
use rustix::pty::OpenptFlags;
use rustix::system::RebootCommand;

use crate::sim::error::{Doing, Result};
use crate::sim::first::Group;
use crate::sim::protocol::{self, Reply, Request};
use crate::sim::session::{self, Session};
use crate::sim::store::{Snapshot, hazards};
use crate::sim::supervisor::Start;
use crate::sim::windows::{self, Configured, command};
use crate::sys::simulator::{execve, fork};
use crate::sys::{default_sigchld, ignore_sigchld, reset_signals};
use crate::wsl::settings::Settings;

/// The state of WSL's init.
pub struct Init<'a> {
    start: &'a Start,
    report: File,
    store: Snapshot,
    /// For the first client.
    shown: Vec<String>,
    settings: Settings,
    configured: Configured,
    group: Group,
    /// Starts systemd; taken by the first session.
    boot: Option<UnixStream>,
    /// Users that have a login session.
    sessions: BTreeSet<u32>,
    /// Sockets on which launched processes ask for one.
    watched: Vec<UnixStream>,
}

impl<'a> Init<'a> {
    /// `store` is the store before the start; `shown` are the remarks for the first client.
    #[must_use]
    pub fn new(
        start: &'a Start,
        settings: Settings,
        group: Group,
        store: Snapshot,
        report: File,
        shown: Vec<String>,
    ) -> Self {
        Self {
            start,
            report,
            store,
            shown,
            settings,
            configured: Configured::default(),
            group,
            boot: None,
            sessions: BTreeSet::new(),
            watched: Vec::new(),
        }
    }

    /// wsl.conf, as it is in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// There is a PID 1 that becomes systemd once something is written to this.
    pub fn beside_systemd(&mut self, go: UnixStream) {
        self.boot = Some(go);
    }

    /// Notes what WSL keeps to itself.
    pub fn hide(&mut self, what: &str) {
        wsl_error!("wsl-sim", "{what}");
        let _ = writeln!(self.report, "{what}");
        self.configured.hidden.push(what.into());
    }

    /// Configures the distribution and serves its clients.
    pub fn serve(mut self, listener: &OwnedFd) -> ! {
        self.group.join("non-systemd");
        let hidden = std::mem::take(&mut self.configured.hidden);
        default_sigchld();
        self.configured = windows::configure(self.start, &self.settings);
        ignore_sigchld();
        self.configured.hidden.extend(hidden);
        if let Err(error) = self.interop() {
            wsl_error!("init", "interop: {error}");
        }
        self.boot_command();
        loop {
            if let Err(error) = self.turn(listener) {
                wsl_error!("init", "{error}");
            }
        }
    }

    /// The socket that `.exe` files would be sent to; nobody answers.
    fn interop(&self) -> Result<()> {
        if !self.settings.interop_enabled {
            return Ok(());
        }
        let own = format!("/run/WSL/{}_interop", std::process::id());
        fs::create_dir_all("/run/WSL").doing("make", "/run/WSL")?;
        drop(UnixListener::bind(&own).doing("make", &own)?);
        if self.boot.is_some() {
            symlink(&own, "/run/WSL/1_interop").doing("link", "/run/WSL/1_interop")?;
        }
        Ok(())
    }

    /// Not waited for (W§4.4).
    fn boot_command(&self) {
        let Some(line) = &self.settings.boot_command else { return };
        match fork() {
            Ok(None) => {
                reset_signals();
                let arguments = [c"sh".to_owned(), c"-c".to_owned(), session::c_string(line.as_bytes())];
                let environment = session::strings(&self.configured.environment);
                let error = execve(c"/bin/sh", &arguments, &environment);
                wsl_error!("BootCommand", "execl() failed, {error}");
                std::process::exit(1);
            }
            Ok(Some(_)) => {}
            Err(error) => wsl_error!("init", "boot.command: {error}"),
        }
    }

    fn turn(&mut self, listener: &OwnedFd) -> io::Result<()> {
        let mut events = vec![PollFd::new(listener, PollFlags::IN)];
        events.extend(self.watched.iter().map(|socket| PollFd::new(socket, PollFlags::IN)));
        protocol::retry(|| poll(&mut events, None))?;
        let ready: Vec<bool> = events.iter().map(|event| !event.revents().is_empty()).collect();
        for index in (0..self.watched.len()).rev().filter(|index| ready[index + 1]) {
            let mut socket = self.watched.swap_remove(index);
            if self.login(&mut socket).unwrap_or(false) {
                self.watched.push(socket);
            }
        }
        if ready[0] {
            let client = protocol::retry(|| rustix::net::accept_with(listener, SocketFlags::CLOEXEC))?;
            match protocol::receive(&client)? {
                Some((Request::Launch(launch), streams)) => self.launch(&client, *launch, streams)?,
                Some((Request::Terminate, _)) => self.terminate(),
                None => {}
            }
        }
        Ok(())
    }

    fn launch(
        &mut self,
        client: &OwnedFd,
        launch: protocol::Launch,
        streams: Vec<OwnedFd>,
    ) -> io::Result<()> {
        protocol::send(client, &Reply::Accepted, &[])?;
        self.ready();
        let shown = std::mem::take(&mut self.shown);
        let hidden = std::mem::take(&mut self.configured.hidden);
        if !shown.is_empty() || !hidden.is_empty() {
            protocol::send(client, &Reply::Remarks { shown, hidden }, &[])?;
        }
        let (ours, theirs) = UnixStream::pair()?;
        if fork()?.is_none() {
            drop(ours);
            self.watched.clear();
            let session = Session {
                client: client.as_fd(),
                launch,
                streams,
                settings: &self.settings,
                configured: &self.configured,
                windows_path: &self.start.windows_path,
                init: theirs,
            };
            session::relay(session);
        }
        if self.settings.boot_systemd {
            self.watched.push(ours);
        }
        Ok(())
    }

    /// Starts systemd for the first session and waits until it is up (W§5.2); then looks at what the start has done.
    fn ready(&mut self) {
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
            default_sigchld();
            let up = self.poll_shell(
                "systemctl is-system-running | grep -E \"running|degraded\"",
                timeout,
                |_| false,
            );
            ignore_sigchld();
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

    fn inspect_store(&mut self) {
        let before = std::mem::replace(&mut self.store, Snapshot::none());
        if before.is_empty() {
            return;
        }
        let after = Snapshot::take(Path::new("/"), self.start.full_hash);
        let changed: Vec<_> =
            before.changed(&after).into_iter().take(10).map(|path| format!("/{}", path.display())).collect();
        for path in changed {
            self.hide(&format!("{path} in the store was changed by this start"));
        }
        for (path, target) in hazards(Path::new("/")) {
            self.hide(&format!(
                "{path} leads into the store (/{}): WSL may write through it",
                target.display()
            ));
        }
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
    fn login(&mut self, socket: &mut UnixStream) -> io::Result<bool> {
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
            let _ = session::take_terminal(&slave);
            let _ = session::standard_streams(slave.as_fd(), slave.as_fd(), slave.as_fd());
            let arguments = [c"/bin/login".to_owned(), c"-f".to_owned(), session::c_string(name.as_bytes())];
            let _ = execve(c"/bin/login", &arguments, &session::strings(&self.configured.environment));
            std::process::exit(255);
        }
        // Never read, and kept for the life of the distribution.
        std::mem::forget(master);
        self.sessions.insert(uid);
        let timeout = u64::try_from(self.settings.boot_init_timeout).unwrap_or(0);
        if timeout == 0 {
            return Ok(true);
        }
        default_sigchld();
        let active = self.poll_shell(&format!("systemctl is-active user@{uid}.service"), timeout, |text| {
            text == "failed\n"
        });
        ignore_sigchld();
        if active.is_none() {
            let _ = writeln!(self.report, "no systemd user session for {name}");
        }
        Ok(active.is_some())
    }

    /// Powers off (W§5.6).
    fn terminate(&mut self) -> ! {
        if self.settings.boot_systemd && self.boot.is_none() {
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
            if timeout > 0 {
                self.hide(&format!(
                    "systemctl poweroff took longer than {timeout} ms; the distribution was killed"
                ));
            }
        }
        let _ = rustix::system::reboot(RebootCommand::PowerOff);
        std::process::exit(1);
    }
}
