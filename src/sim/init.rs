//! WSL's init, which serves the clients: PID 2 beside systemd, PID 1 without it (W§4.3, W§5, W§6).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::SocketFlags;
use rustix::process::PidfdFlags;

use crate::sim::error::{Doing, Result};
use crate::sim::exec::{c_string, strings};
use crate::sim::first::Group;
use crate::sim::protocol::{self, Reply, Request};
use crate::sim::session::{self, Session};
use crate::sim::store::{Snapshot, hazards};
use crate::sim::supervisor::Start;
use crate::sim::systemd::shutting_down;
use crate::sim::windows::{self, Configured};
use crate::sys::simulator::{execve, fork};
use crate::sys::{reset_signals, with_children};
use crate::wsl::settings::Settings;

/// So long after its last process WSL ends a distribution (W§5.6). Here only one whose systemd shuts down: its last
/// program would wait for WSL's init for 90 s.
const IDLE: Duration = Duration::from_secs(15);

/// The state of WSL's init.
pub struct Init<'a> {
    start: &'a Start,
    pub(super) report: File,
    pub(super) store: Snapshot,
    /// For the first client.
    shown: Vec<String>,
    pub(super) settings: Settings,
    pub(super) configured: Configured,
    group: Group,
    /// Starts systemd; taken by the first session.
    pub(super) boot: Option<UnixStream>,
    /// Users that have a login session.
    pub(super) sessions: BTreeSet<u32>,
    /// Sockets on which launched processes ask for one.
    watched: Vec<UnixStream>,
    /// The relays of launched processes.
    relays: Vec<OwnedFd>,
    /// When the last of them ended.
    idle: Instant,
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
            relays: Vec::new(),
            idle: Instant::now(),
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
        self.configured = with_children(|| windows::configure(self.start, &self.settings));
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
                let arguments = [c"sh".to_owned(), c"-c".to_owned(), c_string(line.as_bytes())];
                let environment = strings(&self.configured.environment);
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
        events.extend(self.relays.iter().map(|relay| PollFd::new(relay, PollFlags::IN)));
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        let idle = self.relays.is_empty() && self.systemd_started();
        protocol::retry(|| poll(&mut events, idle.then_some(&second)))?;
        let ready: Vec<bool> = events.iter().map(|event| !event.revents().is_empty()).collect();
        let mut ended = ready[1 + self.watched.len()..].iter();
        if !idle {
            self.relays.retain(|_| !ended.next().is_some_and(|ended| *ended));
            self.idle = Instant::now();
        } else if self.idle.elapsed() > IDLE && shutting_down() {
            self.terminate();
        }
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
        let Some(relay) = fork()? else {
            drop(ours);
            self.watched.clear();
            self.relays.clear();
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
        };
        // One that has ended already is gone: nobody waits for it.
        self.relays.extend(rustix::process::pidfd_open(relay, PidfdFlags::empty()).ok());
        if self.settings.boot_systemd {
            self.watched.push(ours);
        }
        Ok(())
    }

    pub(super) fn inspect_store(&mut self) {
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
}
