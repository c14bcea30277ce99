//! The first run and the default user of the stand-in's image (W§7).
#![cfg(feature = "sim")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::support::sim::{Sim, ended, image, namespace, with_input};

/// Installed as the image would be from a manifest, with this first-run configuration.
fn installed(test: &str, conf: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let mut command = sim.command(["--install", "--no-launch", "--name", "NixOS", "--location"]);
    command.arg(sim.directory.path().join("NixOS")).arg("--from-file").arg(image());
    fs::create_dir(sim.directory.path().join("NixOS")).expect("a directory");
    let ended = ended(&mut command);
    assert_eq!(ended.code, 0, "{ended:?}");
    let wsl = format!("[boot]\nsystemd={}\n[automount]\nmountFsTab=false\nldconfig=false\n", !namespace());
    for (path, text) in [("etc/wsl-distribution.conf", conf), ("etc/wsl.conf", &wsl)] {
        let path = sim.inside("NixOS", path);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).expect("a configuration");
    }
    Some(sim)
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn first_run() {
    let command = "test -e /etc/let-it || { echo not yet; exit 3; }; echo \\\"first run as $USER in $PWD\\\"; read word; echo got $word";
    let conf = format!("[oobe]\ncommand = \"{command}\"\ndefaultUid = 1000\n");
    let Some(sim) = installed("first_run", &conf) else { return };
    assert_eq!(sim.sh("NixOS", "id -u"), "0", "a command runs without it, as the registry's user");
    let failed = with_input(&mut sim.command(["-d", "NixOS"]), b"id -u\n");
    assert_eq!((failed.code, failed.out.as_str()), (1, "not yet\n"), "{failed:?}");
    assert!(
        failed.err.contains(&format!("OOBE command \"{}\" failed, exiting\n", command.replace('\\', ""))),
        "{failed:?}"
    );
    assert_eq!(sim.registration("NixOS")["RunOOBE"], true, "tried again next time");
    sim.sh("NixOS", "touch /etc/let-it");
    let first =
        with_input(&mut sim.command(["-d", "NixOS", "-u", "root"]), b"answer\necho shell of $(id -u)\n");
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(
        first.out, "first run as root in /\ngot answer\nshell of 1000\n",
        "the same call goes on, whatever -u says"
    );
    assert_eq!(sim.registration("NixOS")["RunOOBE"], false);
    assert_eq!(sim.registration("NixOS")["DefaultUid"], 1000);
    let next = with_input(&mut sim.command(["-d", "NixOS"]), b"echo shell of $(id -u)\n");
    assert_eq!((next.out.as_str(), next.err.as_str()), ("shell of 1000\n", ""), "it has had its turn");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn others_wait_for_the_first_run() {
    let conf = "[oobe]\ncommand = \"echo started; read word\"\n";
    let Some(sim) = installed("others_wait_for_the_first_run", conf) else { return };
    let mut first = sim.command(["-d", "NixOS"]);
    let mut first = first.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("wsl-sim");
    let mut line = String::new();
    let mut out = BufReader::new(first.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("its output");
    assert_eq!(line, "started\n");
    let mut second = sim.command(["-d", "NixOS", "--", "echo", "second"]);
    let mut second = second.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("wsl-sim");
    let mut err = BufReader::new(second.stderr.take().expect("a pipe"));
    line.clear();
    err.read_line(&mut line).expect("its messages");
    assert_eq!(line, "wsl: Waiting for OOBE command to complete for distribution \"NixOS\"...\n");
    let mut input = first.stdin.take().expect("a pipe");
    input.write_all(b"word\n").expect("the first run reads");
    // The first shell goes on, and nobody waits for that.
    assert_eq!(second.wait_with_output().expect("its end").stdout, b"second\n");
    input.write_all(b"exit 5\n").expect("the first shell reads");
    assert_eq!(first.wait().expect("its end").code(), Some(5));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn default_user() {
    let Some(sim) = Sim::with_image("default_user") else { return };
    assert_eq!(sim.ok(["--", "id", "-un"]), "nixos", "[user] default");
    assert_eq!(sim.ok(["-u", "root", "--", "id", "-un"]), "root");
    sim.ok(["-t", "NixOS"]);
    let conf = sim.inside("NixOS", "etc/wsl.conf");
    let text =
        fs::read_to_string(&conf).expect("wsl.conf").replace("default = nixos", "default = nobody-here");
    let _ = fs::remove_file(&conf);
    fs::write(&conf, text).expect("wsl.conf");
    assert_eq!(sim.ok(["--", "id", "-un"]), "root", "a user that does not exist: the registry's");
    let unknown = sim.run(["--manage", "NixOS", "--set-default-user", "nobody-here"]);
    assert_ne!(unknown.code, 0, "{unknown:?}");
    assert_eq!(sim.registration("NixOS")["DefaultUid"], 0);
    let set = sim.run(["--manage", "nixos", "--set-default-user", "nixos"]);
    assert_eq!((set.code, set.out.as_str()), (0, "The operation completed successfully.\n"), "{set:?}");
    assert_eq!(sim.registration("NixOS")["DefaultUid"], 1000);
    assert_eq!(sim.ok(["--", "id", "-un"]), "nixos");
}
