//! The system calls of namespace mode that neither `std` nor `rustix` offers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::process::Pid;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// `SIGRTMIN+4`, which systemd takes for "power off"; 34 is its C library's `SIGRTMIN`, whatever ours is.
pub const POWER_OFF: i32 = 38;

/// The larger of the kernel's two versions of these arguments that matter here: up to `cgroup` (Linux 5.7).
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// New namespaces for a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespaces {
    /// Those that its parent has chosen for its children.
    Inherited,
    /// Process ids and mounts of its own.
    ProcessesAndMounts,
}

/// Splits the process in two: `None` in the child, the child's id and a descriptor of it in the parent.
///
/// The child begins in `cgroup`, if one is given.
///
/// # Errors
/// Those of `clone3(2)`; also if this process has threads, whose locks the child could never take.
pub fn split(namespaces: Namespaces, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Option<(Pid, OwnedFd)>> {
    if std::fs::read_dir("/proc/self/task")?.count() > 1 {
        return Err(io::Error::other("fork in a process with threads"));
    }
    let mut pidfd: i32 = -1;
    let mut arguments = CloneArguments {
        flags: libc::CLONE_PIDFD as u64,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArguments::default()
    };
    if namespaces == Namespaces::ProcessesAndMounts {
        arguments.flags |= (libc::CLONE_NEWPID | libc::CLONE_NEWNS) as u64;
    }
    if let Some(cgroup) = cgroup {
        arguments.flags |= 0x2_0000_0000; // CLONE_INTO_CGROUP, which libc does not have for every C library
        arguments.cgroup = u64::from(cgroup.as_raw_fd().unsigned_abs());
    }
    // SAFETY: without CLONE_VM the child has its own copy of memory and stack; this is the only thread, so that copy is
    // consistent. The kernel writes one descriptor to `pidfd`, which outlives the call.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArguments>()) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        _ => {
            // SAFETY: the kernel has just made this descriptor for us.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            pid.map(|pid| Some((pid, pidfd))).ok_or_else(|| io::Error::other("no process id"))
        }
    }
}

/// Leaves namespaces for new ones.
///
/// # Errors
/// Those of `unshare(2)`; the descriptor table stays shared.
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    if flags.contains(UnshareFlags::FILES) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: without FILES no descriptor changes hands.
    Ok(unsafe { unshare_unsafe(flags) }?)
}

/// Lets a mount that is attached nowhere be written to.
///
/// # Errors
/// Those of `mount_setattr(2)`.
pub fn make_writable(mount: BorrowedFd<'_>) -> io::Result<()> {
    // Flags to set, flags to clear, propagation, user namespace.
    let attributes: [u64; 4] = [0, libc::MOUNT_ATTR_RDONLY, 0, 0];
    // SAFETY: the kernel reads 32 bytes of ours, and an empty path that ends in 0.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes every descriptor from `first` on. Only for the start of a program, before it owns any of them.
pub fn close_from(first: u32) {
    // SAFETY: the caller has opened none of these yet, so nobody's descriptor is taken away.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

/// Blocks every signal that can be blocked.
pub fn block_signals() {
    // SAFETY: `mask` is initialised by sigfillset before sigprocmask reads it, and lives for both calls.
    unsafe {
        let mut mask = std::mem::zeroed();
        libc::sigfillset(&raw mut mask);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const mask, std::ptr::null_mut());
    }
}

/// A blocked signal that has come: its number, and whether the kernel sent it (a terminal's `^C`) and no process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceivedSignal {
    /// The signal's number.
    pub signal: i32,
    /// It comes from the kernel.
    pub kernel: bool,
}

/// Waits for one of the blocked signals.
///
/// # Errors
/// Those of `sigwaitinfo(2)`.
pub fn next_signal() -> io::Result<ReceivedSignal> {
    // SAFETY: mask and info are plain data that live for the calls; sigfillset initialises the mask.
    unsafe {
        let mut mask = std::mem::zeroed();
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::sigfillset(&raw mut mask);
        match libc::sigwaitinfo(&raw const mask, &raw mut info) {
            -1 => Err(io::Error::last_os_error()),
            signal => Ok(ReceivedSignal { signal, kernel: info.si_code > 0 }),
        }
    }
}

/// Sends any signal, real-time ones too, to the process of a descriptor.
///
/// # Errors
/// Those of `pidfd_send_signal(2)`.
pub fn send(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let information = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open, and no siginfo is read from a null pointer.
    match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, information, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends this process by a signal, as the process it stands for has ended.
pub fn die_of(signal: i32) -> ! {
    super::reset_signals();
    // SAFETY: the signal goes to this process alone.
    unsafe { libc::kill(libc::getpid(), signal) };
    std::process::exit(128 + signal)
}

/// Stops this process as `SIGSTOP` does, until it is continued.
pub fn stop() {
    // SAFETY: the signal goes to this process alone.
    unsafe { libc::kill(libc::getpid(), libc::SIGSTOP) };
}

/// Puts a copy of a descriptor at exactly this number, open across `execve`.
///
/// # Errors
/// Those of `dup2(2)`.
pub fn place(descriptor: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    // SAFETY: only called right before execve, when nothing here uses what the number stood for. A descriptor that has the
    // number already is no copy, and would be closed by execve.
    let result = unsafe {
        if descriptor.as_raw_fd() == number {
            libc::fcntl(number, libc::F_SETFD, 0)
        } else {
            libc::dup2(descriptor.as_raw_fd(), number)
        }
    };
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Takes over a descriptor that was passed by its number; nothing if it is not open or one of the standard streams.
#[must_use]
pub fn passed(number: i32) -> Option<OwnedFd> {
    // SAFETY: F_GETFD reads a flag, and only of a descriptor that is open.
    if number < 3 || unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return None;
    }
    // SAFETY: it is open, and was opened by nobody in this program, which has just started.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The process group of this process as it sees it: 0 if its leader lives in a process namespace outside.
#[must_use]
pub fn own_group() -> i32 {
    // SAFETY: reads a number of this process.
    unsafe { libc::getpgrp() }
}

/// Whether this process leads its session.
#[must_use]
pub fn leads_session() -> bool {
    // SAFETY: both read a number of this process.
    unsafe { libc::getsid(0) == libc::getpid() }
}

/// The foreground process group of a terminal; nothing if it is not this session's terminal.
#[must_use]
pub fn foreground(terminal: BorrowedFd<'_>) -> Option<i32> {
    // SAFETY: asks the terminal for a number.
    Some(unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) }).filter(|&group| group >= 0)
}

/// Changes the foreground process group of a terminal; signals are blocked, so that this is no reason to be stopped.
pub fn set_foreground(terminal: BorrowedFd<'_>, group: i32) {
    // SAFETY: tells the terminal a number.
    unsafe { libc::tcsetpgrp(terminal.as_raw_fd(), group) };
}
