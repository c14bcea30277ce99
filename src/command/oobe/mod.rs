//! The first start of a distribution: makes the user that WSL opens shells for (W§7).
//!
//! WSL runs this as root on the user's terminal, after systemd is up and before the first shell, and runs it again with the
//! next first shell unless it ends with 0. Nothing is changed before the name is known; each step after that is done only
//! where it is missing, so that a run that was cut short is completed by the next.

mod configuration;
mod name;
mod question;
mod seed;
mod windows;

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

use super::new_user::{NewUser, check_name, find_program, refuse, run_program, settings};
use super::output::print;
use super::{CommandError, Outcome, new_user};
use crate::system::accounts::{self, Account};
use crate::system::error::Context;
use crate::system::root::Root;
use crate::wsl::distribution::Distribution;
use configuration::Change;
use seed::Seed;
use windows::Windows;

const DISTRIBUTION_CONF: &str = "/etc/wsl-distribution.conf";
const CONF_LIMIT: u64 = 1 << 20;
/// Where the configuration names no other.
const DEFAULT_UID: u32 = 1000;

/// What the command line says.
#[derive(Debug, Default)]
pub struct FirstStart {
    /// A file with the answers, in place of those of `%USERPROFILE%\.cloud-init`.
    pub answers: Option<PathBuf>,
    /// Fail where a file does not answer.
    pub unattended: bool,
}

/// Makes the user, or completes one that is there.
///
/// # Errors
/// The caller is not root, nobody answers, or a step fails; the next run goes on from there.
pub fn run(request: &FirstStart) -> Outcome {
    if !rustix::process::geteuid().is_root() {
        return Err(CommandError::Refused("oobe makes a user, which takes root: sudo nixos-wsl oobe".into()));
    }
    let root = Root::default();
    let uid = uid(&root);
    if let Ok(account) = accounts::entry(&root, uid) {
        let name = account.name.to_string_lossy().into_owned();
        crate::sys::ignore_terminal_signals();
        complete(&root, &account, &name)?;
        return print(format_args!("{name} is the user that WSL opens shells for."));
    }
    if !settings(&root).mutable_users {
        return Err(CommandError::Refused(
            "users.mutableUsers is false: name the user in the configuration, wsl.defaultUser = \"…\";"
                .into(),
        ));
    }
    let (name, comment) = answer(&root, request)?;
    crate::sys::ignore_terminal_signals();
    NewUser { name: &name, comment: OsStr::new(&comment), uid: Some(uid), like: None }.make(&root)?;
    let account = accounts::entry(&root, uid).map_err(CommandError::Refused)?;
    complete(&root, &account, &name)
}

/// The id that WSL opens shells for after this.
fn uid(root: &Root) -> u32 {
    let text = root.read(DISTRIBUTION_CONF, CONF_LIMIT).unwrap_or_default();
    let uid = Distribution::parse(&text).0.oobe_default_uid;
    uid.and_then(|uid| uid.try_into().ok()).filter(|&uid| uid != 0).unwrap_or(DEFAULT_UID)
}

/// Name and comment of the user to make: a file's, or what is typed.
fn answer(root: &Root, request: &FirstStart) -> Outcome<(String, String)> {
    let windows = Windows::find(&settings(root).automount_root);
    let seed = match &request.answers {
        Some(file) => Some(Seed::read(file)?),
        None => {
            windows.as_ref().and_then(|windows| Seed::find(root, windows.profile.as_deref()?)).transpose()?
        }
    };
    if let Some(seed) = seed {
        let file = seed.file.display();
        for key in &seed.ignored {
            eprintln!("nixos-wsl: {file}: `{key}' is not read here; it belongs into the configuration");
        }
        match seed.user {
            Some(user) => {
                usable(root, &user.name)
                    .map_err(|refusal| CommandError::Refused(format!("{file}: {refusal}")))?;
                return Ok((user.name, user.comment));
            }
            None => eprintln!("nixos-wsl: {file} names no user"),
        }
    }
    if request.unattended {
        return Err(CommandError::Refused(
            "no file names the user: --answers FILE, or %USERPROFILE%\\.cloud-init\\default.user-data".into(),
        ));
    }
    let offered = windows.and_then(|windows| name::clean(&windows.user));
    let offered = offered.filter(|name| usable(root, name).is_ok());
    let name = question::ask(offered.as_deref(), |name| usable(root, name))?;
    Ok((name, String::new()))
}

/// Whether a user can be made with this name.
fn usable(root: &Root, name: &str) -> new_user::Result<()> {
    check_name(name)?;
    if accounts::entry_named(root, name).is_ok() {
        return refuse(format!("`{name}' is a user of the system"));
    }
    Ok(())
}

/// What a user needs beside a line in `/etc/passwd`: a home, the right to become root, a place in the configuration.
fn complete(root: &Root, account: &Account, name: &str) -> Outcome {
    make_home(root, account, name)?;
    let line = format!("{name}:");
    if !lines(root, "/etc/shadow").iter().any(|known| known.starts_with(&line)) {
        run_program(&find_program("pwconv")?, &[])?;
    }
    if !is_member(root, "wheel", name) {
        run_program(&find_program("usermod")?, &["-aG".as_ref(), "wheel".as_ref(), name.as_ref()])?;
    }
    match configuration::name_user(root, name)? {
        Change::Written => {
            print(format_args!("{name} is made, and is the configuration's user: {}", configuration::PATH))
        }
        Change::Present => Ok(()),
        Change::Foreign => print(format_args!(
            "{name} is made. The configuration has no {} to write it into; it needs\n  wsl.defaultUser = \"{name}\";",
            configuration::PATH
        )),
    }
}

/// Makes a home that has its owner as soon as it has its name, also where this is killed on the way.
fn make_home(root: &Root, account: &Account, name: &str) -> Outcome {
    let home = root.path(&account.home);
    if home.exists() {
        return Ok(());
    }
    let unfinished = home.with_file_name(format!(".{name}.nixos-wsl"));
    match DirBuilder::new().mode(0o700).create(&unfinished) {
        // An earlier run's that was killed. Nobody but root makes names in its folder.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made.at(&unfinished)?,
    }
    chown(&unfinished, Some(account.uid), Some(account.gid)).at(&unfinished)?;
    Ok(std::fs::rename(&unfinished, &home).at(&home)?)
}

fn lines(root: &Root, path: impl AsRef<Path>) -> Vec<String> {
    let text = root.read(path, CONF_LIMIT << 2).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

fn is_member(root: &Root, group: &str, name: &str) -> bool {
    let start = format!("{group}:");
    let groups = lines(root, "/etc/group");
    let members =
        groups.iter().find(|line| line.starts_with(&start)).and_then(|line| line.rsplit(':').next());
    members.is_some_and(|members| members.split(',').any(|member| member == name))
}
