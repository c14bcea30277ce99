//! The process that owns a running distribution: it starts PID 1 in new namespaces, keeps the log, and cleans up.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions};
use rustix::pty::OpenptFlags;
use rustix::thread::UnshareFlags;
use serde::{Deserialize, Serialize};

use crate::sim::error::{Doing, Error, Result};
use crate::sim::instance::{Record, socket_address};
use crate::sim::process::Identity;
use crate::sim::registration::Registration;
use crate::sim::root::Root;
use crate::sim::store::Snapshot;
use crate::sim::{cgroup, first};
use crate::sys::simulator::{fork, unshare};
use crate::wsl::settings::Settings;

/// The supervisor's `argv[0]`, by which the program knows what it is.
pub const NAME: &str = "wsl-sim-supervisor";

/// The file in a distribution's folder that tells the supervisor what to start.
pub const REQUEST: &str = "start.json";

/// `WSLg` in the simulated VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wslg {
    /// With sockets for X11, Wayland and sound.
    Present,
    /// The directories without Wayland's socket.
    Headless,
    /// Switched off.
    Absent,
}

/// All that a start depends on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The distribution's folder in the registry.
    pub folder: PathBuf,
    /// Its root directory.
    pub root: PathBuf,
    /// Its name.
    pub name: String,
    /// The registry's default user.
    pub default_uid: u32,
    /// Static program for `/init`.
    pub init: PathBuf,
    /// The Windows machine's name.
    pub hostname: String,
    /// IANA name of the Windows time zone.
    pub timezone: String,
    /// Letters of the Windows drives.
    pub drives: String,
    /// The Windows PATH, translated.
    pub windows_path: String,
    /// See [`Wslg`].
    pub wslg: Wslg,
    /// `.wslconfig`'s safe mode.
    pub safe_mode: bool,
    /// Read the whole store before and after.
    pub full_hash: bool,
}

impl Start {
    /// What the environment says (see `--help`).
    ///
    /// # Errors
    ///
    /// A variable has no valid value, or there is no static program for `/init`.
    pub fn from_environment(folder: &Path, registration: &Registration) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let wslg = match variable("WSL_SIM_WSLG").as_deref() {
            None | Some("present") => Wslg::Present,
            Some("headless") => Wslg::Headless,
            Some("absent") => Wslg::Absent,
            Some(other) => {
                return Err(Error::Missing(format!(
                    "WSL_SIM_WSLG is present, headless or absent, not {other:?}"
                )));
            }
        };
        let machine = rustix::system::uname();
        Ok(Self {
            folder: folder.into(),
            root: registration.root(),
            name: registration.distribution_name.clone(),
            default_uid: registration.default_uid,
            init: static_init()?,
            hostname: variable("WSL_SIM_HOSTNAME")
                .unwrap_or_else(|| machine.nodename().to_string_lossy().into_owned()),
            timezone: variable("WSL_SIM_TIMEZONE").unwrap_or_else(|| "Etc/UTC".into()),
            drives: variable("WSL_SIM_DRIVES").unwrap_or_else(|| "c".into()),
            windows_path: variable("WSL_SIM_WINDOWS_PATH")
                .unwrap_or_else(|| "/mnt/c/Windows/system32:/mnt/c/Windows".into()),
            wslg,
            safe_mode: variable("WSL_SIM_SAFE_MODE").as_deref() == Some("1"),
            full_hash: variable("WSL_SIM_STORE_HASH").as_deref() == Some("full"),
        })
    }
}

fn static_init() -> Result<PathBuf> {
    let own = std::env::current_exe().doing("find", "wsl-sim itself")?;
    let given = std::env::var_os("WSL_SIM_INIT").map(PathBuf::from);
    let path = given.unwrap_or(own);
    if is_static(&path).doing("read", &path)? {
        return Ok(path);
    }
    Err(Error::Missing(format!(
        "{} is linked dynamically and cannot be /init in a distribution.\n\
         Build a static one with checks/tools, or name one in WSL_SIM_INIT.",
        path.display(),
    )))
}

/// Whether an ELF file asks for no interpreter.
fn is_static(path: &Path) -> io::Result<bool> {
    let mut head = vec![0; 4096];
    let count = File::open(path)?.read(&mut head)?;
    head.truncate(count);
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = head.get(at..at + size)?;
        bytes.iter().rev().try_fold(0_usize, |value, &byte| value.checked_mul(256)?.checked_add(byte.into()))
    };
    let headers = || -> Option<bool> {
        let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let types = (0..count).map(|index| number(table + index * size, 4));
        types.collect::<Option<Vec<_>>>().map(|types| !types.contains(&3))
    };
    Ok(head.starts_with(b"\x7fELF\x02\x01") && headers().unwrap_or(false))
}

