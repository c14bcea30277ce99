//! The user that WSL opens shells for.

use crate::namespace::privileges::UserIds;
use crate::system::accounts;
use crate::system::root::Root;
use crate::wsl::distribution::Distribution;
use crate::wsl::settings::WslSettings;

use super::new_user;

const LIMIT: u64 = 1 << 20;

/// The name, where wsl.conf has one.
#[must_use]
pub fn name(root: &Root) -> Option<String> {
    let text = root.read("/etc/wsl.conf", LIMIT).ok()?;
    WslSettings::parse(&text).0.user_default
}

/// The rights to run Windows' programs with: those of the user in wsl.conf, of the one for whom root's shells are in namespace
/// mode, or of the one that the first start has made; nothing where all shells are root's.
///
/// # Errors
/// There is no such user.
pub fn rights(root: &Root) -> Result<Option<UserIds>, String> {
    let named = name(root).filter(|name| name != "root").or_else(|| new_user::settings(root).systemd_user);
    let user = if let Some(name) = named {
        accounts::entry_named(root, &name)?
    } else {
        let made = root.read("/etc/wsl-distribution.conf", LIMIT).unwrap_or_default();
        let uid = Distribution::parse(&made).0.oobe_default_uid.and_then(|uid| u32::try_from(uid).ok());
        let Some(user) = uid.and_then(|uid| accounts::entry(root, uid).ok()) else { return Ok(None) };
        user
    };
    Ok(Some(UserIds::of(&user)).filter(|who| !who.uid.is_root()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_is_root_where_nobody_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        let write = |name: &str, text: &str| {
            fs::create_dir_all(root.path("/etc")).unwrap();
            fs::write(root.path("/etc").join(name), text).unwrap();
        };
        let uid = || rights(&root).map(|who| who.map(|who| who.uid.as_raw()));
        write(
            "passwd",
            "root:x:0:0::/root:/bin/sh\nalice:x:1000:100::/home/alice:/bin/sh\nbob:x:1001:100::/:/bin/sh\n",
        );
        assert_eq!(uid(), Ok(None));
        write("wsl-distribution.conf", "[oobe]\ndefaultUid = 1000\n");
        assert_eq!(uid(), Ok(Some(1000)));
        write("wsl.conf", "[user]\ndefault = bob\n");
        assert_eq!(uid(), Ok(Some(1001)));
        write("wsl.conf", "[user]\ndefault = carol\n");
        assert!(uid().is_err());
        write("wsl-distribution.conf", "[oobe]\ndefaultUid = 7\n");
        write("wsl.conf", "[user]\ndefault = root\n");
        assert_eq!(uid(), Ok(None));
    }
}
