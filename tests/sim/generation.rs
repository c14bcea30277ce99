//! Generations that a test makes of one that is there, in the store of a distribution.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::image::succeed;
use crate::support::sim::Sim;

/// The distribution.
pub const NAME: &str = "NixOS";
/// The folder of its generations.
pub const PROFILES: &str = "nix/var/nix/profiles";
/// What the names of store paths that a test makes begin with.
pub const STORE: &str = "/nix/store/00000000000000000000000000000000";

/// Copies what is at `source` in the distribution to `target`, links as links, and lets it be written.
pub fn copy(sim: &Sim, source: &Path, target: &str) -> PathBuf {
    let [source, copied] =
        [source, Path::new(target)].map(|path| sim.inside(NAME, path.to_str().expect("a path")));
    succeed(Command::new("cp").args(["-a", "--no-target-directory"]).args([&source, &copied]));
    succeed(Command::new("chmod").args(["-R", "u+w"]).arg(&copied));
    copied
}

/// Gives a file another text, and leaves its mode.
pub fn rewrite(path: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).expect("a text");
    let mode = fs::metadata(path).expect("its mode").permissions().mode();
    fs::remove_file(path).expect("the old one");
    fs::write(path, change(&text)).expect("the new one");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
}

/// As `nixos-rebuild boot` does it: the profile first, then the boot loader's installer.
pub fn boot_next(sim: &Sim, number: u32, system: &str) {
    let profiles = sim.inside(NAME, PROFILES);
    let _ = fs::remove_file(profiles.join("system"));
    symlink(format!("system-{number}-link"), profiles.join("system")).expect("the profile");
    sim.sh(NAME, &format!("nixos-wsl prepare-start {system}"));
}
