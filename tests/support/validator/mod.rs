//! The rules by which Microsoft's validator judges a tarball (W§8.1), for an archive or for what is to become one.

#![allow(clippy::unwrap_used, dead_code, reason = "part of tests, which use what they need")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use tar::EntryType;

/// What the validator says of `image`: errors, then warnings.
pub fn judge(image: &Image) -> (Vec<String>, Vec<String>) {
    let mut judge = Judge::new(image);
    let first_uid = judge.distribution_conf();
    judge.wsl_conf();
    judge.accounts(first_uid.as_deref());
    judge.program("/bin/sh", true, &[0o755, 0o775, 0o555]);
    judge.program("/bin/bash", false, &[0o755, 0o775, 0o555]);
    judge.units();
    (judge.errors, judge.warnings)
}

/// A member of the archive.
pub struct Member {
    kind: EntryType,
    mode: u32,
    owner: (u64, u64),
    target: String,
    /// All of a file below /etc and /usr/share, the beginning of others.
    data: Vec<u8>,
    size: u64,
}

pub struct Image {
    members: BTreeMap<String, Member>,
    /// The extended attributes of any member.
    pub attributes: BTreeSet<String>,
}

impl Member {
    fn new(kind: EntryType, mode: u32) -> Self {
        Self { kind, mode, owner: (0, 0), target: String::new(), data: Vec::new(), size: 0 }
    }

    /// A program that nothing has built yet: all that is known is that it will be one.
    fn unbuilt_program() -> Self {
        let mut data = b"\x7fELF\x02\x01\x01".to_vec();
        data.resize(18, 0);
        data.extend(MACHINE.to_le_bytes());
        Self { data, ..Self::new(EntryType::Regular, 0o755) }
    }
}

/// The machine in an ELF file's header.
const MACHINE: u16 = if cfg!(target_arch = "aarch64") { 0xb7 } else { 0x3e };

impl Image {
    /// What an image spec makes (docs/design.md), as far as it is known before anything is built: files from the store
    /// that are in a `bin` count as programs.
    pub fn of_spec(entries: &serde_json::Value) -> Self {
        let mut members = BTreeMap::new();
        for entry in entries.as_array().unwrap() {
            let field = |name: &str| entry.get(name).and_then(|value| value.as_str());
            let number = |name: &str| entry.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
            let kind = match field("type").unwrap() {
                "directory" | "tree" => EntryType::Directory,
                "symlink" => EntryType::Symlink,
                "file" => EntryType::Regular,
                other => panic!("{other}"),
            };
            let default = if kind == EntryType::Regular { 0o644 } else { 0o755 };
            let mode = field("mode").map_or(default, |mode| u32::from_str_radix(mode, 8).unwrap());
            let mut member = Member::new(kind, mode);
            member.owner = (number("uid"), number("gid"));
            if let Some(text) = field("text") {
                member.data = text.as_bytes().to_vec();
                member.size = text.len() as u64;
            } else if let Some(source) = field("source") {
                if source.contains("/bin/") {
                    member.data = Member::unbuilt_program().data;
                } else if let Ok(metadata) = Path::new(source).metadata() {
                    member.size = metadata.len();
                }
            } else if let Some(target) = field("target") {
                target.clone_into(&mut member.target);
                if target.starts_with("/nix/store/") && target.contains("/bin/") {
                    for (at, _) in target.match_indices('/').skip(3) {
                        members
                            .entry(target[..at].to_owned())
                            .or_insert_with(|| Member::new(EntryType::Directory, 0o555));
                    }
                    members.insert(target.to_owned(), Member::unbuilt_program());
                }
            }
            members.insert(field("path").unwrap().to_owned(), member);
        }
        Self { members, attributes: BTreeSet::new() }
    }

