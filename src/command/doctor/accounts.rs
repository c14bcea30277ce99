//! Whether root and WSL's default user can log in.

use rustix::fs::OFlags;

use super::super::finding::{Finding, FindingKind, finding};
use crate::system::accounts::{self, Account};
use crate::system::activation::CURRENT;
use crate::system::root::Root;
use crate::wsl::settings::WslSettings;

const ACCOUNTS: &str = "see users.users and wsl.defaultUser";

/// Looks at both users.
pub fn examine(root: &Root, settings: &WslSettings, findings: &mut Vec<Finding>) {
    let mut shell = |user: Result<Account, String>, otherwise: &str| match user {
        Ok(user) => {
            let active = root.open(CURRENT, OFlags::PATH).is_ok();
            if let Some(fault) = unfit_shell(root, &user, active) {
                findings.push(finding(FindingKind::Shell, fault, ACCOUNTS));
            }
        }
        Err(reason) => findings.push(finding(FindingKind::User, format!("{reason}{otherwise}"), ACCOUNTS)),
    };
    shell(accounts::entry(root, 0), "");
    if let Some(name) = settings.user_default.as_deref().filter(|name| *name != "root") {
        shell(
            accounts::entry_named(root, name),
            ", whom /etc/wsl.conf names; WSL starts root's shell instead",
        );
    }
}

/// Why a user cannot log in. What the wrapper starts may be there only while a system is `active`.
fn unfit_shell(root: &Root, user: &Account, active: bool) -> Option<String> {
    let name = user.name.display();
    let shell = user.shell.display();
    if let Err(error) = root.executable(&user.shell) {
        return Some(format!("{shell}: {error}; it is the shell of {name}"));
    }
    let link = user.shell.with_file_name("real");
    let real = std::fs::read_link(root.path(&link)).ok().filter(|_| active)?;
    let error = root.executable(&real).err()?;
    Some(format!("{}: {error}; {shell} starts it for {name}", real.display()))
}
