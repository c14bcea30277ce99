//! Commands of our programs, and their options, that the documentation names exist.

use clap::CommandFactory;
use nixos_wsl::accept::arguments::AcceptArguments;
use nixos_wsl::command::arguments::Arguments;
use nixos_wsl::image::arguments::ImageArguments;
use nixos_wsl::sim::cli::usage::USAGE;

use crate::page::{Page, pages, words};

/// Command lines of our programs in a text: the program, and the words behind it up to the end of the command.
fn lines(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    for line in text.lines() {
        // Where a comment, a pipe or another command begins, the command ends; columns of prose are set off by two spaces.
        let line = line.split(" #").next().unwrap_or_default();
        for part in line.split(['|', ';', '&', '>', '—']) {
            let part = part.trim();
            let words: Vec<&str> = part.split("   ").next().unwrap_or_default().split_whitespace().collect();
            let program = words.iter().position(|word| {
                let name = word.rsplit(['/', '#']).next().unwrap_or(word).trim_end_matches(".exe");
                ["nixos-wsl", "nixos-wsl-accept", "nixos-wsl-image", "wsl-sim"].contains(&name)
                    && !word.ends_with('/')
            });
            if let Some(at) = program {
                let name = words[at].rsplit(['/', '#']).next().unwrap_or_default().trim_end_matches(".exe");
                found.push((name, words[at + 1..].to_vec()));
            }
        }
    }
    found
}

/// What of a command line our program does not know.
fn unknown(program: &str, arguments: &[&str]) -> Option<String> {
    let command = match program {
        "nixos-wsl" => Arguments::command(),
        "nixos-wsl-accept" => AcceptArguments::command(),
        "nixos-wsl-image" => ImageArguments::command(),
        _ => return unknown_to_sim(arguments),
    };
    let mut known: Vec<String> = vec!["--help".into(), "--version".into()];
    let mut command = &command;
    for word in
        arguments.iter().skip_while(|word| **word == "--").map(|word| word.trim_end_matches(['.', ',']))
    {
        if word == "--" || ["exec", "logs"].contains(&command.get_name()) {
            break;
        } else if let Some(option) = word.strip_prefix("--") {
            let option = option.split('=').next().unwrap_or(option);
            let own = command.get_arguments().filter_map(|argument| argument.get_long());
            known.extend(own.map(|name| format!("--{name}")));
            if !known.contains(&format!("--{option}")) {
                return Some(format!("`{}` has no option --{option}", command.get_name()));
            }
        } else if let Some(next) = command.find_subcommand(word) {
            command = next;
        } else if command.get_subcommands().next().is_some() && word.chars().all(|c| c.is_ascii_lowercase()) {
            return Some(format!("`{}` has no command {word}", command.get_name()));
        }
    }
    None
}

fn unknown_to_sim(arguments: &[&str]) -> Option<String> {
    let own = arguments.iter().take_while(|word| !["--", "-e", "--exec"].contains(*word));
    let mut options = own.filter(|word| word.starts_with("--"));
    let unknown = options.find(|word| !words(USAGE).any(|known| known == **word))?;
    Some(format!("`wsl-sim` has no option {unknown}"))
}

fn unknown_commands(page: &Page) -> Vec<String> {
    let mut all = Vec::new();
    for (place, text) in page.code() {
        for (program, arguments) in lines(&text) {
            all.extend(unknown(program, &arguments).map(|what| format!("{place}: {what}")));
        }
    }
    all
}

#[test]
fn every_command_named_exists() {
    let unknown: Vec<String> = pages().iter().flat_map(unknown_commands).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn a_command_that_is_none_is_named() {
    let text = "`sudo nixos-wsl boot 3 --once`, `nixos-wsl repair`, `nixos-wsl doctor --fix`, `nixos-wsl-image validate --rules import`, \
                `wsl -d X -e /bin/nixos-wsl recover`, `nixos-wsl exec ls --all`\n\n    nix run .#nixos-wsl-image -- judge x.wsl\n    \
                wsl-sim --imports X\n    wsl-sim -d X -- ls --all\n";
    let page = Page { name: "p.md".into(), text: text.into() };
    assert_eq!(
        unknown_commands(&page),
        [
            "p.md:1: `nixos-wsl` has no command repair",
            "p.md:1: `doctor` has no option --fix",
            "p.md:3: `nixos-wsl-image` has no command judge",
            "p.md:3: `wsl-sim` has no option --imports",
        ]
    );
}
