//! `adduser`, `usermod` and `deluser` with Debian's command lines: what a stock DistroLauncher runs to make its user (W§9).
//!
//! The work is done by the system's own `useradd`, `usermod`, `userdel` and `passwd`. What differs from Debian is said on
//! standard error: users that the configuration declares are there already, stay, and have their groups from it.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::default_user;
use super::new_user::{NewUser, Refusal, Result, check_name, find_program, refuse, run_program, settings};
use crate::system::accounts;
use crate::system::root::Root;

/// Programs that run as root for members of `wheel`.
const SUDO: &str = "/run/wrappers/bin/sudo";
const LIMIT: u64 = 4 << 20;
/// Debian's group of those who may become root, and `NixOS`'s.
const SUDOERS: (&str, &str) = ("sudo", "wheel");

/// One of the three programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `adduser [--quiet] [--gecos TEXT] [--disabled-password] NAME`
    AddUser,
    /// `usermod …`
    UserMod,
    /// `deluser [--quiet] NAME`
    DelUser,
}

impl Program {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AddUser => "adduser",
            Self::UserMod => "usermod",
            Self::DelUser => "deluser",
        }
    }
}

/// Does what the program was asked for; who is not root goes through `sudo`.
///
/// # Errors
/// What stands against it.
pub fn run(program: Program, arguments: &[OsString]) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return as_root(program, arguments);
    }
    let root = Root::default();
    match program {
        Program::AddUser => add_user(&root, &AddUser::parse(arguments)?),
        Program::UserMod => modify(&root, arguments),
        Program::DelUser => delete(&root, arguments),
    }
}

fn as_root(program: Program, arguments: &[OsString]) -> Result<()> {
    let file = Path::new("/usr/sbin").join(program.name());
    let error = Command::new(SUDO).arg(file).args(arguments).exec();
    refuse(format!("only root may do this, and {SUDO} cannot be asked: {error}"))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct AddUser {
    name: String,
    comment: OsString,
    password: bool,
}

impl AddUser {
    fn parse(arguments: &[OsString]) -> Result<Self> {
        let mut asked = Self { password: true, ..Self::default() };
        let mut names = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let text = argument.to_string_lossy();
            match text.split_once('=') {
                Some(("--gecos" | "--comment", comment)) => asked.comment = comment.into(),
                _ => match &*text {
                    "--gecos" | "--comment" => asked.comment = rest.next().cloned().unwrap_or_default(),
                    // Debian's steps are not told anyway.
                    "--quiet" | "-q" => {}
                    "--disabled-password" | "--disabled-login" => asked.password = false,
                    option if option.starts_with('-') => {
                        return refuse(format!("{option} is not known here; useradd has more options"));
                    }
                    name => names.push(name.to_owned()),
                },
            }
        }
        match <[String; 1]>::try_from(names) {
            Ok([name]) => Ok(Self { name, ..asked }),
            Err(_) => refuse("usage: adduser [--quiet] [--gecos TEXT] [--disabled-password] NAME"),
        }
    }
}

fn add_user(root: &Root, asked: &AddUser) -> Result<()> {
    let AddUser { name, comment, .. } = asked;
    check_name(name)?;
    let default = default_user::name(root);
    let mutable = settings(root).mutable_users;
    if accounts::entry_named(root, name).is_ok() {
        if default.as_ref() != Some(name) {
            return refuse(format!("The user `{name}' already exists."));
        }
        report(format_args!("`{name}' is there already, by the configuration"));
        if mutable {
            set_password(asked);
        }
        return Ok(());
    }
    if !mutable {
        let known = default.unwrap_or_else(|| "root".to_owned());
        return refuse(format!(
            "users.mutableUsers is false, so only the configuration makes users; `{known}' is one.\n\
             For this name: wsl.defaultUser = \"{name}\"; in /etc/nixos/configuration.nix"
        ));
    }
    NewUser { name, comment, uid: None, like: default.as_deref() }.make(root)?;
    set_password(asked);
    if let Some(default) = default.filter(|default| default != "root") {
        report(format_args!(
            "WSL goes on to open shells for `{default}', as the configuration says;\n\
                 to change that: wsl.defaultUser = \"{name}\"; in /etc/nixos/configuration.nix"
        ));
    }
    Ok(())
}

