//! The virtual machine of a registry, seen from outside: it begins with the first distribution and ends with the last.
//!
//! Two files order it. Whoever runs a distribution holds `vm.users` as one of many; the machine's first process waits to
//! have it alone, which is when everybody has been killed. Who joins, leaves or ends the machine holds `vm.lock` meanwhile,
//! and takes it after the other.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::sim::host::cgroup;
use crate::sim::host::disks::attach::{self as disks, restore};
use crate::sim::host::record::running;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::delete;
use crate::sim::wire::version::WslVersion;
use crate::sim::wire::vm::Vm;
use crate::sim::wire::wslconfig::VmIdleTimeout;
use crate::system::error::{Context, Failure};

/// `argv[0]` of the machine's first process, by which the program knows what it is.
pub const MINI_INIT: &str = "wsl-sim-vm";
/// What the first process says once the machine is there.
pub const READY: &str = "ready";

const USERS: &str = "vm.users";
const LOCK: &str = "vm.lock";
/// Where its first process mounts `/mnt/wsl`, in its own mount namespace alone.
const SHARED: &str = "vm.shared";

/// The part of one distribution in its virtual machine.
pub struct VmMember {
    /// The machine.
    pub vm: Vm,
    /// Its first process.
    pub init: OwnedFd,
    /// Kept while the distribution runs.
    _users: File,
}

fn lock_file(home: &Path, name: &str) -> Result<File, Failure> {
    let path = home.join(name);
    File::options().create(true).append(true).open(&path).doing_at("open", &path)
}

/// The lock of every change.
///
/// # Errors
///
/// The system's.
pub fn lock(home: &Path) -> Result<File, Failure> {
    let file = lock_file(home, LOCK)?;
    file.lock().doing_at("lock", home.join(LOCK))?;
    Ok(file)
}

/// Waits until nobody has run a distribution for the time-out, and keeps it so while the file is open.
///
/// # Errors
///
/// The system's.
pub fn wait_until_idle(home: &Path, timeout: VmIdleTimeout) -> Result<File, Failure> {
    let file = lock_file(home, USERS)?;
    loop {
        file.lock().doing_at("lock", home.join(USERS))?;
        let rest = match timeout {
            VmIdleTimeout::After(0) => return Ok(file),
            VmIdleTimeout::After(milliseconds) => Duration::from_millis(milliseconds.into()),
            VmIdleTimeout::Never => Duration::from_secs(3600),
        };
        file.unlock().doing_at("unlock", home.join(USERS))?;
        std::thread::sleep(rest);
        if timeout != VmIdleTimeout::Never && file.try_lock().is_ok() {
            return Ok(file);
        }
    }
}

/// Joins the virtual machine of a registry; starts it if it does not run. The caller's distribution is recorded already.
///
/// # Errors
///
/// It cannot be started.
pub fn join(home: &Path, version: WslVersion, limit: Duration) -> Result<VmMember> {
    let users = lock_file(home, USERS)?;
    users.lock_shared().doing_at("lock", home.join(USERS))?;
    let lock = lock(home)?;
    let vm = match Vm::read(home) {
        Some(vm) if vm.init.alive() && vm.shared.is_dir() => vm,
        _ => {
            end(home, limit)?;
            let vm = start(home, version, &lock)?;
            restore(home, &vm)?;
            vm
        }
    };
    drop(lock);
    let init = vm.init.open().doing("find the virtual machine")?;
    let init = init.ok_or_else(|| Error::Missing("the virtual machine has ended".into()))?;
    Ok(VmMember { vm, init, _users: users })
}

/// Leaves the virtual machine, which ends with its last distribution. `forget` removes the record of the caller's.
///
/// # Errors
///
/// Something of the machine cannot be removed.
pub fn end_with_the_last(
    home: &Path,
    folder: &Path,
    limit: Duration,
    forget: impl FnOnce(),
) -> Result<(), Failure> {
    let _lock = lock(home)?;
    forget();
    let folders = fs::read_dir(home.join("distributions")).into_iter().flatten().flatten();
    let mut others = folders.map(|entry| entry.path()).filter(|other| other != folder);
    if others.any(|other| running(&other)) || waits(home) { Ok(()) } else { end(home, limit) }
}

