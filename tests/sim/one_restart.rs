//! After `nixos-rebuild boot` with another host name and default user one restart is enough, and so it is for the way back.
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::generation::{NAME, PROFILES, STORE, boot_next, copy, rewrite};
use crate::support::sim::Sim;

const ALICE: &str = "alice:x:1002:100::/home/alice:/usr/lib/nixos-wsl/shells/alice/bash\n";

/// A system like `first` in the distribution's store, with the host name `second` and the default user alice.
fn second_system(sim: &Sim, first: &Path) -> String {
    let system = format!("{STORE}-nixos-system-second");
    let script = fs::read_to_string(sim.inside(NAME, first.join("activate").to_str().expect("a path")))
        .expect("activate");
    let value = |name: &str| {
        let line = script.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.expect("a variable of the activation").to_owned()
    };
    let conf = |text: &str| {
        let text = text.replace("default = nixos", "default = alice");
        assert!(text.contains("alice"), "{text}");
        format!("{text}\n[network]\nhostname = second\n")
    };

    let (old, new) = (value("accounts"), format!("{STORE}-accounts"));
    let accounts = copy(sim, Path::new(&old), &new);
    rewrite(&accounts.join("wsl.conf"), conf);
    // The activation makes the user, with the first number that is free: bob has 1001.
    rewrite(&accounts.join("users-without-number"), |text| {
        format!("{text}alice 100 /home/alice /usr/lib/nixos-wsl/shells/alice/bash\n")
    });

    let copied = copy(sim, first, &system);
    rewrite(&copied.join("activate"), |text| {
        text.replace(first.to_str().expect("a path"), &system).replace(&old, &new)
    });
    rewrite(&copied.join("nixos-wsl/root.json"), |text| {
        let mut plan: Value = serde_json::from_str(&text.replace(&old, &new)).expect("a plan");
        let wrappers = plan["shells"]["wrappers"].as_array_mut().expect("wrappers");
        let mut wrapper = wrappers.first().expect("root's").clone();
        wrapper["path"] = "/usr/lib/nixos-wsl/shells/alice/bash".into();
        wrappers.push(wrapper);
        plan.to_string()
    });
    fs::write(copied.join("nixos-wsl/default-user"), ALICE).expect("the default user");

    let etc = fs::read_link(copied.join("etc")).expect("etc");
    let new = format!("{STORE}-etc");
    fs::copy(accounts.join("wsl.conf"), copy(sim, &etc, &new).join("wsl.conf")).expect("wsl.conf");
    fs::remove_file(copied.join("etc")).expect("the old etc");
    symlink(new, copied.join("etc")).expect("the new etc");
    system
}

/// Gives the stand-in's first system what each of NixOS has for the next start.
fn complete(sim: &Sim, first: &Path) {
    let inside = |path: &Path| sim.inside(NAME, path.to_str().expect("a path"));
    let passwd = fs::read_to_string(sim.inside(NAME, "etc/passwd")).expect("passwd");
    let user = passwd.lines().find(|line| line.starts_with("nixos:")).expect("the default user");
    fs::write(inside(&first.join("nixos-wsl/default-user")), format!("{user}\n")).expect("the default user");
    let etc = fs::read_link(inside(&first.join("etc"))).expect("etc");
    fs::copy(sim.inside(NAME, "etc/wsl.conf"), inside(&etc.join("wsl.conf"))).expect("wsl.conf");
}

/// The default user and the host name, at the first command of a start.
fn names(sim: &Sim) -> String {
    let line = "id -un ; cat /proc/sys/kernel/hostname ; readlink /run/current-system";
    let ended = sim.run(["-d", NAME, "--"].into_iter().chain(line.split(' ')));
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.out
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn one_restart_is_enough_for_names_and_the_way_back() {
    let Some(sim) = Sim::with_image("one_restart_is_enough_for_names_and_the_way_back") else { return };
    let first = fs::read_link(sim.inside(NAME, &format!("{PROFILES}/system-1-link"))).expect("the profile");
    complete(&sim, &first);
    let before = names(&sim);
    assert!(before.starts_with("nixos\n"), "{before}");
    let second = second_system(&sim, &first);
    symlink(&second, sim.inside(NAME, &format!("{PROFILES}/system-2-link"))).expect("a generation");

    boot_next(&sim, 2, &second);
    let conf = fs::read_to_string(sim.inside(NAME, "etc/wsl.conf")).expect("wsl.conf");
    assert!(conf.contains("default = alice") && conf.contains("hostname = second"), "{conf}");
    // What runs stays as it is until the restart.
    assert_eq!(names(&sim).lines().skip(1).collect::<Vec<_>>(), before.lines().skip(1).collect::<Vec<_>>());
    sim.ok(["--terminate", NAME]);
    assert_eq!(names(&sim), format!("alice\nsecond\n{second}\n"));
    let list = sim.sh(NAME, "nixos-wsl generations");
    let line = list.lines().find(|line| line.starts_with('2')).expect("the generation");
    assert!(line.contains("active, ") && line.contains("default") && !list.contains("1970"), "{list}");

    boot_next(&sim, 1, first.to_str().expect("a path"));
    sim.ok(["--terminate", NAME]);
    assert_eq!(names(&sim), before);
}
