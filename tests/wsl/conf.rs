//! The grammar and the keys of wsl.conf and wsl-distribution.conf (W§2, W§3).

use nixos_wsl::wsl::conf::{Problem, parse, quote};
use nixos_wsl::wsl::distribution::{Distribution, valid_name};
use nixos_wsl::wsl::keys::{parse_bool, parse_int};
use nixos_wsl::wsl::settings::{CgroupVersion, WslSettings, clean_hostname};
use proptest::prelude::*;

/// The value of the last key of a file that must be read to its end.
fn value(text: &str) -> String {
    let conf = parse(text.as_bytes());
    assert_eq!(conf.stopped, None, "{text:?}");
    let entry = conf.entries.last().unwrap_or_else(|| panic!("no entry in {text:?}"));
    String::from_utf8(entry.value.clone()).expect("UTF-8 went in")
}

/// WSL's remarks on a wsl.conf, as it prints them.
fn remarks(text: &str) -> Vec<String> {
    WslSettings::parse(text.as_bytes()).1.iter().map(ToString::to_string).collect()
}

#[test]
fn values() {
    for (line, expected) in [
        ("command = \"echo a # b\"", "echo a # b"),
        (r#"command = echo \"x\" a\nb \\ \t."#, "echo \"x\" a\nb \\ \t."),
        ("hostname=a\"b c\"d", "ab cd"),
        ("hostname=\" a b \"", " a b "),
        ("command=", ""),
        ("command=   # only a comment", ""),
        ("command=echo a#b", "echo a"),
        ("command=a  \t ", "a"),
        ("command=a \"\"  ", "a "),
        ("command=a\\\nb", "ab"),
        ("command=a \\\n  b", "a   b"),
        ("command=\"a\\\n b\"", "a b"),
        ("command=\\b", "\u{8}"),
        ("command=a\\t", "a\t"),
        ("command\t= \tx", "x"),
        ("  \tcommand=x", "x"),
        ("command=x=y [z] ; w", "x=y [z] ; w"),
        ("command=x\r", "x"),
        ("command=x\0y", "x"),
        ("command=grün", "grün"),
        ("c0m2=x", "x"),
    ] {
        for end in ["", "\n", "\r\n"] {
            assert_eq!(value(&format!("[boot]\n{line}{end}")), expected, "{line:?} ending in {end:?}");
        }
    }
}

#[test]
fn malformed_lines_end_the_file() {
    for (line, problem) in [
        ("; comment", Problem::InvalidKey),
        ("1a=b", Problem::InvalidKey),
        ("\u{feff}", Problem::InvalidKey),
        ("=b", Problem::InvalidKey),
        ("[ boot ]", Problem::InvalidSection),
        ("[]", Problem::InvalidSection),
        ("[1]", Problem::InvalidSection),
        ("[a-b]", Problem::Expected("']'")),
        ("[a.b]", Problem::Expected("']'")),
        ("[boot ]", Problem::Expected("']'")),
        ("[boot", Problem::Expected("']'")),
        ("[boot]x", Problem::Expected("' ' or '\\n'")),
        ("init-timeout=1", Problem::Expected("'='")),
        ("init_timeout=1", Problem::Expected("'='")),
        ("boot.systemd=true", Problem::Expected("'='")),
        ("systemd", Problem::Expected("'='")),
        ("systemd: true", Problem::Expected("'='")),
        ("command=C:\\foo", Problem::InvalidEscape(Some(b'f'))),
        ("command=\\#", Problem::InvalidEscape(Some(b'#'))),
        ("command=\\\r", Problem::InvalidEscape(Some(b'\r'))),
        ("command=a\"b", Problem::Expected("\"")),
    ] {
        let conf = parse(format!("[boot]\nfirst=1\n{line}\nlast=1\n").as_bytes());
        let stopped = conf.stopped.unwrap_or_else(|| panic!("{line:?} is taken"));
        assert_eq!((stopped.line, &stopped.problem), (3, &problem), "{line:?}");
        assert!(problem.ends_file());
        let keys: Vec<_> = conf.entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["boot.first"], "{line:?}");
    }
    assert_eq!(parse(b"a=\\").stopped.unwrap().problem, Problem::InvalidEscape(None));
}

