//! WSL's init, which serves the clients: PID 2 beside systemd, PID 1 without it (W§4.3, W§5, W§6).

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::SocketFlags;
use rustix::process::PidfdFlags;

use crate::sim::guest::cgroup::Cgroups;
use crate::sim::guest::exec::{c_string, strings};
use crate::sim::guest::program::ProcessRequest;
use crate::sim::guest::report::StartReport;
use crate::sim::guest::session;
use crate::sim::guest::store::{Snapshot, report_changes};
use crate::sim::guest::systemd::{Systemd, shutting_down};
use crate::sim::guest::windows::{self, LaunchState};
use crate::sim::wire::protocol::{self, CreateProcess, InitRequest, Reply};
use crate::sim::wire::start::Start;
use crate::sys::simulator::{execve, fork};
use crate::sys::{reset_signals, with_children};
use crate::system::error::{Context, Failure};
use crate::wsl::settings::WslSettings;

/// So long after its last process WSL ends a distribution (W§5.6). Here only one whose systemd shuts down: its last
/// program would wait for WSL's init for 90 s.
const IDLE: Duration = Duration::from_secs(15);

/// The state of WSL's init.
pub struct Init<'a> {
    start: &'a Start,
    /// wsl.conf, as it is in force.
    settings: WslSettings,
    configured: LaunchState,
    cgroups: Cgroups,
    /// The store before the start, until the first session has looked at it again.
    store: Option<Snapshot>,
    report: StartReport,
    /// WSL's own remarks, for the first client.
    shown: Vec<String>,
    systemd: Systemd,
    /// Sockets on which launched processes ask for a login session.
    session_requests: Vec<UnixStream>,
    /// The relays of launched processes.
    relays: Vec<OwnedFd>,
    /// When the last of them ended.
    idle_since: Instant,
}

impl<'a> Init<'a> {
    /// `store` is the store before the start; `shown` are WSL's remarks for the first client.
    #[must_use]
    pub fn new(
        start: &'a Start,
        settings: WslSettings,
        cgroups: Cgroups,
        store: Snapshot,
        report: StartReport,
        shown: Vec<String>,
        systemd: Systemd,
    ) -> Self {
        Self {
            start,
            settings,
            configured: LaunchState::default(),
            cgroups,
            store: Some(store),
            report,
            shown,
            systemd,
            session_requests: Vec::new(),
            relays: Vec::new(),
            idle_since: Instant::now(),
        }
    }

    /// Configures the distribution and serves its clients.
    /// `shared` is the mount of `/mnt/wsl`, which is every distribution's.
    pub fn serve(mut self, listener: &OwnedFd, shared: OwnedFd) -> ! {
        self.configured = with_children(|| windows::configure(self.start, &self.settings, &shared));
        drop(shared);
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
    fn interop(&self) -> Result<(), Failure> {
        if !self.settings.interop_enabled {
            return Ok(());
        }
        let own = format!("/run/WSL/{}_interop", std::process::id());
        fs::create_dir_all("/run/WSL").doing_at("make", "/run/WSL")?;
        drop(UnixListener::bind(&own).doing_at("make", &own)?);
        if self.systemd.waiting() {
            symlink(&own, "/run/WSL/1_interop").doing_at("link", "/run/WSL/1_interop")?;
        }
        Ok(())
    }

    /// Not waited for (W§4.4).
    fn boot_command(&self) {
        let Some(line) = &self.settings.boot_command else { return };
        match fork() {
            Ok(None) => {
                self.cgroups.join_sessions();
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
        events.extend(self.session_requests.iter().map(|socket| PollFd::new(socket, PollFlags::IN)));
        events.extend(self.relays.iter().map(|relay| PollFd::new(relay, PollFlags::IN)));
        let limit = self.start.idle_timeout.map(|limit| Duration::from_millis(limit.into()));
        let turn = limit.unwrap_or(Duration::MAX).min(Duration::from_secs(1));
        let turn = Timespec::try_from(turn).map_err(|_| io::ErrorKind::InvalidInput)?;
        // Before the first client there is nothing to be idle after.
        let idle =
            self.relays.is_empty() && self.store.is_none() && (self.systemd.started() || limit.is_some());
        protocol::retry(|| poll(&mut events, idle.then_some(&turn)))?;
        let ready: Vec<bool> = events.iter().map(|event| !event.revents().is_empty()).collect();
        let mut ended = ready[1 + self.session_requests.len()..].iter();
        if !idle {
            self.relays.retain(|_| !ended.next().is_some_and(|ended| *ended));
            self.idle_since = Instant::now();
        } else if limit.is_some_and(|limit| !ready[0] && self.idle_since.elapsed() >= limit)
            || (self.idle_since.elapsed() > self.start.time_factor.stretch(IDLE) && shutting_down())
        {
            self.systemd.power_off(&self.configured, &mut self.report);
        }
        for index in (0..self.session_requests.len()).rev().filter(|index| ready[index + 1]) {
            let mut socket = self.session_requests.swap_remove(index);
            if self
                .systemd
                .login(&mut socket, &self.configured, &self.cgroups, &mut self.report)
                .unwrap_or(false)
            {
                self.session_requests.push(socket);
            }
        }
        if ready[0] {
            let client = protocol::retry(|| rustix::net::accept_with(listener, SocketFlags::CLOEXEC))?;
            match protocol::receive(&client)? {
                Some((InitRequest::CreateProcess(process), streams)) => {
                    self.create_process(&client, *process, streams)?;
                }
                Some((InitRequest::Terminate, _)) => {
                    self.systemd.power_off(&self.configured, &mut self.report);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn create_process(
        &mut self,
        client: &OwnedFd,
        process: CreateProcess,
        streams: Vec<OwnedFd>,
    ) -> io::Result<()> {
        protocol::send(client, &Reply::Accepted, &[])?;
        self.systemd.start(&self.configured, &mut self.report);
        if let Some(before) = self.store.take() {
            report_changes(&before, self.start.store, &mut self.report);
        }
        let shown = std::mem::take(&mut self.shown);
        let hidden = self.report.take_pending();
        if !shown.is_empty() || !hidden.is_empty() {
            protocol::send(client, &Reply::Remarks { shown, hidden }, &[])?;
        }
        let (own_end, relay_end) = UnixStream::pair()?;
        let Some(relay) = fork()? else {
            drop(own_end);
            self.session_requests.clear();
            self.relays.clear();
            self.cgroups.join_sessions();
            session::relay(ProcessRequest {
                client: client.as_fd(),
                process,
                streams,
                settings: &self.settings,
                configured: &self.configured,
                windows_path: &self.start.windows_path,
                init: relay_end,
            });
        };
        // One that has ended already has no pidfd: nobody waits for it.
        self.relays.extend(rustix::process::pidfd_open(relay, PidfdFlags::empty()).ok());
        if self.settings.boot_systemd {
            self.session_requests.push(own_end);
        }
        Ok(())
    }
}
