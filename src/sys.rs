//! The system calls that neither `std` nor `rustix` offers: signal dispositions and the signal mask.
#![allow(unsafe_code)]

/// Gives every signal its default disposition and empties the signal mask.
///
/// WSL starts `/sbin/init` with nearly every signal ignored (W§5.1); ignored signals survive `execve`, and a child of an
/// activation script that inherits `SIGCHLD` ignored cannot wait for its own children (U§3 F9).
pub fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL runs no code of ours. KILL, STOP and the C library's own signals answer EINVAL, which is fine.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: `set` is initialised by sigemptyset before sigprocmask reads it, and lives for both calls.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// Gives `SIGCHLD` its default disposition: WSL's background login shell starts with it ignored (W§5.3, U§3 F16).
pub fn default_sigchld() {
    // SAFETY: SIG_DFL runs no code of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Ignores `SIGCHLD`, so that the kernel reaps children that nobody waits for.
pub fn ignore_sigchld() {
    // SAFETY: SIG_IGN runs no code of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}
