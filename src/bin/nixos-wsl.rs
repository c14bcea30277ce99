//! The command line tool.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nixos_wsl::command::accounts::{self, Program};
use nixos_wsl::command::arguments::{Arguments, Command};
use nixos_wsl::command::oobe::FirstStart;
use nixos_wsl::command::output::print;
use nixos_wsl::command::{
    CommandError, Outcome, apply, boot, doctor, generations, logs, oobe, recover, status, stop, units,
    version,
};
use nixos_wsl::features::drivers::Drivers;
use nixos_wsl::features::usbip::Device;
use nixos_wsl::features::x11;
use nixos_wsl::system::root::Root;

fn main() -> ExitCode {
    nixos_wsl::sys::default_sigpipe();
    let outcome = match Arguments::parse().command {
        Command::AddUser(script) => return account(Program::AddUser, &script.arguments),
        Command::UserMod(script) => return account(Program::UserMod, &script.arguments),
        Command::DelUser(script) => return account(Program::DelUser, &script.arguments),
        command => run(command),
    };
    match outcome {
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
        Command::Doctor { root, format } => doctor::show(root, format),
        Command::Oobe { answers, unattended, script: _ } => oobe::run(&FirstStart { answers, unattended }),
        Command::Recover { root, action } => recover::run(root, action),
        Command::Version { json } => version::show(json),
        Command::Apply { file } => apply::run(&file),
        Command::LinkDrivers { drivers, windows, also, farm } => {
            units::link_drivers(&Drivers { nixos: &drivers, windows: &windows, also: &also }, &farm)
        }
        Command::StartMenu { user, folders } => units::start_menu(&user, folders),
        Command::CleanStore { store } => units::clean_store(&store),
        Command::TrustCertificates { base, folder, windows, ask } => {
            units::trust_certificates(&base, &folder, windows, ask)
        }
        Command::WindowsProxy { restart } => units::windows_proxy(restart.as_deref()),
        Command::PrepareStart { system: _ } => units::prepare_start(),
        Command::MountX11 { source, target } => Ok(x11::mount(&source, &target)?),
        Command::UsbipAttach { usbip, host, busid } => {
            units::usbip_attach(&Device { busid: &busid, host: host.as_deref(), usbip: &usbip })
        }
        Command::BootComplete { stopping, emergency } => units::boot_complete(stopping, emergency),
        Command::AddUser(_) | Command::UserMod(_) | Command::DelUser(_) => Ok(()),
    }
}

/// One of the programs of a stock launcher.
fn account(program: Program, arguments: &[OsString]) -> ExitCode {
    match accounts::run(program, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            for line in refusal.to_string().lines() {
                eprintln!("{}: {line}", program.name());
            }
            ExitCode::from(refusal.code)
        }
    }
}
