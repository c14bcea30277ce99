//! The part of the shell's language that is run without a shell: it does what bash does, or refuses.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use nixos_wsl::session::script::{Script, Variables};
use proptest::prelude::*;

/// As evaluated from nixpkgs for this project's own system.
const REAL: &str = include_str!("set-environment.txt");

fn given() -> Vec<(OsString, OsString)> {
    [
        ("HOME", "/home/al ice"),
        ("USER", "alice"),
        ("PATH", "/bin:/mnt/c/x  y:*"),
        ("TERM", "dumb"),
        ("EMPTY", ""),
        ("A", "a $b"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .to_vec()
}

type Environment = BTreeMap<OsString, OsString>;

fn natively(script: &str) -> Option<Environment> {
    let script = Script::parse(script.as_bytes())?;
    let mut variables = Variables::new(given());
    script.run(&mut variables);
    Some(variables.into_environment().into_iter().collect())
}

fn by_bash(script: &str) -> Environment {
    let output = Command::new("/bin/bash")
        .args(["--noprofile", "--norc", "-c", &format!("{script}\nexec /usr/bin/env -0")])
        .env_clear()
        .envs(given())
        .output()
        .unwrap();
    output
        .stdout
        .split(|&byte| byte == 0)
        .filter_map(|line| {
            let equals = line.iter().position(|&byte| byte == b'=')?;
            let text = |bytes| OsString::from(std::ffi::OsStr::from_bytes(bytes));
            Some((text(&line[..equals]), text(&line[equals + 1..])))
        })
        .filter(|(name, _)| !["_", "PWD", "SHLVL", "OLDPWD"].iter().any(|own| name == own))
        .collect()
}

/// A stack that overflows would end every login.
#[test]
fn what_is_nested_without_end_is_left_to_a_shell() {
    let many = 100_000;
    for script in [
        format!("[ {} -n x ]", "! ".repeat(many)),
        format!("A=\"{}x{}\"", "${A:-".repeat(many), "}".repeat(many)),
        "if true; then ".repeat(many),
        format!("[ x{} ]", " -o x".repeat(many)),
        format!("[ x{} ]", " -a x".repeat(many)),
    ] {
        assert!(Script::parse(script.as_bytes()).is_none());
    }
    // What people write is not nested without end.
    assert!(natively("[ ! ! -n x -o -z x -o x ] && A=${A:-${B:-${C:-x}}}").is_some());
}

/// A caller without a terminal gives no TERM, and NixOS's file exports it all the same.
#[test]
fn term_is_what_bash_makes_it() {
    let mut variables = Variables::new([("PATH".into(), "/bin".into())]);
    Script::parse(b"export TERM=$TERM").unwrap().run(&mut variables);
    assert_eq!(variables.get("TERM"), Some("dumb".as_ref()));
    let mut variables = Variables::new([]);
    Script::parse(b"A=$TERM").unwrap().run(&mut variables);
    assert_eq!(variables.into_environment(), []);
}

#[test]
fn nixos_s_own_file_needs_no_shell() {
    assert_eq!(natively(REAL).unwrap(), by_bash(REAL));
}

#[test]
fn what_modules_of_nixpkgs_add_needs_no_shell() {
    for script in [
        "if [ -z \"$SSH_AUTH_SOCK\" -a -n \"$HOME\" ]; then\n  export SSH_AUTH_SOCK=\"$HOME/agent\"\nfi",
        "if [ -z \"$X\" ] && [ -n \"$HOME\" ]; then export X=\"$HOME/gcr/ssh\"; fi",
        "if [ -d \"/usr/share\" ]; then\n  export XDG_DATA_DIRS=$XDG_DATA_DIRS${XDG_DATA_DIRS:+:}/nix/store/x/share\nfi",
        "if [ -e /nowhere ]; then export B=1; elif [ ! -f /etc/passwd ]; then export B=2; else export B=3; fi",
        "export B='single $quoted \"x\"' C=un\\ quoted D=\"esc \\$x \\\" \\\\ \\n\" E=a\"b\"'c'$USER",
        "X=local; export Y=$X Z=${A:-none}${B:-unset}${EMPTY:-empty}${EMPTY-set}${A:+has}${B+no}",
        "export A; unset USER EMPTY; : ; true",
        "[ \"$USER\" = alice ] && export IS=yes || export IS=no\n[ \"$USER\" != alice ] || export NOT=no",
        "export M=\"two\nlines\" # comment\n\n#only\n",
        "export N=a#b O= P=\"\"",
        "export PATH=\"$HOME/bin:$PATH\"; export PATH=\"$HOME/.local/bin:$PATH\"",
        "export PATH=\"/first:$PATH\" PATH=\"/second:$PATH\" X=$A A=1 Y=$A",
        "PATH=\"/first:$PATH\" PATH=\"/second:$PATH\" A=1 Y=$A; export Y",
        "export TILDES=\"~/x\" STAR=\"*\"",
        "export L=\"long \\\nline\"",
    ] {
        let native = natively(script).unwrap_or_else(|| panic!("refused: {script}"));
        assert_eq!(native, by_bash(script), "{script}");
    }
}

#[test]
fn what_goes_further_is_refused_whole() {
    for script in [
        "export A=$(date)",
        "export A=`date`",
        "for i in 1; do :; done",
        "f() { :; }",
        "export A=~/x",
        "export A={a,b}",
        ". /etc/other",
        "export A=1 | cat",
        "export A=1 &",
        "exit",
        "export A=$1",
        "export A=$$",
        "export A=$?",
        "A=1 env",
        "export A=\"unended",
        "export A='unended",
        "if [ -z x ]; then",
        "if [ -z x ]; export A=1; fi",
        "[ -z $A ]",
        "[[ -z x ]]",
        "export A=$((1+1))",
        "export A=${A#x}",
        "export A=${A:?x}",
        "export A=${A:=x}",
        "export A=$RANDOM",
        "export A=\"${B:-\"q\"}\"",
        "set -u",
        "export -n A",
        "export A=1 >/x",
        "readonly A=1",
        "export UID=3",
        "echo x",
        "[ x -nt y ]",
        "! true",
        "export A=*",
        "export A+=x",
        "fi",
        "then",
        "export",
        "unset -v A",
        "[ -x",
        "export A=$",
        "export 1=2",
        ";",
        "export A=1;;",
    ] {
        assert!(natively(script).is_none(), "accepted: {script}");
    }
}

fn word() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z/:.,=+-]{1,6}",
        Just("$HOME".to_owned()),
        Just("${USER}".to_owned()),
        Just("$EMPTY".to_owned()),
        Just("$UNSET".to_owned()),
        Just("$A".to_owned()),
        Just("${A:+x$HOME}".to_owned()),
        Just("${UNSET:-d}".to_owned()),
        Just("${EMPTY-e}".to_owned()),
        Just("${EMPTY:+f}".to_owned()),
        "\"[a-z $A*?~{}();|&#'!<>\\[\\]]{0,8}\"".prop_map(|text| text.replace("$ ", "").replace("$\"", "\"")),
        "'[ -&(-~]{0,8}'",
        "\\\\[a-z $\"*]",
    ];
    proptest::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        ("[A-D]", word()).prop_map(|(name, word)| format!("export {name}={word}")),
        ("[A-D]", word()).prop_map(|(name, word)| format!("{name}={word}")),
        ("[A-D]", "[nzdef]", "[A-D]", word()).prop_map(|(name, test, set, word)| format!(
            "if [ -{test} \"${name}\" ]; then export {set}={word}; else unset {set}; fi"
        )),
        ("[A-D]", word())
            .prop_map(|(name, word)| format!("[ \"${name}\" = \"$HOME\" ] || export {name}={word}")),
        "[ -~\n]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is accepted gives the environment that bash gives.
    #[test]
    fn accepted_scripts_do_what_bash_does(lines in proptest::collection::vec(line(), 1..5)) {
        let script = lines.join("\n");
        if let Some(native) = natively(&script) {
            prop_assert_eq!(native, by_bash(&script), "{}", script);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Script::parse(&text);
    }
}
