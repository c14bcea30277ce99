//! Starts or joins the systemd of namespace mode, and opens the caller's shell there. Installed setuid root.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    nixos_wsl::namespace::helper::run()
}
