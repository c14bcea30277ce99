//! Names in the documentation exist: options of `wsl`, commands and their options, files of this repository.

use std::collections::BTreeMap;
use std::fs;

use clap::CommandFactory;
use nixos_wsl::command::arguments::Arguments;
use nixos_wsl::image::arguments::ImageArguments;
use nixos_wsl::sim::cli::usage::USAGE;

use crate::page::{Page, pages, project};

/// Code of a page that its readers may type or look up: what is shown as output is no promise of a name.
fn code(page: &Page) -> Vec<(String, String)> {
    let spans = page.spans().into_iter().map(|span| (span.place, span.text));
    let blocks = page.blocks().into_iter().filter(|block| !block.has("text"));
    spans.chain(blocks.map(|block| (block.place, block.text))).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "`'\"()[]{};,|=".contains(letter))
        .filter(|word| !word.is_empty())
}

// --- options -------------------------------------------------------------------------------------------------------

/// The options of docs/options.md, which checks/modules/docs.nix holds against the modules: each with whether it takes names
/// of one's own.
fn options() -> BTreeMap<String, bool> {
    let text = fs::read_to_string(project().join("docs/options.md")).expect("docs/options.md");
    let sections = text.split("\n### ").skip(1);
    let option = |section: &str| {
        let open =
            section.lines().any(|line| line.starts_with("Type: ") && line.contains("attribute set of"));
        (section.lines().next().unwrap_or_default().replace('\\', ""), open)
    };
    sections.map(option).collect()
}

/// Names of NixOS-WSL's that are gone or have another name here.
fn former() -> BTreeMap<String, bool> {
    let file = project().join("checks/modules/upstream-options.nix");
    let text = fs::read_to_string(file).expect("upstream's options");
    words(&text).map(|word| (format!("wsl.{word}"), false)).collect()
}

fn is_option(name: &str, options: &BTreeMap<String, bool>) -> bool {
    let inside = |shorter: &str, longer: &str| {
        longer.strip_prefix(shorter).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    // A subtree, an option, or something in one.
    options.iter().any(|(option, open)| {
        let own = option.split(".<").next().unwrap_or(option);
        inside(name, option) || (inside(own, name) && (own != option || *open))
    })
}

fn unknown_options(page: &Page, options: &BTreeMap<String, bool>) -> Vec<String> {
    let mut unknown = Vec::new();
    for (place, text) in code(page) {
        for word in words(&text).filter(|word| word.starts_with("wsl.")) {
            let name = word.trim_end_matches(['.', '*', ':', '…']);
            let file = ["wsl.exe", "wsl.conf", "wsl"].contains(&name);
            if !file && !is_option(name, options) {
                unknown.push(format!("{place}: no option `{name}`"));
            }
        }
    }
    unknown
}

#[test]
fn every_option_named_exists() {
    let options = options();
    assert!(options.len() > 60 && options.contains_key("wsl.defaultUser"), "{options:?}");
    let former = former();
    let mut unknown = Vec::new();
    for page in pages() {
        let mut known = options.clone();
        if ["docs/coming-from-nixos-wsl.md", "CHANGELOG.md"].contains(&page.name.as_str()) {
            known.extend(former.clone());
        }
        unknown.extend(unknown_options(&page, &known));
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn an_option_that_is_none_is_named() {
    let text = "`wsl.defaultUser`, `wsl.wslConf.user.default`, `wsl.wslConf.any.key`, `wsl.usbip.*`, `/etc/wsl.conf`, \
                `wsl.defaultUsr`\n\n```nix\nwsl.usbip.enabel = true;\n```\n\n```text\nwsl.nothing\n```\n";
    let page = Page { name: "p.md".into(), text: text.into() };
    assert_eq!(
        unknown_options(&page, &options()),
        ["p.md:1: no option `wsl.defaultUsr`", "p.md:3: no option `wsl.usbip.enabel`"]
    );
}

// --- commands ------------------------------------------------------------------------------------------------------

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
                let name = word.rsplit(['/', '#']).next().unwrap_or(word);
                ["nixos-wsl", "nixos-wsl-image", "wsl-sim"].contains(&name) && !word.ends_with('/')
            });
            if let Some(at) = program {
                let name = words[at].rsplit(['/', '#']).next().unwrap_or_default();
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
    for (place, text) in code(page) {
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

// --- files ---------------------------------------------------------------------------------------------------------

/// Folders of the repository that pages point into.
const FOLDERS: [&str; 8] =
    ["src/", "tests/", "checks/", "modules/", "nix/", "docs/", "templates/", "assets/"];

/// Paths in other repositories: WSL's.
const OTHERS: [&str; 1] = ["src/linux/init"];

fn missing_files(page: &Page) -> Vec<String> {
    let mut missing = Vec::new();
    for (place, text) in code(page) {
        for word in words(&text) {
            let name = word.trim_end_matches(['.', ':', '…']);
            let ours = FOLDERS.iter().any(|folder| name.starts_with(folder)) && !OTHERS.contains(&name);
            // Placeholders are written in capital letters, or with signs.
            let plain = |letter: char| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || "/._-".contains(letter)
            };
            if ours && name.chars().all(plain) && !project().join(name).exists() {
                missing.push(format!("{place}: there is no {name}"));
            }
        }
    }
    missing
}

#[test]
fn every_file_named_exists() {
    let missing: Vec<String> = pages().iter().flat_map(missing_files).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let text = "`src/lib.rs`, `tests/TARGET/x`, `nix/root.nix` and `src/nowhere.rs`";
    let page = Page { name: "p.md".into(), text: text.into() };
    assert_eq!(missing_files(&page), ["p.md:1: there is no src/nowhere.rs"]);
}