/// Lets the user choose one; without a terminal, or when the user does not want to, there is none.
fn set_password(asked: &AddUser) {
    if asked.password && std::io::stdin().is_terminal() {
        let set = find_program("passwd").and_then(|program| run_program(&program, &[asked.name.as_ref()]));
        if set.is_ok() {
            return;
        }
    }
    report(format_args!("`{0}' has no new password; `sudo passwd {0}' sets one", asked.name));
}

/// `usermod`: the groups of `-aG` that `NixOS` has, the others are left out; anything else as it comes.
fn modify(root: &Root, arguments: &[OsString]) -> Result<()> {
    let program = find_program("usermod")?;
    let Some((groups, name)) = appended_groups(arguments) else {
        let error = Command::new(program).args(arguments).exec();
        return refuse(error.to_string());
    };
    if accounts::entry_named(root, &name).is_err() {
        return Err(Refusal { text: format!("user '{name}' does not exist"), code: 6 });
    }
    let known = groups_of(root);
    let (there, missing): (Vec<_>, Vec<_>) = groups
        .iter()
        .map(|group| if group == SUDOERS.0 { SUDOERS.1 } else { group })
        .partition(|group| known.iter().any(|known| known == group));
    if !missing.is_empty() {
        eprintln!("usermod: NixOS has no group {}", missing.join(", "));
    }
    if there.is_empty() {
        return Ok(());
    }
    run_program(&program, &["-aG".as_ref(), there.join(",").as_ref(), name.as_ref()])
}

/// The groups and the name of `-aG GROUPS NAME`.
fn appended_groups(arguments: &[OsString]) -> Option<(Vec<String>, String)> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    match words[..] {
        ["-aG", groups, name] | ["-a", "-G", groups, name] if !name.starts_with('-') => {
            Some((groups.split(',').map(str::to_owned).collect(), name.to_owned()))
        }
        _ => None,
    }
}

fn groups_of(root: &Root) -> Vec<String> {
    let text = root.read("/etc/group", LIMIT).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
}

fn delete(root: &Root, arguments: &[OsString]) -> Result<()> {
    let names: Vec<_> = arguments.iter().filter(|word| *word != "--quiet").collect();
    let [name] = names[..] else { return refuse("usage: deluser [--quiet] NAME") };
    let name = name.to_string_lossy();
    if name.starts_with('-') {
        return refuse(format!("{name} is not known here; userdel has more options"));
    }
    let Ok(entry) = accounts::entry_named(root, &name) else {
        return Err(Refusal { text: format!("The user `{name}' does not exist."), code: 2 });
    };
    if entry.uid == 0 || default_user::name(root).as_deref() == Some(&*name) {
        return refuse(format!("`{name}' is a user of the configuration and stays"));
    }
    run_program(&find_program("userdel")?, &[name.as_ref().as_ref()])
}

fn report(text: std::fmt::Arguments) {
    for line in text.to_string().lines() {
        eprintln!("adduser: {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(|word| word.trim_matches('\'').into()).collect()
    }

    #[test]
    fn a_launchers_command_line_is_understood() {
        let asked = AddUser::parse(&words("--quiet --gecos '' alice")).unwrap();
        assert_eq!((asked.name.as_str(), asked.comment.len(), asked.password), ("alice", 0, true));
        let asked = AddUser::parse(&words("--comment=Alice --disabled-password alice")).unwrap();
        assert_eq!((asked.comment.to_str(), asked.password), (Some("Alice"), false));
        for wrong in ["--system alice", "--quiet", "alice adm"] {
            assert_eq!(AddUser::parse(&words(wrong)).unwrap_err().code, 1, "{wrong}");
        }
        let (groups, name) = appended_groups(&words("-aG adm,cdrom,sudo,dip,plugdev alice")).unwrap();
        assert_eq!((groups.join(" ").as_str(), name.as_str()), ("adm cdrom sudo dip plugdev", "alice"));
        assert_eq!(appended_groups(&words("-s /bin/sh alice")), None);
    }
}
