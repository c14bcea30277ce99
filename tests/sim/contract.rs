//! What WSL does to a distribution clause by clause, seen from a distribution that only looks: busybox as everything.
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::patience::{TIME_FACTOR, eventually};
use crate::support::sim::{Sim, ended, has_fuse};

/// Notes what it is given, then stays. It is no systemd: WSL's polls fail.
const INIT: &str = r#"#!/bin/busybox sh
b=/bin/busybox
streams=$($b readlink /proc/$$/fd/0; $b readlink /proc/$$/fd/1; $b readlink /proc/$$/fd/2)
{
  echo "arguments $0 $*"
  echo "umask $(umask)"
  echo "cwd $($b pwd)"
  $b grep -E '^(SigIgn|SigBlk)' /proc/self/status
  echo "streams" $streams
  echo "pid $$"
} >/observation/init
$b tr '\0' '\n' </proc/$$/environ >/observation/environment
$b cat /proc/self/mountinfo >/observation/mounts
exec $b sleep 100000
"#;

/// Notes how it is called; every other name is busybox's.
const NOTE: &str = r#"#!/bin/busybox sh
{ echo "$0 $*"; /bin/busybox tr '\0' '\n' </proc/$$/environ | /bin/busybox sort | /bin/busybox tr '\n' ' '; echo; } >>/observation/calls
[ "$1" = -a ] || exec /bin/busybox mount "$@"
"#;

const CONF: &str = "[boot]\nsystemd = true\ninitTimeout = 600\ncommand = \"/bin/busybox id -u >/observation/command; umask >>/observation/command\"\n\
                    [automount]\nroot = /win\noptions = \"sync\"\n[network]\nhostname = My--Host_!\n[user]\ndefault = u\n\
                    [filesystem]\numask = 27\n";

/// A distribution of busybox, not started yet.
fn observed_distribution(test: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let archive = sim.archive(&[
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\nu:x:1000:100::/home/u:/bin/sh\n"),
        ("etc/group", "root:x:0:\nusers:x:100:\nextra:x:200:u\n"),
        ("etc/wsl.conf", CONF),
        ("etc/locale.conf", "# LANG=no\nLANG=old\nLANG=\"de_DE.UTF-8\"\n"),
        ("etc/ld.so.conf.d/empty", ""),
        ("usr/share/zoneinfo/Europe/Berlin", "TZif"),
        ("home/u/empty", ""),
        ("observation/empty", ""),
        ("sbin/init", INIT),
        ("sbin/ldconfig", NOTE),
        ("bin/mount", NOTE),
    ]);
    let tree = sim.directory.path().join("tree");
    fs::create_dir(&tree).expect("a directory");
    let script = "cd \"$0\" && bsdtar -xf \"$1\" && cp -L \"$(command -v busybox)\" bin/busybox && chmod 755 bin/* sbin/* && \
                  ln -s busybox bin/sh && chmod 777 observation && chown -R 1000:100 home/u && bsdtar -cf \"$1\" .";
    let made = ended(Command::new("sh").args(["-c", script]).arg(&tree).arg(&archive));
    assert_eq!(made.code, 0, "a static busybox is needed: {made:?}");
    fs::remove_dir_all(&tree).expect("the tree");
    assert_eq!(sim.import("N", &archive).code, 0);
    Some(sim)
}

fn busybox(sim: &Sim, user: &str, line: &str) -> String {
    let line = format!("b() {{ /bin/busybox \"$@\"; }}; {line}");
    let mut command = sim.command(["-u", user, "-e", "/bin/sh", "-c", &line]);
    command.env("WSL_SIM_TIMEZONE", "Europe/Berlin").env("WSL_SIM_WINDOWS_PATH", "/win/c/Windows");
    let ended = ended(&mut command);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.out.trim_end().into()
}

fn observation(sim: &Sim, name: &str) -> String {
    fs::read_to_string(sim.inside("N", "observation").join(name)).unwrap_or_default()
}

