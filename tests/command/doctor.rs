//! `nixos-wsl doctor` on roots with one fault each: it names the file, and says what to do.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::world::{program, stderr, stdout};
use tempfile::TempDir;

const WSL_CONF: &str = "[boot]\nsystemd = true\n\n[user]\ndefault = alice\n";
const DISTRIBUTION_CONF: &str =
    "[oobe]\ndefaultName = NixOS\n\n[shortcut]\nicon = /usr/share/wsl/nixos.ico\n";
const SHELLS: &str = "/usr/lib/nixos-wsl/shells";

/// A root that has all that WSL needs.
struct Healthy(TempDir);

impl Healthy {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        let contract: serde_json::Value =
            serde_json::from_str(include_str!("../../src/wsl/contract.json")).unwrap();
        for item in contract["paths"].as_array().unwrap() {
            let path = item["path"].as_str().unwrap();
            match item["need"].as_str().unwrap() {
                "program" => root.program(path),
                "file" => root.write(path, ""),
                "directory" => fs::create_dir_all(root.path(path)).unwrap(),
                _ => {}
            }
        }
        root.write("/etc/wsl.conf", WSL_CONF);
        root.write("/etc/wsl-distribution.conf", DISTRIBUTION_CONF);
        root.write("/usr/share/wsl/nixos.ico", "icon");
        root.write(
            "/etc/passwd",
            &format!(
                "root:x:0:0::/root:{SHELLS}/root/bash\nalice:x:1000:100::/home/alice:{SHELLS}/alice/fish\n"
            ),
        );
        root.program(&format!("{SHELLS}/root/bash"));
        root.program(&format!("{SHELLS}/alice/fish"));
        for name in ["activate", "systemd/lib/systemd/systemd"] {
            root.program(&format!("/nix/store/system/{name}"));
        }
        let profiles = root.path("/nix/var/nix/profiles");
        fs::create_dir_all(&profiles).unwrap();
        symlink("/nix/store/system", profiles.join("system-1-link")).unwrap();
        symlink("system-1-link", profiles.join("system")).unwrap();
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, path: &str) {
        self.write(path, "program");
        fs::set_permissions(self.path(path), Permissions::from_mode(0o755)).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(target, path).unwrap();
    }

    fn examine(&self) -> Output {
        self.examine_as("text")
    }

    fn examine_as(&self, format: &str) -> Output {
        let mut command = Command::new(program("nixos-wsl"));
        command.args(["doctor", "--format", format, "--root"]).arg(self.0.path()).output().unwrap()
    }

    /// A system whose configuration has this `wsl.conf`, and this mode.
    fn configure(&self, wsl_conf: &str, mode: &str) {
        self.write("/nix/store/system/etc/wsl.conf", wsl_conf);
        let session = format!("{{ \"systemdMode\": \"{mode}\" }}");
        self.write("/nix/store/system/nixos-wsl/session.json", &session);
    }
}

/// Kinds of findings, in their order.
fn kinds(output: &Output) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(&stdout(output)).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect()
}

/// The one fault that `break_it` makes is found, and nothing else.
fn finds(fault: &str, break_it: impl FnOnce(&Healthy)) {
    let root = Healthy::new();
    break_it(&root);
    let output = root.examine();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{fault}: {output:?}");
    let [found, advice] = text.lines().collect::<Vec<_>>()[..] else { panic!("{fault}: {output:?}") };
    assert!(found.contains(fault), "{fault}: {output:?}");
    let [kind] = &kinds(&root.examine_as("json"))[..] else { panic!("{fault}: {output:?}") };
    assert!(found.ends_with(&format!(" [{kind}]")), "{fault}: {output:?}");
    assert!(advice.starts_with("  ") && advice.len() > 10, "{fault}: {output:?}");
    assert_eq!(stderr(&output), "nixos-wsl: 1 thing is not as it should be\n");
}

