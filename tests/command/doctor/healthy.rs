//! A root that has all that WSL needs, and what the doctor says about one fault in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::world::{program, stderr, stdout};

pub const WSL_CONF: &str = "[boot]\nsystemd = true\n\n[user]\ndefault = alice\n";
const DISTRIBUTION_CONF: &str =
    "[oobe]\ndefaultName = NixOS\n\n[shortcut]\nicon = /usr/share/wsl/nixos.ico\n";
pub const SHELLS: &str = "/usr/lib/nixos-wsl/shells";

/// A root that has all that WSL needs.
pub struct Healthy(pub TempDir);

impl Healthy {
    pub fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        let contract: serde_json::Value =
            serde_json::from_str(include_str!("../../../src/wsl/contract.json")).unwrap();
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

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn program(&self, path: &str) {
        self.write(path, "program");
        fs::set_permissions(self.path(path), Permissions::from_mode(0o755)).unwrap();
    }

    pub fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(target, path).unwrap();
    }

    pub fn examine(&self) -> Output {
        self.examine_as("text")
    }

    pub fn examine_as(&self, format: &str) -> Output {
        let mut command = Command::new(program("nixos-wsl"));
        command.args(["doctor", "--format", format, "--root"]).arg(self.0.path()).output().unwrap()
    }

    /// A system whose configuration has this `wsl.conf`, and this mode.
    pub fn configure(&self, wsl_conf: &str, mode: &str) {
        self.write("/nix/store/system/etc/wsl.conf", wsl_conf);
        let session = format!("{{ \"systemdMode\": \"{mode}\" }}");
        self.write("/nix/store/system/nixos-wsl/session.json", &session);
    }
}

/// Kinds of findings, in their order.
pub fn kinds(output: &Output) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(&stdout(output)).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect()
}

/// The one fault that `break_it` makes is found, as of this kind, and nothing else.
pub fn finds(kind: &str, fault: &str, break_it: impl FnOnce(&Healthy)) {
    let root = Healthy::new();
    break_it(&root);
    let output = root.examine();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{fault}: {output:?}");
    let [found, advice] = text.lines().collect::<Vec<_>>()[..] else { panic!("{fault}: {output:?}") };
    assert!(found.contains(fault), "{fault}: {output:?}");
    assert_eq!(kinds(&root.examine_as("json")), [kind], "{fault}: {output:?}");
    assert!(found.ends_with(&format!(" [{kind}]")), "{fault}: {output:?}");
    assert!(advice.starts_with("  ") && advice.len() > 10, "{fault}: {output:?}");
    assert_eq!(stderr(&output), "nixos-wsl: 1 thing is not as it should be\n");
}
