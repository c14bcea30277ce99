//! WSL's init: PID 1 until the first session, PID 2 beside systemd ever after (W§4.3, W§5).

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Access, OFlags};
use rustix::mount::{MountFlags, mount_bind, mount_remount};
use rustix::net::SocketFlags;
use rustix::process::PidfdFlags;
use rustix::pty::OpenptFlags;
use rustix::system::RebootCommand;

use crate::sim::error::{Doing, Error, Result};
use crate::sim::protocol::{self, Reply, Request};
use crate::sim::session::{self, Session};
use crate::sim::store::{Snapshot, hazards};
use crate::sim::supervisor::Start;
use crate::sim::windows::{self, Configured, command};
use crate::sim::world;
use crate::sys::simulator::{execve, fork, ignore_signals};
use crate::sys::{default_sigchld, ignore_sigchld, reset_signals};
use crate::wsl::settings::Settings;

/// The cgroup of the distribution as WSL names it, in the simulator's cgroup namespace.
const CGROUPS: &str = "/sys/fs/cgroup/wsl-user/distro-1";

/// What the first process is given.
pub struct First<'a> {
    /// What the start depends on.
    pub start: &'a Start,
    /// wsl.conf as read from outside (W§4.1).
    pub outside: &'a Settings,
    /// The store before the start.
    pub store: Snapshot,
    /// The distribution's cgroup, as seen from outside.
    pub group: &'a Path,
    /// Stands in for `/dev/kmsg`.
    pub kmsg: OwnedFd,
    /// Where clients connect.
    pub listener: OwnedFd,
}

/// Runs as PID 1; returns only if the distribution cannot be started.
#[must_use]
pub fn first(first: First<'_>) -> Error {
    match boot(first) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn boot(first: First<'_>) -> Result<std::convert::Infallible> {
    let First { start, outside, store, group, kmsg, listener } = first;
    let report = start.folder.join("report");
    let report = File::options().append(true).open(&report).doing("write", &report)?;
    world::enter(&start.root, &start.init, group, &kmsg)?;
    drop(kmsg);
    standard_streams().doing("open", "/dev/kmsg")?;
    ignore_signals();
    let (mut settings, diagnostics) = Settings::parse(&fs::read("/etc/wsl.conf").unwrap_or_default());
    let mut hidden = Vec::new();
    if (settings.boot_systemd, settings.general_gui_applications)
        != (outside.boot_systemd, outside.general_gui_applications)
    {
        hidden.push("wsl.conf reads differently from outside the distribution (is it an absolute link?): WSL makes no cgroups for systemd and misses guiApplications");
    }
    if diagnostics.iter().any(|diagnostic| diagnostic.problem.ends_file()) {
        hidden.push("a malformed line ended wsl.conf: WSL has not read what follows it");
    }
    if settings.boot_systemd && rustix::fs::access("/sbin/init", Access::EXEC_OK).is_err() {
        wsl_error!("init", "access(/sbin/init) failed 2 - boot.systemd disabled");
        hidden.push("systemd is off: /sbin/init leads to no program");
        settings.boot_systemd = false;
    }
    if start.safe_mode {
        safe_mode(&mut settings);
    }
    fs::create_dir_all(&settings.automount_root).doing("make", &settings.automount_root)?;
    let group = cgroups(outside)?;
    let mut init = Init {
        start,
        report,
        store,
        shown: diagnostics.iter().map(ToString::to_string).collect(),
        settings,
        configured: Configured::default(),
        group,
        boot: None,
        sessions: BTreeSet::new(),
        watched: Vec::new(),
    };
    for what in hidden {
        init.hide(what);
    }
    if !init.settings.boot_systemd {
        init.serve(&listener);
    }
    let (go, waiting) = UnixStream::pair().doing("make", "a socket pair")?;
    if fork().doing("fork", "WSL's init")?.is_none() {
        drop(waiting);
        init.boot = Some(go);
        watch_parent()?;
        init.serve(&listener);
    }
    drop((go, listener));
    systemd(waiting, &init)
}

/// PID 1's part: waits for the first session and becomes the distribution's init.
fn systemd(mut waiting: UnixStream, init: &Init<'_>) -> Result<std::convert::Infallible> {
    let mut byte = [0];
    if waiting.read(&mut byte).doing("wait for", "the first session")? == 0 {
        return Err(Error::Missing("WSL's init died before the first session".into()));
    }
    if init.settings.boot_protect_binfmt
        && let Err(error) = lock_binfmt_status()
    {
        wsl_error!("init", "LockBinfmtStatusReadOnly: {error}");
    }
    if let Err(error) =
        generators(init.settings.general_gui_applications != Some(false) && gui(&init.settings))
    {
        wsl_error!("init", "CreateWslSystemdUnits: {error}");
    }
    init.group.join("systemd");
    let environment = ["container=wsl", "container_host_id=windows", "container_host_version_id=2.7.0"]
        .map(|variable| CString::new(variable).unwrap_or_default());
    let error = execve(c"/sbin/init", &[c"/sbin/init".to_owned()], &environment);
    wsl_error!("init", "execvpe(/sbin/init) failed {error}");
    Err(Error::System { doing: "execute /sbin/init".into(), source: error })
}

/// The GUI support is on only if its mount is there.
fn gui(settings: &Settings) -> bool {
    Path::new(&format!("{}wslg/runtime-dir", settings.automount_root)).exists()
}

fn standard_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    // No controlling terminal out of the stand-in for the log.
    let log = rustix::fs::open(
        "/dev/kmsg",
        OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&log)?;
    Ok(())
}

