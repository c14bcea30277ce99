//! Every program of the installer distribution: installs the system over it, then becomes the program that was meant.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    nixos_wsl::install::run(&argv)
}
