//! The installer in a simulated WSL: the image, and the first start in all the ways that WSL makes one.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use crate::support::installer;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::installer::{
    assert_installed, bundle, extracted, imported, imported_as, listing, unpack, version,
};
use crate::support::sim::with_input;

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_image_holds_no_link_that_old_versions_stumble_over() {
    let list = Command::new("bsdtar").arg("-tvf").arg(bundle("installer.tar.gz")).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.lines().count() > 20);
    assert_eq!(list.lines().find(|line| line.starts_with('h') || line.contains(" link to ")), None);
    let size = |name: &str| bundle(name).metadata().unwrap().len();
    assert!(
        size("installer.tar.gz") * 100 <= size("image.tar.gz") * 85,
        "larger than 0.85 of the plain image"
    );
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn installs_what_the_plain_image_holds_with_equal_files_as_links() {
    let (installed, plain) = (extracted("installer.tar.gz"), extracted("image.tar.gz"));
    let ended = unpack(installed.path());
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{ended:?}");
    assert!(!ended.err.contains('\r') && ended.err.contains("100 %"), "{}", ended.err);
    assert_eq!(listing(installed.path()), listing(plain.path()));
    let blocks = |root: &Path| {
        let status = Command::new("du").arg("-s").arg(root.join("nix")).output().unwrap();
        let text = String::from_utf8(status.stdout).unwrap();
        text.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    assert!(blocks(installed.path()) <= blocks(plain.path()), "more on the disk than the plain image");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_first_command_finds_a_whole_running_system() {
    let Some(sim) = imported("the_first_command_finds_a_whole_running_system") else { return };
    let ended = version(&sim);
    assert_eq!((ended.code, ended.out.as_str()), (0, "26.11.standin.1\n"), "{ended:?}");
    assert!(ended.err.lines().all(|line| line.starts_with("nixos-wsl-install: ")), "{}", ended.err);
    assert_eq!(sim.ok(["-d", "IN", "-e", "/bin/sh", "-c", "systemctl is-system-running"]), "running");
    assert_eq!(sim.hidden("IN"), "");
    sim.ok(["--terminate", "IN"]);
    assert_installed(&sim);
    assert_eq!(sim.hidden("IN"), "");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_first_shell_gets_its_arguments_user_and_exit_code() {
    let Some(sim) = imported("the_first_shell_gets_its_arguments_user_and_exit_code") else { return };
    let ended = sim.run(["-d", "IN", "-u", "root", "--", "id", "-un;", "exit", "7"]);
    assert_eq!((ended.code, ended.out.as_str()), (7, "root\n"), "{ended:?}");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn two_first_starts_at_once_are_one_installation() {
    let Some(sim) = imported("two_first_starts_at_once_are_one_installation") else { return };
    let start = || {
        let mut command = sim.command(["-d", "IN", "nixos-version"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    for output in both {
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "26.11.standin.1\n", "{output:?}");
    }
    assert_installed(&sim);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_first_start_without_a_command_is_a_login_shell() {
    let Some(sim) = imported("the_first_start_without_a_command_is_a_login_shell") else { return };
    let script = b"echo $0 $(id -un); nixos-version; systemctl is-active user@1000; systemctl --user is-active basic.target; \
                   exit 5\n";
    let ended = with_input(&mut sim.command(["-d", "IN"]), script);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert_eq!(ended.out, "-bash nixos\n26.11.standin.1\nactive\nactive\n", "{ended:?}");
    // No terminal: plain lines, the last of them the whole.
    assert!(!ended.err.contains(['\r', '\x1b']) && ended.err.contains("100 %"), "{ended:?}");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn where_wsl_starts_no_init_the_first_shell_installs_and_brings_systemd_up() {
    let test = "where_wsl_starts_no_init_the_first_shell_installs_and_brings_systemd_up";
    let Some(sim) = imported_as(test, "namespace-installer.tar.gz") else { return };
    let ended = version(&sim);
    assert_eq!((ended.code, ended.out.as_str()), (0, "26.11.standin.7\n"), "{ended:?}");
    assert!(!sim.inside("IN", installer::DIRECTORY).exists(), "the installer's own files are left");
    assert_eq!(sim.ok(["-d", "IN", "--", "systemctl", "is-system-running"]), "running");
    sim.ok(["--terminate", "IN"]);
    assert_eq!(sim.ok(["-d", "IN", "--", "id", "-un"]), "nixos");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_same_bytes_on_any_machine() {
    let folder = tempfile::tempdir().unwrap();
    let program =
        std::env::var_os("NIXOS_WSL_TOOLS").map(|tools| Path::new(&tools).join("bin/nixos-wsl-install"));
    let environments = [("1", "022", "C"), ("2", "077", "C.UTF-8")];
    let images = environments.map(|(cores, umask, locale)| {
        let out = folder.path().join(format!("installer-{cores}.tar.gz"));
        let status = Command::new("sh")
            .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"])
            .args([env!("CARGO_BIN_EXE_nixos-wsl-image"), "installer", "--cores", cores, "--attrs"])
            .arg(bundle("attributes.json"))
            .arg("--program")
            .arg(program.as_ref().unwrap())
            .arg("--out")
            .arg(&out)
            .env_clear()
            .envs([
                ("PATH", "/usr/bin:/bin"),
                ("HOME", "/nonexistent"),
                ("LC_ALL", locale),
                ("TZ", "Asia/Tokyo"),
            ])
            .status();
        assert!(status.unwrap().success());
        fs::read(out).unwrap()
    });
    assert!(images[0] == images[1], "one core and two write different bytes");
    assert!(images[0] == fs::read(bundle("installer.tar.gz")).unwrap(), "Nix's is another");
}
