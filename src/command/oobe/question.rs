//! The question for the user's name, on the terminal that WSL gives.

use std::io::{IsTerminal, Read, Write};

use crate::command::new_user::Refusal;
use crate::command::{CommandError, Outcome};
use crate::system::error::Context;

/// Nobody types a longer line.
const LONGEST_LINE: usize = 4096;

/// Asks until a name is usable. An empty line takes `offered`, if something is.
///
/// # Errors
/// The input ends or fails before that.
pub fn ask(offered: Option<&str>, usable: impl Fn(&str) -> Result<(), Refusal>) -> Outcome<String> {
    let mut output = std::io::stdout();
    let terminal = std::io::stdin().is_terminal();
    let mut say = |text: String| output.write_all(text.as_bytes()).and_then(|()| output.flush());
    say("Welcome to NixOS on WSL. Your user needs a name (Ctrl-C leaves that for the next start).\n".into())
        .at("standard output")?;
    loop {
        let offer = offered.map(|name| format!(" [{name}]")).unwrap_or_default();
        say(format!("User name{offer}: ")).at("standard output")?;
        let Some(line) = line(&mut std::io::stdin().lock()).at("standard input")? else {
            return Err(CommandError::Refused(
                "nobody has named a user, so there is none yet: the next start asks again.\n\
                 Commands run as root meanwhile: wsl -d NAME -u root -- COMMAND"
                    .into(),
            ));
        };
        if !terminal {
            say("\n".into()).at("standard output")?;
        }
        let typed = line.trim();
        let name = if typed.is_empty() { offered.unwrap_or_default() } else { typed };
        match usable(name) {
            Ok(()) => return Ok(name.to_owned()),
            Err(_) if name.is_empty() => {}
            Err(refusal) => say(format!("{refusal}\n")).at("standard output")?,
        }
    }
}

/// A line without its end, and nothing that comes after it: that is the shell's. `None` at the end of the input.
fn line(input: &mut impl Read) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    loop {
        match input.read(&mut byte)? {
            0 if bytes.is_empty() => return Ok(None),
            0 => break,
            _ if byte == *b"\n" => break,
            _ if bytes.len() < LONGEST_LINE => bytes.push(byte[0]),
            _ => {}
        }
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
