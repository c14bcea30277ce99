//! The process that owns a running distribution: it starts PID 1 in new namespaces, keeps the log, and cleans up.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions};
use rustix::thread::UnshareFlags;

use crate::sim::host::cgroup;
use crate::sim::host::record::{InstanceRecord, RECORD, SOCKET, START, socket_address};
use crate::sim::host::rootfs::Rootfs;
use crate::sim::host::vhd::AttachedVhd;
use crate::sim::host::vm::{self, VmMember};
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::process::Identity;
use crate::sim::wire::start::{FirstProcess, Start};
use crate::sim::wire::terminal;
use crate::sys::simulator::{fork, unshare};
use crate::system::error::Context;
use crate::system::message;
use crate::wsl::settings::WslSettings;

/// Runs as the supervisor of the distribution in whose folder it is started. Standard input is the lock of the
/// distribution; standard output goes to the client that waits for the first line. `first` runs as PID 1 and returns
/// only if the distribution cannot be started.
///
/// # Errors
///
/// The distribution did not start, or ended in a way that says why.
pub fn run(first: impl FnOnce(FirstProcess<'_>) -> Error) -> Result<()> {
    let json = fs::read(START).doing_at("read", START)?;
    fs::remove_file(START).doing_at("delete", START)?;
    rustix::process::chdir("/").doing_at("enter", "/")?;
    let start: Start = serde_json::from_slice(&json).map_err(io::Error::from).doing_at("decode", START)?;
    rustix::process::setsid().doing("start a session")?;
    let own = Identity::own();
    let mut record = InstanceRecord {
        supervisor: own,
        cgroup: PathBuf::new(),
        first: None,
        timeout: milliseconds(start.time_factor.stretch(Duration::from_secs(10))),
    };
    record.write(&start.folder)?;
    let limit = start.time_factor.stretch(cgroup::KILL_LIMIT);
    let member = vm::join(&start.home, start.version, limit);
    let result = member.and_then(|member| {
        let vhd = start.vhd.as_deref().map(|disk| AttachedVhd::new(disk, &start.folder)).transpose()?;
        let result = supervise(&start, &mut record, &member, first);
        let detached = vhd.map_or(Ok(()), AttachedVhd::detach);
        result.and(detached.map_err(Error::from))
    });
    let left = vm::end_with_the_last(&start.home, &start.folder, limit, || {
        for name in [SOCKET, RECORD] {
            let _ = fs::remove_file(start.folder.join(name));
        }
    });
    result?;
    Ok(left?)
}

fn supervise(
    start: &Start,
    record: &mut InstanceRecord,
    member: &VmMember,
    first: impl FnOnce(FirstProcess<'_>) -> Error,
) -> Result<()> {
    let outside = Rootfs(&start.root).read_from_outside("/etc/wsl.conf").unwrap_or_default();
    let (outside, _) = WslSettings::parse(&outside);
    let report = start.folder.join("report");
    File::create(&report).doing_at("write", &report)?;
    let log = start.folder.join("kmsg.log");
    let mut log = File::create(&log).doing_at("write", &log)?;
    let listener = listen(&start.folder).doing_at("listen in", &start.folder)?;
    record.cgroup.clone_from(&member.vm.cgroup);
    record.write(&start.folder)?;
    // Recorded and reachable: from here on others may come, and clean up after this process.
    let null = File::open("/dev/null").doing_at("open", "/dev/null")?;
    rustix::stdio::dup2_stdin(&null).doing("release the lock")?;
    let (kmsg, kmsg_inside) = kernel_log().doing_at("make a terminal for", "/dev/kmsg")?;
    let (mut failure, failure_inside) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .doing("make a pipe")
        .map(|(r, w)| (File::from(r), w))?;
    unshare(UnshareFlags::NEWPID).map_err(|error| Error::privilege("make a process namespace", &error))?;
    let Some(child) = fork().doing("fork PID 1")? else {
        drop((kmsg, failure));
        let nsdelegate = cgroup::nsdelegate();
        let (vm, vm_init) = (&member.vm, &member.init);
        let error = first(FirstProcess {
            start,
            outside: &outside,
            vm,
            vm_init,
            nsdelegate,
            kmsg: kmsg_inside,
            listener,
        });
        let _ = File::from(failure_inside).write_all(error.to_string().as_bytes());
        std::process::exit(1);
    };
    // The slave side stays open here, or the log would end whenever nobody inside has it open.
    drop((failure_inside, listener));
    record.first = Identity::of(child.as_raw_nonzero().get().unsigned_abs());
    say("listening");
    let settings = WslSettings::parse(&Rootfs(&start.root).read("/etc/wsl.conf").unwrap_or_default()).0;
    let timeout = Duration::from_millis(settings.boot_init_timeout.max(0).unsigned_abs().into());
    record.timeout = milliseconds(start.time_factor.stretch(timeout));
    record.write(&start.folder)?;
    let status = watch(child, &kmsg, &mut log).doing("watch PID 1")?;
    let mut text = String::new();
    failure.read_to_string(&mut text).doing("read from PID 1")?;
    // The client that started the distribution reads this if its connection has ended early.
    if text.is_empty() {
        message::print_error(format_args!("PID 1 ended: {status}"));
    } else {
        say(&text.trim_end().replace('\n', "\u{1f}"));
    }
    Ok(())
}

/// Says a line to the client that started this, which may have been killed: the distribution goes on without it.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

fn listen(folder: &Path) -> io::Result<OwnedFd> {
    let _ = fs::remove_file(folder.join(SOCKET));
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let (_directory, address) = socket_address(folder)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, 128)?;
    Ok(socket)
}

/// A terminal whose slave side stands in for `/dev/kmsg`: writes arrive here, and nobody's reads take them away.
fn kernel_log() -> io::Result<(OwnedFd, OwnedFd)> {
    let (master, slave) = terminal::pair()?;
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
