//! Manual pages and completions of the command lines, written when the packages are built.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::{Arg, ArgAction, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::roff::{Roff, roman};
use nixos_wsl::accept::arguments::AcceptArguments;
use nixos_wsl::command::arguments::Arguments;
use nixos_wsl::image::arguments::ImageArguments;
use nixos_wsl::sim::cli::usage::USAGE;

const SIMULATOR: &str = "wsl-sim";

/// Writes `share/man`, and the folders in which bash, zsh and fish look for completions, below `directory`: of the programs
/// with these names, of all where there is none.
pub fn write(directory: &Path, programs: &[String]) -> anyhow::Result<()> {
    let wanted = |name: &str| programs.is_empty() || programs.iter().any(|program| program == name);
    let own = [Arguments::command(), ImageArguments::command(), AcceptArguments::command()];
    let names: BTreeSet<&str> = own.iter().map(Command::get_name).chain([SIMULATOR]).collect();
    if let Some(name) = programs.iter().find(|name| !names.contains(name.as_str())) {
        anyhow::bail!("no program with a manual is called {name:?}");
    }
    let folder = |path: &str| {
        let folder = directory.join("share").join(path);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string()).map(|()| folder)
    };
    let pages = folder("man/man1")?;
    for command in own.iter().filter(|command| wanted(command.get_name())) {
        clap_mangen::generate_to(command.clone(), &pages)?;
    }
    if wanted(SIMULATOR) {
        fs::write(pages.join("wsl-sim.1"), simulators_page())?;
    }
    let shells = [
        (Shell::Bash, folder("bash-completion/completions")?, "", ""),
        (Shell::Zsh, folder("zsh/site-functions")?, "_", ""),
        (Shell::Fish, folder("fish/vendor_completions.d")?, "", ".fish"),
    ];
    for command in own.iter().chain([&simulator()]).filter(|command| wanted(command.get_name())) {
        let mut command = without_hidden(command);
        let name = command.get_name().to_owned();
        for (shell, folder, before, after) in &shells {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, &name, &mut text);
            let mut text = String::from_utf8(text)?;
            if *shell == Shell::Bash {
                // clap_complete 4.6 looks for the commands of a program with a hyphen under another name than it gives them.
                text = text.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
            }
            fs::write(folder.join(format!("{before}{name}{after}")), text)?;
        }
    }
    Ok(())
}

/// What people are told of: clap's completions offer the other commands as well.
fn without_hidden(command: &Command) -> Command {
    let subcommands = command.get_subcommands().filter(|command| !command.is_hide_set());
    let copy = Command::new(command.get_name().to_owned())
        .args(command.get_arguments())
        .subcommands(subcommands.map(without_hidden))
        .disable_help_flag(command.is_disable_help_flag_set());
    let copy = match command.get_about() {
        Some(about) => copy.about(about.clone()),
        None => copy,
    };
    match command.get_version() {
        Some(version) => copy.version(version.to_owned()),
        None => copy,
    }
}

/// The simulator has wsl.exe's grammar, which is not clap's: its page is its own help.
fn simulators_page() -> String {
    let (name, text) = USAGE.split_once("\n\n").unwrap_or((USAGE, ""));
    let name = name.strip_prefix("wsl-sim ").unwrap_or(name).trim_end_matches('.');
    let mut page = Roff::new();
    page.control("TH", ["WSL-SIM", "1"]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{SIMULATOR} - {name}"))]);
    page.control("SH", ["DESCRIPTION"]);
    page.control("nf", []);
    for line in text.lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    page.render()
}

/// The words of the simulator's help that begin with a hyphen: all that a shell completes of it.
fn simulator() -> Command {
    let usage = USAGE.split("The environment").next().unwrap_or_default();
    let words = usage.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let mut command = Command::new(SIMULATOR).disable_help_flag(true);
    let mut seen = BTreeSet::new();
    for word in words.filter(|word| seen.insert(*word)) {
        let arg = Arg::new(word).action(ArgAction::SetTrue);
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            command = command.arg(arg.long(long));
        } else if let [b'-', letter @ b'a'..=b'z'] = word.as_bytes() {
            command = command.arg(arg.short(char::from(*letter)));
        }
    }
    command
}
