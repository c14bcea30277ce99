//! What the modules write, read by those it is written for. `checks/modules/run` evaluates the modules and runs these.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::validator::judge_spec;
use nixos_wsl::apply::Plan;
use nixos_wsl::image::spec::Spec;
use nixos_wsl::session::script::Script;
use nixos_wsl::system::settings::{AllOrNone, Settings, WindowsPath};
use nixos_wsl::wsl::distribution::{Distribution, valid_name};
use nixos_wsl::wsl::settings::{CgroupVersion, WslSettings, clean_hostname};
use serde_json::Value;

/// The evaluated systems of checks/modules/texts.nix, by name.
fn systems() -> BTreeMap<String, Value> {
    let file = std::env::var_os("NIXOS_WSL_MODULES")
        .expect("NIXOS_WSL_MODULES names what checks/modules/run evaluates");
    let bytes = std::fs::read(Path::new(&file)).expect("the file of checks/modules/run");
    let systems: BTreeMap<String, Value> = serde_json::from_slice(&bytes).expect("a system by name");
    assert!(systems.len() >= 3, "{:?}", systems.keys());
    systems
}

fn text<'a>(system: &'a Value, name: &str) -> &'a str {
    system["files"][name].as_str().unwrap_or_else(|| panic!("no text {name}"))
}

#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn wsl_has_no_remark_on_wsl_conf() {
    for (name, system) in systems() {
        let (settings, remarks) = WslSettings::parse(text(&system, "wslConf").as_bytes());
        let remarks: Vec<String> = remarks.iter().map(ToString::to_string).collect();
        assert_eq!(remarks, Vec::<String>::new(), "{name}:\n{}", text(&system, "wslConf"));
        assert!(settings.user_default.is_some(), "{name}");
        let hostname = settings.network_hostname.expect("a host name");
        assert_eq!(clean_hostname(&hostname), hostname, "{name}: WSL would change it");
    }
}

#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn a_default_system_keeps_the_keys_that_nixos_needs() {
    let (settings, _) = WslSettings::parse(text(&systems()["default"], "wslConf").as_bytes());
    let expected = WslSettings {
        automount_mount_fstab: false,
        automount_ldconfig: false,
        automount_options: Some("metadata,uid=1000,gid=100".to_owned()),
        network_hostname: Some("nixos".to_owned()),
        user_default: Some("nixos".to_owned()),
        boot_systemd: true,
        ..WslSettings::default()
    };
    assert_eq!(settings, expected);
}

#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn every_key_arrives_as_it_was_set() {
    let (settings, _) = WslSettings::parse(text(&systems()["custom"], "wslConf").as_bytes());
    let expected = WslSettings {
        automount_enabled: false,
        automount_root: "/win dows/".to_owned(),
        automount_options: Some("metadata,umask=22".to_owned()),
        automount_mount_fstab: true,
        automount_ldconfig: true,
        automount_cgroups: CgroupVersion::V1,
        filesystem_umask: 63,
        interop_enabled: false,
        interop_append_windows_path: true,
        network_generate_hosts: false,
        network_generate_resolv_conf: false,
        network_hostname: Some("host-1".to_owned()),
        time_use_windows_timezone: false,
        file_server_enabled: false,
        file_server_log_file: Some("/var/log/a b;c".to_owned()),
        file_server_log_level: 3,
        file_server_log_truncate: false,
        gpu_enabled: false,
        gpu_append_lib_path: false,
        user_default: Some("bob".to_owned()),
        boot_command: Some("echo \"a # b\" \\ 'c'\n\techo d ".to_owned()),
        boot_systemd: true,
        boot_init_timeout: 20000,
        boot_protect_binfmt: false,
        general_gui_applications: Some(false),
    };
    assert_eq!(settings, expected);
}