fn safe_mode(settings: &mut Settings) {
    for switch in [
        &mut settings.automount_enabled,
        &mut settings.automount_ldconfig,
        &mut settings.automount_mount_fstab,
        &mut settings.boot_systemd,
        &mut settings.network_generate_hosts,
        &mut settings.network_generate_resolv_conf,
        &mut settings.file_server_enabled,
        &mut settings.gpu_append_lib_path,
        &mut settings.gpu_enabled,
        &mut settings.interop_append_windows_path,
        &mut settings.interop_enabled,
        &mut settings.time_use_windows_timezone,
    ] {
        *switch = false;
    }
    settings.boot_command = None;
}

/// Where the distribution's processes are kept (W§5.4).
#[derive(Clone, Copy)]
pub struct Group {
    /// With a subdirectory for systemd and one for everything else.
    divided: bool,
}

impl Group {
    /// Moves this process to `systemd` or `non-systemd`.
    pub fn join(self, name: &str) {
        let path = if self.divided {
            format!("{CGROUPS}/{name}/cgroup.procs")
        } else {
            format!("{CGROUPS}/cgroup.procs")
        };
        if let Err(error) = fs::write(&path, "0") {
            wsl_error!("init", "{path}: {error}");
        }
    }
}

fn cgroups(outside: &Settings) -> Result<Group> {
    let group = Group { divided: outside.boot_systemd };
    fs::create_dir_all(CGROUPS).doing("make", CGROUPS)?;
    if group.divided {
        for name in ["systemd", "non-systemd"] {
            let path = format!("{CGROUPS}/{name}");
            fs::create_dir_all(&path).doing("make", &path)?;
        }
    }
    group.join("non-systemd");
    // Whatever controllers the machine offers here; on a hybrid hierarchy none.
    for directory in ["/sys/fs/cgroup", "/sys/fs/cgroup/wsl-user", CGROUPS] {
        let available = fs::read_to_string(format!("{directory}/cgroup.controllers")).unwrap_or_default();
        for controller in available.split_whitespace() {
            let _ = fs::write(format!("{directory}/cgroup.subtree_control"), format!("+{controller}"));
        }
    }
    Ok(group)
}

fn lock_binfmt_status() -> Result<()> {
    let (lock, status) = ("/run/wsl/binfmt-status-lock", "/proc/sys/fs/binfmt_misc/status");
    fs::create_dir_all("/run/wsl").doing("make", "/run/wsl")?;
    fs::write(lock, "enabled\n").doing("write", lock)?;
    mount_bind(lock, status).doing("bind", status)?;
    mount_remount(status, MountFlags::BIND | MountFlags::RDONLY, "").doing("protect", status)
}

fn generators(gui: bool) -> Result<()> {
    let mut all = vec![("/run/systemd/system-generators", "wsl-generator")];
    if gui {
        all.push(("/run/systemd/user-generators", "wsl-user-generator"));
    }
    for (folder, name) in all {
        fs::create_dir_all(folder).doing("make", folder)?;
        symlink("/init", format!("{folder}/{name}")).doing("link", name)?;
    }
    Ok(())
}

/// A process that ends the distribution when WSL's init dies.
fn watch_parent() -> Result<()> {
    let parent = rustix::process::getpid();
    let pidfd = rustix::process::pidfd_open(parent, PidfdFlags::empty()).doing("watch", "WSL's init")?;
    if fork().doing("fork", "the watcher")?.is_none() {
        let _ = protocol::retry(|| poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None));
        let _ = rustix::system::reboot(RebootCommand::PowerOff);
        std::process::exit(1);
    }
    Ok(())
}

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

impl Init<'_> {
    /// Notes what WSL keeps to itself.
    fn hide(&mut self, what: &str) {
        wsl_error!("wsl-sim", "{what}");
        let _ = writeln!(self.report, "{what}");
        self.configured.hidden.push(what.into());
    }

    fn serve(mut self, listener: &OwnedFd) -> ! {
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
