//! The users' login shell: sets the environment and becomes the real shell, beside systemd where that is elsewhere.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use dlmalloc::GlobalDlmalloc;

/// One mapping for all that a start allocates. The C library's allocator makes and removes one for nearly every page.
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    nixos_wsl::namespace::go_inside(&argv);
    nixos_wsl::session::login::run(&argv, nixos_wsl::boot::builtin::run)
}