#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn what_init_is_given() {
    let Some(sim) = observed_distribution("what_init_is_given") else { return };
    busybox(
        &sim,
        "root",
        "i=0; while ! test -s /observation/mounts && test $i -lt 100; do b sleep 0.1; i=$((i+1)); done",
    );
    assert_eq!(
        observation(&sim, "init"),
        // All but KILL, STOP, CONT, HUP, 32 to 34, and CHLD, which this shell takes back for itself.
        "arguments /sbin/init \numask 0000\ncwd /\nSigBlk:\t0000000000000000\nSigIgn:\tfffffffc7ff8fefe\n\
         streams /dev/null /dev/null /dev/kmsg\npid 1\n"
    );
    let version = std::env::var("WSL_SIM_VERSION").unwrap_or_else(|_| "2.10.0".into());
    assert_eq!(
        observation(&sim, "environment"),
        format!("container=wsl\ncontainer_host_id=windows\ncontainer_host_version_id={version}\n"),
        "exactly the three variables"
    );
    let mounts = observation(&sim, "mounts");
    let mounts: Vec<Vec<&str>> = mounts.lines().map(|line| line.split(' ').collect()).collect();
    let kind = |target: &str| {
        let mount = mounts.iter().rfind(|mount| mount[4] == target).unwrap_or_else(|| panic!("{target}"));
        let separator = mount.iter().position(|field| *field == "-").expect("a separator");
        let shared = mount[6..separator].iter().any(|field| field.starts_with("shared"));
        (mount[separator + 1], mount[5].split(',').any(|option| option == "ro"), shared)
    };
    let (sys, settings) = if has_fuse() {
        (("fuse.sysfs", false, true), ("fuse.proc", false, false))
    } else {
        (("tmpfs", true, true), ("proc", true, false))
    };
    for (target, expected) in [
        ("/init", ("tmpfs", true, false)),
        ("/sys", sys),
        ("/proc/sys", settings),
        ("/proc", ("proc", false, true)),
        ("/dev/pts", ("devpts", false, true)),
        ("/run", ("tmpfs", false, true)),
        ("/run/lock", ("tmpfs", false, true)),
        ("/run/shm", ("tmpfs", false, true)),
        ("/dev/shm", ("tmpfs", false, true)),
        ("/win/wsl", ("tmpfs", false, true)),
        ("/win/wslg", ("tmpfs", false, true)),
        ("/win/c", ("tmpfs", false, false)),
        ("/sys/fs/cgroup", ("cgroup2", false, true)),
    ] {
        assert_eq!(kind(target), expected, "{target}");
    }
    assert_eq!(kind("/tmp/.X11-unix").0, "tmpfs");
    assert!(kind("/tmp/.X11-unix").1, "read-only");
    assert_eq!(kind("/run/user"), kind("/win/wslg"), "bound from there");
    assert_eq!(kind("/proc/sys/fs/binfmt_misc/status"), ("tmpfs", true, kind("/run").2), "locked");
    assert_eq!(observation(&sim, "command"), "0\n0000\n", "boot.command as root, with init's umask");
    let hidden = sim.hidden("N");
    assert!(
        hidden.starts_with("systemd was not ready within 600 ms; the session went on without it\n"),
        "{hidden}"
    );
    assert!(hidden.ends_with("no systemd user session for root\n"), "{hidden}");
}

/// What each of two releases has brought is not there before it (U§1): the lock of `binfmt_misc/status` in 2.8.9, the unit
/// that runs `/bin/true` in 2.9.8.
#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn what_came_with_a_release_is_not_there_before_it() {
    let test = "what_came_with_a_release_is_not_there_before_it";
    let Some(mut sim) = observed_distribution(test) else { return };
    for (version, locked, guarded) in [("2.8.8", 0, 0), ("2.9.7", 1, 0), ("2.9.8", 1, 1)] {
        sim.version = Some(version);
        let line = "b grep -c ' /proc/sys/fs/binfmt_misc/status ' /proc/mounts; \
                    if echo -1 >/proc/sys/fs/binfmt_misc/status; then echo written; else echo refused; fi 2>/dev/null";
        let expected = format!("{locked}\n{}", ["written", "refused"][locked]);
        assert_eq!(busybox(&sim, "root", line), expected, "{version}");
        // As systemd calls its generators.
        let line = "b mkdir /run/units; cd /run/units; /run/systemd/system-generators/wsl-generator . . .; \
                    b find /run/units -name wsl-mnt-guard.service -type f | b grep -c .; true";
        assert_eq!(busybox(&sim, "root", line), guarded.to_string(), "{version}");
        sim.ok(["--shutdown"]);
    }
}

