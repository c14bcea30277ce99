//! Import, export and the registry: what WSL answers to bad input, and what is left of it (W§1, W§6.4).
//!
//! No distribution starts here, but unpacking restores owners: these tests need root.
#![cfg(feature = "sim")]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::patience::eventually;
use crate::support::sim::{Sim, ended};

const NAME: &str = "A distribution with the supplied name already exists. Use --name to choose a different name.\n\
                    Error code: Wsl/Service/RegisterDistro/ERROR_ALREADY_EXISTS\n";
const FAILED: &str =
    "Importing the distribution failed.\nError code: Wsl/Service/RegisterDistro/WSL_E_IMPORT_FAILED\n";
const NONE: &str =
    "There is no distribution with the supplied name.\nError code: Wsl/Service/WSL_E_DISTRO_NOT_FOUND\n";

/// An import that fails with WSL's text leaves nothing behind.
fn refused(sim: &Sim, arguments: &[&str], text: &str) {
    let before = sim.run(["-l", "-v"]).out;
    let ended = sim.run(arguments);
    assert_eq!((ended.code, ended.out.as_str()), (255, text), "{arguments:?}: {}", ended.err);
    assert_eq!(sim.run(["-l", "-v"]).out, before, "{arguments:?}");
    let directory = Path::new(arguments[2]);
    assert!(!directory.join("rootfs").exists(), "{arguments:?} left files");
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn bad_archives_and_names() {
    let sim = Sim::new();
    let at = |name: &str| sim.directory.path().join(name).to_str().expect("a readable path").to_owned();
    let good = sim.archive(&[("etc/os-release", "ID=\"nixos\"\nVERSION_ID=26.11\n")]);
    let bytes = fs::read(&good).expect("the archive");
    let good = good.to_str().expect("a readable path");
    let with = |name: &str, contents: &[u8]| {
        fs::write(at(name), contents).expect("an archive");
        at(name)
    };
    let directory = at("d");
    refused(
        &sim,
        &["--import", "N", &directory, &at("none.tar")],
        "The system cannot find the file specified.\nError code: Wsl/ERROR_FILE_NOT_FOUND\n",
    );
    refused(
        &sim,
        &["--import", "N", &at("missing/d"), good],
        "The system cannot find the path specified.\nError code: Wsl/ERROR_PATH_NOT_FOUND\n",
    );
    refused(&sim, &["--import", "N", &directory, &with("random", &vec![0xa5; 70_000])], FAILED);
    refused(&sim, &["--import", "N", &directory, &with("cut.tar", &bytes[..1000])], FAILED);
    let packed = Command::new("gzip").arg("-c").arg(good).output().expect("gzip").stdout;
    for length in [1, packed.len() / 2, packed.len() - 8] {
        refused(&sim, &["--import", "N", &directory, &with("cut.tar.gz", &packed[..length])], FAILED);
    }
    let empty = "The imported file is not a valid Linux distribution.\n\
                 Error code: Wsl/Service/RegisterDistro/WSL_E_NOT_A_LINUX_DISTRO\n";
    refused(&sim, &["--import", "N", &directory, &with("empty", b"")], empty);
    let other = sim.archive(&[("usr/file", "")]);
    refused(&sim, &["--import", "N", &directory, other.to_str().expect("a readable path")], empty);
    assert!(!Path::new(&directory).exists(), "the directory was made for the import and is gone with it");
    for name in ["a b", "ü", "a/b", "legacy", &"x".repeat(257)] {
        let text = format!(
            "Invalid distribution name: \"{name}\".\nError code: Wsl/Service/RegisterDistro/E_INVALIDARG\n"
        );
        refused(&sim, &["--import", name, &directory, good], &text);
    }
    fs::create_dir(&directory).expect("a directory");
    fs::write(Path::new(&directory).join("mine"), "").expect("a file");
    refused(&sim, &["--import", "N", &directory, &with("random", &vec![0xa5; 70_000])], FAILED);
    assert!(
        Path::new(&directory).join("mine").exists(),
        "a directory that was there stays, with what was in it"
    );
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn registrations() {
    let sim = Sim::new();
    let none = sim.run(["-l"]);
    assert_eq!(none.code, 255);
    assert!(none.out.starts_with("Windows Subsystem for Linux has no installed distributions."), "{none:?}");
    let archive = sim.archive(&[("etc/os-release", "ID=\"nixos\"\nVERSION_ID=\"26.11\"\nNAME=\"N 1\"\n")]);
    for name in ["One", "Two"] {
        let imported = sim.import(name, &archive);
        assert_eq!((imported.code, imported.out.as_str()), (0, "The operation completed successfully.\n"));
    }
    let registration = sim.registration("One");
    assert_eq!(registration["DefaultUid"], 0);
    assert_eq!(registration["RunOOBE"], false);
    assert_eq!(registration["Flavor"], "nixos");
    assert_eq!(registration["OsVersion"], "26.11");
    assert!(sim.inside("One", "lost+found").is_dir(), "mkfs leaves one in every disk");
    assert_eq!(
        sim.ok(["-l", "-v"]),
        "  NAME    STATE           VERSION\n* One     Stopped         2\n  Two     Stopped         2"
    );
    assert_eq!(sim.ok(["--list"]), "Windows Subsystem for Linux Distributions:\nOne (Default)\nTwo");
    assert_eq!(sim.ok(["-l", "-q"]), "One\nTwo");
    assert_eq!(sim.run(["-l", "--running"]).out, "There are no running distributions.\n");
    assert_eq!(sim.ok(["-s", "tWO"]), "The operation completed successfully.");
    assert_eq!(sim.ok(["-l", "-q"]), "Two\nOne", "the default one is first");
    for arguments in [["--unregister", "Three"], ["-t", "Three"], ["-s", "Three"], ["-d", "Three"]] {
        let ended = sim.run(arguments);
        assert_eq!(
            (ended.code, ended.out.trim_start_matches("Unregistering.\n")),
            (255, NONE),
            "{arguments:?}"
        );
    }
    refused_name(&sim, &archive);
    sim.ok(["--unregister", "TWO"]);
    assert!(!sim.directory.path().join("Two").exists());
    assert_eq!(
        sim.ok(["-l", "-v"]),
        "  NAME    STATE           VERSION\n* One     Stopped         2",
        "a new default"
    );
}

fn refused_name(sim: &Sim, archive: &Path) {
    let ended = sim.run([
        "--import",
        "ONE",
        sim.directory.path().join("x").to_str().expect("a path"),
        archive.to_str().expect("a path"),
    ]);
    assert_eq!((ended.code, ended.out.as_str()), (255, NAME));
    let ended = sim.run([
        "--import",
        "Three",
        sim.directory.path().join("One").to_str().expect("a path"),
        archive.to_str().expect("a path"),
    ]);
    let used = "The supplied install location is already in use.\nError code: Wsl/Service/RegisterDistro/ERROR_FILE_EXISTS\n";
    assert_eq!((ended.code, ended.out.as_str()), (255, used));
    assert!(sim.inside("One", "etc/os-release").exists());
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn installations() {
    let sim = Sim::new();
    let install = |name: Option<&str>, archive: &Path| {
        let mut command = sim.command(["--install", "--no-launch", "--from-file"]);
        command.arg(archive).args(name.into_iter().flat_map(|name| ["--name", name]));
        ended(&mut command)
    };
    let nameless = sim.archive(&[("etc/passwd", "")]);
    let refused = install(None, &nameless);
    assert_eq!(refused.code, 255);
    assert!(
        refused.out.contains("Error code: Wsl/Service/RegisterDistro/WSL_E_DISTRIBUTION_NAME_NEEDED"),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(sim.home().join("distributions")).expect("the registry").count(), 0);
    let with_default_name = sim.archive(&[("etc/wsl-distribution.conf", "[oobe]\ndefaultName = \"Own\"\n")]);
    let installed = install(None, &with_default_name);
    assert_eq!(installed.code, 0, "{installed:?}");
    assert!(
        installed
            .out
            .ends_with("Distribution successfully installed. It can be launched via 'wsl.exe -d Own'\n")
    );
    assert_eq!(sim.registration("Own")["RunOOBE"], true);
    assert_eq!(install(None, &with_default_name).out.lines().last(), NAME.lines().last());
    assert_eq!(sim.ok(["-l", "-q"]), "Own");
    assert_eq!(install(Some("Other"), &with_default_name).code, 0);
    assert_eq!(sim.ok(["-l", "-q"]), "Own\nOther");
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn what_wsl_keeps_to_itself_is_reported() {
    let sim = Sim::new();
    let conf = "[oobe]\ncommand=/x\nfoo=1\n[shortcut]\nicon=/etc/../etc/icon\n[windowsterminal]\nprofileTemplate=/usr/t\n";
    let archive = sim.archive(&[("etc/wsl-distribution.conf", conf), ("usr/t", "{\"profiles\": {}}")]);
    let imported = sim.import("N", &archive);
    assert_eq!(imported.code, 0, "{imported:?}");
    for text in [
        "wsl-sim: hidden by WSL: wsl-distribution.conf: Unknown key 'oobe.foo'",
        "wsl-sim: hidden by WSL: shortcut.icon: /etc/../etc/icon contains '..'",
        "wsl: Failed to parse terminal profile while registering distribution: ",
    ] {
        assert!(imported.err.contains(text), "{text}: {}", imported.err);
    }
    for (name, size) in [("Largest", 1 << 20), ("Larger", (1 << 20) + 1)] {
        let icon = "x".repeat(size);
        let conf = "[shortcut]\nicon=/usr/icon\n";
        let imported =
            sim.import(name, &sim.archive(&[("etc/wsl-distribution.conf", conf), ("usr/icon", &icon)]));
        let refused_icon = "wsl-sim: hidden by WSL: shortcut.icon: /usr/icon is larger than 1048576 bytes\n";
        assert_eq!(imported.code, 0, "without its icon");
        assert_eq!(imported.err, if name == "Larger" { refused_icon } else { "" });
    }
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn export_and_import_again() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "contents"), ("home/x y/ü", "")]);
    assert_eq!(sim.import("One", &archive).code, 0);
    std::os::unix::fs::symlink("/nowhere", sim.inside("One", "etc/link")).expect("a link");
    std::os::unix::fs::chown(sim.inside("One", "etc/a"), Some(1000), Some(100)).expect("an owner");
    for (format, magic) in [("tar", &b"./"[..]), ("tar.gz", b"\x1f\x8b"), ("tar.xz", b"\xfd7zXZ")] {
        let file = sim.directory.path().join(format);
        assert_eq!(
            sim.ok(["--export", "One", file.to_str().expect("a path"), "--format", format]),
            "The operation completed successfully."
        );
        assert!(fs::read(&file).expect("the export").starts_with(magic), "{format}");
        let name = format!("Again-{format}");
        assert_eq!(sim.import(&name, &file).code, 0, "{format}");
        let list = |name: &str| {
            let command = "cd \"$0\" && find . -printf '%p %m %U %G %l\\n' | sort && cat etc/a";
            let root = sim.inside(name, "/");
            ended(Command::new("sh").args(["-c", command]).arg(root)).out
        };
        assert_eq!(list("One"), list(&name), "{format}");
        assert!(list("One").contains("./etc/a 644 1000 100 \n"));
    }
    let piped = sim.command(["--export", "One", "-"]).output().expect("wsl-sim");
    assert!(piped.status.success() && piped.stdout.starts_with(b"./"));
    assert_eq!(sim.run(["--export", "None", "-"]).out, NONE);
    assert_eq!(sim.registration("One")["State"], "Installed");
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn a_killed_import_is_undone_by_the_next_command() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "contents"), ("usr/big", &"x".repeat(4 << 20))]);
    let bytes = fs::read(archive).expect("the archive");
    let directory = sim.directory.path().join("N");
    for share in [0, 1, 50, 99] {
        let mut child = sim
            .command(["--import", "N", directory.to_str().expect("a path"), "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("wsl-sim");
        let mut pipe = child.stdin.take().expect("a pipe");
        pipe.write_all(&bytes[..bytes.len() * share / 100]).expect("bsdtar reads");
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        let unpacker = loop {
            let children = fs::read_to_string(&children).expect("the import runs");
            if let Some(pid) = children.split_whitespace().next() {
                break pid.to_owned();
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let list = sim.run(["-l", "--all", "-v"]).out;
        assert!(list.contains("N       Installing      2"), "{list}");
        let refused = sim.run(["-d", "N"]);
        assert!(
            refused.out.starts_with("An install, uninstall, or conversion is in progress"),
            "{refused:?}"
        );
        child.kill().expect("the import runs");
        child.wait().expect("it ends");
        assert_eq!(sim.run(["-l"]).code, 255, "no distribution is left");
        assert!(!directory.exists(), "nor its files");
        eventually("bsdtar dies with its parent", || {
            let stat = fs::read_to_string(format!("/proc/{unpacker}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z")
        });
    }
    let good = sim.directory.path().join("good.tar");
    fs::write(&good, &bytes).expect("an archive");
    assert_eq!(sim.import("N", &good).code, 0);
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn a_killed_removal_or_export_is_finished_by_the_next_command() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "contents")]);
    for (state, left) in [("Uninstalling", false), ("Installing", false), ("Exporting", true)] {
        assert_eq!(sim.import("N", &archive).code, 0);
        let mut registration = sim.registration("N");
        registration["State"] = serde_json::json!({ state: { "pid": 4_000_000, "start": 1 } });
        fs::write(sim.folder("N").join("registration.json"), registration.to_string()).expect("the registry");
        assert_eq!(sim.run(["-l", "-q"]).out, if left { "N\n" } else { "" }, "{state}");
        assert_eq!(sim.inside("N", "etc/a").exists(), left, "{state}");
    }
    // A half written registration never replaced the whole one, and a folder without one is a killed import's.
    fs::write(sim.folder("N").join("registration.new"), "{").expect("the registry");
    fs::create_dir(sim.folder("half")).expect("the registry");
    assert_eq!(sim.ok(["-l", "-q"]), "N");
    assert!(!sim.folder("half").exists());
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn commands_at_the_same_time_agree() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "contents")]);
    let mut imports: Vec<_> = (0..6)
        .map(|index| {
            let directory = sim.directory.path().join(format!("d{index}"));
            let mut command = sim.command([
                "--import",
                "Same",
                directory.to_str().expect("a path"),
                archive.to_str().expect("a path"),
            ]);
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("wsl-sim")
        })
        .collect();
    let mut successes = 0;
    for import in &mut imports {
        let mut out = String::new();
        import.stdout.take().expect("a pipe").read_to_string(&mut out).expect("its output");
        successes += usize::from(import.wait().expect("its end").success());
    }
    assert_eq!(successes, 1);
    assert_eq!(sim.ok(["-l", "-q"]), "Same");
    let left = fs::read_dir(sim.directory.path()).expect("the directory");
    let left = left.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with('d')).count();
    assert_eq!(left, 1, "the directories of the others are gone");
}
