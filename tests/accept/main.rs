//! The acceptance suite on the simulator: what works passes, and nothing passes that is no NixOS, or one that is broken.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
#![cfg(feature = "accept")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod expected;
mod images;
mod wine;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use expected::{Part, hold, hold_part};
use support::sim::{Ended, Sim, bundled, ended};

/// A distribution that is not the suite's.
const OTHER: &str = "nixos-wsl-acceptable";

/// The suite in a world that also has another distribution.
struct Accept {
    sim: Sim,
}

impl Accept {
    fn new(test: &str) -> Option<Self> {
        let sim = Sim::for_starts(test)?;
        sim.tiny(OTHER);
        Some(Self { sim })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-accept"));
        let surroundings = self.sim.command(["--version"]);
        for (name, value) in surroundings.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.arg("--wsl").arg(surroundings.get_program()).args(arguments);
        command
    }

    /// Runs it on an image: how each case ended, and that nothing is left and nothing else was touched.
    fn on(&self, image: &Path, arguments: &[&str]) -> Vec<Value> {
        let mut command = self.command(&[&["--format", "json"], arguments].concat());
        command.arg("--directory").arg(self.sim.directory.path()).arg(image);
        self.ran(command, image)
    }

    /// The same of a command that is ready to run.
    fn ran(&self, mut command: Command, image: &Path) -> Vec<Value> {
        let ended = ended(&mut command);
        let report: Value =
            serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        let failed = report["failed"].as_u64().expect("a number");
        assert_eq!(ended.code, i32::from(failed > 0), "{ended:?}");
        assert_eq!(self.left(), [OTHER], "{ended:?}");
        let folder = std::fs::read_dir(self.sim.directory.path()).expect("a folder").flatten();
        let own = folder.filter(|entry| entry.file_name().to_string_lossy().starts_with("nixos-wsl-accept-"));
        assert_eq!(own.count(), 0, "a disk is left");
        assert_eq!(report["surroundings"]["kind"], "simulator", "{}", report["surroundings"]);
        assert_eq!(report["image"]["sha256"], images::sha256(image).as_str());
        report["results"].as_array().expect("results").clone()
    }

    /// The distributions that there are.
    fn left(&self) -> Vec<String> {
        self.sim.ok(["--list", "--all", "--quiet"]).lines().map(Into::into).collect()
    }
}

