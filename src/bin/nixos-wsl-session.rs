//! The first program of a session that `nixos-wsl-enter` has opened, and the login shell of a user who stays outside.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use nixos_wsl::namespace::resume::{self, Resume};
use nixos_wsl::{boot, session};

/// `EX_USAGE`: started by hand.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().skip(1).collect();
    match argv.split_first() {
        Some((word, argv)) if word == "outside" => session::login::run(argv, boot::builtin::run),
        Some((word, arguments)) if word == "inside" => match Resume::parse(arguments) {
            Some(resume) => {
                let Err(reason) = resume::run(&resume);
                eprintln!("nixos-wsl-session: {reason}");
                ExitCode::FAILURE
            }
            None => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("nixos-wsl-session: only nixos-wsl-enter starts this program");
    ExitCode::from(USAGE)
}
