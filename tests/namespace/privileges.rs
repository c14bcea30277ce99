//! The privileged program of namespace mode against its callers (S§7.6): each gets a shell of their own, and nothing else.
#![cfg(feature = "sim")]

use crate::support::sim::shells::{HELPER, NAME, as_user, eventually, imported, ok, outside, shell, systemd};

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_hostile_caller_of_the_privileged_program_gains_nothing() {
    let Some(sim) = imported("a_hostile_caller_of_the_privileged_program_gains_nothing") else { return };
    ok(&sim, "true");
    let before = systemd(&sim);
    // Whatever is started by such a name leaves its user's number.
    outside(
        &sim,
        "printf '#!/bin/sh\nid -u >>/tmp/uids\n' >/tmp/x; chmod 755 /tmp/x; for name in runuser id sh bash systemd; do cp /tmp/x /tmp/$name; done; touch /tmp/uids; chmod 666 /tmp/uids",
    );
    let cases = [
        ("no environment", format!("exec env -i {HELPER} login bash -c 'id -u'")),
        (
            "hostile environment",
            format!(
                "exec env -i LD_PRELOAD=/tmp/x.so LD_AUDIT=/tmp/x.so GCONV_PATH=/tmp PATH=/tmp IFS=x BASH_ENV=/tmp/x ENV=/tmp/x SHELL=/tmp/x HOME=/tmp USER=root LOGNAME=root NOTIFY_SOCKET=/tmp/x XDG_RUNTIME_DIR=/tmp NIXOS_WSL_RESUME=foreground {HELPER} login bash -c '/run/current-system/sw/bin/id -u'"
            ),
        ),
        ("another name", format!("exec -a -root {HELPER} login bash -c 'id -u'")),
        ("an option", format!("exec -a --user=root {HELPER} login bash -c 'id -u'")),
        ("binary arguments", format!("exec {HELPER} login bash -c 'id -u' $(printf '\\377\\001') ''")),
        (
            "one huge argument",
            format!("exec {HELPER} login bash -c 'id -u' $(head -c 100000 /dev/zero | tr '\\0' x)"),
        ),
        ("as many arguments as there can be", format!("exec {HELPER} login bash -c 'id -u' $(seq 100000)")),
        (
            "a large environment",
            format!("export X=$(head -c 100000 /dev/zero | tr '\\0' x); exec {HELPER} login bash -c 'id -u'"),
        ),
        ("no new rights", format!("exec setpriv --no-new-privs {HELPER} login bash -c 'id -u' 2>/dev/null")),
        (
            "no capabilities",
            format!("exec setpriv --bounding-set=-all {HELPER} login bash -c 'id -u' 2>/dev/null"),
        ),
        (
            "blocked and ignored signals",
            format!("trap '' HUP INT QUIT TERM CHLD ALRM; exec {HELPER} login bash -c 'id -u'"),
        ),
        ("closed streams", format!("{HELPER} login bash -c 'id -u >/tmp/uid' <&- >&- 2>&-; cat /tmp/uid")),
        (
            "a foreign directory",
            format!("mkdir -p /tmp/gone; cd /tmp/gone; rmdir /tmp/gone; exec {HELPER} login bash -c 'id -u'"),
        ),
        (
            "a passed caller",
            format!(
                "exec 3</etc/passwd 4</etc/passwd; NIXOS_WSL_RESUME=outside exec {HELPER} login bash -c 'id -u'"
            ),
        ),
    ];
    for (name, line) in cases {
        let ended = as_user(&sim, &line);
        assert_eq!(ended.out.lines().next_back(), Some("1000"), "{name}: {ended:?}");
    }
    // Under limits that leave room for nothing there is no shell, and no more than that.
    for limit in [
        "-n 0",
        "-f 0",
        "-u 0",
        "-v 1000",
        "-v 0",
        "-s 16",
        "-t 0",
        "-l 0",
        "-c 0 -f 0 -l 0 -q 0 -i 0 -n 0 -u 0 -t 0",
    ] {
        let ended =
            as_user(&sim, &format!("(ulimit {limit}; {HELPER} login bash -c 'id -u'); echo survived"));
        assert!(ended.out == "1000\nsurvived\n" || ended.out == "survived\n", "{limit}: {ended:?}");
    }
    assert_eq!(outside(&sim, "grep -x 0 /tmp/uids || true"), "", "nothing of the caller's ran as root");
    assert_eq!(
        outside(&sim, "stat -c '%u %a' /run/nixos-wsl /run/nixos-wsl/state /run/nixos-wsl/lock"),
        "0 755\n0 644\n0 600"
    );
    assert_ne!(as_user(&sim, "mv /run/nixos-wsl /run/x").code, 0);
    assert_ne!(as_user(&sim, "exec 9>/run/nixos-wsl/lock").code, 0);
    assert_eq!(systemd(&sim), before);
    assert_eq!(
        outside(&sim, "nixos-wsl status"),
        format!("systemd: running as process {before}; this shell is outside")
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_user_cannot_stop_trace_or_read_the_privileged_program() {
    let Some(sim) = imported("a_user_cannot_stop_trace_or_read_the_privileged_program") else { return };
    let attack = "for signal in STOP TERM KILL USR1; do kill -$signal $p 2>/dev/null && echo $signal; done; \
                  cat /proc/$p/environ /proc/$p/maps 2>/dev/null; ls /proc/$p/fd /proc/$p/map_files 2>/dev/null; \
                  readlink /proc/$p/exe /proc/$p/cwd /proc/$p/ns/mnt 2>/dev/null";
    // With root's rights, while it waits for a lock that another has.
    outside(&sim, "mkdir -p -m 755 /run/nixos-wsl; touch /run/nixos-wsl/lock; chmod 600 /run/nixos-wsl/lock");
    let mut holder = sim.command(["-d", NAME, "-u", "root", "-e", "/bin/sh", "-c"]);
    let mut holder = holder
        .arg("PATH=/nix/var/nix/profiles/system/sw/bin:$PATH; exec flock /run/nixos-wsl/lock sh -c 'touch /tmp/held; while [ ! -e /tmp/release ]; do sleep 0.1; done'")
        .spawn()
        .expect("wsl-sim");
    eventually("the lock is taken", || outside(&sim, "ls /tmp").contains("held"));
    let waiting = as_user(
        &sim,
        &format!(
            "{HELPER} login bash -c 'id -u' 2>/dev/null & p=$!; until grep -q '^Uid:.*[^0-9]0[^0-9]' /proc/$p/status; do sleep 0.1; done; grep ^Uid: /proc/$p/status; {attack}; touch /tmp/release; wait $p"
        ),
    );
    assert_eq!(waiting.out, "Uid:\t0\t0\t0\t0\n1000\n", "{waiting:?}");
    holder.wait().expect("its end");
    // Without them, while the shell is open: signals are the user's right, all else is not.
    let open = as_user(
        &sim,
        &format!(
            "{HELPER} login bash -c 'touch /tmp/open; sleep 1000' & p=$!; while [ ! -e /tmp/open ]; do sleep 0.1; done; \
             grep -e ^Uid: -e ^CapPrm: -e ^CapEff: /proc/$p/status; {}; kill $p; wait $p; echo over",
            attack.replace("STOP TERM KILL USR1", "")
        ),
    );
    assert_eq!(
        open.out,
        "Uid:\t1000\t1000\t1000\t1000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nover\n",
        "{open:?}"
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_state_that_is_not_root_s_own_is_not_used() {
    let Some(sim) = imported("a_state_that_is_not_root_s_own_is_not_used") else { return };
    let says = |setting: &str| {
        outside(&sim, &format!("rm -rf /run/nixos-wsl; {setting}"));
        shell(&sim, "id -u")
    };
    for (name, setting) in [
        ("a user's folder", "mkdir /run/nixos-wsl; chown 1000 /run/nixos-wsl"),
        ("everyone's folder", "mkdir /run/nixos-wsl; chmod 777 /run/nixos-wsl"),
        ("a link", "mkdir /tmp/run; ln -s /tmp/run /run/nixos-wsl"),
        (
            "a user's lock",
            "mkdir -m 755 /run/nixos-wsl; touch /run/nixos-wsl/lock; chown 1000 /run/nixos-wsl/lock",
        ),
        ("a lock elsewhere", "mkdir -m 755 /run/nixos-wsl; ln -s /etc/shadow /run/nixos-wsl/lock"),
    ] {
        let ended = says(setting);
        assert_eq!(ended.out, "1000\n", "{name}: {ended:?}");
        assert!(ended.err.contains("/run/nixos-wsl"), "{name}: {ended:?}");
    }
    for (name, setting) in [
        (
            "a user's state",
            "mkdir -m 755 /run/nixos-wsl; echo '{}' >/run/nixos-wsl/state; chown 1000 /run/nixos-wsl/state",
        ),
        ("a state elsewhere", "mkdir -m 755 /run/nixos-wsl; ln -s /etc/passwd /run/nixos-wsl/state"),
        ("no state at all", "mkdir -m 755 /run/nixos-wsl; head -c 100 /dev/urandom >/run/nixos-wsl/state"),
    ] {
        let ended = says(setting);
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("1000\n", ""), "{name}: {ended:?}");
        assert_eq!(ok(&sim, "cat /proc/1/comm"), "systemd", "{name}");
        outside(&sim, "nixos-wsl stop");
    }
    assert_eq!(outside(&sim, "head -c 5 /etc/shadow"), "root:");
}