/// The cases that take long, which run beside the others.
const LONG: [&str; 3] = ["slow-activation", "second-distribution", "export-and-import"];

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_system_that_works_passes() {
    let Some(accept) = Accept::new("a_system_that_works_passes") else { return };
    let listed = ended(&mut accept.command(&["--list"])).out;
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    let short: Vec<&str> =
        names.filter(|name| !LONG.contains(name)).flat_map(|name| ["--only", name]).collect();
    let part = Part { column: "works", has: &|name| !LONG.contains(&name) };
    hold_part(&part, &accept.on(&bundled("rebuild-image.tar.gz"), &short));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_system_that_works_passes_what_takes_long() {
    let Some(accept) = Accept::new("a_system_that_works_passes_what_takes_long") else { return };
    let long: Vec<&str> = LONG.into_iter().flat_map(|name| ["--only", name]).collect();
    let part = Part { column: "works", has: &|name| LONG.contains(&name) };
    hold_part(&part, &accept.on(&bundled("rebuild-image.tar.gz"), &long));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn every_shell_of_an_image_is_tried() {
    let Some(accept) = Accept::new("every_shell_of_an_image_is_tried") else { return };
    let only = ["--only", "shell-*", "--only", "agents-terminal"];
    hold("shells", &accept.on(&bundled("every-way-image.tar.gz"), &only));
}

/// With what home-manager leaves in a home, the names that Docker Desktop calls, and a file of the suite's own.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn what_is_laid_over_an_image_is_there() {
    let Some(accept) = Accept::new("what_is_laid_over_an_image_is_there") else { return };
    let image = images::with_extra_files(&accept.sim);
    let names = ["extra-files", "home-manager", "docker-desktop"];
    let names: Vec<&str> = names.into_iter().flat_map(|name| ["--only", name]).collect();
    hold("more", &accept.on(&image, &names));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn an_image_that_asks_for_its_user_is_answered() {
    let Some(accept) = Accept::new("an_image_that_asks_for_its_user_is_answered") else { return };
    let names = ["first-*", "second-command", "user-manager", "home", "sudo", "restart"];
    let names: Vec<&str> = names.into_iter().flat_map(|name| ["--only", name]).collect();
    hold("asks", &accept.on(&bundled("first-run-image.tar.gz"), &names));
}

/// A case that a root of busybox passes proves nothing.
#[test]
#[ignore = "starts distributions: checks/run gives it the simulator"]
fn no_case_passes_on_busybox() {
    let Some(accept) = Accept::new("no_case_passes_on_busybox") else { return };
    let results = accept.on(&images::busybox(&accept.sim), &[]);
    let passed: Vec<&Value> = results.iter().filter(|result| result["outcome"] == "pass").collect();
    assert!(passed.is_empty(), "{passed:#?}");
    hold("busybox", &results);
}

/// Its systemd ends at once; the first shell was to start it, and is there without.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_system_whose_systemd_ends_fails() {
    let Some(accept) = Accept::new("a_system_whose_systemd_ends_fails") else { return };
    hold("broken", &accept.on(&bundled("namespace-broken-image.tar.gz"), &[]));
}

/// Its systemd is missing: WSL waits in vain, and its user has the rescue's shell. What needs a start of its own is left out.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_system_in_its_rescue_fails() {
    let Some(accept) = Accept::new("a_system_in_its_rescue_fails") else { return };
    let image = images::without_systemd(&accept.sim);
    accept.sim.let_limits_expire();
    let names = [
        "first-command",
        "systemd-running",
        "no-failed-unit",
        "runtime-directory",
        "status",
        "clock",
        "exit-code-*",
        "arguments",
        "streams",
        "path-order",
        "sudo",
        "tool",
        "agents-*",
        "shell-bash",
        "store-is-known",
        "rebuild-unchanged",
        "recover-reads-generations",
    ];
    hold(
        "rescue",
        &accept.on(&image, &names.into_iter().flat_map(|name| ["--only", name]).collect::<Vec<_>>()),
    );
}

#[test]
#[ignore = "starts distributions: checks/run gives it the simulator"]
fn what_is_no_image_and_no_wsl_is_said() {
    let Some(accept) = Accept::new("what_is_no_image_and_no_wsl_is_said") else { return };
    let file = accept.sim.directory.path().join("tree.tar");
    std::fs::write(&file, "no archive").expect("a file");
    let results = accept.on(&file, &["--only", "first-command"]);
    assert!(results[0]["reason"].as_str().expect("a reason").contains("not imported"), "{results:?}");

    let said = |arguments: &[&str]| -> Ended { ended(&mut accept.command(arguments)) };
    let missing = said(&["/no/such/image"]);
    assert_eq!((missing.code, missing.out.as_str()), (2, ""));
    assert!(missing.err.contains("/no/such/image: "), "{missing:?}");
    let nothing = said(&["--only", "no-such-case", "image"]);
    assert!(nothing.code == 2 && nothing.err.contains("no case has such a name"), "{nothing:?}");
    let mut other = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-accept"));
    let no_wsl = ended(other.args(["--wsl", "/no/such/wsl"]).arg(&file));
    assert!(no_wsl.code == 2 && no_wsl.err.contains("cannot be started"), "{no_wsl:?}");
}

#[test]
#[ignore = "starts distributions: checks/run gives it the simulator"]
fn what_an_interrupted_suite_left_is_removed_and_nothing_else() {
    let Some(accept) = Accept::new("what_an_interrupted_suite_left_is_removed_and_nothing_else") else {
        return;
    };
    accept.sim.tiny("nixos-wsl-accept-1-2");
    accept.sim.tiny("nixos-wsl-accept-1-2-second");
    let cleaned = ended(&mut accept.command(&["--clean"]));
    assert_eq!(
        (cleaned.code, cleaned.out.as_str()),
        (0, "nixos-wsl-accept-1-2 is removed\nnixos-wsl-accept-1-2-second is removed\n")
    );
    assert_eq!(accept.left(), [OTHER]);
}