#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn what_is_configured_before_init() {
    let Some(sim) = observed_distribution("what_is_configured_before_init") else { return };
    let files = "b cat /etc/hostname; b hostname; b readlink /etc/resolv.conf; b grep nameserver /etc/resolv.conf; \
                 b readlink /etc/localtime; b cat /etc/timezone; b head -n 5 /etc/hosts; b cat /etc/ld.so.conf.d/ld.wsl.conf; \
                 for i in /bin/wslpath /bin/wslinfo /sbin/mount.drvfs; do b readlink $i; done; b stat -c %a:%u /win/c /tmp; b ls /run/WSL | b grep -c interop";
    let out = busybox(&sim, "root", files);
    let lines: Vec<_> = out.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        lines,
        [
            "My-Host",
            "My-Host",
            "/win/wsl/resolv.conf",
            "nameserver 10.255.255.254",
            "/usr/share/zoneinfo/Europe/Berlin",
            "Europe/Berlin",
            "127.0.0.1\tlocalhost",
            "127.0.1.1\tMy-Host.localdomain\tMy-Host",
            "/usr/lib/wsl/lib",
            "/init",
            "/init",
            "/init",
            "777:1000",
            "1777:0",
            "3",
        ],
        "{out}"
    );
    let calls = observation(&sim, "calls");
    let calls: Vec<_> = calls.lines().collect();
    assert_eq!(calls[0], "/bin/mount -a", "fstab first: {calls:?}");
    assert!(calls.contains(&"/sbin/ldconfig "), "{calls:?}");
    let drive = calls.iter().position(|call| call.starts_with("/bin/mount -i")).expect("the drive");
    assert_eq!(calls[drive], "/bin/mount -i -t tmpfs C:\\ /win/c -o noatime,sync,uid=1000,gid=100,mode=777");
    assert!(calls.iter().all(|call| !call.contains("PATH=")), "WSL's init has no PATH: {calls:?}");
    busybox(
        &sim,
        "root",
        "b mkdir /win/x; /sbin/mount.drvfs C: /win/x -o noatime && b grep -q ' /win/x tmpfs ' /proc/mounts",
    );
    let calls = observation(&sim, "calls");
    assert!(calls.contains("/bin/mount -i -t tmpfs C: /win/x -o noatime,uid=0,gid=0,mode=777\n"), "{calls}");
}

