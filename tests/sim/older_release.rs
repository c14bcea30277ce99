//! A distribution of an older release follows a newer one: a switch brings what WSL starts, and the way back brings the old.
//!
//! The older release is today's system with other programs; or, with `NIXOS_WSL_OLDER`, an image that the code of then has
//! made (`checks/soak older`).
#![cfg(feature = "sim")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use walkdir::WalkDir;

use crate::generation::{NAME, PROFILES, STORE, boot_next, copy, rewrite};
use crate::support::image::succeed;
use crate::support::sim::{Sim, image, image_name};

/// What the older release's programs end with; a program runs with anything behind it.
const MARK: &[u8] = b"nixos-wsl 0.1.0";

/// A release in the distribution.
struct Release {
    /// Its generation.
    number: u32,
    /// Its system.
    system: String,
    /// The bytes of its static programs.
    programs: BTreeSet<Vec<u8>>,
}

impl Release {
    /// Of a system in the distribution's store, which becomes a generation where it is none.
    fn of(sim: &Sim, number: u32, system: &str) -> Self {
        let link = sim.inside(NAME, &format!("{PROFILES}/system-{number}-link"));
        if !link.is_symlink() {
            symlink(system, link).expect("a generation");
        }
        let folder = sim.inside(NAME, &programs_of(sim, system)).join("bin");
        let files =
            fs::read_dir(folder).expect("the programs").map(|program| program.expect("a program").path());
        let programs = files.map(|path| fs::read(path).expect("its bytes")).collect();
        Self { number, system: system.to_owned(), programs }
    }

    /// Whether all programs outside the store are this release's.
    fn has_all(&self, sim: &Sim) -> bool {
        let folders = ["bin", "sbin", "usr/bin", "usr/sbin", "usr/lib/nixos-wsl"]
            .map(|folder| sim.inside(NAME, folder));
        let files = folders.iter().flat_map(WalkDir::new).map(|entry| entry.expect("an entry"));
        let files = files.filter(|entry| entry.file_type().is_file());
        let programs = files.map(|entry| fs::read(entry.path()).expect("a file"));
        let programs: Vec<_> = programs.filter(|bytes| bytes.starts_with(b"\x7fELF")).collect();
        programs.len() >= 3 && programs.iter().all(|bytes| self.programs.contains(bytes))
    }
}

/// The store path of a system's static programs.
fn programs_of(sim: &Sim, system: &str) -> String {
    let plan =
        fs::read_to_string(sim.inside(NAME, &format!("{system}/nixos-wsl/root.json"))).expect("the plan");
    let end = plan.find("/bin/nixos-wsl-init").expect("the plan has /sbin/init");
    let start = plan[..end].rfind("/nix/store/").expect("a store path");
    plan[start..end].to_owned()
}

/// The system of a distribution's first generation.
fn first(sim: &Sim, name: &str) -> String {
    let system = fs::read_link(sim.inside(name, &format!("{PROFILES}/system-1-link"))).expect("the profile");
    system.to_str().expect("a path").to_owned()
}

/// The same system with an older release's static programs.
fn marked(sim: &Sim, first: &str) -> String {
    let (now, then) = (programs_of(sim, first), format!("{STORE}-nixos-wsl"));
    for program in fs::read_dir(copy(sim, Path::new(&now), &then).join("bin")).expect("the programs") {
        let program = program.expect("a program").path();
        let bytes = [fs::read(&program).expect("its bytes"), MARK.to_vec()].concat();
        fs::write(&program, bytes).expect("an older one");
    }
    let system = format!("{STORE}-nixos-system-older");
    let copied = copy(sim, Path::new(first), &system);
    for file in ["activate", "nixos-wsl/root.json"] {
        rewrite(&copied.join(file), |text| text.replace(first, &system).replace(&now, &then));
    }
    system
}

/// The older release and today's, both in the store of the distribution.
fn releases(sim: &Sim) -> [Release; 2] {
    let Some(older) = std::env::var_os("NIXOS_WSL_OLDER") else {
        sim.import_image(NAME, image_name());
        let newer = first(sim, NAME);
        assert_eq!(started(sim), newer);
        let older = marked(sim, &newer);
        return [Release::of(sim, 2, &older), Release::of(sim, 3, &newer)];
    };
    let imported = sim.import(NAME, &PathBuf::from(older));
    assert_eq!(imported.code, 0, "{imported:?}");
    let older = first(sim, NAME);
    assert_eq!(started(sim), older);
    // As `nixos-rebuild` brings today's system there.
    let imported = sim.import("Newer", &image());
    assert_eq!(imported.code, 0, "{imported:?}");
    let newer = first(sim, "Newer");
    let (from, to) = (sim.inside("Newer", "nix/store"), sim.inside(NAME, "nix/store"));
    succeed(Command::new("cp").args(["-a", "--no-clobber", "--no-target-directory"]).args([from, to]));
    sim.ok(["--unregister", "Newer"]);
    assert_ne!(older, newer, "the older release is today's");
    [Release::of(sim, 1, &older), Release::of(sim, 2, &newer)]
}

/// Which start it is, and that nothing failed in it.
fn started(sim: &Sim) -> String {
    sim.ok(["--terminate", NAME]);
    let state = sim.sh(NAME, "systemctl is-system-running --wait; readlink /run/current-system");
    state.strip_prefix("running\n").unwrap_or_else(|| panic!("{state}")).trim().to_owned()
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn an_older_release_follows_a_switch_and_comes_back() {
    let Some(sim) = Sim::for_starts("an_older_release_follows_a_switch_and_comes_back") else { return };
    let [older, newer] = releases(&sim);
    assert_ne!(older.programs, newer.programs, "both releases have the same programs");
    boot_next(&sim, older.number, &older.system);
    assert_eq!(started(&sim), older.system);
    assert!(older.has_all(&sim) && !newer.has_all(&sim));

    // As `nixos-rebuild switch` does it with the newer release's modules.
    boot_next(&sim, newer.number, &newer.system);
    sim.sh(NAME, &format!("{}/bin/switch-to-configuration switch", newer.system));
    assert!(newer.has_all(&sim) && !older.has_all(&sim));
    assert_eq!(started(&sim), newer.system);

    sim.sh(NAME, &format!("nixos-wsl boot {}", older.number));
    assert_eq!(started(&sim), older.system);
    assert!(older.has_all(&sim) && !newer.has_all(&sim));
}
