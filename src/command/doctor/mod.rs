//! `nixos-wsl doctor`: looks for what WSL would stumble over, or leaves out without a word.

mod accounts;
mod bus;
mod certificates;
mod cgroups;
mod clock;
mod contract;
mod disk;
mod drives;
mod facts;
mod outside;
mod proxy;
mod reach;
mod report;
mod settings;
mod systemd;

use std::path::{Path, PathBuf};

use super::finding::{FILE_LIMIT, Finding, FindingKind, finding};
use super::output::print;
use super::{CommandError, Outcome};
use crate::boot::counting;
use crate::system::error::one_line;
use crate::system::generations;
use crate::system::notice::NOTICE;
use crate::system::root::Root;
use crate::system::step::Step;
use facts::Facts;
use report::Report;

/// How the findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: two lines a finding.
    Text,
    /// One object in one line.
    Json,
}

/// Prints what is found at `root`; without one, at the root where this program lies, or at `/`.
///
/// # Errors
/// How many findings there are, or that standard output takes no more.
pub fn show(root: Option<PathBuf>, format: Format) -> Outcome {
    // WSL's login sessions start with it ignored, and the programs asked here are waited for.
    crate::sys::default_sigchld();
    let root = root.map_or_else(place, Root::new);
    let mut step = Step::default();
    let report = examine(&root, &mut |text| step.show(&format!("looking at {text}...")));
    step.clear();
    match format {
        Format::Json => {
            let text = serde_json::to_string(&report);
            print(format_args!("{}", text.map_err(|error| CommandError::Refused(error.to_string()))?))?;
        }
        Format::Text => show_text(&report)?,
    }
    match report.findings.len() {
        0 => Ok(()),
        1 => Err(CommandError::Refused("1 thing is not as it should be".into())),
        count => Err(CommandError::Refused(format!("{count} things are not as they should be"))),
    }
}

fn show_text(report: &Report) -> Outcome {
    if let Some(facts) = &report.facts {
        print(format_args!("{facts}"))?;
    }
    for Finding { kind, fault, advice } in &report.findings {
        print(format_args!("{} [{kind}]\n  {}", one_line(fault), one_line(advice)))?;
    }
    if report.findings.is_empty() {
        print(format_args!("Nothing is wrong here that this program knows of."))?;
    }
    Ok(())
}

/// From WSL's system distribution this program is started at its place in the other one.
fn place() -> Root {
    let program = std::env::current_exe().unwrap_or_default();
    let root = program.ancestors().nth(2).filter(|root| root.join("nix/var/nix/profiles").is_dir());
    root.map_or_else(Root::default, Root::new)
}

/// Looks at the distribution at `root`; where that one runs, at what runs too. `step` is told what comes next.
#[must_use]
pub fn examine(root: &Root, step: &mut dyn FnMut(&str)) -> Report {
    step("the distribution");
    if let Some(report) = outside::examine(root) {
        return report;
    }
    let running = root.directory() == Path::new("/");
    let facts = running.then(|| Facts::gather(root));
    let version = facts.as_ref().and_then(|facts| facts.wsl.clone());
    let mut findings = contract::examine(root, version.as_deref());
    step("settings and users");
    let settings = settings::examine(root, &mut findings);
    accounts::examine(root, &settings, &mut findings);
    profile(root, &mut findings);
    step("disk, clock and certificates");
    findings.extend(disk::examine(root));
    findings.extend(clock::examine(root));
    findings.extend(certificates::examine(root));
    if let Some(facts) = &facts {
        if let Ok(text) = root.read(NOTICE, FILE_LIMIT) {
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            findings.push(finding(FindingKind::Notice, lines.join(" "), "`nixos-wsl logs` says more"));
        }
        step("systemd and its units");
        systemd::examine(root, &settings, &mut findings);
        cgroups::examine(root, facts, &settings, &mut findings);
        step("the proxy");
        let variables = proxy::variables();
        findings.extend(proxy::examine(&variables));
        findings.extend(proxy::unreachable(root, &variables));
    }
    Report { facts, findings }
}

fn profile(root: &Root, findings: &mut Vec<Finding>) {
    let choose = "`nixos-wsl generations` lists what there is, `wsl -d NAME -u root -- nixos-wsl boot N` in Windows \
                  chooses";
    match generations::current(root) {
        Ok(generation) => {
            if let Err(reason) = generation.bootable(root) {
                let fault = format!("{generation} does not boot: {reason}");
                findings.push(finding(FindingKind::Generation, fault, choose));
            }
        }
        Err(error) => {
            findings.push(finding(
                FindingKind::Generation,
                format!("{}: {error}", generations::PROFILE),
                choose,
            ));
        }
    }
    if let (_, Some(warning)) = counting::load(root) {
        findings.push(finding(FindingKind::BootRecord, warning, "the next boot writes it anew"));
    }
}