#[test]
fn sections_comments_and_line_ends() {
    let conf = parse(b"early=1 # c\r\n\r\n# c\rd\n [boot] # c\nA=1\n\t\n[Net]\t\nb=2\n[boot]\nc=3\n[x]y");
    let entries: Vec<_> =
        conf.entries.iter().map(|entry| (entry.key.as_str(), entry.value[0], entry.line)).collect();
    assert_eq!(entries, [("early", b'1', 1), ("boot.A", b'1', 5), ("Net.b", b'2', 8), ("boot.c", b'3', 10)]);
    assert_eq!(conf.stopped.unwrap().line, 11);
    // A continuation counts as a line; a lone carriage return ends one without counting.
    let conf = parse(b"a=1\\\n2\nb=3\rc=4\r[d]\re=5");
    let entries: Vec<_> = conf.entries.iter().map(|entry| (entry.key.as_str(), entry.line)).collect();
    assert_eq!(entries, [("a", 2), ("b", 3), ("c", 3), ("d.e", 3)]);
    assert_eq!(parse(b""), nixos_wsl::wsl::conf::Conf::default());
}

#[test]
fn systemd_is_on_only_where_wsl_sees_it() {
    for (text, systemd, remarks_made) in [
        ("[boot]\nsystemd = True # c\n", true, 0),
        ("[BOOT]\nSystemd=1\n", true, 0),
        ("; c\n[boot]\nsystemd=true\n", false, 1),
        ("[boot]\nsystemd=true\n; c\ncommand=x\n", true, 1),
        ("[boot]\nsystemd=yes\nsystemd=true\n", false, 2),
        ("[boot]\nsystemd=true\nsystemd=false\n", true, 1),
        ("systemd=true\n", false, 1),
        ("[boot]\nsystemd=\"tr\"ue\n", true, 0),
        ("[boot]\nsystemd=\n", false, 1),
    ] {
        let (settings, diagnostics) = WslSettings::parse(text.as_bytes());
        assert_eq!((settings.boot_systemd, diagnostics.len()), (systemd, remarks_made), "{text:?}");
        assert_eq!(settings.boot_command, None, "{text:?}");
    }
}

#[test]
fn remarks_are_wsls() {
    assert_eq!(
        remarks("[boot]\nsystemd=yes\nSystemd=true\ninitTimeout=5s\nfoo=1\n[automount]\ncgroups=v3\n;\n"),
        [
            "Invalid boolean value 'yes' for key 'boot.systemd' in /etc/wsl.conf:2",
            "Duplicated config key 'boot.Systemd' in /etc/wsl.conf:3 (Conflicting key: 'boot.systemd' in /etc/wsl.conf:2)",
            "Invalid integer value '5s' for key 'boot.initTimeout' in /etc/wsl.conf:4",
            "Unknown key 'boot.foo' in /etc/wsl.conf:5",
            "Invalid value 'v3' for config key 'automount.cgroups' in /etc/wsl.conf:7 (Valid values: v1, v2)",
            "Invalid key name in /etc/wsl.conf:8",
        ]
    );
    assert_eq!(remarks("[a b]"), ["Expected ']' in /etc/wsl.conf:1"]);
    assert_eq!(remarks("[a]\nb=\\q"), ["Invalid escaped character: 'q' in /etc/wsl.conf:2"]);
}

#[test]
fn every_key_of_wsl_conf() {
    let text = "
        [automount]\nenabled=0\nroot=/win\noptions=\"metadata,umask=22\"\nmountFsTab=0\nldconfig=0\ncgroups=V1
        [filesystem]\numask=077
        [interop]\nenabled=0\nappendWindowsPath=0
        [network]\ngenerateHosts=0\ngenerateResolvConf=0\nhostname=h
        [time]\nuseWindowsTimezone=0
        [fileServer]\nenabled=0\nlogFile=/l\nlogLevel=5\nlogTruncate=0
        [gpu]\nenabled=0\nappendLibPath=0
        [user]\ndefault=u
        [boot]\ncommand=c\nsystemd=1\ninitTimeout=0x10\nprotectBinfmt=0
        [general]\nguiApplications=0\n";
    let (settings, diagnostics) = WslSettings::parse(text.as_bytes());
    assert_eq!(diagnostics, []);
    let expected = WslSettings {
        automount_enabled: false,
        automount_root: "/win/".into(),
        automount_options: Some("metadata,umask=22".into()),
        automount_mount_fstab: false,
        automount_ldconfig: false,
        automount_cgroups: CgroupVersion::V1,
        filesystem_umask: 0o77,
        interop_enabled: false,
        interop_append_windows_path: false,
        network_generate_hosts: false,
        network_generate_resolv_conf: false,
        network_hostname: Some("h".into()),
        time_use_windows_timezone: false,
        file_server_enabled: false,
        file_server_log_file: Some("/l".into()),
        file_server_log_level: 5,
        file_server_log_truncate: false,
        gpu_enabled: false,
        gpu_append_lib_path: false,
        user_default: Some("u".into()),
        boot_command: Some("c".into()),
        boot_systemd: true,
        boot_init_timeout: 16,
        boot_protect_binfmt: false,
        general_gui_applications: Some(false),
    };
    assert_eq!(settings, expected);
    assert_eq!(WslSettings::parse(b"").0, WslSettings::default());
    assert_eq!(WslSettings::parse(b"[filesystem]\numask=22").0.filesystem_umask, 22, "decimal");
    assert_eq!(WslSettings::parse(b"[automount]\nroot=").0.automount_root, "/");
    assert_eq!(WslSettings::parse(b"[boot]\ncommand=").0.boot_command.as_deref(), Some(""));
}