#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn what_a_process_is_given() {
    let Some(sim) = observed_distribution("what_a_process_is_given") else { return };
    let environment =
        busybox(&sim, "u", "b tr '\\0' '\\n' </proc/$$/environ | b sed s,/[0-9]*_interop,/N_interop,");
    assert_eq!(
        environment.lines().collect::<Vec<_>>(),
        [
            &format!("HOSTTYPE={}", std::env::consts::ARCH),
            "LANG=de_DE.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/usr/lib/wsl/lib:/win/c/Windows",
            "TERM=xterm-256color",
            "XDG_RUNTIME_DIR=/run/user/1000",
            "DISPLAY=:0",
            "WAYLAND_DISPLAY=wayland-0",
            "PULSE_SERVER=unix:/win/wslg/PulseServer",
            "WSL2_GUI_APPS_ENABLED=1",
            "WSLENV=",
            "WSL_INTEROP=/run/WSL/N_interop",
            "NAME=My-Host",
            "WSL_DISTRO_NAME=N",
            "HOME=/home/u",
            "USER=u",
            "LOGNAME=u",
            "SHELL=/bin/sh",
            "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus",
        ],
        "W§6.3's, each at the place where it is first set"
    );
    let state = busybox(
        &sim,
        "u",
        "b id; umask; b grep -E '^Sig(Ign|Blk)' /proc/self/status; { : </dev/tty; } && echo tty",
    );
    assert_eq!(
        state,
        "uid=1000(u) gid=100(users) groups=100(users),200(extra)\n0033\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\ntty",
        "umask 27 is decimal"
    );
    for (arguments, expected) in [
        (&["--shell-type", "login", "--", "echo", "$0"][..], "-sh"),
        (&["--shell-type", "standard", "--", "echo", "$0"], "/bin/sh"),
        (&["--", "echo", "$0"], "/bin/sh"),
        (&["--shell-type", "none", "busybox", "echo", "$0"], "$0"),
        (&["-e", "busybox", "echo", "$0"], "$0"),
    ] {
        assert_eq!(sim.ok(arguments), expected, "{arguments:?}: W§6.2");
    }
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn what_bsdtar_is_given() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "")]);
    let tools = sim.directory.path().join("tools");
    fs::create_dir(&tools).expect("a directory");
    let fake = |end: &str| {
        let script = format!(
            "#!/bin/sh\necho \"$@\" >>{0}/observation; env | grep ^L | sort >>{0}/observation; test -p /dev/stdin && echo pipe >>{0}/observation\n\
             PATH=/usr/bin:/bin bsdtar \"$@\"; {end}\n",
            tools.display()
        );
        fs::write(tools.join("bsdtar"), script).expect("a program");
        assert!(
            Command::new("chmod").arg("755").arg(tools.join("bsdtar")).status().expect("chmod").success()
        );
    };
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").expect("a PATH"));
    let run = |arguments: &[&str]| ended(sim.command(arguments).env("PATH", &path));
    let directory = sim.directory.path().join("N");
    let (archive, directory) = (archive.to_str().expect("a path"), directory.to_str().expect("a path"));
    let observation = || {
        let observation = fs::read_to_string(tools.join("observation")).expect("it ran");
        fs::remove_file(tools.join("observation")).expect("it ran");
        observation.replace(directory, "DIR")
    };
    fake("echo a mere warning >&2; exit 1");
    let failed = run(&["--import", "N", directory, archive]);
    assert_eq!(
        (failed.code, failed.out.as_str()),
        (
            255,
            "Importing the distribution failed.\nError code: Wsl/Service/RegisterDistro/WSL_E_IMPORT_FAILED\n"
        )
    );
    assert_eq!(failed.err, "a mere warning\n", "bsdtar's own words reach the user");
    assert!(!PathBuf::from(directory).exists(), "what was unpacked is gone");
    let unpack = "-C DIR/rootfs -x -p --xattrs --numeric-owner -f -\nLANG=C.UTF-8\npipe\n";
    assert_eq!(observation(), unpack);
    fake("exit 0");
    assert_eq!(run(&["--import", "N", directory, archive]).code, 0);
    assert_eq!(observation(), unpack);
    for (format, flag) in [("tar", "-c"), ("tar.gz", "-cz"), ("tar.xz", "-cJ")] {
        let file = sim.directory.path().join("out");
        let exported = run(&["--export", "N", file.to_str().expect("a path"), "--format", format]);
        assert_eq!(exported.code, 0, "{exported:?}");
        assert_eq!(
            observation(),
            format!("-C DIR/rootfs {flag} --one-file-system --xattrs --numeric-owner -f - .\nLANG=C.UTF-8\n")
        );
    }
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn what_is_a_distribution() {
    let sim = Sim::new();
    // Looked up in a chroot: an absolute link leads into the distribution, wherever it would lead outside.
    let archive = sim.archive(&[("real/os-release", "ID=mine\n")]);
    let linked = sim.directory.path().join("linked");
    fs::create_dir(&linked).expect("a directory");
    symlink("/real", linked.join("etc")).expect("a link");
    let add = |tree: &PathBuf| {
        let made = Command::new("bsdtar").arg("-rf").arg(&archive).arg("-C").arg(tree).arg(".").status();
        assert!(made.expect("bsdtar").success());
    };
    add(&linked);
    assert_eq!(sim.import("Linked", &archive).code, 0);
    assert_eq!(sim.registration("Linked")["Flavor"], "mine");
    let dangling = sim.archive(&[("usr/file", "")]);
    fs::remove_file(linked.join("etc")).expect("a link");
    symlink("/usr/share", linked.join("etc")).expect("a link");
    let made = Command::new("bsdtar").arg("-rf").arg(&dangling).arg("-C").arg(&linked).arg(".").status();
    assert!(made.expect("bsdtar").success());
    assert!(
        sim.import("Dangling", &dangling)
            .out
            .starts_with("The imported file is not a valid Linux distribution.")
    );
    let shell = sim.archive(&[("bin/sh", "")]);
    assert_eq!(sim.import("Shell", &shell).code, 0, "either of /etc and /bin/sh is enough");
}

