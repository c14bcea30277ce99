//! Judges anybody's archive or disk (VHDX) of a root file system: by the rules of Microsoft's validator for distributions (W§8.1), and by
//! what WSL's import and start stumble over (W§1.3, W§1.4, W§2, W§3.1). The archive is hostile until read: whatever it
//! says, the memory is bounded, nothing is unpacked, and a finding is one short line.

pub mod accounts;
pub mod archive;
pub mod compression;
pub mod disk;
pub mod distribution;
pub mod import;
pub mod judgement;
pub mod machine;
pub mod pax;
pub mod python_ini;
pub mod reading;
pub mod settings;
pub mod units;
pub mod unpacked;
pub mod verdict;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, Read, Seek};
use std::path::{Path, PathBuf};

use compression::Compression;
use judgement::Judgement;
use machine::Machine;
use reading::{Contents, Reading};
use unpacked::{KERNELS_LINKS, UnpackedRoot};
use verdict::{Findings, RuleSource, Severity, Verdict};

use crate::image::disk::reader::VhdxDisk;

/// The archive cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct Unreadable {
    /// The archive.
    path: PathBuf,
    /// What the system said.
    source: io::Error,
}

/// Judges the archive at `path` by `rules`; programs must be for `machine`, or for that of its `/bin/sh`.
///
/// # Errors
/// When there is no such file, or the system cannot read it. What is wrong in it is a finding.
pub fn judge(path: &Path, rules: &[RuleSource], machine: Option<Machine>) -> Result<Verdict, Unreadable> {
    let unreadable = |source| Unreadable { path: path.to_owned(), source };
    let mut findings = Findings::by(rules);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    (&mut file).take(16).read_to_end(&mut head).map_err(unreadable)?;
    let compression = match Compression::of(&head) {
        Ok(compression) => compression,
        Err(name) => {
            let text =
                format!("is {name}, which is not judged here; gzip and xz are what the validator takes");
            findings.add(Severity::Error, RuleSource::Validator, "compression", b"", &text);
            findings.add(Severity::Warning, RuleSource::Import, "compression", b"", &text);
            return Ok(findings.verdict(None, machine.unwrap_or(Machine::OWN), 0));
        }
    };
    if !matches!(compression, Compression::Gzip | Compression::Xz) {
        // Only for a distribution that a manifest lists; WSL imports it all the same.
        let text = format!("is {}, where a manifest's distribution is gzip or xz", compression.name());
        findings.add(Severity::Error, RuleSource::Validator, "compression", b"", &text);
    }
    if compression == Compression::Vhdx {
        let (reading, system) = disk::read(VhdxDisk::open(file), &mut findings);
        let more = |missing: &_, contents: &mut _| {
            if let Some(system) = &system {
                system.read_contents(missing, contents);
            }
            Ok(())
        };
        let (machine, members) = judge_reading(reading, more, machine, &mut findings).map_err(unreadable)?;
        return Ok(findings.verdict(Some(compression), machine, members));
    }
    let open = || {
        file.rewind()?;
        compression::open(file.try_clone()?, compression)
    };
    let (machine, members) = judge_stream(open, machine, &mut findings).map_err(unreadable)?;
    Ok(findings.verdict(Some(compression), machine, members))
}

/// Judges the archive that `open` gives from its beginning, as often as it is called. Gives the machine that its programs
/// were judged for, and how many members there are.
///
/// # Errors
/// Those of `open`.
pub fn judge_stream<S: BufRead>(
    mut open: impl FnMut() -> io::Result<S>,
    machine: Option<Machine>,
    findings: &mut Findings,
) -> io::Result<(Machine, u64)> {
    let reading = reading::read(open()?, findings);
    let more = |missing: &BTreeSet<u64>, contents: &mut Contents| {
        // It was whole a moment ago: a file that somebody changes is judged as far as it goes.
        let _ = reading::read_contents(open()?, missing, contents);
        Ok(())
    };
    judge_reading(reading, more, machine, findings)
}

/// Judges what was read; `more` reads the contents of further members.
fn judge_reading(
    reading: Reading,
    mut more: impl FnMut(&BTreeSet<u64>, &mut Contents) -> io::Result<()>,
    machine: Option<Machine>,
    findings: &mut Findings,
) -> io::Result<(Machine, u64)> {
    let Reading { root, mut contents, members, whole } = reading;
    let machine = machine.unwrap_or_else(|| own_machine(&root));
    // What is missing in a part is missing for that reason.
    if whole {
        for needed in [first_needs, second_needs] {
            let missing = missing(&root, &contents, &needed(&root, &contents));
            if !missing.is_empty() {
                more(&missing, &mut contents)?;
            }
        }
        judge_root(&mut Judgement { root: &root, contents: &contents, machine, findings });
    }
    Ok((machine, members))
}

/// All rules about what stands in the root.
pub fn judge_root(judgement: &mut Judgement<'_>) {
    import::judge(judgement);
    let first = distribution::judge_by_validator(judgement);
    distribution::judge_by_wsl(judgement);
    settings::judge_by_validator(judgement);
    let users = accounts::judge(judgement, first);
    settings::judge_by_wsl(judgement, &users);
    judgement.program("/bin/bash", false);
    judgement.program("/bin/sh", true);
    units::judge(judgement);
}

/// The machine of the programs in a root, by its shell.
fn own_machine(root: &UnpackedRoot) -> Machine {
    let of = |path: &str| root.follow(path.as_bytes(), KERNELS_LINKS).and_then(|(_, node)| node.machine);
    of("/bin/sh").or_else(|| of("/sbin/init")).unwrap_or(Machine::OWN)
}

/// Files whose contents the rules read.
fn first_needs(_: &UnpackedRoot, _: &Contents) -> Vec<String> {
    [distribution::PATH, settings::PATH, accounts::PASSWD].map(str::to_owned).to_vec()
}

/// Files that those name.
fn second_needs(root: &UnpackedRoot, contents: &Contents) -> Vec<String> {
    let conf = root.follow(distribution::PATH.as_bytes(), KERNELS_LINKS);
    let conf = conf.and_then(|(_, node)| contents.get(&node.member?));
    conf.map(|conf| distribution::needs(conf)).unwrap_or_default()
}

/// The members with those files' contents, as far as they are not read yet.
fn missing(root: &UnpackedRoot, contents: &Contents, paths: &[String]) -> BTreeSet<u64> {
    let member = |path: &String| root.follow(path.as_bytes(), KERNELS_LINKS)?.1.member;
    paths.iter().filter_map(member).filter(|member| !contents.contains_key(member)).collect()
}
