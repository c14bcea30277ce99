//! The spec: what the NixOS modules say of the root file system outside the store.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{ImageError, Result};

/// The version of the spec's form that this writer reads.
pub const VERSION: u64 = 1;

/// The largest user or group number: 4294967295 stands for "none" in system calls.
const MAX_ID: i64 = 4_294_967_294;

/// A parsed spec.
#[derive(Debug, Default)]
pub struct Spec {
    /// The system's toplevel, for the system profile.
    pub profile: Option<PathBuf>,
    /// The entries in the order they were given.
    pub entries: Vec<SpecEntry>,
}

/// One entry: a path of the root file system and what stands there.
#[derive(Clone, Debug)]
pub struct SpecEntry {
    /// The path, relative to the root and normal; empty for the root itself.
    pub path: PathBuf,
    /// What stands there.
    pub kind: NodeKind,
    /// The permission bits, up to 0o7777; `None` for the default of the kind.
    pub mode: Option<u32>,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A directory.
    Directory,
    /// A regular file with this text.
    Text(String),
    /// A regular file with the content of this one.
    File(PathBuf),
    /// A symbolic link to this target, which is written as it stands.
    Symlink(PathBuf),
    /// Everything below this directory.
    Tree(PathBuf),
}

#[derive(Deserialize)]
struct RawSpec {
    profile: Option<String>,
    #[serde(default)]
    entries: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    mode: Option<String>,
    uid: Option<i64>,
    gid: Option<i64>,
    source: Option<PathBuf>,
    text: Option<String>,
    target: Option<PathBuf>,
}

impl Spec {
    /// Reads a spec from its JSON form.
    ///
    /// # Errors
    /// When the version is another, or an entry is not one that an archive could hold; the message names the entry.
    pub fn from_json(json: Value) -> Result<Self> {
        let version = json.get("version").cloned().unwrap_or_default();
        if version.as_u64() != Some(VERSION) {
            return Err(ImageError::Version { found: version.to_string(), expected: VERSION });
        }
        let raw: RawSpec =
            serde_json::from_value(json).map_err(|error| ImageError::entry("spec", error.to_string()))?;
        let entries = raw.entries.into_iter().enumerate().map(|(number, value)| entry(number, value));
        Ok(Self { profile: raw.profile.map(PathBuf::from), entries: entries.collect::<Result<_>>()? })
    }
}

/// The entry with this number, or what is wrong with it.
fn entry(number: usize, value: Value) -> Result<SpecEntry> {
    let name = value.get("path").and_then(Value::as_str).map_or_else(|| format!("#{number}"), str::to_owned);
    let wrong = |problem: String| ImageError::entry(&name, problem);
    let raw: RawEntry = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    let path = relative(&raw.path).map_err(|problem| wrong(problem.to_owned()))?;
    let kind = kind(&raw).map_err(&wrong)?;
    if path.as_os_str().is_empty() && !matches!(kind, NodeKind::Directory | NodeKind::Tree(_)) {
        return Err(wrong("the root can only be a directory or a tree".to_owned()));
    }
    let mode = raw.mode.as_deref().map(octal).transpose().map_err(&wrong)?;
    let id = |what, value: Option<i64>| match value.unwrap_or(0) {
        id @ 0..=MAX_ID => Ok(u32::try_from(id).unwrap_or_default()),
        id => Err(wrong(format!("{what} {id} is out of range; 0 to {MAX_ID} are possible"))),
    };
    Ok(SpecEntry { path, kind, mode, uid: id("uid", raw.uid)?, gid: id("gid", raw.gid)? })
}

/// What the fields of `raw` together describe.
fn kind(raw: &RawEntry) -> Result<NodeKind, String> {
    let stray = |allowed: &[&str]| {
        let given = [
            ("source", raw.source.is_some()),
            ("text", raw.text.is_some()),
            ("target", raw.target.is_some()),
        ];
        given
            .iter()
            .find(|(field, present)| *present && !allowed.contains(field))
            .map_or(Ok(()), |(field, _)| Err(format!("a {} has no {field:?}", raw.kind)))
    };
    let absolute = |field: &Option<PathBuf>| match field {
        Some(path) if path.is_absolute() => Ok(path.clone()),
        Some(path) => Err(format!("the source {} is not absolute", path.display())),
        None => Err(format!("a {} needs a \"source\"", raw.kind)),
    };
    match raw.kind.as_str() {
        "directory" => stray(&[]).map(|()| NodeKind::Directory),
        "file" => {
            stray(&["source", "text"])?;
            match (&raw.source, &raw.text) {
                (None, Some(text)) => Ok(NodeKind::Text(text.clone())),
                (Some(_), None) => absolute(&raw.source).map(NodeKind::File),
                _ => Err("a file needs either a \"source\" or a \"text\"".to_owned()),
            }
        }
        "symlink" => {
            stray(&["target"])?;
            if raw.mode.is_some() {
                return Err("a symlink has no mode of its own".to_owned());
            }
            let target = raw.target.clone().ok_or("a symlink needs a \"target\"")?;
            if target.as_os_str().is_empty() || target.as_os_str().as_encoded_bytes().contains(&0) {
                return Err("the target is empty or holds a NUL".to_owned());
            }
            Ok(NodeKind::Symlink(target))
        }
        "tree" => stray(&["source"]).and_then(|()| absolute(&raw.source)).map(NodeKind::Tree),
        other => Err(format!("{other:?} is no type; file, directory, symlink and tree are")),
    }
}

