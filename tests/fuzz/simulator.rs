//! What the simulator keeps and says to itself.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nixos_wsl::sim::cli::line::join;
use nixos_wsl::sim::wire::registration::Registration;

use super::input::Input;

/// A registration: what is read is written and read again.
pub fn registration(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<Registration>(data) else { return };
    let Ok(text) = serde_json::to_vec_pretty(&read) else { return };
    assert_eq!(serde_json::from_slice::<Registration>(&text).as_ref().ok(), Some(&read));
    assert!(read.disk().starts_with(&read.base_path));
}

/// Arguments, one a line, joined to a Windows command line and taken apart by its rules.
pub fn command_line(data: &[u8]) {
    let mut input = Input(data);
    let mut arguments = Vec::new();
    while !input.is_empty() {
        arguments.push(OsString::from_vec(input.line().to_vec()));
    }
    let line = join(&arguments);
    assert_eq!(taken_apart(line.as_bytes()), arguments, "{}", line.display());
}

/// `CommandLineToArgvW` for what comes after the program's name.
fn taken_apart(line: &[u8]) -> Vec<OsString> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut current: Option<Vec<u8>> = None;
    let (mut quoted, mut at) = (false, 0);
    while at < line.len() {
        let backslashes = line[at..].iter().take_while(|&&byte| byte == b'\\').count();
        let next = line.get(at + backslashes).copied();
        if backslashes > 0 {
            let argument = current.get_or_insert_default();
            let pairs = if next == Some(b'"') { backslashes / 2 } else { backslashes };
            argument.extend(std::iter::repeat_n(b'\\', pairs));
            at += backslashes;
            if next == Some(b'"') && backslashes % 2 == 1 {
                argument.push(b'"');
                at += 1;
            }
            continue;
        }
        match line[at] {
            b'"' => {
                current.get_or_insert_default();
                quoted = !quoted;
            }
            b' ' | b'\t' if !quoted => all.extend(current.take()),
            byte => current.get_or_insert_default().push(byte),
        }
        at += 1;
    }
    all.extend(current);
    all.into_iter().map(OsString::from_vec).collect()
}
