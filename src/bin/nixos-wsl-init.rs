//! `/sbin/init`: activates a generation and becomes its systemd.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::process::id() != 1 {
        eprintln!("nixos-wsl-init: WSL starts this program as process 1; nothing to do here");
        return ExitCode::FAILURE;
    }
    let argv: Vec<_> = std::env::args_os().collect();
    if argv.get(1).is_some_and(|argument| argument == "--namespace") {
        nixos_wsl::boot::boot_namespace()
    }
    nixos_wsl::boot::boot(&argv)
}
