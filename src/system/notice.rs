//! What every login of this instance must know: files in `/run/nixos-wsl`, written by PID 1.

use std::path::Path;

use super::error::{Context, Failure};
use super::generations::Generation;
use super::log::FILE as LOG;
use super::replace::{self, Attributes, Durability};

/// What every interactive login prints first, if it exists.
pub const NOTICE: &str = "/run/nixos-wsl/notice";
/// Why an activation failed in part, though the system boots: the installer tells it to who started it.
pub const FAULTS: &str = "/run/nixos-wsl/faults";
/// Exists while an activation is under way, so that logins know what to wait for.
pub const ACTIVATING: &str = "/run/nixos-wsl/activating";

/// How a generation is chosen by whoever is there: in a rescue there is no `sudo`.
const CHOOSE: &str =
    "In Windows, `wsl -d NAME -u root -- nixos-wsl boot N` chooses generation N of the distribution NAME";

/// Leaves `text` in one of these files.
///
/// # Errors
/// Those of writing the file.
pub fn write(file: &str, text: &str) -> Result<(), Failure> {
    let file = Path::new(file);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).at(folder)?;
    }
    replace::write(file, text.as_bytes(), Attributes::mode(0o644), Durability::None).map(drop)
}

/// Removes one of these files.
pub fn remove(file: &str) {
    let _ = std::fs::remove_file(file);
}

/// The text for a system that is not the one that was wanted.
#[must_use]
pub fn fallback(running: &Generation, failures: &[String]) -> String {
    let mut text = format!("NixOS-WSL: this is {running}, because another choice did not start:\n");
    list(&mut text, failures);
    text.push_str("`nixos-wsl generations` lists all. ");
    text.push_str(CHOOSE);
    text.push_str(", and this message ends.\n");
    text
}

/// The text for a rescue.
#[must_use]
pub fn rescue(failures: &[String]) -> String {
    let mut text = String::from("NixOS-WSL: no generation of this system could be started:\n");
    if failures.is_empty() {
        text.push_str("  /nix/var/nix/profiles has no generation\n");
    }
    list(&mut text, failures);
    text.extend([
        "This is a rescue shell without systemd. `nixos-wsl generations` lists what there is.\n",
        CHOOSE,
        ".\n`wsl --terminate NAME` and a new shell try again. The whole log: ",
        LOG,
        "\n",
    ]);
    text
}

fn list(text: &mut String, failures: &[String]) {
    for failure in failures {
        text.extend(["  ", failure, "\n"]);
    }
}