#[test]
#[ignore = "needs root to become someone else: checks/run gives it"]
fn without_the_privilege_it_says_what_is_missing() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "")]);
    assert_eq!(sim.import("N", &archive).code, 0);
    let opened = Command::new("chmod").args(["-R", "a+rwX"]).arg(sim.directory.path()).status();
    assert!(opened.expect("chmod").success());
    // The program's own directory may be root's alone.
    let program = sim.directory.path().join("wsl-sim");
    fs::copy(env!("CARGO_BIN_EXE_wsl-sim"), &program).expect("a copy");
    let run = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(arguments);
        ended(command.env("WSL_SIM_HOME", sim.home()).env("WSL_SIM_INIT", "/usr/bin/busybox"))
    };
    for (arguments, missing) in [
        (
            &["--import", "M", "/tmp/m", "/dev/null"][..],
            "wsl-sim: an import restores owners and modes, which takes root: run it with sudo",
        ),
        (
            &["-d", "N", "--", "true"],
            "run as root (sudo), and in a container with --privileged and a writable cgroup2 hierarchy",
        ),
    ] {
        let refused = run(arguments);
        assert_eq!((refused.code, refused.out.as_str()), (255, ""), "{refused:?}");
        assert!(refused.err.contains(missing), "{refused:?}");
    }
    assert!(
        run(&["-l", "-v"]).out.ends_with("* N       Stopped         2\n"),
        "what takes no privilege works"
    );
}

#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn every_limit_is_stretched_by_one_factor() {
    let Some(sim) = observed_distribution("every_limit_is_stretched_by_one_factor") else { return };
    // Up when it is asked for the sixth time: too late for a limit of 600 ms and a question every 250 ms.
    let systemctl = "#!/bin/busybox sh\necho \"$1\" >>/observation/asked\n\
                     test $(/bin/busybox wc -l </observation/asked) -gt 5 && echo running\n";
    let grep = "#!/bin/busybox sh\nexec /bin/busybox grep \"$@\"\n";
    for (name, text) in [("systemctl", systemctl), ("grep", grep)] {
        let path = sim.inside("N", "bin").join(name);
        fs::write(&path, text).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    }
    for (factor, expected) in
        [("1", "systemd was not ready within 600 ms; the session went on without it\n"), ("1000", "")]
    {
        fs::write(sim.inside("N", "observation/asked"), "").expect("a file");
        let mut command = sim.command(["-u", "root", "-e", "/bin/sh", "-c", ":"]);
        let started = ended(command.env(TIME_FACTOR, factor));
        assert_eq!(started.code, 0, "{started:?}");
        assert!(sim.hidden("N").starts_with(expected), "{factor}: {}", sim.hidden("N"));
        assert_eq!(sim.hidden("N").contains("not ready"), !expected.is_empty(), "{factor}");
        // A poweroff would take up the whole limit: nothing here obeys it.
        let supervisor = sim.supervisor("N").to_string();
        let inside = sim.processes("N");
        assert!(Command::new("kill").args(["-9", &supervisor]).status().expect("kill").success());
        eventually("the distribution dies with its supervisor", || {
            inside.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists())
        });
    }
    let refused = ended(sim.command(["-l"]).env(TIME_FACTOR, "0"));
    assert_eq!(
        (refused.code, refused.err.as_str()),
        (255, "wsl-sim: WSL_SIM_TIME_FACTOR is a whole number from 1 to 1000, not \"0\"\n")
    );
}