/// `path` without its leading slash, if it is absolute and normal.
pub(crate) fn relative(path: &str) -> Result<PathBuf, &'static str> {
    let below = path.strip_prefix('/').ok_or("the path is not absolute")?;
    if below.is_empty() {
        return Ok(PathBuf::new());
    }
    for component in below.split('/') {
        match component {
            "" => return Err("the path has an empty component"),
            "." | ".." => return Err("the path has a \".\" or \"..\" component"),
            _ if component.contains('\0') => return Err("the path holds a NUL"),
            _ if component.len() > 255 => return Err("a component of the path is longer than 255 bytes"),
            _ => {}
        }
    }
    let path = PathBuf::from(below);
    let in_store = |prefix: &Path| path.starts_with(prefix) && path != prefix;
    if in_store(Path::new("nix/store")) {
        return Err("the store is filled from the closure; no entry may stand in it");
    }
    debug_assert!(path.components().all(|component| matches!(component, Component::Normal(_))));
    Ok(path)
}

/// A mode from its octal digits.
fn octal(digits: &str) -> Result<u32, String> {
    let valid = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if valid && mode <= 0o7777 => Ok(mode),
        _ => Err(format!("{digits:?} is no mode; octal digits from \"0000\" to \"7777\" are")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(entry: &Value) -> Result<Spec> {
        Spec::from_json(json!({ "version": 1, "entries": [entry] }))
    }

    #[test]
    fn reads_every_kind_of_entry() {
        let spec = Spec::from_json(json!({
            "version": 1,
            "profile": "/nix/store/x",
            "entries": [
                { "path": "/", "type": "directory", "mode": "0755" },
                { "path": "/tmp", "type": "directory", "mode": "1777", "uid": null },
                { "path": "/etc/passwd", "type": "file", "text": "root" },
                { "path": "/sbin/init", "type": "file", "source": "/a", "uid": 4_294_967_294_u32, "gid": 5 },
                { "path": "/bin/mount", "type": "symlink", "target": "../a//b" },
                { "path": "/etc/nixos", "type": "tree", "source": "/b" },
            ]
        }))
        .unwrap();
        assert_eq!(spec.entries.len(), 6);
        assert_eq!(spec.entries[0].path, Path::new(""));
        assert_eq!(spec.entries[1].mode, Some(0o1777));
        assert_eq!((spec.entries[3].uid, spec.entries[3].gid), (4_294_967_294, 5));
        assert!(
            matches!(&spec.entries[4].kind, NodeKind::Symlink(target) if target.as_os_str() == "../a//b")
        );
    }

    #[test]
    fn names_the_entry_and_the_problem() {
        let cases = [
            (json!({ "path": "etc", "type": "directory" }), "not absolute"),
            (json!({ "path": "/a/../b", "type": "directory" }), "\"..\""),
            (json!({ "path": "/a//b", "type": "directory" }), "empty component"),
            (json!({ "path": "/a/", "type": "directory" }), "empty component"),
            (json!({ "path": "/a\u{0}b", "type": "directory" }), "NUL"),
            (json!({ "path": format!("/{}", "x".repeat(256)), "type": "directory" }), "255"),
            (json!({ "path": "/nix/store/x", "type": "directory" }), "closure"),
            (json!({ "path": "/", "type": "file", "text": "" }), "root"),
            (json!({ "path": "/a", "type": "socket" }), "no type"),
            (json!({ "path": "/a", "type": "file" }), "either"),
            (json!({ "path": "/a", "type": "file", "text": "", "source": "/b" }), "either"),
            (json!({ "path": "/a", "type": "file", "source": "b" }), "not absolute"),
            (json!({ "path": "/a", "type": "directory", "text": "" }), "has no \"text\""),
            (json!({ "path": "/a", "type": "symlink", "target": "" }), "empty"),
            (json!({ "path": "/a", "type": "symlink", "target": "b", "mode": "0777" }), "no mode"),
            (json!({ "path": "/a", "type": "directory", "mode": "10000" }), "no mode"),
            (json!({ "path": "/a", "type": "directory", "mode": "0o755" }), "no mode"),
            (json!({ "path": "/a", "type": "directory", "mode": "+755" }), "no mode"),
            (json!({ "path": "/a", "type": "directory", "uid": -1 }), "uid -1"),
            (json!({ "path": "/a", "type": "directory", "gid": 4_294_967_295_u32 }), "gid 4294967295"),
            (json!({ "path": "/a", "type": "directory", "colour": 1 }), "colour"),
            (json!({ "type": "directory" }), "path"),
        ];
        for (entry, expected) in cases {
            let name = entry.get("path").and_then(Value::as_str).unwrap_or("#0").to_owned();
            let error = parse(&entry).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(&format!("{name:?}")), "{entry}: {error}");
        }
    }

    #[test]
    fn reads_only_its_own_version() {
        for json in [json!({}), json!({ "version": 2 }), json!({ "version": "1" })] {
            assert!(matches!(Spec::from_json(json), Err(ImageError::Version { expected: 1, .. })));
        }
    }
}
