//! `/bin/sh` and the other programs of the root that lead into the newest generation.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    nixos_wsl::session::forward::run(&argv, nixos_wsl::boot::builtin::run)
}
