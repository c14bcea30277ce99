//! Writers killed at every system call that changes the disk: what they replace is the old one or the new one, and the next
//! write leaves nothing of them (`system::replace`, U§3 F36).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::support::every_call::Victim;
use crate::support::world::World;

/// Files, links and two trees, among them one that is a link before, and names of others beside them.
#[test]
fn an_activation_s_files_are_old_or_new_at_every_kill() {
    needs_world!("an_activation_s_files_are_old_or_new_at_every_kill");
    needs_kills!("an_activation_s_files_are_old_or_new_at_every_kill");
    let world = World::new();
    world.install("nixos-wsl", "nix/store/tools/bin/nixos-wsl");
    let plan = |version: &str| {
        format!(
            r#"{{"version":1,
            "files":[{{"path":"/sbin/init","source":"/nix/store/text-{version}","mode":"0755"}},
                     {{"path":"/etc/suid","source":"/nix/store/text-{version}","mode":"4755"}}],
            "links":[{{"path":"/usr/bin/env","target":"/nix/store/text-{version}"}}],
            "trees":[{{"path":"/lib64","keep":["wslinfo"],"entries":[
                        {{"name":"sh","source":"/nix/store/text-{version}","mode":"0755"}},
                        {{"name":"ls","target":"/nix/store/text-{version}"}},
                        {{"name":"only-{version}","target":"/nix/store/text-{version}"}}]}},
                     {{"path":"/linked","entries":[{{"name":"sh","source":"/nix/store/text-{version}","mode":"0755"}}]}}]}}"#
        )
    };
    for version in ["1", "2"] {
        world.write(format!("nix/store/text-{version}"), &format!("version {version}"));
        world.write(format!("nix/store/plan-{version}"), &plan(version));
    }
    let apply = |version: &'static str| {
        [
            "/nix/store/tools/bin/nixos-wsl".to_owned(),
            "apply".to_owned(),
            format!("/nix/store/plan-{version}"),
        ]
    };
    let root = world.path("");
    let reset = || {
        for folder in ["lib64", "linked", "elsewhere", "usr/bin", "sbin", "var/lib/nixos-wsl"] {
            let path = world.path(folder);
            if path.is_symlink() {
                fs::remove_file(&path).unwrap();
            } else {
                drop(fs::remove_dir_all(&path));
            }
            fs::create_dir_all(&path).unwrap();
        }
        let first = apply("1");
        let first: Vec<&str> = first.iter().map(String::as_str).collect();
        assert!(Command::new("/usr/sbin/chroot").arg(&root).args(&first).status().unwrap().success());
        world.write("lib64/foreign", "of the user");
        symlink("/init", world.path("lib64/wslinfo")).unwrap();
        fs::remove_dir_all(world.path("linked")).unwrap();
        symlink("elsewhere", world.path("linked")).unwrap();
    };
    let victim = Victim {
        command: ["/usr/sbin/chroot".to_owned(), root.display().to_string()]
            .into_iter()
            .chain(apply("2"))
            .collect(),
        root: &root,
        folders: &["sbin", "etc", "usr/bin", "lib64", "linked", "var/lib/nixos-wsl"],
        records: &["var/lib/nixos-wsl/applied.json"],
    };
    assert!(victim.kill_everywhere(reset) >= 50, "too few kills to prove anything");
    assert_eq!(world.read("lib64/foreign"), "of the user");
    let mode = world.path("etc/suid").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o4755);
}

/// The choice of a generation: the profile and the state of the boots.
#[test]
fn a_choice_is_old_or_new_at_every_kill() {
    needs_world!("a_choice_is_old_or_new_at_every_kill");
    needs_kills!("a_choice_is_old_or_new_at_every_kill");
    let world = World::with_generations(2);
    let root = world.path("");
    let victim = Victim {
        command: ["/usr/sbin/chroot", &root.display().to_string(), "/bin/nixos-wsl", "boot", "1"]
            .map(str::to_owned)
            .to_vec(),
        root: &root,
        folders: &["nix/var/nix/profiles"],
        records: &[],
    };
    let reset = || {
        world.profile(2);
        world.forget_attempts();
    };
    assert!(victim.kill_everywhere(reset) >= 4, "too few kills to prove anything");
}
