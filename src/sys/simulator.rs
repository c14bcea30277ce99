//! The system calls of the simulator that neither `std` nor `rustix` offers.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{fs, io};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Kills the child with `SIGKILL` when the thread that starts it ends.
pub fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    // SAFETY: prctl and getppid are async-signal-safe and touch nothing of this process's memory.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // It may have died before it was asked.
            if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
        });
    }
}

/// Splits the process in two: `None` in the child.
///
/// # Errors
///
/// The system's; also if this process has threads, whose locks the child could never take.
pub fn fork() -> io::Result<Option<Pid>> {
    if fs::read_dir("/proc/self/task")?.count() > 1 {
        return Err(io::Error::other("fork in a process with threads"));
    }
    // SAFETY: this is the only thread, so the child finds every lock and the heap in a consistent state.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Leaves the given namespaces for new ones.
///
/// # Errors
///
/// The system's.
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    if flags.contains(UnshareFlags::FILES) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the descriptor table stays shared, which is what the I/O safety of others depends on.
    Ok(unsafe { unshare_unsafe(flags) }?)
}

/// Ignores every signal that WSL's init ignores: all but `KILL`, `STOP`, `CONT`, `HUP` and 32 to 34 (W§4.2).
pub fn ignore_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        if [libc::SIGKILL, libc::SIGSTOP, libc::SIGCONT, libc::SIGHUP].contains(&signal)
            || (32..=34).contains(&signal)
        {
            continue;
        }
        // SAFETY: SIG_IGN runs no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// `SIOCSIFFLAGS`, whose type differs between C libraries (musl's `ioctl` takes an `int`, glibc's an `unsigned long`).
const SET_FLAGS: libc::Ioctl = 0x8914;

/// Switches the loopback interface of this network namespace on.
///
/// # Errors
///
/// The system's.
pub fn loopback_up() -> io::Result<()> {
    // SAFETY: an ifreq is plain data, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or_default();
    // SAFETY: the socket is ours and closed once; `request` outlives the call, which reads it.
    unsafe {
        let socket: c_int = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        let result = libc::ioctl(socket, SET_FLAGS, &raw mut request);
        let error = io::Error::last_os_error();
        libc::close(socket);
        if result < 0 { Err(error) } else { Ok(()) }
    }
}

/// Replaces this process's program. Nothing about signals or descriptors is touched on the way.
#[must_use]
pub fn execve(program: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both vectors end in null and point to strings that live until the call returns, if it does.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}
