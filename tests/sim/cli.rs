//! wsl.exe's command line (W§1.1, W§6.2).
#![cfg(feature = "sim")]

use std::ffi::OsString;

use nixos_wsl::sim::cli::command::{CommandLine, InstallSource};
use nixos_wsl::sim::cli::line::{self, join};
use nixos_wsl::sim::cli::parse::{parse, parse_line};
use nixos_wsl::sim::host::client::{Launch, LaunchedProgram};
use nixos_wsl::sim::host::export::ArchiveFormat;
use nixos_wsl::sim::host::list::ListOptions;
use proptest::prelude::*;

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn parsed(line: &str) -> CommandLine {
    parse(&words(line)).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn refused(line: &str) -> String {
    match parse(&words(line)) {
        Ok(command) => panic!("{line}: {command:?}"),
        Err(error) => error.to_string(),
    }
}

fn launch(line: &str) -> Launch {
    match parsed(line) {
        CommandLine::Launch(launch) => launch,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn launches() {
    let shell = Launch { login: true, ..Launch::default() };
    assert_eq!(launch(""), shell);
    assert_eq!(launch("~"), Launch { directory: Some("~".into()), ..shell.clone() });
    assert_eq!(
        launch("-d A -u b --cd /c"),
        Launch {
            distribution: Some("A".into()),
            user: Some("b".into()),
            directory: Some("/c".into()),
            ..shell.clone()
        }
    );
    assert_eq!(launch("--distribution A --user b --cd ~/c").directory.as_deref(), Some("~/c"));
    let line = |text: &str, login| Launch {
        program: LaunchedProgram::Line(text.into()),
        login,
        ..Launch::default()
    };
    assert_eq!(launch("ls -l"), line("ls -l", false));
    assert_eq!(launch("-- ls -l"), line("ls -l", false));
    assert_eq!(launch("-- -u"), line("-u", false));
    assert_eq!(launch("ls -d A"), line("ls -d A", false), "options end with the command");
    assert_eq!(launch("--shell-type login -- ls"), line("ls", true));
    assert_eq!(launch("--shell-type standard ls"), line("ls", false));
    assert!(!launch("--shell-type standard").login);
    let exec = Launch { program: LaunchedProgram::Exec(words("ls -- -l")), ..Launch::default() };
    assert_eq!(launch("-e ls -- -l"), exec);
    assert_eq!(launch("--exec ls -- -l"), exec);
    assert_eq!(launch("--shell-type none ls -- -l"), exec);
}

#[test]
fn management() {
    let import = CommandLine::Import { name: "N".into(), directory: "/d".into(), file: "f.wsl".into() };
    assert_eq!(parsed("--import N /d f.wsl"), import);
    assert_eq!(parsed("--import N /d f.wsl --version 2"), import);
    assert_eq!(parsed("--import --version 2 N /d f.wsl"), import);
    let install = CommandLine::Install {
        source: InstallSource::File("f".into()),
        name: None,
        location: None,
        launch: true,
    };
    assert_eq!(parsed("--install --from-file f"), install);
    let install = CommandLine::Install {
        source: InstallSource::File("-".into()),
        name: Some("N".into()),
        location: Some("/d".into()),
        launch: false,
    };
    assert_eq!(parsed("--install --from-file - --name N --location /d --no-launch --version 2"), install);
    for (line, name) in [
        ("--install", None),
        ("--install Ubuntu", Some("Ubuntu")),
        ("--install --web-download -d N", Some("N")),
    ] {
        let source = InstallSource::Online(name.map(Into::into));
        let install = CommandLine::Install { source, name: None, location: None, launch: true };
        assert_eq!(parsed(line), install);
    }
    let export = CommandLine::Export { name: "N".into(), file: "-".into(), format: ArchiveFormat::Gzip };
    assert_eq!(parsed("--export N - --format tar.gz"), export);
    assert_eq!(parsed("-l -v"), CommandLine::List(ListOptions { verbose: true, ..ListOptions::default() }));
    assert_eq!(
        parsed("--list -q --running"),
        CommandLine::List(ListOptions { quiet: true, running: true, ..ListOptions::default() })
    );
    assert_eq!(parsed("-s N"), CommandLine::SetDefault("N".into()));
    assert_eq!(parsed("--set-default N"), CommandLine::SetDefault("N".into()));
    assert_eq!(parsed("-t N"), CommandLine::Terminate("N".into()));
    assert_eq!(parsed("--unregister N"), CommandLine::Unregister("N".into()));
    assert_eq!(parsed("--shutdown --force"), CommandLine::Shutdown);
    assert_eq!(
        parsed("--manage N --set-default-user u"),
        CommandLine::SetDefaultUser { name: "N".into(), user: "u".into() }
    );
    assert_eq!(
        parsed("--manage --move /d N"),
        CommandLine::Move { name: "N".into(), directory: "/d".into() }
    );
    assert_eq!(parsed("--manage N -r 2GB"), CommandLine::Resize { name: "N".into(), size: 2 << 30 });
    assert_eq!(
        parsed("--manage N -s TRUE --allow-unsafe"),
        CommandLine::SetSparse { name: "N".into(), sparse: true, allow_unsafe: true }
    );
    assert_eq!(
        parsed("--import N /d f.vhdx --vhd"),
        CommandLine::ImportVhd { name: "N".into(), directory: "/d".into(), file: "f.vhdx".into() }
    );
    assert_eq!(
        parsed("--import-in-place N /f.vhdx"),
        CommandLine::ImportInPlace { name: "N".into(), file: "/f.vhdx".into() }
    );
    for line in ["--export N f --format vhd", "--export N f --vhd"] {
        assert_eq!(
            parsed(line),
            CommandLine::Export { name: "N".into(), file: "f".into(), format: ArchiveFormat::Vhd }
        );
    }
    assert_eq!(parsed("--version"), CommandLine::Version);
    assert_eq!(parsed("--help"), CommandLine::Help);
    assert_eq!(parsed("--status"), CommandLine::Status);
}

#[test]
fn refusals_are_wsls() {
    for (line, text) in [
        ("-d", "Argument --distribution is missing a required parameter."),
        ("-d A -d B", "The distribution name has already been set."),
        (
            "-x",
            "Invalid command line argument: -x\nPlease use 'wsl.exe --help' to get a list of supported arguments.",
        ),
        ("-e", "The parameter is incorrect.\nError code: Wsl/E_INVALIDARG"),
        ("--shell-type fish ls", "The parameter is incorrect.\nError code: Wsl/E_INVALIDARG"),
        ("--cd relative", "The parameter is incorrect.\nError code: Wsl/E_INVALIDARG"),
        ("--import N /d", "The parameter is incorrect.\nError code: Wsl/E_INVALIDARG"),
        ("--import N /d f.VHDX", "This looks like a VHD file. Use --vhd to import a VHD instead of a tar."),
        ("--unregister", "Argument --unregister is missing a required parameter."),
    ] {
        assert_eq!(refused(line), text, "{line}");
    }
    assert!(refused("--manage N --resize 2XB").starts_with("Invalid size: 2XB"));
    assert!(refused("--manage N -s maybe").starts_with("maybe is not a valid boolean, <true|false>"));
    assert!(refused("--import N /d f --version").contains("--version requires a value"));
    for line in [
        "-l -q -v",
        "-l --all --running",
        "--manage N",
        "--manage N -r 1 -m /d",
        "--export N",
        "--shutdown now",
    ] {
        assert!(refused(line).starts_with("wsl-sim starts a WSL distribution"), "{line}");
    }
    assert!(refused("--import N /d f --version 1").starts_with("wsl-sim: "));
}

#[test]
fn lines_are_joined_by_the_windows_rules() {
    for (arguments, line) in [
        (&["echo", "a b"][..], "echo \"a b\""),
        (&["echo", ""], "echo \"\""),
        (&["echo", "$x", "`y`", "'z'"], "echo $x `y` 'z'"),
        (&["a\"b"], "a\\\"b"),
        (&["a\\b", "a\\"], "a\\b a\\"),
        (&["a \\"], "\"a \\\\\""),
        (&["a\\\"b"], "a\\\\\\\"b"),
    ] {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        assert_eq!(join(&arguments), OsString::from(line));
    }
}

/// Where Windows gives the line, nothing of its end is split and joined again.
#[test]
fn a_line_of_windows_reaches_the_shell_as_it_stands() {
    let parsed = |line| parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let line = |text: &str| Launch {
        distribution: Some("A b".into()),
        program: LaunchedProgram::Line(text.into()),
        ..Launch::default()
    };
    for (given, end) in [
        (r#"-d "A b" -- echo "a  b"  'c' \"#, r#"echo "a  b"  'c' \"#),
        (r#"-d "A b"   ls  "#, "ls  "),
        (r#"-d "A b" -- "x""#, r#""x""#),
    ] {
        assert_eq!(parsed(given), CommandLine::Launch(line(end)), "{given}");
    }
    let exec = LaunchedProgram::Exec(["a b", "\""].map(OsString::from).to_vec());
    assert_eq!(
        parsed(r#"-e "a b" "\"""#),
        CommandLine::Launch(Launch { program: exec, ..Launch::default() })
    );
    assert_eq!(parsed("-t A"), CommandLine::Terminate("A".into()));
}

/// `CommandLineToArgvW`'s reading of a line, for what [`join`] writes.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut started) = (Vec::new(), String::new(), false, false);
    let mut rest = line.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' => {
                let mut count = 1;
                while rest.next_if_eq(&'\\').is_some() {
                    count += 1;
                }
                let before_quote = rest.peek() == Some(&'"');
                word.extend(std::iter::repeat_n('\\', if before_quote { count / 2 } else { count }));
                if before_quote && count % 2 == 1 {
                    word.extend(rest.next());
                }
                started = true;
            }
            '"' => (quoted, started) = (!quoted, true),
            ' ' if !quoted => {
                if started {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            other => {
                word.push(other);
                started = true;
            }
        }
    }
    if started {
        words.push(word);
    }
    words
}

proptest! {
    #[test]
    fn windows_splits_what_was_joined(arguments in proptest::collection::vec("[a-c\\\\\" '$]{0,8}", 0..6)) {
        let vector: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let line = join(&vector).into_string().expect("text");
        let split_here = split(&line);
        prop_assert_eq!(&split_here, &arguments);
        let words: Vec<OsString> = line::split(&line).into_iter().map(|(_, word)| word).collect();
        prop_assert_eq!(words, vector);
    }
}