#[test]
fn programs_get_json() {
    let root = Healthy::new();
    let output = root.examine_as("json");
    assert_eq!(stdout(&output), "{\"facts\":null,\"findings\":[]}\n", "{output:?}");
    assert!(output.status.success());
    root.write("/etc/wsl.conf", &format!("{WSL_CONF}; a remark\n"));
    fs::remove_file(root.path("/bin/mount")).unwrap();
    let output = root.examine_as("json");
    assert_eq!(kinds(&output), ["wsl-path", "wsl-conf-line"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    for finding in report["findings"].as_array().unwrap() {
        for part in ["fault", "advice"] {
            let text = finding[part].as_str().unwrap();
            assert!(text.len() > 10 && !text.contains('\n'), "{finding}");
        }
    }
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let output = Healthy::new().examine();
    assert_eq!(stdout(&output), "Nothing is wrong here that this program knows of.\n", "{output:?}");
    assert!(output.status.success() && stderr(&output).is_empty(), "{output:?}");
}

#[test]
fn a_terminal_alone_is_told_what_is_looked_at() {
    let root = Healthy::new();
    let line = format!(
        "stty columns 30; {} doctor --root {}",
        program("nixos-wsl").display(),
        root.0.path().display()
    );
    let mut script = Command::new("script");
    let output =
        script.args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::null()).output().unwrap();
    let shown = stdout(&output);
    // Each in the place of the one before, none wider than the terminal, and at last nothing.
    let steps: Vec<&str> = shown.split("\r\x1b[K").collect();
    assert_eq!(steps[1..3], ["looking at the distribution..", "looking at settings and users"], "{shown:?}");
    assert!(steps.last().unwrap().starts_with("Nothing is wrong here"), "{shown:?}");
    assert!(!stdout(&root.examine()).contains("looking"));
}

#[test]
fn certificates_that_have_expired_are_named() {
    let expired = include_str!("../../src/features/certificates/test-expired.pem");
    let valid = include_str!("../../src/features/certificates/test-root.pem");
    let state = "/var/lib/nixos-wsl/certificates";
    let declare = |root: &Healthy, text: &str| {
        root.write("/nix/store/cert/a.pem", text);
        root.write("/nix/store/system/nixos-wsl/certificates", "/nix/store/cert/a.pem\n");
    };
    let add = |root: &Healthy, origin: &str, text: &str| {
        root.write(&format!("{state}/added.pem"), &format!("# {origin}\n{text}"));
        root.write(&format!("{state}/ca-bundle.crt"), text);
    };
    let use_it =
        |root: &Healthy| root.link("/etc/ssl/certs/ca-certificates.crt", &format!("{state}/ca-bundle.crt"));

    let name = "the certificate `Example Old Root' has expired on 2002-01-01";
    finds(&format!("/nix/store/cert/a.pem: {name}"), |root| declare(root, &format!("{valid}{expired}")));
    finds(&format!("/etc/company/x.crt: {name}"), |root| {
        add(root, "/etc/company/x.crt", expired);
        use_it(root);
    });
    // Valid ones, Windows' own, and those of a system that is not this one are nobody's concern.
    let root = Healthy::new();
    declare(&root, valid);
    add(&root, "/etc/company/x.crt", expired);
    assert!(root.examine().status.success(), "{:?}", root.examine());
    add(&root, "Windows", expired);
    use_it(&root);
    assert!(root.examine().status.success(), "{:?}", root.examine());
}

#[test]
fn what_wsl_calls_is_looked_for() {
    let gone = |path: &'static str| move |root: &Healthy| fs::remove_file(root.path(path)).unwrap();
    finds("/bin/mount: No such file", gone("/bin/mount"));
    finds("/etc/os-release: No such file", gone("/etc/os-release"));
    finds("/sbin/init: Permission denied", |root| {
        fs::set_permissions(root.path("/sbin/init"), Permissions::from_mode(0o644)).unwrap();
    });
    finds("/lib/modules: Not a directory", |root| {
        fs::remove_dir(root.path("/lib/modules")).unwrap();
        root.write("/lib/modules", "");
    });
    let looped = format!("/bin/login: {}", std::io::Error::from_raw_os_error(libc::ELOOP));
    finds(&looped, |root| root.link("/bin/login", "/bin/login"));
}

#[test]
fn settings_that_wsl_does_not_take_are_named() {
    finds("Unknown key 'boot.sytemd' in /etc/wsl.conf:6", |root| {
        root.write("/etc/wsl.conf", "[user]\ndefault = alice\n\n[boot]\nsystemd = true\nsytemd = true\n");
    });
    finds("/etc/wsl.conf:6; WSL reads nothing after it", |root| {
        root.write("/etc/wsl.conf", &format!("{WSL_CONF}; a remark\n"));
    });
    finds("/etc/wsl.conf: is a link", |root| {
        root.write("/nix/store/etc/wsl.conf", WSL_CONF);
        root.link("/etc/wsl.conf", "/nix/store/etc/wsl.conf");
    });
    finds("in /etc/wsl-distribution.conf:2", |root| {
        root.write("/etc/wsl-distribution.conf", "[oobe]\ndefaultNames = NixOS\n");
    });
    finds("/usr/share/wsl/nixos.ico: No such file", |root| {
        fs::remove_file(root.path("/usr/share/wsl/nixos.ico")).unwrap();
    });
}

#[test]
fn settings_that_nobody_can_read_are_named() {
    let root = Healthy::new();
    fs::remove_file(root.path("/etc/wsl.conf")).unwrap();
    fs::create_dir(root.path("/etc/wsl.conf")).unwrap();
    let found = root.examine_as("json");
    assert_eq!(
        kinds(&found),
        ["wsl-path", "settings", "systemd-off"],
        "and what WSL makes of none: {found:?}"
    );
    assert!(stdout(&found).contains("/etc/wsl.conf: Is a directory"), "{found:?}");
}

#[test]
fn users_who_could_not_log_in_are_named() {
    let passwd = |root: &Healthy| fs::read_to_string(root.path("/etc/passwd")).unwrap();
    finds("no user with name alice, whom /etc/wsl.conf names", |root| {
        let text = passwd(root);
        root.write("/etc/passwd", text.lines().next().unwrap());
    });
    finds("/etc/passwd: no user with id 0", |root| {
        let text = passwd(root);
        root.write("/etc/passwd", text.lines().nth(1).unwrap());
    });
    finds("alice/fish: No such file or directory (os error 2); it is the shell of alice", |root| {
        fs::remove_file(root.path(&format!("{SHELLS}/alice/fish"))).unwrap();
    });
    // What the wrapper starts comes with the system: it is missed only while one is active.
    let lost = |root: &Healthy| root.link(&format!("{SHELLS}/alice/real"), "/run/current-system/sw/bin/fish");
    let idle = Healthy::new();
    lost(&idle);
    assert!(idle.examine().status.success());
    finds("/run/current-system/sw/bin/fish: No such file", |root| {
        lost(root);
        root.link("/run/current-system", "/nix/store/system");
    });
}

#[test]
fn a_wsl_conf_that_somebody_has_edited_is_named() {
    let same = Healthy::new();
    same.configure("# of ours\n[boot]\nsystemd = true\n[user]\ndefault = alice\n", "native");
    assert!(same.examine().status.success());
    same.write("/etc/wsl.conf", "[user]\nDefault=\"alice\"\n[boot]\nsystemd = TRUE\n");
    assert!(same.examine().status.success(), "the same in other words");

    let off = "[boot]\nsystemd = false\n\n[user]\ndefault = alice\n";
    finds("/etc/wsl.conf: boot.systemd is off, and this system leaves systemd to WSL", |root| {
        root.configure(WSL_CONF, "native");
        root.write("/etc/wsl.conf", off);
    });
    finds("boot.systemd is off", |root| root.write("/etc/wsl.conf", "[user]\ndefault = alice\n"));
    let namespace = Healthy::new();
    namespace.configure(off, "namespace");
    namespace.write("/etc/wsl.conf", off);
    assert!(namespace.examine().status.success());
    finds("/etc/wsl.conf: network.generatehosts is `false`, in the configuration not set", |root| {
        root.configure(WSL_CONF, "native");
        root.write("/etc/wsl.conf", &format!("{WSL_CONF}[network]\ngenerateHosts = false\n"));
    });
    finds("/etc/wsl.conf: user.default is `root`, in the configuration `alice`", |root| {
        root.configure(WSL_CONF, "native");
        root.write("/etc/wsl.conf", "[boot]\nsystemd = true\n[user]\ndefault = root\n");
    });
}

#[test]
fn a_clock_behind_the_newest_generation_is_named() {
    finds("the clock is behind: generation 1 was made 3 days from now", |root| {
        let link = root.path("/nix/var/nix/profiles/system-1-link");
        let touched = Command::new("touch").args(["-h", "-d", "+73 hours"]).arg(link).status().unwrap();
        assert!(touched.success());
    });
}

/// The table's first column and what the program can find are the same.
#[test]
fn every_finding_has_a_row_in_the_documentation() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(project.join(path)).unwrap();
    let row = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let documented: Vec<String> = read("docs/doctor.md").lines().filter_map(row).collect();
    let source = read("src/command/finding.rs");
    let variants =
        source.split("pub enum FindingKind {").nth(1).unwrap().split("\n}").next().unwrap().to_owned();
    let name = |line: &str| {
        let name = line.trim().strip_suffix(',').filter(|name| !name.contains(' '))?;
        let mut kebab = String::new();
        for (index, letter) in name.char_indices() {
            if letter.is_ascii_uppercase() && index > 0 {
                kebab.push('-');
            }
            kebab.push(letter.to_ascii_lowercase());
        }
        Some(kebab)
    };
    let known: Vec<String> = variants.lines().filter_map(name).collect();
    assert_eq!(documented, known, "in the same order");
    assert!(read("docs/SUMMARY.md").contains("(doctor.md)"));
}