    pub fn read(path: &Path) -> Self {
        let mut archive = tar::Archive::new(GzDecoder::new(std::fs::File::open(path).unwrap()));
        let mut image = Self { members: BTreeMap::new(), attributes: BTreeSet::new() };
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let name = format!("/{}", name.trim_start_matches("./").trim_matches('/'));
            if let Some(extensions) = entry.pax_extensions().unwrap() {
                let keys = extensions.map(|extension| extension.unwrap().key().unwrap().to_owned());
                image.attributes.extend(keys.filter(|key| key.contains("xattr")));
            }
            let header = entry.header();
            let mut member = Member::new(header.entry_type(), header.mode().unwrap());
            member.owner = (header.uid().unwrap(), header.gid().unwrap());
            member.size = entry.size();
            if let Some(target) = entry.link_name_bytes() {
                member.target = String::from_utf8(target.into_owned()).unwrap();
            }
            let limit = if name.starts_with("/etc/") { 1 << 20 } else { 256 };
            entry.by_ref().take(limit).read_to_end(&mut member.data).unwrap();
            image.members.insert(name, member);
        }
        image
    }

    /// The member at `path`, with links followed in every component, at most ten in all.
    fn follow(&self, path: &str) -> Option<&Member> {
        let mut pending: Vec<String> =
            path.split('/').rev().filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let mut place = String::new();
        let mut links = 0;
        while let Some(part) = pending.pop() {
            if part == ".." {
                place.truncate(place.rfind('/').unwrap_or(0));
                continue;
            }
            let next = format!("{place}/{part}");
            let member = self.members.get(&next)?;
            if member.kind == EntryType::Symlink {
                links += 1;
                if links > 10 {
                    return None;
                }
                if member.target.starts_with('/') {
                    place.clear();
                }
                let parts = member.target.split('/').rev().filter(|part| !part.is_empty() && *part != ".");
                pending.extend(parts.map(str::to_owned));
            } else {
                place = next;
            }
        }
        self.members.get(&place)
    }
}

/// `section.key` of an ini file as Python's configparser reads it.
fn ini(data: &[u8]) -> BTreeMap<String, String> {
    let text = std::str::from_utf8(data).unwrap();
    assert!(!text.contains('%'), "configparser interpolates %");
    let mut section = String::new();
    let mut found = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else {
            let (key, value) = line.split_once('=').unwrap();
            found.insert(format!("{section}.{}", key.trim()).to_lowercase(), value.trim().to_owned());
        }
    }
    found
}

const DISTRIBUTION_KEYS: [&str; 7] = [
    "oobe.command",
    "oobe.defaultname",
    "oobe.defaultuid",
    "shortcut.enabled",
    "shortcut.icon",
    "windowsterminal.enabled",
    "windowsterminal.profiletemplate",
];

/// The validator's list; it lacks keys that WSL knows.
const WSL_KEYS: [&str; 16] = [
    "automount.enabled",
    "automount.ldconfig",
    "automount.mountfstab",
    "automount.options",
    "automount.root",
    "boot.command",
    "boot.protectbinfmt",
    "boot.systemd",
    "gpu.enabled",
    "interop.appendwindowspath",
    "interop.enabled",
    "network.generatehosts",
    "network.generateresolvconf",
    "network.hostname",
    "time.usewindowstimezone",
    "user.default",
];

