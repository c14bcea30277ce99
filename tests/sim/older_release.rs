//! A distribution of an older release follows a newer one: a switch brings what WSL starts, and the way back brings the old.
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use walkdir::WalkDir;

use crate::generation::{NAME, PROFILES, STORE, boot_next, copy, rewrite};
use crate::support::sim::Sim;

/// What the older release's programs end with; a program runs with anything behind it.
const MARK: &[u8] = b"nixos-wsl 0.1.0";

/// The same system with an older release's static programs.
fn older(sim: &Sim, first: &Path) -> String {
    let inside = |path: &Path| sim.inside(NAME, path.to_str().expect("a path"));
    let plan = fs::read_to_string(inside(&first.join("nixos-wsl/root.json"))).expect("the plan");
    let end = plan.find("/bin/nixos-wsl-init").expect("the plan has /sbin/init");
    let start = plan[..end].rfind("/nix/store/").expect("a store path");
    let (now, then) = (&plan[start..end], format!("{STORE}-nixos-wsl"));
    for program in fs::read_dir(copy(sim, Path::new(now), &then).join("bin")).expect("the programs") {
        let program = program.expect("a program").path();
        let bytes = [fs::read(&program).expect("its bytes"), MARK.to_vec()].concat();
        fs::write(&program, bytes).expect("an older one");
    }
    let system = format!("{STORE}-nixos-system-older");
    let copied = copy(sim, first, &system);
    let first = first.to_str().expect("a path");
    for file in ["activate", "nixos-wsl/root.json"] {
        rewrite(&copied.join(file), |text| text.replace(first, &system).replace(now, &then));
    }
    system
}

/// The programs outside the store, and whether each is of the older release.
fn programs(sim: &Sim) -> Vec<(String, bool)> {
    let folders =
        ["bin", "sbin", "usr/bin", "usr/sbin", "usr/lib/nixos-wsl"].map(|folder| sim.inside(NAME, folder));
    let files = folders.iter().flat_map(WalkDir::new).map(|entry| entry.expect("an entry"));
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .filter_map(|entry| {
            let bytes = fs::read(entry.path()).expect("a file");
            let name = entry.path().display().to_string();
            bytes.starts_with(b"\x7fELF").then(|| (name, bytes.ends_with(MARK)))
        })
        .collect()
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
    let Some(sim) = Sim::with_image("an_older_release_follows_a_switch_and_comes_back") else { return };
    let first = fs::read_link(sim.inside(NAME, &format!("{PROFILES}/system-1-link"))).expect("the profile");
    let newer = first.to_str().expect("a path");
    assert_eq!(started(&sim), newer);
    let older = older(&sim, &first);
    symlink(&older, sim.inside(NAME, &format!("{PROFILES}/system-2-link"))).expect("a generation");
    boot_next(&sim, 2, &older);
    assert_eq!(started(&sim), older);
    let found = programs(&sim);
    assert!(found.len() >= 3 && found.iter().all(|(_, is_old)| *is_old), "{found:?}");

    // As `nixos-rebuild switch` does it with the newer release's modules.
    symlink(newer, sim.inside(NAME, &format!("{PROFILES}/system-3-link"))).expect("a generation");
    boot_next(&sim, 3, newer);
    sim.sh(NAME, &format!("{newer}/bin/switch-to-configuration switch"));
    let found = programs(&sim);
    assert!(found.len() >= 3 && found.iter().all(|(_, is_old)| !*is_old), "{found:?}");
    assert_eq!(started(&sim), newer);

    sim.sh(NAME, "nixos-wsl boot 2");
    assert_eq!(started(&sim), older);
    assert!(programs(&sim).iter().all(|(_, is_old)| *is_old), "{:?}", programs(&sim));
}