/// Runs as the supervisor, for the request in its working directory. Standard input is the lock of the distribution; standard output
/// goes to the client that waits for the first line.
///
/// # Errors
///
/// The distribution did not start, or ended in a way that says why.
pub fn run() -> Result<()> {
    let json = fs::read(REQUEST).doing("read", REQUEST)?;
    fs::remove_file(REQUEST).doing("delete", REQUEST)?;
    rustix::process::chdir("/").doing("enter", "/")?;
    let start: Start = serde_json::from_slice(&json).map_err(io::Error::from).doing("decode", REQUEST)?;
    rustix::process::setsid().doing("start a session", "")?;
    let own = Identity::own();
    let group = cgroup::hierarchy()?.join(format!("wsl-sim-{}-{}", own.pid, own.start));
    let outside = Root(&start.root).read_from_outside("/etc/wsl.conf").unwrap_or_default();
    let (outside, _) = Settings::parse(&outside);
    let mut record = Record { supervisor: own, cgroup: group.clone(), timeout: 10_000 };
    record.write(&start.folder)?;
    let result = supervise(&start, &outside, &mut record);
    let removed = cgroup::remove(&group);
    for name in ["socket", "instance.json"] {
        let _ = fs::remove_file(start.folder.join(name));
    }
    result.and(removed)
}

fn supervise(start: &Start, outside: &Settings, record: &mut Record) -> Result<()> {
    let report = start.folder.join("report");
    File::create(&report).doing("write", &report)?;
    let log = start.folder.join("kmsg.log");
    let mut log = File::create(&log).doing("write", &log)?;
    let listener = listen(&start.folder).doing("listen in", &start.folder)?;
    fs::create_dir(&record.cgroup)
        .map_err(|error| Error::privilege(&format!("make {}", record.cgroup.display()), &error))?;
    // Recorded and reachable: from here on others may come, and clean up after this process.
    let null = File::open("/dev/null").doing("open", "/dev/null")?;
    rustix::stdio::dup2_stdin(&null).doing("release", "the lock")?;
    let store = Snapshot::take(&start.root, start.full_hash);
    let (kmsg, kmsg_inside) = kernel_log().doing("make a terminal for", "/dev/kmsg")?;
    let (mut failure, failure_inside) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .doing("make a pipe", "")
        .map(|(r, w)| (File::from(r), w))?;
    unshare(UnshareFlags::NEWPID).map_err(|error| Error::privilege("make a process namespace", &error))?;
    let Some(child) = fork().doing("fork", "")? else {
        drop((kmsg, failure));
        let given =
            first::First { start, outside, store, group: &record.cgroup, kmsg: kmsg_inside, listener };
        let error = first::first(given);
        let _ = File::from(failure_inside).write_all(error.to_string().as_bytes());
        std::process::exit(1);
    };
    // The slave side stays open here, or the log would end whenever nobody inside has it open.
    drop((failure_inside, listener, store));
    println!("listening");
    let settings = Settings::parse(&Root(&start.root).read("/etc/wsl.conf").unwrap_or_default()).0;
    record.timeout = settings.boot_init_timeout.max(0).unsigned_abs().into();
    record.write(&start.folder)?;
    let status = watch(child, &kmsg, &mut log).doing("watch", "PID 1")?;
    let mut text = String::new();
    failure.read_to_string(&mut text).doing("read from", "PID 1")?;
    // The client that started the distribution reads this if its connection has ended early.
    if text.is_empty() {
        eprintln!("PID 1 ended: {status}");
    } else {
        println!("{}", text.trim_end().replace('\n', "\u{1f}"));
    }
    Ok(())
}

fn listen(folder: &Path) -> io::Result<OwnedFd> {
    let _ = fs::remove_file(folder.join("socket"));
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let (_directory, address) = socket_address(folder)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, 128)?;
    Ok(socket)
}

/// A terminal whose slave side stands in for `/dev/kmsg`: writes arrive here, and nobody's reads take them away.
fn kernel_log() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::unlockpt(&master)?;
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags)?;
    let mut modes = rustix::termios::tcgetattr(&slave)?;
    modes.make_raw();
    rustix::termios::tcsetattr(&slave, rustix::termios::OptionalActions::Now, &modes)?;
    Ok((master, slave))
}

/// Copies the log until PID 1 ends, and reaps it.
fn watch(child: Pid, kmsg: &OwnedFd, log: &mut File) -> io::Result<String> {
    let pidfd = rustix::process::pidfd_open(child, PidfdFlags::empty())?;
    let mut logging = true;
    loop {
        let mut events = vec![PollFd::new(&pidfd, PollFlags::IN)];
        if logging {
            events.push(PollFd::new(kmsg, PollFlags::IN));
        }
        match poll(&mut events, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ended = !events[0].revents().is_empty();
        let readable = events.get(1).is_some_and(|event| !event.revents().is_empty());
        if readable {
            let mut buffer = [0; 4096];
            // The terminal answers EIO while nobody inside has it open.
            match rustix::io::read(kmsg, &mut buffer) {
                Ok(count) if count > 0 => log.write_all(&buffer[..count])?,
                Err(Errno::INTR | Errno::AGAIN) => {}
                _ => logging = false,
            }
        } else if ended {
            let status = rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)?;
            return Ok(match status {
                Some(status) => match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => format!("exit code {code}"),
                    (_, Some(signal)) => format!("signal {signal}"),
                    _ => "no status".into(),
                },
                None => "no status".into(),
            });
        }
    }
}