#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn wsl_distribution_conf_says_what_was_set() {
    let systems = systems();
    for (name, system) in &systems {
        let (distribution, remarks) = Distribution::parse(text(system, "distributionConf").as_bytes());
        assert!(remarks.is_empty(), "{name}");
        assert!(valid_name(&distribution.oobe_default_name.expect("a name")), "{name}");
        assert_eq!(distribution.oobe_default_uid, Some(1000), "{name}");
        // WSL copies what these name out of the image.
        let paths = [
            distribution.shortcut_icon,
            distribution.windowsterminal_profile_template,
            distribution.oobe_command,
        ];
        for path in paths.into_iter().flatten() {
            let entries = system["spec"]["entries"].as_array().expect("entries");
            assert!(
                entries.iter().any(|entry| entry["path"] == path.as_str()),
                "{name}: {path} is not in the image"
            );
        }
    }
    let (all, _) = Distribution::parse(text(&systems["custom"], "distributionConf").as_bytes());
    assert_eq!(all.oobe_default_name.as_deref(), Some("My.NixOS_1"));
    assert_eq!(all.oobe_command.as_deref(), Some("/usr/lib/wsl/oobe"));
    assert!(!all.shortcut_enabled && all.windowsterminal_enabled);
}

#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn the_writer_takes_the_spec_and_the_activation_the_plan() {
    for (name, system) in systems() {
        if let Err(error) = Spec::from_json(system["spec"].clone()) {
            panic!("{name}: {error}");
        }
        if let Err(error) = serde_json::from_str::<Plan>(text(&system, "root")) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn the_shells_read_their_settings() {
    let systems = systems();
    let session = |name: &str| -> Settings {
        serde_json::from_str(text(&systems[name], "session"))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert_eq!(session("default"), Settings::default());
    assert_eq!(session("default").windows_path, WindowsPath::Whole(AllOrNone::All));
    let paths = session("everything");
    assert_eq!(paths.automount_root, Path::new("/"));
    assert_eq!(paths.activation_timeout, 30);
    assert_eq!(paths.windows_path, WindowsPath::Matching(vec!["*/bin".to_owned()]));
}

#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn the_wrapper_needs_no_shell_for_the_environment() {
    for (name, system) in systems() {
        let text = text(&system, "setEnvironment");
        assert!(Script::parse(text.as_bytes()).is_some(), "{name}:\n{text}");
    }
}

/// What the evaluation shows of the rules of Microsoft's validator (W§8.1). It knows fewer keys of wsl.conf than WSL, so
/// the system with all of them is left out.
#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn the_validator_has_no_error_and_two_warnings() {
    let systems = systems();
    for name in ["default", "everything"] {
        let verdict = judge_spec(&systems[name]["spec"]["entries"]);
        let findings: Vec<_> = verdict.findings.iter().map(ToString::to_string).collect();
        // A declared user is the point of a NixOS system; WSL takes it (W§7).
        let expected = [
            "warning: /etc/wsl.conf: sets user.default to nixos, which is discouraged [validator: default-user]",
            "warning: /etc/passwd: has nixos with the number 1000 already, which is oobe.defaultUid's [validator: default-uid]",
        ];
        assert_eq!(findings, expected, "{name}");
    }
}

/// Whatever can write a wrapper into `/etc/passwd` writes one that every activation brings up to date.
#[test]
#[ignore = "needs what checks/modules/run evaluates"]
fn every_wrapper_that_a_line_can_name_is_in_the_plan() {
    const SHELLS: &str = "/usr/lib/nixos-wsl/shells/";
    for (name, system) in systems() {
        let plan: Value = serde_json::from_str(text(&system, "root")).expect("JSON");
        let wrappers = plan["shells"]["wrappers"].as_array().expect("wrappers");
        let shells = &system["shells"];
        let users =
            shells["users"].as_array().expect("users").iter().map(|shell| shell.as_str().expect("a path"));
        let texts = ["useradd", "permitted"].map(|key| shells[key].as_str().expect("a text"));
        let lines = texts.iter().flat_map(|text| text.lines()).map(|line| line.trim_start_matches("SHELL="));
        let named: Vec<&str> = users.chain(lines).filter(|shell| shell.starts_with(SHELLS)).collect();
        assert!(
            named.iter().any(|shell| shell.starts_with("/usr/lib/nixos-wsl/shells/@")),
            "{name}: {named:?}"
        );
        for shell in named {
            assert!(wrappers.iter().any(|wrapper| wrapper["path"] == shell), "{name}: {shell}");
        }
    }
}
