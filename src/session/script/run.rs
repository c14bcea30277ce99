//! Runs a parsed script on a set of variables.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::{Access, access};

use super::syntax::{Join, List, Part, SimpleCommand, Statement, Test};

/// Variables in the order of the environment they came from.
#[derive(Debug, Default)]
pub struct Variables(Vec<Variable>);

#[derive(Debug)]
struct Variable {
    name: OsString,
    value: OsString,
    exported: bool,
}

impl Variables {
    /// All of them exported, as an environment is.
    pub fn new(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let exported = |(name, value)| Variable { name, value, exported: true };
        Self(environment.into_iter().map(exported).collect())
    }

    /// The exported ones.
    #[must_use]
    pub fn into_environment(self) -> Vec<(OsString, OsString)> {
        let exported = self.0.into_iter().filter(|variable| variable.exported);
        exported.map(|variable| (variable.name, variable.value)).collect()
    }

    /// A variable's value, if it is set.
    #[must_use]
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        let name = name.as_ref();
        self.0.iter().find(|variable| variable.name == name).map(|variable| variable.value.as_os_str())
    }

    /// Sets and exports a variable.
    pub fn export(&mut self, name: impl AsRef<OsStr>, value: impl Into<OsString>) {
        self.set(name.as_ref(), Some(value.into()), true);
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: impl AsRef<OsStr>) {
        self.0.retain(|variable| variable.name != name.as_ref());
    }

    /// Keeps the variables whose names fit.
    pub fn keep(&mut self, fits: impl Fn(&OsStr) -> bool) {
        self.0.retain(|variable| fits(&variable.name));
    }

    /// Sets a variable that is not set, without exporting it.
    pub(super) fn set_default(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.set(OsStr::new(name), Some(value.into()), false);
        }
    }

    fn set(&mut self, name: &OsStr, value: Option<OsString>, export: bool) {
        match (self.0.iter_mut().find(|variable| variable.name == name), value) {
            (Some(variable), value) => {
                variable.exported |= export;
                if let Some(value) = value {
                    variable.value = value;
                }
            }
            (None, Some(value)) => {
                self.0.push(Variable { name: name.to_owned(), value, exported: export });
            }
            // `export NAME` of what is not set exports nothing until it is; NixOS has no such line.
            (None, None) => {}
        }
    }
}

/// Runs statements in order.
pub(super) fn statements(statements: &[Statement], variables: &mut Variables) {
    for statement in statements {
        match statement {
            Statement::List(commands) => drop(list(commands, variables)),
            Statement::If(branches) => {
                for (condition, body) in branches {
                    if condition.as_ref().is_none_or(|condition| list(condition, variables)) {
                        self::statements(body, variables);
                        break;
                    }
                }
            }
        }
    }
}

fn list(List(commands): &List, variables: &mut Variables) -> bool {
    let mut status = true;
    for (join, command) in commands {
        if *join == Join::First || (*join == Join::And) == status {
            status = run(command, variables);
        }
    }
    status
}

fn run(command: &SimpleCommand, variables: &mut Variables) -> bool {
    match command {
        SimpleCommand::True => true,
        SimpleCommand::Test(test) => holds(test, variables),
        SimpleCommand::Unset(names) => {
            for name in names {
                variables.remove(OsStr::from_bytes(name));
            }
            true
        }
        SimpleCommand::Assign { export: false, assignments } => {
            for (name, word) in assignments {
                let value = word.as_ref().map(|word| expand(word, variables));
                variables.set(OsStr::from_bytes(name), value, false);
            }
            true
        }
        // The arguments of a command are expanded before it runs; assignments alone happen one by one (bash(1), SIMPLE
        // COMMAND EXPANSION).
        SimpleCommand::Assign { export: true, assignments } => {
            let values: Vec<_> = assignments
                .iter()
                .map(|(name, word)| (name, word.as_ref().map(|word| expand(word, variables))))
                .collect();
            for (name, value) in values {
                variables.set(OsStr::from_bytes(name), value, true);
            }
            true
        }
    }
}

fn holds(test: &Test, variables: &Variables) -> bool {
    match test {
        Test::NotEmpty(word) => !expand(word, variables).is_empty(),
        Test::Empty(word) => expand(word, variables).is_empty(),
        Test::Equal(left, right) => expand(left, variables) == expand(right, variables),
        Test::File(letter, word) => file(*letter, Path::new(&expand(word, variables))),
        Test::Not(test) => !holds(test, variables),
        Test::And(left, right) => holds(left, variables) && holds(right, variables),
        Test::Or(left, right) => holds(left, variables) || holds(right, variables),
    }
}

fn file(letter: u8, path: &Path) -> bool {
    let found = || path.metadata().ok();
    match letter {
        b'd' => found().is_some_and(|found| found.is_dir()),
        b'f' => found().is_some_and(|found| found.is_file()),
        b's' => found().is_some_and(|found| found.len() > 0),
        b'S' => found().is_some_and(|found| found.file_type().is_socket()),
        b'L' | b'h' => path.is_symlink(),
        b'r' => access(path, Access::READ_OK).is_ok(),
        b'w' => access(path, Access::WRITE_OK).is_ok(),
        b'x' => access(path, Access::EXEC_OK).is_ok(),
        _ => found().is_some(),
    }
}

fn expand(word: &[Part], variables: &Variables) -> OsString {
    // About what the parts of NixOS's lists of folders have, so that a value is seldom moved.
    let mut text = Vec::with_capacity(word.len() * 24);
    for part in word {
        match part {
            Part::Literal(literal) => text.extend_from_slice(literal),
            Part::Variable(name) => text.extend_from_slice(value(name, variables).unwrap_or_default()),
            Part::Conditional { name, colon, plus, word } => {
                let current = value(name, variables).filter(|value| !(*colon && value.is_empty()));
                match (current, plus) {
                    (Some(_), true) | (None, false) => {
                        text.extend_from_slice(expand(word, variables).as_bytes());
                    }
                    (Some(current), false) => text.extend_from_slice(current),
                    (None, true) => {}
                }
            }
        }
    }
    OsString::from_vec(text)
}

fn value<'a>(name: &[u8], variables: &'a Variables) -> Option<&'a [u8]> {
    variables.get(OsStr::from_bytes(name)).map(OsStrExt::as_bytes)
}