#[test]
fn every_key_of_wsl_distribution_conf() {
    let text = "[oobe]\ncommand=/o -x\ndefaultUid=01750\ndefaultName=N\n[shortcut]\nenabled=false\nicon=/i
        [windowsterminal]\nenabled=false\nprofileTemplate=/p\n[bad]\nkey=1\n";
    let (read, diagnostics) = Distribution::parse(text.as_bytes());
    let expected = Distribution {
        oobe_command: Some("/o -x".into()),
        oobe_default_uid: Some(1000),
        oobe_default_name: Some("N".into()),
        shortcut_enabled: false,
        shortcut_icon: Some("/i".into()),
        windowsterminal_enabled: false,
        windowsterminal_profile_template: Some("/p".into()),
    };
    assert_eq!(read, expected);
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(Distribution::parse(b"").0, Distribution::default());
}

#[test]
fn booleans_and_integers() {
    for (text, expected) in
        [("true", Some(true)), ("FALSE", Some(false)), ("1", Some(true)), ("0", Some(false))]
    {
        assert_eq!(parse_bool(text.as_bytes()), expected, "{text:?}");
    }
    for text in ["", "yes", "on", "t", "01", " true", "true "] {
        assert_eq!(parse_bool(text.as_bytes()), None, "{text:?}");
    }
    for (text, expected) in [
        ("0", Some(0)),
        ("10", Some(10)),
        ("0x10", Some(16)),
        ("0XfF", Some(255)),
        ("010", Some(8)),
        ("-010", Some(-8)),
        ("+7", Some(7)),
        (" \t7", Some(7)),
        ("-2147483648", Some(i32::MIN)),
        ("2147483648", None),
        ("99999999999999999999", None),
        ("", None),
        (" ", None),
        ("0x", None),
        ("08", None),
        ("5s", None),
        ("5 ", None),
        ("--5", None),
        ("0x-5", None),
        ("- 5", None),
    ] {
        assert_eq!(parse_int(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn names() {
    for (name, expected) in [
        ("NixOS", "NixOS"),
        ("my_pc", "mypc"),
        ("-a--b-", "a-b"),
        ("a.b.c", "a.bc"),
        (".a.-b", "a.b"),
        ("grün", "grn"),
        ("_", "localhost"),
        ("", "localhost"),
    ] {
        assert_eq!(clean_hostname(name), expected, "{name:?}");
    }
    assert_eq!(clean_hostname(&"a".repeat(70)).len(), 64);
    for (name, valid) in [
        ("NixOS-25.11_x", true),
        ("a b", false),
        ("", false),
        ("legacy", false),
        ("ü", false),
        ("a/b", false),
    ] {
        assert_eq!(valid_name(name), valid, "{name:?}");
    }
    assert!(valid_name(&"a".repeat(256)) && !valid_name(&"a".repeat(257)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let conf = parse(&bytes);
        prop_assert!(conf.entries.iter().all(|entry| !entry.value.contains(&0)));
        prop_assert!(conf.stopped.is_none_or(|stopped| stopped.problem.ends_file()));
        let _ = (WslSettings::parse(&bytes), Distribution::parse(&bytes));
    }

    #[test]
    fn likely_bytes_never_panic(text in "[\\[\\]a-c0-1=#;\"\\\\ntb \t\r\n]{0,80}") {
        let conf = parse(text.as_bytes());
        let lines = text.matches('\n').count() + 1;
        prop_assert!(conf.entries.iter().all(|entry| entry.line <= lines));
    }

    #[test]
    fn quoted_values_come_back(
        section in "[a-zA-Z][a-zA-Z0-9]{0,9}",
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..5),
    ) {
        let mut text = format!("[{section}]\n").into_bytes();
        let mut expected = Vec::new();
        for (index, value) in values.iter().enumerate() {
            match quote(value) {
                None => prop_assert!(value.contains(&b'\r') || value.contains(&0)),
                Some(quoted) => {
                    text.extend(format!("k{index} = ").bytes().chain(quoted).chain(*b" # comment\n"));
                    expected.push((format!("{section}.k{index}"), value.clone()));
                }
            }
        }
        let conf = parse(&text);
        prop_assert_eq!(conf.stopped, None);
        let read: Vec<_> = conf.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
        prop_assert_eq!(read, expected);
    }
}
