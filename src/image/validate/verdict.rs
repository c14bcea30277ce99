//! What is found in an archive: one finding a line, in text or as JSON, and never more of one kind than somebody reads.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::compression::Compression;
use super::machine::Machine;

/// How many findings of one rule are listed; the others are counted.
const MOST_OF_A_RULE: usize = 20;
/// How many characters of a path or a text are shown.
const LONGEST: usize = 400;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is refused, or does not work.
    Error,
    /// It is accepted, and not as somebody will expect.
    Warning,
}

/// Whose rule a finding goes by: W§8.1; W§1.3, W§1.4 and W§2; W§3.1 and W§7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RuleSource {
    /// Microsoft's validate-modern.py, for distributions that are listed for `wsl --install`.
    Validator,
    /// `wsl --import` and `wsl --install --from-file`: unpacking and registration.
    Import,
    /// WSL at a distribution's start, and its reader of settings.
    Start,
}

/// One thing in the archive that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveFinding {
    /// Error or warning.
    pub severity: Severity,
    /// Whose rule it is.
    pub by: RuleSource,
    /// The rule, one word or two: `mode`, `unknown-key`.
    pub rule: &'static str,
    /// The member, as a path of the root that the archive becomes; empty where it is about the whole archive.
    pub path: String,
    /// What is wrong with it, in one line.
    pub text: String,
}

/// All that is said of an archive.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// How the archive is compressed; nothing if that is not known here.
    pub compression: Option<Compression>,
    /// The machine that its programs were judged for.
    pub architecture: Machine,
    /// How many members were read.
    pub members: u64,
    /// How many errors there are, those not listed included.
    pub errors: u64,
    /// How many warnings there are, those not listed included.
    pub warnings: u64,
    /// The findings, errors first.
    pub findings: Vec<ArchiveFinding>,
    /// How many more findings of a rule there are than are listed.
    pub unlisted: BTreeMap<&'static str, u64>,
}

impl fmt::Display for ArchiveFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let by = match self.by {
            RuleSource::Validator => "validator",
            RuleSource::Import => "import",
            RuleSource::Start => "start",
        };
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{severity}: {}{separator}{} [{by}: {}]", self.path, self.text, self.rule)
    }
}

impl fmt::Display for Verdict {
    /// One line a finding, those that are not listed by their number, and a last line that sums up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for (rule, count) in &self.unlisted {
            writeln!(f, "and {count} more [{rule}]")?;
        }
        let compression = self.compression.map_or("unknown", Compression::name);
        let (errors, warnings, members) = (self.errors, self.warnings, self.members);
        let architecture = self.architecture.name();
        let plural = |count| if count == 1 { "" } else { "s" };
        write!(
            f,
            "{errors} error{}, {warnings} warning{}: {members} member{}, {compression}, for {architecture}",
            plural(errors),
            plural(warnings),
            plural(members)
        )
    }
}

/// Findings as they come up.
#[derive(Debug, Default)]
pub struct Findings {
    rules: Vec<RuleSource>,
    found: Vec<ArchiveFinding>,
    counts: BTreeMap<(Severity, RuleSource, &'static str), usize>,
}

impl Findings {
    /// None yet; those by other rules than `rules` are never taken.
    #[must_use]
    pub fn by(rules: &[RuleSource]) -> Self {
        Self { rules: rules.to_vec(), ..Self::default() }
    }

    /// Takes one. `path` are the bytes of a path from the root, with or without a slash before it.
    pub fn add(&mut self, severity: Severity, by: RuleSource, rule: &'static str, path: &[u8], text: &str) {
        if !self.rules.contains(&by) {
            return;
        }
        let count = self.counts.entry((severity, by, rule)).or_default();
        *count += 1;
        if *count > MOST_OF_A_RULE {
            return;
        }
        let path = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")).unwrap_or(path);
        let path = if path.is_empty() { String::new() } else { format!("/{}", shown(path)) };
        self.found.push(ArchiveFinding { severity, by, rule, path, text: shown(text.as_bytes()) });
    }

    /// The verdict that they make.
    #[must_use]
    pub fn verdict(
        mut self,
        compression: Option<Compression>,
        architecture: Machine,
        members: u64,
    ) -> Verdict {
        self.found.sort_by_key(|finding| finding.severity);
        let total = |severity| {
            let counts = self.counts.iter().filter(|((of, ..), _)| *of == severity);
            counts.map(|(_, &count)| count as u64).sum()
        };
        let (errors, warnings) = (total(Severity::Error), total(Severity::Warning));
        let mut unlisted = BTreeMap::new();
        for ((_, _, rule), &count) in &self.counts {
            if count > MOST_OF_A_RULE {
                *unlisted.entry(*rule).or_default() += (count - MOST_OF_A_RULE) as u64;
            }
        }
        Verdict { compression, architecture, members, errors, warnings, findings: self.found, unlisted }
    }
}

/// Bytes of an archive on one line of a terminal, not without end.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    // Four bytes are the most that a character has.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * LONGEST)]).into_owned();
    let mut shown = String::new();
    for (at, character) in text.chars().enumerate() {
        if at == LONGEST {
            shown.push('…');
            break;
        }
        if character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}
