//! Namespace mode beside the other one: WSL's default user root, drives of an administrator, and the way there and back.
#![cfg(feature = "sim")]

use std::process::Stdio;

use crate::support::sim::shells::{HELPER, NAME, as_user, eventually, imported, ok, outside, shell};
use crate::support::sim::{Sim, bundled};
use crate::support::terminal::Terminal;

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn without_a_setuid_program_root_s_shell_is_the_user_s() {
    let Some(sim) = Sim::for_starts("without_a_setuid_program_root_s_shell_is_the_user_s") else { return };
    assert_eq!(sim.import(NAME, &bundled("namespace-root-image.tar.gz")).code, 0);
    assert_eq!(
        ok(
            &sim,
            "id -un; echo $HOME $USER $XDG_RUNTIME_DIR; systemctl is-system-running; systemctl --user is-system-running"
        ),
        "nixos\n/home/nixos nixos /run/user/1000\nrunning\nrunning"
    );
    assert_eq!(
        outside(&sim, &format!("stat -c %U:%a {HELPER}; find / -xdev -perm -4000 -type f")),
        "root:755"
    );
    assert_eq!(sim.ok(["-d", NAME, "-e", "/usr/bin/id", "-un"]), "root", "what goes through no shell");
    assert_eq!(sim.ok(["-d", NAME, "-u", "root", "--", "id", "-un"]), "nixos");
    assert_eq!(sim.ok(["-d", NAME, "--cd", "~", "--", "pwd"]), "/home/nixos", "nobody's place is /root");
    assert_eq!(ok(&sim, "sudo id -un; touch ~/mine; stat -c %U ~/mine"), "root\nnixos");
    assert_eq!(shell(&sim, "exit 42").code, 42);
    // Any other user has their shell outside, with the reason.
    let other = as_user(
        &sim,
        &format!(
            "exec {HELPER} login bash -c 'id -un; grep -vx systemd /proc/1/comm >/dev/null && echo outside'"
        ),
    );
    assert_eq!(other.out, "nixos\noutside\n", "{other:?}");
    assert_eq!(other.err.lines().count(), 1, "{other:?}");
    for part in ["by choice", "wsl.systemd.namespace.privileges", "outside systemd"] {
        assert!(other.err.contains(part), "{part}: {other:?}");
    }
    assert!(!other.err.contains("setuid"), "nothing is missing: {other:?}");
    // Root's own way in leads to that one user.
    assert_eq!(outside(&sim, "nixos-wsl exec -u nixos sh -c 'id -un; cat /proc/1/comm'"), "nixos\nsystemd");
    // The terminal is the user's while the shell is open, and root's again afterwards.
    let line = format!(
        "{HELPER} login bash -c 'stat -c in:%U:%g:%a $(tty)'; /nix/var/nix/profiles/system/sw/bin/stat -c out:%U $(/nix/var/nix/profiles/system/sw/bin/tty)"
    );
    let mut terminal = Terminal::open(&sim, &["-d", NAME, "-e", "/bin/sh", "-c", &line], 111);
    terminal.expect("in:nixos:5:620\r\n");
    terminal.expect("out:root\r\n");
    assert_eq!(terminal.end(), 0);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn drives_of_an_administrator_stay_apart() {
    let Some(sim) = imported("drives_of_an_administrator_stay_apart") else { return };
    // As WSL does: a second mount namespace, with drives of its own, from before any shell.
    outside(&sim, "echo ordinary >/mnt/c/who");
    let mut administrator = sim.command(["-d", NAME, "-u", "root", "-e", "/bin/sh", "-c"]);
    let mut administrator = administrator
        .arg("PATH=/nix/var/nix/profiles/system/sw/bin:$PATH; exec unshare --mount --propagation unchanged sh -c 'umount /mnt/c; mount -i -t tmpfs \"C:\\\\\" /mnt/c; echo elevated >/mnt/c/who; echo $$ >/run/administrator; exec sleep 100000'")
        .stderr(Stdio::null())
        .spawn()
        .expect("wsl-sim");
    eventually("the other drives", || {
        !outside(&sim, "cat /run/administrator 2>/dev/null || true").is_empty()
    });
    let elevated = |line: &str| {
        outside(
            &sim,
            &format!("nsenter -m -t $(cat /run/administrator) nixos-wsl exec -u nixos sh -c '{line}'"),
        )
    };
    let service = "/run/wrappers/bin/sudo systemd-run -q --wait --pipe cat /mnt/c/who";
    // The first shell is an ordinary one, then an administrator's: services have the first one's drives.
    for first in ["ordinary", "elevated"] {
        if first == "ordinary" {
            assert_eq!(ok(&sim, "cat /proc/1/comm"), "systemd");
        } else {
            assert_eq!(elevated("cat /proc/1/comm"), "systemd");
        }
        assert_eq!(ok(&sim, "cat /mnt/c/who"), "ordinary", "{first} first");
        assert_eq!(
            elevated("cat /mnt/c/who; systemctl --user is-system-running"),
            "elevated\nrunning",
            "{first} first"
        );
        assert_eq!(ok(&sim, service), first);
        assert_eq!(elevated(service), first);
        assert_eq!(outside(&sim, "cat /mnt/c/who"), "ordinary");
        outside(&sim, "nixos-wsl stop");
    }
    administrator.kill().expect("it runs");
    administrator.wait().expect("its end");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn there_and_back_again_nothing_is_lost() {
    let Some(sim) = Sim::for_starts("there_and_back_again_nothing_is_lost") else { return };
    // The first generation, and all the others in the store.
    assert_eq!(sim.import(NAME, &bundled("test-image.tar.gz")).code, 0);
    let choose = |number: u32, name: &str| {
        format!(
            "ln -sfn $(readlink /nix/var/nix/gcroots/standin/{name}) /nix/var/nix/profiles/system-{number}-link; \
             ln -sfn system-{number}-link /nix/var/nix/profiles/system; /nix/var/nix/profiles/system/bin/switch-to-configuration"
        )
    };
    let state = "cat /proc/1/comm; systemctl is-system-running; nixos-version; cat ~/kept; id -un";
    let is = |version: &str| format!("systemd\nrunning\n26.11.standin.{version}\nkept\nnixos");
    let native = || outside(&sim, "cat /proc/1/cmdline | tr '\\0' ' '").starts_with("/sbin/init");
    let restart = || sim.ok(["-t", NAME]);

    ok(&sim, "echo kept >~/kept; sudo mkdir -p /srv/data; echo kept | sudo tee /srv/data/file >/dev/null");
    assert_eq!(ok(&sim, state), is("1"));
    // Chosen for the next start (`nixos-rebuild boot`): WSL starts it once more, then the first shell does.
    ok(&sim, &format!("sudo sh -c '{} boot'", choose(2, "namespace")));
    assert_eq!(ok(&sim, state), is("1"));
    restart();
    assert_eq!(ok(&sim, state), is("7"));
    assert!(native(), "as wsl.conf said before this start");
    restart();
    assert_eq!(ok(&sim, state), is("7"));
    assert!(!native());
    assert_eq!(sim.hidden(NAME), "");

    // And back: the first shell starts it once more, and all later ones of this start go in.
    ok(&sim, &format!("sudo sh -c '{} boot'", choose(3, "first")));
    restart();
    assert_eq!(ok(&sim, state), is("1"));
    assert_eq!(ok(&sim, state), is("1"));
    assert!(!native());
    restart();
    assert_eq!(ok(&sim, state), is("1"));
    assert!(native());
    assert_eq!(
        outside(&sim, "ls /usr/lib/nixos-wsl/bin; ls /run/nixos-wsl"),
        "boot",
        "nothing of the other mode"
    );

    // At once (`nixos-rebuild switch`), there and back: what runs goes on until the next start.
    ok(&sim, &format!("sudo sh -c '{} switch >/dev/null 2>&1'", choose(4, "namespace")));
    assert_eq!(ok(&sim, state), is("7"));
    assert!(native());
    restart();
    assert_eq!(ok(&sim, state), is("7"));
    assert!(!native());
    ok(&sim, &format!("sudo sh -c '{} switch >/dev/null 2>&1'", choose(5, "second")));
    assert_eq!(ok(&sim, state), is("2"), "a new shell still goes in");
    restart();
    assert_eq!(ok(&sim, state), is("2"));
    assert!(native());
    assert_eq!(outside(&sim, "ls /usr/lib/nixos-wsl/bin"), "");
    assert_eq!(
        outside(&sim, "cat /srv/data/file; stat -c %U /home/nixos/kept; nixos-wsl generations | wc -l"),
        "kept\nnixos\n6"
    );
    assert_eq!(sim.hidden(NAME), "");
}