/// Whether the machine's first process ends it after its time-out, and nobody else.
fn waits(home: &Path) -> bool {
    Vm::read(home).is_some_and(|vm| vm.idle_timeout != VmIdleTimeout::After(0) && vm.init.alive())
}

/// Ends the virtual machine, and what runs in it, at once. The next one has none of its disks.
///
/// # Errors
///
/// Something of it cannot be removed.
pub fn shut_down(home: &Path, limit: Duration) -> Result<(), Failure> {
    let _lock = lock(home)?;
    end(home, limit)?;
    // Under the lock: the next machine would attach them again, and its records are its own.
    disks::forget(home)
}

/// Ends a virtual machine whose distributions, and its first process with them, were killed.
///
/// # Errors
///
/// Something of it cannot be removed.
pub fn remove_ended(home: &Path, limit: Duration) -> Result<(), Failure> {
    let parts = [Vm::RECORD, SHARED];
    if !parts.iter().any(|part| home.join(part).exists()) || waits(home) {
        return Ok(());
    }
    // Another has it: a distribution, or the first process itself, which is about to end.
    let users = lock_file(home, USERS)?;
    if users.try_lock().is_err() {
        return Ok(());
    }
    let _lock = lock(home)?;
    end(home, limit)
}

/// Ends the machine of the record, if there is one, with all that still runs in it. Needs the lock.
///
/// # Errors
///
/// Something of it cannot be removed.
pub fn end(home: &Path, limit: Duration) -> Result<(), Failure> {
    // First: from here on nobody joins it, also where the caller is killed before its first process has died.
    match fs::remove_dir(home.join(SHARED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).doing_at("delete", home.join(SHARED));
        }
        _ => {}
    }
    if let Some(vm) = Vm::read(home) {
        kill(&vm);
        cgroup::remove(&vm.cgroup, limit)?;
        disks::free(home)?;
    }
    // The record comes last: until it is gone, the rest can be found.
    delete(&home.join(Vm::RECORD))
}

/// Kills the first process, unless that is the caller.
fn kill(vm: &Vm) {
    if vm.init.pid == std::process::id() {
        return;
    }
    if let Ok(Some(init)) = vm.init.open() {
        let _ = rustix::process::pidfd_send_signal(init, Signal::KILL);
    }
}

/// The first process has the lock too, until the machine is whole: where the caller is killed meanwhile, nobody else
/// starts one beside it.
fn start(home: &Path, version: WslVersion, lock: &File) -> Result<Vm> {
    let lock = lock.try_clone().doing_at("copy the lock", home.join(LOCK))?;
    let shared = home.join(SHARED);
    fs::create_dir_all(&shared).doing_at("make", &shared)?;
    let mut child = Command::new("/proc/self/exe")
        .arg0(MINI_INIT)
        .arg(home)
        .arg(version.to_string())
        .stdin(lock)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .current_dir("/")
        .spawn()
        .doing("start the virtual machine")?;
    let mut line = String::new();
    let output = child.stdout.take().ok_or_else(|| Error::Missing("no pipe".into()))?;
    BufReader::new(output).read_line(&mut line).doing("read from the virtual machine")?;
    match (line.trim_end(), Vm::read(home)) {
        (READY, Some(vm)) => Ok(vm),
        (text, _) => {
            let _ = child.wait();
            let text = if text.is_empty() { "the virtual machine ended without a word" } else { text };
            Err(Error::Missing(text.trim_start_matches("wsl-sim: ").replace('\u{1f}', "\n")))
        }
    }
}

/// Where the machine of a registry has, or will have, what its distributions share.
#[must_use]
pub fn shared(home: &Path) -> PathBuf {
    home.join(SHARED)
}
