//! Options of `wsl` that the documentation names exist.

use std::collections::BTreeMap;
use std::fs;

use crate::page::{Page, pages, project, words};

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
    for (place, text) in page.code() {
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
