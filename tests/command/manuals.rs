//! The manual pages and completions that the packages bring.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use nixos_wsl::accept::arguments::AcceptArguments;
use nixos_wsl::command::arguments::Arguments;
use nixos_wsl::image::arguments::ImageArguments;
use nixos_wsl::sim::cli::usage::USAGE;

fn written() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
    let output = command.arg("manuals").arg(directory.path()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty(), "{output:?}");
    directory
}

/// Two packages beside each other have no file twice, and together they have all.
#[test]
fn each_program_has_files_of_its_own() {
    let files = |folder: &Path| -> BTreeSet<PathBuf> {
        let all = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
        let all = all.filter(|entry| entry.file_type().is_file());
        all.map(|entry| entry.path().strip_prefix(folder).unwrap().to_owned()).collect()
    };
    let mut together = BTreeSet::new();
    for (name, page) in [
        ("nixos-wsl", "nixos-wsl-recover.1"),
        ("nixos-wsl-accept", "nixos-wsl-accept.1"),
        ("nixos-wsl-image", "nixos-wsl-image-validate.1"),
        ("wsl-sim", "wsl-sim.1"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
        let output = command.args(["manuals", "--program", name]).arg(directory.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let own = files(directory.path());
        assert!(own.contains(&Path::new("share/man/man1").join(page)), "{name}: {own:?}");
        assert!(own.contains(&Path::new("share/bash-completion/completions").join(name)), "{name}: {own:?}");
        for file in own {
            assert!(together.insert(file.clone()), "{name}: {} is another's too", file.display());
        }
    }
    assert_eq!(together, files(written().path()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
    let output = command.args(["manuals", "--program", "nixos", "/nonexistent"]).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no program with a manual is called \"nixos\""));
}

/// A program finds no fault with a file.
fn accepts(program: &[&str], file: &Path) {
    let output = Command::new(program[0])
        .args(&program[1..])
        .arg(file)
        .output()
        .unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    assert!(output.status.success() && text.is_empty(), "{program:?} {}: {text}", file.display());
}

/// The commands of a command line that people are told of, each with the words before it.
fn commands(command: &clap::Command, before: &str, all: &mut Vec<(String, clap::Command)>) {
    let name = format!("{before}{}", command.get_name());
    all.push((name.clone(), command.clone()));
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        commands(command, &format!("{name}-"), all);
    }
}

#[test]
fn every_command_has_a_page_with_all_its_options() {
    let directory = written();
    let pages = directory.path().join("share/man/man1");
    let mut all = Vec::new();
    commands(&Arguments::command(), "", &mut all);
    commands(&ImageArguments::command(), "", &mut all);
    commands(&AcceptArguments::command(), "", &mut all);
    for (name, command) in &all {
        let page = pages.join(format!("{name}.1"));
        let text =
            fs::read_to_string(&page).unwrap_or_else(|error| panic!("{name}: {error}")).replace("\\-", "-");
        for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
            let long = option.get_long().map(|long| format!("--{long}"));
            assert!(long.is_none_or(|long| text.contains(&long)), "{name}: {option:?}");
        }
        assert!(!text.contains("W§"), "{name}: cites a note that its readers do not have");
    }
    let found = fs::read_dir(&pages).unwrap().map(|page| page.unwrap().path()).collect::<Vec<PathBuf>>();
    assert_eq!(found.len(), all.len() + 1, "a page of no command");
    for page in &found {
        accepts(&["mandoc", "-T", "lint", "-W", "error"], page);
        let shown = Command::new("mandoc").args(["-T", "utf8"]).arg(page).output().unwrap();
        assert!(shown.status.success() && !shown.stdout.is_empty(), "{}", page.display());
    }
    let simulator =
        Command::new("mandoc").args(["-T", "ascii"]).arg(pages.join("wsl-sim.1")).output().unwrap();
    let simulator = String::from_utf8(simulator.stdout).unwrap();
    for line in USAGE.lines().skip(1) {
        assert!(simulator.contains(line.trim()), "{line}");
    }
}

/// Completes the last of the words as a key does: what the file `$1` has registered for the first of them is called.
const BY_KEY: &str = r#"
source "$1"; shift
[[ $(complete -p "$1") =~ -F\ ([^ ]+) ]] || exit
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE=$*; COMP_POINT=${#COMP_LINE}
"${BASH_REMATCH[1]}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}""#;

#[test]
fn every_shell_takes_the_completions() {
    let directory = written();
    let share = directory.path().join("share");
    for name in ["nixos-wsl", "nixos-wsl-accept", "nixos-wsl-image", "wsl-sim"] {
        accepts(&["bash", "-n"], &share.join("bash-completion/completions").join(name));
        accepts(&["zsh", "-n"], &share.join(format!("zsh/site-functions/_{name}")));
        accepts(&["fish", "--no-execute"], &share.join(format!("fish/vendor_completions.d/{name}.fish")));
    }
    // Bash is asked, as it is by a key.
    for (line, expected) in [
        ("nixos-wsl gen", "generations"),
        // A hidden one: Debian's program of that name, for a stock launcher.
        ("nixos-wsl addu", ""),
        ("nixos-wsl doctor --for", "--format"),
        ("nixos-wsl recover roll", "rollback"),
        ("nixos-wsl-image val", "validate"),
        ("nixos-wsl-image validate --format j", "json"),
        ("nixos-wsl-accept --form", "--format"),
        ("nixos-wsl-accept --format h", "html"),
        ("nixos-wsl-accept --cl", "--clean"),
        ("wsl-sim --unr", "--unregister"),
    ] {
        let name = line.split(' ').next().unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let output = Command::new("bash")
            .args(["--norc", "-c", BY_KEY, "bash"])
            .arg(share.join("bash-completion/completions").join(name))
            .args(words)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{line}: {output:?}");
    }
}
