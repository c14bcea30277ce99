//! The process that keeps a disk attached: until it is told to let go, or the virtual machine has ended. However it ends
//! itself, the disk is free then.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

use crate::sim::host::disks::contents::{LIMIT, VhdContents, wait_until_free};
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::process::{self, Identity};
use crate::sim::wire::vm::Vm;
use crate::sys::loops;
use crate::system::error::Context;
use crate::system::mounts;

/// `argv[0]` of such a process, by which the program knows what it is.
pub const HOLDER: &str = "wsl-sim-disk";

/// The folder in a registry where it sees the contents of its virtual disk, and nobody else anything.
const FOLDER: &str = "vm.disk";

const READY: &str = "attached ";

/// How long one may take to let go: more than each of its own steps together.
const END_LIMIT: Duration = LIMIT.saturating_mul(3);

/// Starts one for the running virtual machine of a registry: its identity, and the number of the loop device.
///
/// # Errors
///
/// The file is no disk, or the system's.
pub fn start(home: &Path, vm: &Vm, disk: &Path, vhd: bool) -> Result<(Identity, u32)> {
    let mut child = Command::new("/proc/self/exe")
        .arg0(HOLDER)
        .args([vm.init.pid.to_string(), vm.init.start.to_string()])
        .arg(if vhd { home.join(FOLDER) } else { PathBuf::new() })
        .arg(disk)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .doing("start the disk's process")?;
    let mut line = String::new();
    let output = child.stdout.take().ok_or_else(|| Error::Missing("no pipe".into()))?;
    BufReader::new(output).read_line(&mut line).doing("read from the disk's process")?;
    let number = line.trim_end().strip_prefix(READY).and_then(|number| number.parse().ok());
    if let (Some(number), Some(holder)) = (number, Identity::of(child.id())) {
        return Ok((holder, number));
    }
    let _ = child.wait();
    let text = if line.is_empty() { "the disk's process ended without a word" } else { line.trim_end() };
    Err(Error::Missing(text.replace('\u{1f}', "\n")))
}

/// Tells one to let go, and waits until it has; one that does not is killed.
///
/// # Errors
///
/// It does not even die of that, or the system's.
pub fn end(holder: Identity) -> io::Result<()> {
    let Some(holder) = holder.open()? else { return Ok(()) };
    process::end(&holder, [END_LIMIT; 2]).map(drop)
}

/// Waits for one of several events, however long it takes.
fn wait_for_any(events: &mut [PollFd<'_>]) -> io::Result<()> {
    loop {
        match poll(events, None) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

/// Runs as such a process, with the virtual machine's first process (its id and its start), the folder for a virtual disk's
/// contents, and the disk.
///
/// # Errors
///
/// The disk cannot be attached, or not be written at the end.
pub fn run((pid, start): (&str, &str), folder: &Path, disk: &Path) -> Result<()> {
    rustix::process::setsid().doing("start a session")?;
    let machine = pid.parse().ok().zip(start.parse().ok()).map(|(pid, start)| Identity { pid, start });
    let machine = machine.map_or(Ok(None), Identity::open).doing("find the virtual machine")?;
    let machine = machine.ok_or_else(|| Error::Missing("no virtual machine".into()))?;
    let (told, teller) = UnixStream::pair().doing("make a socket pair")?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGTERM, teller)
        .doing("wait for a signal")?;
    let given = if folder.as_os_str().is_empty() { None } else { Some(contents(folder, disk)?) };
    let file = given.as_ref().map_or(disk, |(_, file)| file);
    let attached = attach(file);
    let held = match attached {
        Ok((device, number)) => {
            partitions(number);
            let _ = writeln!(io::stdout(), "{READY}{number}");
            let null = File::open("/dev/null").doing_at("open", "/dev/null")?;
            rustix::stdio::dup2_stdout(&null).doing("close the pipe")?;
            let told = OwnedFd::from(told);
            let mut ends = [PollFd::new(&machine, PollFlags::IN), PollFd::new(&told, PollFlags::IN)];
            let waited = wait_for_any(&mut ends);
            drop(device);
            wait_until_free(&format!("7:{number}"));
            waited.doing("wait")
        }
        Err(error) => Err(error).doing_at("attach", disk),
    };
    if let Some((given, _)) = given {
        given.end()?;
    }
    Ok(held?)
}

fn attach(file: &Path) -> io::Result<(File, u32)> {
    loops::attach(&File::options().read(true).write(true).open(file)?)
}

/// Has the kernel know the disk's partitions also where it has been built without their tables, which is a matter of course
/// for WSL's. A disk without a table has none, and that is no failure.
fn partitions(number: u32) {
    let device = format!("/dev/loop{number}");
    let mut partx = Command::new("partx");
    let _ = partx.args(["--update", &device]).stdin(Stdio::null()).stdout(Stdio::null()).status();
}

/// A virtual disk's contents, where only this process sees them.
fn contents(folder: &Path, disk: &Path) -> Result<(VhdContents, PathBuf)> {
    fs::create_dir_all(folder).doing_at("make", folder)?;
    mounts::own().map_err(|failure| Error::privilege("make a mount namespace", failure.reason()))?;
    mount("tmpfs", folder, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=700")
        .doing_at("mount tmpfs on", folder)?;
    let file = folder.join("disk");
    Ok((VhdContents::new(disk, &file)?, file))
}
