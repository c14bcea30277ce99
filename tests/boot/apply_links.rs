//! `nixos-wsl apply` with links to programs that their packages do not have: named, and no failed activation.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;

use crate::support::world::{World, stderr, stdout};

const APPLY: &str = "/nix/store/tools/bin/nixos-wsl";
const PLAN: &str = r#"{"version":1,"trees":[{"path":"/usr/bin/tree","entries":[
    {"name":"there","target":"/nix/store/text"},
    {"name":"missing","target":"/nix/store/package/bin/missing"},
    {"name":"later","target":"/run/wrappers/bin/later"}]}]}"#;

#[test]
fn a_link_to_a_program_that_is_not_in_its_package_is_named() {
    needs_world!("a_link_to_a_program_that_is_not_in_its_package_is_named");
    let world = World::with_generations(1);
    world.install("nixos-wsl", "nix/store/tools/bin/nixos-wsl");
    fs::create_dir_all(world.path("usr/bin")).unwrap();
    world.write("nix/store/text", "text");
    world.write("etc/root.json", PLAN);
    let running = world.boot();
    // Once more as well: it stays wrong until the configuration is mended.
    for _ in 0..2 {
        let applied = running.run(APPLY, &["apply", "/etc/root.json"]);
        assert!(applied.status.success(), "{}", stderr(&applied));
        let report = format!("{}{}", stdout(&applied), stderr(&applied));
        let named: Vec<&str> = report.lines().filter(|line| line.contains("leads nowhere")).collect();
        assert_eq!(named.len(), 1, "{report}");
        assert!(named[0].contains("/usr/bin/tree/missing: "), "{report}");
        assert!(named[0].contains("/nix/store/package/bin/missing"), "{report}");
    }
    assert!(world.path("usr/bin/tree/missing").symlink_metadata().is_ok());
}
