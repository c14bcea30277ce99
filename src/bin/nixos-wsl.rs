//! The command line tool.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};

/// Looks after NixOS on WSL.
#[derive(Parser)]
#[command(name = "nixos-wsl", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says which version of the project and of NixOS this is
    Version {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

fn main() {
    match Arguments::parse().command {
        Command::Version { json } => {
            let version = env!("CARGO_PKG_VERSION");
            if json {
                println!("{{\"version\":\"{version}\"}}");
            } else {
                println!("nixos-wsl {version}");
            }
        }
    }
}
