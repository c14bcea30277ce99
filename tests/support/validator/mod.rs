//! What an image's spec makes (docs/design.md), judged by the rules of Microsoft's validator (W§8.1) before anything is
//! built.

#![allow(clippy::unwrap_used, dead_code, reason = "part of tests, which use what they need")]

use std::path::Path;

use nixos_wsl::image::validate::archive::RawMember;
use nixos_wsl::image::validate::judge_root;
use nixos_wsl::image::validate::judgement::Judgement;
use nixos_wsl::image::validate::machine::Machine;
use nixos_wsl::image::validate::reading::Contents;
use nixos_wsl::image::validate::unpacked::UnpackedRoot;
use nixos_wsl::image::validate::verdict::{Findings, RuleSource, Verdict};
use serde_json::Value;
use tar::EntryType;

/// What the validator says of `entries`. Files from the store that are in a `bin` count as programs: all that is known of
/// one that nothing has built yet is that it will be one.
pub fn judge_spec(entries: &Value) -> Verdict {
    let mut root = UnpackedRoot::new(64 << 20);
    let mut contents = Contents::new();
    for (entry, index) in entries.as_array().unwrap().iter().zip(0..) {
        let field = |name: &str| entry.get(name).and_then(Value::as_str);
        let number = |name: &str| entry.get(name).and_then(Value::as_u64).unwrap_or(0);
        let kind = match field("type").unwrap() {
            "directory" | "tree" => EntryType::Directory,
            "symlink" => EntryType::Symlink,
            "file" => EntryType::Regular,
            other => panic!("{other}"),
        };
        let default = if kind == EntryType::Regular { 0o644 } else { 0o755 };
        let mode = field("mode").map_or(default, |mode| u32::from_str_radix(mode, 8).unwrap());
        let mut member = member(index, field("path").unwrap(), kind, mode);
        (member.uid, member.gid) = (number("uid"), number("gid"));
        member.target = field("target").unwrap_or_default().into();
        let mut machine = None;
        if let Some(text) = field("text") {
            member.size = text.len() as u64;
            contents.insert(index, text.into());
        } else if let Some(source) = field("source").filter(|_| kind == EntryType::Regular) {
            machine = source.contains("/bin/").then_some(Machine::OWN);
            member.size = Path::new(source).metadata().map_or(0, |metadata| metadata.len());
        }
        if let Some(target) = field("target").filter(|target| target.starts_with("/nix/store/")) {
            let program = self::member(u64::MAX, target, EntryType::Regular, 0o555);
            assert_eq!(
                root.add(&program, Some(Machine::OWN)).unwrap().1.filter(|objection| objection.fatal),
                None
            );
        }
        assert_eq!(root.add(&member, machine).unwrap().1, None);
    }
    let mut findings = Findings::by(&[RuleSource::Validator]);
    judge_root(&mut Judgement {
        root: &root,
        contents: &contents,
        machine: Machine::OWN,
        findings: &mut findings,
    });
    findings.verdict(None, Machine::OWN, entries.as_array().unwrap().len() as u64)
}

fn member(index: u64, path: &str, kind: EntryType, mode: u32) -> RawMember {
    RawMember {
        index,
        name: path.into(),
        target: Vec::new(),
        kind,
        mode,
        uid: 0,
        gid: 0,
        size: 0,
        attributes: Vec::new(),
        foreign_name: false,
    }
}
