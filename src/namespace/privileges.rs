//! Root's rights of the privileged program: taken whole at its start, given up for good before anything of the user's runs.

use std::io;

use rustix::process::{DumpableBehavior, getegid, geteuid, getgid, getuid, set_dumpable_behavior};
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::system::accounts::Account;

/// Whom this process works for, as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserIds {
    /// The real user.
    pub uid: Uid,
    /// The real group.
    pub gid: Gid,
}

impl UserIds {
    /// The user of an entry, with the user's own group.
    #[must_use]
    pub fn of(entry: &Account) -> Self {
        Self { uid: Uid::from_raw(entry.uid), gid: Gid::from_raw(entry.gid) }
    }
}

/// The caller.
#[must_use]
pub fn caller() -> UserIds {
    UserIds { uid: getuid(), gid: getgid() }
}

/// Becomes root in every respect, so that the caller can neither signal nor trace this process any more.
///
/// # Errors
/// Without the setuid bit, on a file system without such bits, or under `no_new_privs`.
pub fn take() -> io::Result<()> {
    if !geteuid().is_root() {
        return Err(io::Error::other(
            "it has no rights of root: its setuid bit is missing or not honoured here",
        ));
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
    Ok(())
}

/// Becomes the user for good; `groups` are their supplementary groups, or nothing to keep those of the caller.
///
/// # Errors
/// Those of the system calls, and if root's rights could be had back. The program must end then.
pub fn drop_to(who: UserIds, groups: Option<&[Gid]>) -> io::Result<()> {
    if geteuid().is_root() {
        if let Some(groups) = groups {
            set_thread_groups(groups)?;
        }
        set_thread_res_gid(who.gid, who.gid, who.gid)?;
        set_thread_res_uid(who.uid, who.uid, who.uid)?;
    }
    let is_user = getuid() == who.uid && geteuid() == who.uid && getgid() == who.gid && getegid() == who.gid;
    let back = !who.uid.is_root() && set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).is_ok();
    if is_user && !back { Ok(()) } else { Err(io::Error::other("the rights of root stay")) }
}
