//! Users and groups, from the files alone: WSL's init is a static program (W§6.4).

use std::fs;

/// A line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group's id.
    pub gid: u32,
    /// Home directory.
    pub home: String,
    /// Shell; may be empty.
    pub shell: String,
}

impl User {
    /// What WSL takes where the user database has no entry.
    #[must_use]
    pub fn fallback() -> Self {
        Self { name: "root".into(), uid: 0, gid: 0, home: "/".into(), shell: "/bin/sh".into() }
    }

    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.split(':').collect();
        let [name, _, uid, gid, _, home, shell] = fields[..] else { return None };
        Some(Self {
            name: name.into(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: home.into(),
            shell: shell.into(),
        })
    }

    /// The first user that fits, from this root's `/etc/passwd`.
    #[must_use]
    pub fn find(fits: impl Fn(&Self) -> bool) -> Option<Self> {
        let passwd = fs::read("/etc/passwd").ok()?;
        String::from_utf8_lossy(&passwd).lines().filter_map(Self::parse).find(fits)
    }

    /// By name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::find(|user| user.name == name)
    }

    /// By id.
    #[must_use]
    pub fn by_uid(uid: u32) -> Option<Self> {
        Self::find(|user| user.uid == uid)
    }

    /// The ids of all groups: the primary one and those of `/etc/group` that list the user.
    #[must_use]
    pub fn groups(&self) -> Vec<u32> {
        let mut groups = vec![self.gid];
        let file = fs::read("/etc/group").unwrap_or_default();
        for line in String::from_utf8_lossy(&file).lines() {
            let fields: Vec<_> = line.split(':').collect();
            if let [_, _, gid, members] = fields[..]
                && let Ok(gid) = gid.parse()
                && members.split(',').any(|member| member == self.name)
                && !groups.contains(&gid)
            {
                groups.push(gid);
            }
        }
        groups
    }
}
