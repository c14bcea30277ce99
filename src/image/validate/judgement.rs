//! What the rules share: the root that they judge, files' contents, and the findings that they add to.

use super::machine::Machine;
use super::reading::Contents;
use super::unpacked::{RootEntry, RootKind, UnpackedRoot};
use super::verdict::{Findings, RuleSource, Severity};

/// Links that the validator follows.
pub const VALIDATORS_LINKS: usize = 10;
/// Modes of a file of settings.
pub const FILE_MODES: &[u32] = &[0o664, 0o644];
/// Modes of a program.
pub const PROGRAM_MODES: &[u32] = &[0o755, 0o775, 0o555];

/// A root that is judged.
pub struct Judgement<'a> {
    /// The root.
    pub root: &'a UnpackedRoot,
    /// The contents of its files, as far as rules need them.
    pub contents: &'a Contents,
    /// The machine that programs must be for.
    pub machine: Machine,
    /// What is found.
    pub findings: &'a mut Findings,
}

impl<'a> Judgement<'a> {
    /// Microsoft's validator calls this an error.
    pub fn error(&mut self, rule: &'static str, path: &str, text: &str) {
        self.findings.add(Severity::Error, RuleSource::Validator, rule, path.as_bytes(), text);
    }

    /// Microsoft's validator calls this a warning.
    pub fn warning(&mut self, rule: &'static str, path: &str, text: &str) {
        self.findings.add(Severity::Warning, RuleSource::Validator, rule, path.as_bytes(), text);
    }

    /// The content of a file; nothing of anything else, or where it is larger than a file of WSL's may be.
    #[must_use]
    pub fn content(&self, node: &RootEntry) -> Option<&'a [u8]> {
        let content = self.contents.get(&node.member?)?;
        (node.kind == RootKind::File && content.len() as u64 == node.size).then_some(content)
    }

    /// The validator's look at mode and owner; the group counts unless it may be any.
    pub fn attributes(&mut self, path: &str, node: &RootEntry, modes: &[u32], any_group: bool) {
        // tar(5) has more in the field than the permissions; only a mode that is written so passes.
        if !modes.contains(&node.mode) {
            let modes: Vec<String> = modes.iter().map(|mode| format!("{mode:04o}")).collect();
            let text = format!("has the mode {:04o} instead of {}", node.mode, modes.join(" or "));
            self.warning("mode", path, &text);
        }
        if node.uid != 0 {
            self.warning("owner", path, &format!("belongs to user {} instead of 0", node.uid));
        }
        if node.gid != 0 && !any_group {
            self.warning("owner", path, &format!("belongs to group {} instead of 0", node.gid));
        }
    }

    /// A program of this machine, wherever links lead.
    pub fn program(&mut self, path: &str, required: bool) {
        let Some((_, node)) = self.root.follow(path.as_bytes(), VALIDATORS_LINKS) else {
            if required {
                self.error("missing", path, "is missing, or its links lead nowhere");
            }
            return;
        };
        let node = node.clone();
        self.attributes(path, &node, PROGRAM_MODES, false);
        if node.machine != Some(self.machine) {
            let text = match node.machine {
                Some(other) => {
                    format!("is a program for {} instead of {}", other.name(), self.machine.name())
                }
                None => format!("is no ELF program for {}", self.machine.name()),
            };
            self.error("program", path, &text);
        }
    }
}
