//! `nixos-wsl version`: of this project and of the running NixOS.

use std::io::ErrorKind;
use std::path::Path;

use super::Outcome;
use super::output::print;
use crate::boot::listing;
use crate::system::generations::Generation;
use crate::system::root::Root;

/// Written by the modules.
const FILE: &str = "/etc/nixos-wsl/version.json";

/// Prints the versions, for people or as JSON.
///
/// # Errors
/// When standard output takes no more.
pub fn show(json: bool) -> Outcome {
    let root = Root::default();
    let revision = revision(&root);
    let running = Generation { number: None, toplevel: Path::new("/run/current-system").to_owned() };
    let nixos = listing::version(&root, &running).unwrap_or_else(|reason| {
        eprintln!("nixos-wsl: {reason}");
        None
    });
    let release = env!("CARGO_PKG_VERSION");
    if json {
        let value = serde_json::json!({ "release": release, "revision": revision, "nixos": nixos });
        return print(format_args!("{value}"));
    }
    let revision = revision.map(|text| format!(" ({text})")).unwrap_or_default();
    let nixos = nixos.map(|text| format!("\nNixOS {text}")).unwrap_or_default();
    print(format_args!("nixos-wsl {release}{revision}{nixos}"))
}

/// The revision of the modules that the running system was made with, where they knew it.
fn revision(root: &Root) -> Option<String> {
    let parse = |bytes: Vec<u8>| Ok(serde_json::from_slice::<serde_json::Value>(&bytes)?);
    match root.read(FILE, 1 << 16).and_then(parse) {
        Ok(version) => version["rev"].as_str().filter(|revision| *revision != "unknown").map(str::to_owned),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            eprintln!("nixos-wsl: {FILE}: {error}");
            None
        }
    }
}
