//! A system that is rebuilt from where it runs, with a real Nix and without a network: unchanged, changed in ten ways, for
//! the next start, back, after a garbage collection; and what an interrupted evaluation has left.
#![cfg(feature = "sim")]

use std::fs;

use crate::support::patience::eventually;
use crate::support::sim::{Sim, namespace};

const NAME: &str = "NixOS";
const PROFILE: &str = "/nix/var/nix/profiles/system";

/// A change of the configuration: what it adds, what has to be built, a line for root's shell and what that prints then.
struct Change {
    kind: &'static str,
    text: &'static str,
    built: &'static [&'static str],
    line: &'static str,
    printed: &'static str,
}

const CHANGES: [Change; 10] = [
    Change {
        kind: "a text in /etc",
        text: "etc.\"motto/text\" = \"a line\\n\";",
        built: &["etc"],
        line: "cat /etc/motto/text",
        printed: "a line",
    },
    Change {
        kind: "a user",
        text: "users.alice.uid = 1005;",
        built: &["accounts", "etc"],
        line: "su - alice -c 'id -un; pwd'",
        printed: "alice\n/home/alice",
    },
    Change {
        kind: "a group",
        text: "groups.team = { gid = 2000; members = [ \"nixos\" ]; };",
        built: &["accounts"],
        line: "id -Gn nixos",
        printed: "users wheel team",
    },
    Change {
        kind: "a service with a script",
        text: "services.says.script = \"echo said >/run/said\";",
        built: &["etc", "system-units", "unit-script-says"],
        line: "systemctl start says && cat /run/said",
        printed: "said",
    },
    Change {
        kind: "a timer",
        text: "services.ticks = { script = \"echo ticked >/run/ticked\"; startAt = \"*-*-* *:*:*\"; };",
        built: &["etc", "system-units", "unit-script-ticks"],
        line: "systemctl is-active ticks.timer; cat /run/ticked",
        printed: "active\nticked",
    },
    Change {
        kind: "a host name",
        text: "hostName = \"renamed\";",
        built: &["accounts", "etc"],
        line: "hostname; grep hostname /etc/wsl.conf",
        printed: "renamed\nhostname = renamed",
    },
    Change {
        kind: "a login shell",
        text: "loginShell = \"dash\";",
        built: &["accounts", "etc"],
        line: "su - nixos -c 'basename $(readlink /proc/$$/exe)'",
        printed: "dash",
    },
    Change {
        kind: "a program",
        text: "programs = [ \"dash\" ];",
        built: &["system-path"],
        line: "dash -c 'readlink -f $(command -v dash)' | sed 's/.*-dash/dash/'",
        printed: "dash/bin/dash",
    },
    Change {
        kind: "a kernel setting",
        text: "sysctl.\"net.ipv4.ip_forward\" = 1;",
        built: &["etc", "sysctl.d", "system-units"],
        line: "systemctl start standin-sysctl && cat /proc/sys/net/ipv4/ip_forward",
        printed: "1",
    },
    Change {
        kind: "an option of WSL's",
        text: "automountRoot = \"/drives/\";",
        built: &["accounts", "etc"],
        line: "grep root /etc/wsl.conf",
        printed: "root = /drives/",
    },
];

struct System {
    sim: Sim,
}

impl System {
    fn imported(test: &str) -> Option<Self> {
        let sim = Sim::for_starts(test)?;
        let image = if namespace() { "namespace-rebuild-image.tar.gz" } else { "rebuild-image.tar.gz" };
        sim.import_image(NAME, image);
        Some(Self { sim })
    }

    fn sh(&self, line: &str) -> String {
        self.sim.sh(NAME, line)
    }

    fn configure(&self, texts: &[&str]) {
        let text = format!("{{\n{}\n}}\n", texts.join("\n"));
        fs::write(self.sim.inside(NAME, "/etc/nixos/configuration.nix"), text).expect("the configuration");
    }

    /// Builds what is configured: the system, and the names of what had to be built for it but the system itself.
    fn build(&self) -> (String, Vec<String>) {
        let said = self.sh("nix-build /etc/nixos -A toplevel --no-out-link 2>&1");
        for word in ["copying", "download", "fetch", "warning"] {
            assert!(!said.contains(word), "{said}");
        }
        let system = said.lines().last().expect("a system").to_owned();
        let mut built: Vec<String> = said
            .lines()
            .filter_map(|line| line.strip_prefix("building '/nix/store/"))
            .filter_map(|line| Some(line.split_once(".drv'")?.0.split_once('-')?.1.to_owned()))
            .filter(|name| !name.starts_with("nixos-system-"))
            .collect();
        built.sort();
        (system, built)
    }

    /// As `nixos-rebuild ACTION`.
    fn rebuild(&self, action: &str) -> (String, Vec<String>) {
        let (system, built) = self.build();
        self.sh(&format!("nix-env -p {PROFILE} --set {system}"));
        self.sh(&format!("{system}/bin/switch-to-configuration {action}"));
        (system, built)
    }

    /// The first command of a start: its user, the host's name and the system.
    fn names(&self) -> String {
        let line = "id -un ; cat /proc/sys/kernel/hostname ; readlink /run/current-system";
        let ended = self.sim.run(["-d", NAME, "--"].into_iter().chain(line.split(' ')));
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
        ended.out
    }

