//! What login shells read.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::{Gid, Uid};

use nixos_wsl::session::script::{Script, Variables};
use nixos_wsl::session::search_path::{Paths, merge};
use nixos_wsl::system::accounts::{entry, entry_named};
use nixos_wsl::system::settings::{AllOrNone, Settings, WindowsPath};

use super::input::{Input, root_with};

type Environment = BTreeMap<OsString, OsString>;

fn given() -> Vec<(OsString, OsString)> {
    let all =
        [("HOME", "/home/al ice"), ("USER", "alice"), ("PATH", "/bin:/x  y:*"), ("EMPTY", ""), ("A", "a $b")];
    all.map(|(name, value)| (name.into(), value.into())).to_vec()
}

/// A script that is run without a shell gives what bash gives.
pub fn set_environment(data: &[u8]) {
    // A file with a NUL in it is refused before it is parsed.
    if data.contains(&0) {
        return;
    }
    let Some(script) = Script::parse(data) else { return };
    let natively = natively(&script);
    if let Some(by_bash) = by_bash(data) {
        assert_eq!(natively, by_bash, "{}", String::from_utf8_lossy(data));
    }
}

/// The folder of both, which relative paths in a script begin at.
const FOLDER: &str = "/proc";

/// The user of both: what may be read is part of what a script tests.
const NOBODY: u32 = 65534;

/// What our own reading makes of it, by a thread with the rights that bash has.
fn natively(script: &Script) -> Environment {
    std::env::set_current_dir(FOLDER).unwrap();
    let run = || {
        if rustix::process::getuid().is_root() {
            let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
            rustix::thread::set_thread_res_gid(group, group, group).unwrap();
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
        }
        let mut variables = Variables::new(given());
        script.run(&mut variables);
        variables.into_environment().into_iter().collect()
    };
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap()
}

/// What bash makes of it, without any right to write a file or start a program that is not given by its path.
fn by_bash(script: &[u8]) -> Option<Environment> {
    // The locale of a login is UTF-8, but the C locale is what this environment gives: no byte is special in it.
    let text = [b"ulimit -f 0\n", script, b"\nexec /usr/bin/env -0"].concat();
    let mut bash = Command::new("/bin/bash");
    bash.args(["--noprofile", "--norc", "-c"]).arg(OsStr::from_bytes(&text));
    bash.env_clear().envs(given()).current_dir(FOLDER).stdin(Stdio::null()).stderr(Stdio::null());
    if rustix::process::getuid().is_root() {
        bash.uid(NOBODY).gid(NOBODY);
    }
    let output = bash.output().unwrap();
    if !output.status.success() {
        return None; // an environment that env cannot be given
    }
    let lines = output.stdout.split(|&byte| byte == 0).filter_map(|line| {
        let equals = line.iter().position(|&byte| byte == b'=')?;
        Some((OsStr::from_bytes(&line[..equals]).into(), OsStr::from_bytes(&line[equals + 1..]).into()))
    });
    // What a shell sets for itself.
    Some(
        lines
            .filter(|(name, _): &(OsString, _)| {
                !["_", "PWD", "SHLVL", "OLDPWD"].iter().any(|own| name == own)
            })
            .collect(),
    )
}