struct Judge<'a> {
    image: &'a Image,
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Judge<'a> {
    fn new(image: &'a Image) -> Self {
        Self { image, errors: Vec::new(), warnings: Vec::new() }
    }

    fn error(&mut self, text: String) {
        self.errors.push(text);
    }

    fn warn_unless(&mut self, fine: bool, text: String) {
        if !fine {
            self.warnings.push(text);
        }
    }

    /// Mode and owner of `member`; both are only warned about.
    fn attributes(&mut self, path: &str, member: &Member, modes: &[u32]) {
        self.warn_unless(modes.contains(&member.mode), format!("{path}: mode {:04o}", member.mode));
        self.warn_unless(member.owner == (0, 0), format!("{path}: owner {:?}", member.owner));
    }

    /// The keys of a configuration file; none when it is missing.
    fn keys(&mut self, path: &str, required: bool, known: &[&str]) -> BTreeMap<String, String> {
        let Some(member) = self.image.follow(path) else {
            if required {
                self.error(format!("{path} is missing"));
            }
            return BTreeMap::new();
        };
        self.attributes(path, member, &[0o664, 0o644]);
        let keys = ini(&member.data);
        for key in keys.keys().filter(|key| !known.contains(&key.as_str())) {
            self.error(format!("{path}: unknown key {key}"));
        }
        keys
    }

    /// A file that /etc/wsl-distribution.conf names: it is looked up as it stands, no link followed.
    fn named_file(&mut self, path: &str, limit: u64, modes: &[u32], folders: &[&str]) {
        let Some(member) = self.image.members.get(path) else {
            self.error(format!("{path} is missing"));
            return;
        };
        if member.size > limit {
            self.error(format!("{path}: {} bytes", member.size));
        }
        self.attributes(path, member, modes);
        let placed = folders.iter().any(|folder| path.starts_with(folder));
        self.warn_unless(placed, format!("{path}: in an unusual folder"));
    }

    /// The user id of the first shell, if one is set.
    fn distribution_conf(&mut self) -> Option<String> {
        let keys = self.keys("/etc/wsl-distribution.conf", true, &DISTRIBUTION_KEYS);
        if let Some(command) = keys.get("oobe.command") {
            self.named_file(command, u64::MAX, &[0o775, 0o755], &["/usr/lib/wsl", "/usr/libexec/wsl"]);
        }
        if let Some(uid) = keys.get("oobe.defaultuid") {
            self.warn_unless(uid == "1000", format!("oobe.defaultUid is {uid}"));
        }
        match keys.get("shortcut.icon") {
            Some(icon) => {
                self.named_file(icon, 1 << 20, &[0o664, 0o644], &["/usr/lib/wsl", "/usr/share/wsl"]);
            }
            None => self.warnings.push("shortcut.icon is not set".into()),
        }
        if let Some(template) = keys.get("windowsterminal.profiletemplate") {
            self.named_file(template, 1 << 20, &[0o660, 0o640], &["/usr/lib/wsl"]);
        }
        keys.get("oobe.defaultuid").cloned()
    }

    fn wsl_conf(&mut self) {
        let keys = self.keys("/etc/wsl.conf", false, &WSL_KEYS);
        if keys.contains_key("boot.systemd") {
            self.program("/sbin/init", true, &[0o775, 0o755, 0o555]);
        }
        if keys.contains_key("user.default") {
            self.warnings.push("/etc/wsl.conf: user.default is set".into());
        }
    }

    fn accounts(&mut self, first_uid: Option<&str>) {
        let Some(passwd) = self.image.members.get("/etc/passwd") else {
            return self.error("/etc/passwd is missing".into());
        };
        self.attributes("/etc/passwd", passwd, &[0o664, 0o644]);
        let mut uids = BTreeSet::new();
        for line in std::str::from_utf8(&passwd.data).unwrap().lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if fields.len() != 7 {
                self.error(format!("/etc/passwd: {line:?} has not seven fields"));
                continue;
            }
            if !uids.insert(fields[2]) {
                self.error(format!("/etc/passwd: uid {} twice", fields[2]));
            }
            if (fields[2] == "0") != (fields[0] == "root") {
                self.error(format!("/etc/passwd: {} has uid {}", fields[0], fields[2]));
            }
        }
        if first_uid.is_some_and(|uid| uids.contains(uid)) {
            self.warnings.push("/etc/passwd: the user of oobe.defaultUid is there already".into());
        }
        match self.image.members.get("/etc/shadow") {
            Some(shadow) => {
                self.warn_unless([0o640, 0o600, 0].contains(&shadow.mode), "/etc/shadow: mode".into());
                self.warn_unless(shadow.owner.0 == 0, "/etc/shadow: owner".into());
            }
            None => self.error("/etc/shadow is missing".into()),
        }
    }

    /// A program must be an ELF file of the machine, wherever links lead.
    fn program(&mut self, path: &str, required: bool, modes: &[u32]) {
        let Some(member) = self.image.follow(path) else {
            if required {
                self.error(format!("{path} is missing"));
            }
            return;
        };
        let elf = member.data.starts_with(b"\x7fELF\x02") && member.data[18..20] == MACHINE.to_le_bytes();
        if !elf {
            self.error(format!("{path} is no ELF file of this machine"));
        }
        self.attributes(path, member, modes);
    }

    /// Units that do harm in WSL, found by literal names.
    fn units(&mut self) {
        const DISCOURAGED: [&str; 14] = [
            "NetworkManager-wait-online.service",
            "NetworkManager.service",
            "console-getty.service",
            "hypervkvpd.service",
            "networking.service",
            "systemd-networkd-wait-online.service",
            "systemd-networkd.service",
            "systemd-resolved.service",
            "systemd-tmpfiles-clean.service",
            "systemd-tmpfiles-setup-dev-early.service",
            "systemd-tmpfiles-setup-dev.service",
            "systemd-tmpfiles-setup.service",
            "systemd-vconsole-setup.service",
            "tmp.mount",
        ];
        for folder in ["/usr/local/lib", "/usr/lib", "/etc"].map(|base| format!("{base}/systemd/system/")) {
            for name in self.image.members.keys().filter_map(|path| path.strip_prefix(&folder)) {
                if let Some((target, unit)) = name.split_once('/')
                    && target.ends_with(".target.wants")
                    && DISCOURAGED.contains(&unit)
                {
                    self.warnings.push(format!("{folder}{name} is enabled"));
                }
            }
        }
    }
}