    fn restart(&self) {
        self.sim.ok(["--terminate", NAME]);
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_system_is_rebuilt_from_where_it_runs() {
    let Some(system) = System::imported("a_system_is_rebuilt_from_where_it_runs") else { return };
    let first = system.sh("readlink -f /run/current-system");
    assert_eq!(system.names(), format!("nixos\nnixos\n{first}\n"));
    assert_eq!(
        system.sh("sed 1,2d /proc/net/dev | grep -v lo: || echo none; sed 1d /proc/net/route"),
        "none",
        "there is no network"
    );

    assert_eq!(system.rebuild("switch"), (first.clone(), vec![]), "nothing has changed");
    let daemon = "su - nixos -c 'nix-build /etc/nixos -A toplevel --no-out-link'";
    assert_eq!(system.sh(daemon), first, "an ordinary user asks the daemon");

    let mut texts = vec![];
    let mut before = first.clone();
    for change in &CHANGES {
        texts.push(change.text);
        system.configure(&texts);
        let (after, built) = system.rebuild("switch");
        assert_eq!(built, change.built, "{}", change.kind);
        assert_ne!(after, before, "{}", change.kind);
        eventually(change.kind, || {
            let line = format!("({}) 2>&1 || true", change.line);
            system.sh(&line) == change.printed
        });
        before = after;
    }
    assert_eq!(
        system.sh("systemctl is-system-running; systemctl list-units --failed --no-legend"),
        "running"
    );

    // What WSL reads before the activation is there at the first start.
    let last = before;
    texts.retain(|text| !text.starts_with("hostName"));
    texts.push("hostName = \"again\"; users.carol.uid = 1006; defaultUser = \"carol\";");
    system.configure(&texts);
    let (next, built) = system.rebuild("boot");
    assert_eq!(built, ["accounts", "etc"]);
    assert_eq!(system.sh("hostname; readlink /run/current-system"), format!("renamed\n{last}"));
    assert_eq!(
        system.sh("grep -E '^(default|hostname) ' /etc/wsl.conf; grep -c ^carol: /etc/passwd"),
        "default = carol\nhostname = again\n1",
        "whatever ends this start"
    );
    system.restart();
    assert_eq!(system.names(), format!("carol\nagain\n{next}\n"));
    assert_eq!(
        system.sh("ls -d /drives/c; cat /run/said /proc/sys/net/ipv4/ip_forward"),
        "/drives/c\nsaid\n1"
    );

    system.sh(&format!("nix-env -p {PROFILE} --rollback && {PROFILE}/bin/switch-to-configuration switch"));
    assert_eq!(system.sh("hostname; readlink /run/current-system"), format!("renamed\n{last}"));

    // The first one again, which has none of it, until the next start.
    system.configure(&[]);
    let (found, built) = system.build();
    assert_eq!((&found, built.as_slice()), (&first, &[][..]), "it is still there");
    system.sh(&format!("{found}/bin/switch-to-configuration test"));
    assert_eq!(
        system.sh(
            "ls /etc/motto/text /run/current-system/sw/bin/dash; systemctl is-active says ticks.timer; hostname"
        ),
        "inactive\ninactive\nnixos"
    );
    system.restart();
    assert_eq!(system.names(), format!("nixos\nrenamed\n{last}\n"));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_garbage_collection_keeps_what_changes_are_built_from() {
    let Some(system) = System::imported("a_garbage_collection_keeps_what_changes_are_built_from") else {
        return;
    };
    let first = system.sh("readlink -f /run/current-system");
    system.configure(&["etc.motto = \"one\";"]);
    let (second, _) = system.rebuild("switch");
    system.restart();
    system.sh("nix-collect-garbage -d");
    assert_eq!(system.sh(&format!("ls -d {first} 2>/dev/null; ls -d {second}")), second);
    assert_eq!(
        system.sh("nix-store --verify --check-contents 2>&1 | grep -v ^checking ; true"),
        "reading the Nix store..."
    );

    system.configure(&["etc.motto = \"two\"; services.says.script = \"echo said >/run/said\";"]);
    let (_, built) = system.rebuild("switch");
    assert_eq!(built, ["etc", "system-units", "unit-script-says"]);
    assert_eq!(system.sh("systemctl start says; cat /etc/motto /run/said"), "twosaid");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_start_removes_what_an_interrupted_evaluation_has_copied() {
    let test = "a_start_removes_what_an_interrupted_evaluation_has_copied";
    let Some(system) = System::imported(test) else { return };
    let before = system.sh("ls /nix/store");
    // Larger than what Nix copies by way of its memory; the kill comes while it is written.
    system.sh("mkdir /var/tree && truncate --size 400M /var/tree/file");
    let left = system.sh("nix-store --add /var/tree >/dev/null 2>&1 &
        until left=$(ls /nix/store | grep -E '^(add|tmp)-[0-9]+-[0-9]+$'); do :; done
        kill -9 $!; wait $! 2>/dev/null; echo $left");
    // Nix 2.8 gives it another name, and no lock.
    let locked = left.replace("add-", "tmp-");
    if locked != left {
        let store = system.sim.inside(NAME, "/nix/store");
        fs::rename(store.join(left), store.join(&locked)).expect("the newer name");
    }
    assert!(system.sh("ls /nix/store").contains(&locked));
    system.restart();
    eventually("the copy is removed", || system.sh("ls /nix/store") == before);
}