#[test]
fn a_generation_that_does_not_boot_is_named() {
    finds("generation 1 does not boot: /nix/store/system/activate: No such file", |root| {
        fs::remove_file(root.path("/nix/store/system/activate")).unwrap();
    });
    finds("/nix/var/nix/profiles/system: No such file", |root| {
        fs::remove_file(root.path("/nix/var/nix/profiles/system")).unwrap();
    });
    finds("/var/lib/nixos-wsl/boot.json", |root| root.write("/var/lib/nixos-wsl/boot.json", "{"));
}

#[test]
fn a_root_of_anything_is_looked_at() {
    let empty = tempfile::tempdir().unwrap();
    for root in [empty.path(), Path::new("/nonexistent"), Path::new("/dev/null")] {
        let output =
            Command::new(program("nixos-wsl")).args(["doctor", "--root"]).arg(root).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(&output).ends_with("things are not as they should be\n"), "{output:?}");
    }
    // A device, a binary file and a folder in the place of settings.
    let root = Healthy::new();
    root.link("/etc/wsl-distribution.conf", "/dev/zero");
    fs::write(root.path("/etc/wsl.conf"), [0, 159, 146, 150, 10]).unwrap();
    fs::remove_file(root.path("/etc/passwd")).unwrap();
    fs::create_dir(root.path("/etc/passwd")).unwrap();
    let output = root.examine();
    for part in ["/etc/wsl.conf", "/etc/wsl-distribution.conf", "/etc/passwd"] {
        assert!(stdout(&output).contains(part), "{output:?}");
    }
}
