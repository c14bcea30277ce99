//! `/bin/sh` and the other programs of the root that lead into the newest generation.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use dlmalloc::GlobalDlmalloc;

/// One mapping for all that a start allocates. The C library's allocator makes and removes one for nearly every page.
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    nixos_wsl::session::forward::run(&argv, nixos_wsl::boot::builtin::run)
}
