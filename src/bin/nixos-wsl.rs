//! The command line tool.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nixos_wsl::command::accounts::{self, Program};
use nixos_wsl::command::arguments::{Arguments, Command};
use nixos_wsl::command::output::print;
use nixos_wsl::command::{
    CommandError, Outcome, apply, boot, doctor, generations, logs, recover, status, stop, units, version,
};
use nixos_wsl::features::drivers::Drivers;
use nixos_wsl::features::usbip::Device;
use nixos_wsl::system::root::Root;

fn main() -> ExitCode {
    nixos_wsl::sys::default_sigpipe();
    let name = std::env::args_os().next().unwrap_or_default();
    if let Some(program) = Program::of(Path::new(&name)) {
        return account(program);
    }
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nixos-wsl: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Generations => generations::show(&Root::default()),
        Command::Boot { number, once } => boot::choose(number, once),
        Command::Status => print(format_args!("systemd: {}", status::status())),
        Command::Enter { user } => Err(CommandError::Refused(status::open(user.as_deref(), &[]))),
        Command::Exec { user, command } => {
            Err(CommandError::Refused(status::open(user.as_deref(), &command)))
        }
        Command::Stop { timeout } => stop::stop(Duration::from_secs(timeout)),
        Command::Logs { journal } => logs::show(journal),
        Command::Doctor { root } => doctor::show(&Root::new(root)),
        Command::Recover { root, action } => recover::run(root, action),
        Command::Version { json } => version::show(json),
        Command::Apply { file } => apply::run(&file),
        Command::LinkDrivers { drivers, windows, also, farm } => {
            units::link_drivers(&Drivers { nixos: &drivers, windows: &windows, also: &also }, &farm)
        }
        Command::StartMenu { folders } => units::start_menu(folders),
        Command::UsbipAttach { usbip, host, busid } => {
            units::usbip_attach(&Device { busid: &busid, host: host.as_deref(), usbip: &usbip })
        }
        Command::BootComplete { stopping } => units::boot_complete(stopping),
    }
}

/// Under another name: one of the programs of a stock launcher.
fn account(program: Program) -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match accounts::run(program, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            for line in refusal.to_string().lines() {
                eprintln!("{}: {line}", program.name());
            }
            ExitCode::from(refusal.code)
        }
    }
}
