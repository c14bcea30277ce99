//! `/etc/nixos/user.nix`: the small file that names the configuration's user.

use crate::command::Outcome;
use crate::system::replace::{self, Attributes, Durability};
use crate::system::root::Root;

/// The file; the image's configuration imports it (nix/oobe.nix).
pub const PATH: &str = "/etc/nixos/user.nix";
/// What stands in it until somebody has answered.
const OPEN: &str = "wsl.distribution.oobe.askForUser = true";
const LIMIT: u64 = 1 << 16;

/// What became of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It names the user now.
    Written,
    /// It was answered before; what is in it is the user's.
    Present,
    /// The configuration is of another kind and has none.
    Foreign,
}

/// Replaces the open question in the file by the user's name, which has the form of a login name.
///
/// # Errors
/// The file cannot be written.
pub fn name_user(root: &Root, name: &str) -> Outcome<Change> {
    let Ok(text) = root.read(PATH, LIMIT) else { return Ok(Change::Foreign) };
    if !String::from_utf8_lossy(&text).contains(OPEN) {
        return Ok(Change::Present);
    }
    let text = format!(
        "# The user that WSL opens shells for, named at the first start. To rename: change this, `sudo nixos-rebuild boot`,\n\
         # then `wsl --terminate` the distribution.\n\
         {{ wsl.defaultUser = \"{name}\"; }}\n"
    );
    let _folder =
        replace::write(&root.path(PATH), text.as_bytes(), Attributes::mode(0o644), Durability::Full)?;
    Ok(Change::Written)
}
