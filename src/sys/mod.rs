//! The system calls that neither `std` nor `rustix` offers: signal dispositions, the signal mask, a plain `execve`.
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr, OsString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Gives every signal its default disposition and empties the signal mask.
///
/// WSL starts `/sbin/init` with nearly every signal ignored (W§5.1); ignored signals survive `execve`, and a child of an
/// activation script that inherits `SIGCHLD` ignored cannot wait for its own children (U§3 F9).
pub fn reset_signals() {
    for signal in 1..=64 {
        set(signal, libc::SIG_DFL);
    }
    // SAFETY: `mask` is initialised by sigemptyset before sigprocmask reads it, and lives for both calls.
    unsafe {
        let mut mask = std::mem::zeroed();
        libc::sigemptyset(&raw mut mask);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const mask, std::ptr::null_mut());
    }
}

/// Gives `SIGCHLD` its default disposition: WSL's background login shell starts with it ignored (W§5.3, U§3 F16).
pub fn default_sigchld() {
    set(libc::SIGCHLD, libc::SIG_DFL);
}

/// Gives `SIGPIPE` its default disposition, which Rust's start-up takes away: a reader that has had enough ends the program.
pub fn default_sigpipe() {
    set(libc::SIGPIPE, libc::SIG_DFL);
}

/// Ignores what a terminal sends for Ctrl-C, Ctrl-\\, Ctrl-Z and when it is closed: short work is done whole. Programs that
/// are started meanwhile do the same.
pub fn ignore_terminal_signals() {
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGHUP] {
        set(signal, libc::SIG_IGN);
    }
}

/// Ignores `SIGCHLD`, so that the kernel reaps children that nobody waits for.
pub fn ignore_sigchld() {
    set(libc::SIGCHLD, libc::SIG_IGN);
}

/// Has memory of 128 KiB and more go back to the system as soon as it is freed. glibc otherwise takes what was once freed
/// for a size to keep at hand, for each thread (mallopt(3), `M_MMAP_THRESHOLD`); other C libraries do not.
pub fn give_back_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two numbers, and 128 KiB is the limit that it has at the start.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10);
    }
}

/// Zeroed memory that is in huge pages where the kernel has some: a large buffer that is written from its beginning to its end
/// costs a page fault for each 2 MiB instead of each 4 KiB.
#[must_use]
pub fn large_buffer(length: usize) -> Vec<u8> {
    let mut buffer = vec![0; length];
    let page = rustix::param::page_size();
    let start = buffer.as_ptr().align_offset(page);
    let whole = length.saturating_sub(start) / page * page;
    // SAFETY: the pages are all in the buffer, and the advice changes nothing of their contents; without huge pages it fails.
    unsafe {
        libc::madvise(buffer[start.min(length)..].as_mut_ptr().cast(), whole, libc::MADV_HUGEPAGE);
    }
    buffer
}

/// Does some work that waits for children, which a process with `SIGCHLD` ignored cannot: its disposition is what it was
/// afterwards.
pub fn with_children<T>(work: impl FnOnce() -> T) -> T {
    let before = set(libc::SIGCHLD, libc::SIG_DFL);
    let result = work();
    set(libc::SIGCHLD, before);
    result
}

/// Sets the disposition of one signal to `SIG_DFL` or `SIG_IGN`; gives the one that it had.
fn set(signal: i32, disposition: libc::sighandler_t) -> libc::sighandler_t {
    // The kernel's struct: handler, flags, restorer, mask. The C library's own call refuses the signals it uses itself.
    let action: [libc::sighandler_t; 4] = [disposition, 0, 0, 0];
    let mut before = action;
    // SAFETY: the kernel reads and writes 32 bytes of ours; neither disposition runs code of ours. KILL and STOP answer EINVAL.
    unsafe {
        libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), before.as_mut_ptr(), size_of::<u64>())
    };
    before[0]
}

/// Sets a variable of this process, for the program that it becomes. Only in programs without threads.
pub fn set_variable(name: &str, value: &OsStr) {
    // SAFETY: nothing else runs that could read the environment meanwhile.
    unsafe { std::env::set_var(name, value) };
}

/// Becomes another program; comes back only with the reason why that failed.
///
/// Unlike `std`'s, this never hands a file that is no program to `/bin/sh`. With `environment` absent the process keeps
/// its own. `SIGPIPE`, which Rust's start-up ignores, is given back its default.
pub fn execve(
    program: &Path,
    argv: impl IntoIterator<Item = impl AsRef<OsStr>>,
    environment: Option<&[(OsString, OsString)]>,
) -> std::io::Error {
    let (Ok(program), Ok(argv)) = (CString::new(program.as_os_str().as_bytes()), strings(argv)) else {
        return rustix::io::Errno::INVAL.into();
    };
    let variables = environment.map(|variables| {
        strings(variables.iter().map(|(name, value)| {
            let mut variable = name.clone();
            variable.push("=");
            variable.push(value);
            variable
        }))
    });
    default_sigpipe();
    let argv = pointers(&argv);
    match variables {
        Some(Ok(variables)) => {
            let variables = pointers(&variables);
            // SAFETY: both arrays end with null and point to strings that outlive the call.
            unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), variables.as_ptr()) };
        }
        Some(Err(_)) => return rustix::io::Errno::INVAL.into(),
        // SAFETY: as above; the environment is the process's own.
        None => drop(unsafe { libc::execv(program.as_ptr(), argv.as_ptr()) }),
    }
    std::io::Error::last_os_error()
}

fn strings(list: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Vec<CString>, std::ffi::NulError> {
    list.into_iter().map(|text| CString::new(text.as_ref().as_bytes())).collect()
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Gives the calling process a mount namespace of its own.
///
/// # Errors
/// Those of `unshare(2)`.
pub fn unshare_mounts() -> std::io::Result<()> {
    // SAFETY: CLONE_NEWNS changes which mounts are seen, no memory or file descriptor.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

#[cfg(feature = "sim")]
pub mod loops;
pub mod namespace;
#[cfg(feature = "sim")]
pub mod settings;
#[cfg(feature = "sim")]
pub mod simulator;