/// `PATH`: lines of the input are NixOS's, the caller's, the drives' folder, and patterns.
pub fn search_path(data: &[u8]) {
    let mut input = Input(data);
    let [nixos, incoming, root] = [(); 3].map(|()| OsStr::from_bytes(input.line()));
    let mut patterns = Vec::new();
    while !input.is_empty() {
        patterns.push(String::from_utf8_lossy(input.line()).into_owned());
    }
    let choices = [
        WindowsPath::Whole(AllOrNone::All),
        WindowsPath::Whole(AllOrNone::None),
        WindowsPath::Matching(patterns.clone()),
    ];
    let split = |path: &OsStr| -> Vec<Vec<u8>> {
        path.as_bytes()
            .split(|&byte| byte == b':')
            .filter(|part| !part.is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    };
    let given: Vec<Vec<u8>> = [split(nixos), split(incoming)].concat();
    let [all, none, some] = choices.map(|windows_path| {
        let settings = Settings { automount_root: root.into(), windows_path, ..Settings::default() };
        let paths = merge(nixos, incoming, &settings);
        let again = merge(nixos, &paths.path, &settings);
        assert_eq!(again.path, paths.path, "not idempotent");
        let folders = split(&paths.path);
        // Each once, none made up, in the order in which they were given.
        let mut position = None;
        for folder in &folders {
            let first = given.iter().position(|other| other == folder);
            assert!(first.is_some() && first > position, "{folder:?}");
            position = first;
        }
        paths
    });
    let windows = |paths: &Paths| split(paths.windows.as_deref().unwrap_or_default());
    assert!(windows(&all) == windows(&none) && windows(&all) == windows(&some));
    for folder in windows(&all) {
        assert!(split(&all.path).contains(&folder) && !split(&none.path).contains(&folder));
        if folder.len() <= 40 && patterns.iter().all(|pattern| pattern.len() <= 20) {
            let fits = patterns
                .iter()
                .any(|pattern| fits(pattern.as_bytes(), folder.strip_suffix(b"/").unwrap_or(&folder)));
            assert_eq!(split(&some.path).contains(&folder), fits, "{folder:?}");
        }
    }
}

/// The definition of a pattern, without any cleverness.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let width = text.len() + 1;
    let mut reached = vec![false; width];
    reached[0] = true;
    for &letter in pattern {
        let mut next = vec![false; width];
        let mut any = false;
        for at in 0..width {
            any |= reached[at];
            next[at] = if letter == b'*' {
                any
            } else {
                at > 0 && reached[at - 1] && (letter == b'?' || letter.eq_ignore_ascii_case(&text[at - 1]))
            };
        }
        reached = next;
    }
    reached[text.len()]
}

/// `session.json`: whatever a system says, its times are times.
pub fn session_json(data: &[u8]) {
    let root = root_with("/s/nixos-wsl/session.json", data);
    match Settings::load(&root, Path::new("/s")) {
        Ok(settings) => {
            assert!(Instant::now().checked_add(settings.activation_limit()).is_some(), "{settings:?}");
        }
        Err(reason) => {
            assert!(reason.starts_with("/s/nixos-wsl/session.json: ") && !reason.contains('\n'), "{reason}");
        }
    }
}

/// `/etc/passwd`: the first line of the input is the wanted name.
pub fn passwd(data: &[u8]) {
    let mut input = Input(data);
    let wanted = String::from_utf8_lossy(input.line()).into_owned();
    let root = root_with("/etc/passwd", input.0);
    let lines = || {
        input.0.split(|&byte| byte == b'\n').map(|line| line.split(|&byte| byte == b':').collect::<Vec<_>>())
    };
    if let Ok(found) = entry_named(&root, &wanted) {
        assert_eq!(found.name, OsString::from(&wanted));
        let known = lines().any(|fields| {
            fields.len() == 7
                && fields[0] == wanted.as_bytes()
                && Path::new(OsStr::from_bytes(fields[5])) == found.home
                && Path::new(OsStr::from_bytes(fields[6])) == found.shell
        });
        assert!(known, "{found:?}");
        // The number leads to it, or to one that comes before it.
        assert_eq!(entry(&root, found.uid).unwrap().uid, found.uid);
    }
    for uid in [0, 1000, u32::MAX] {
        let Ok(found) = entry(&root, uid) else { continue };
        assert_eq!(found.uid, uid);
        let mut line = found.name.as_bytes().to_vec();
        line.extend(format!(":x:{}:{}::", found.uid, found.gid).bytes());
        line.extend(found.home.as_os_str().as_bytes());
        line.push(b':');
        line.extend(found.shell.as_os_str().as_bytes());
        assert_eq!(entry(&root_with("/etc/passwd", &line), uid).as_ref(), Ok(&found));
        root_with("/etc/passwd", input.0);
    }
}
