//! `nixos-wsl doctor`: looks for what WSL would stumble over, or leaves out without a word.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use serde::Deserialize;

use super::disk;
use super::finding::{Finding, finding};
use super::output::print;
use super::{CommandError, Outcome};
use crate::boot::counting;
use crate::system::accounts::{self, Account};
use crate::system::activation::CURRENT;
use crate::system::generations;
use crate::system::notice::NOTICE;
use crate::system::root::Root;
use crate::wsl::distribution::Distribution;
use crate::wsl::settings::WslSettings;

/// Every path that WSL itself calls or writes through (W§4.5, W§5).
const CONTRACT: &str = include_str!("../wsl/contract.json");
/// Larger than any file that is read here.
const LIMIT: u64 = 1 << 20;

const REBUILD: &str = "`sudo nixos-rebuild switch` puts it there again";
const CONFIGURE: &str = "set it by wsl.wslConf, rebuild, and start again with `wsl --terminate`";
const ACCOUNTS: &str = "see users.users and wsl.defaultUser";

/// Prints what is found at `root`.
///
/// # Errors
/// How many findings there are, or that standard output takes no more.
pub fn show(root: &Root) -> Outcome {
    let findings = examine(root);
    for finding in &findings {
        print(format_args!("{}\n  {}", finding.fault, finding.advice))?;
    }
    match findings.len() {
        0 => print(format_args!("Nothing is wrong here that this program knows of.")),
        1 => Err(CommandError::Refused("1 thing is not as it should be".into())),
        count => Err(CommandError::Refused(format!("{count} things are not as they should be"))),
    }
}

/// Looks at the distribution at `root`; where that is the running one, at what runs too.
#[must_use]
pub fn examine(root: &Root) -> Vec<Finding> {
    let mut findings = contract(root);
    let settings = wsl_conf(root, &mut findings);
    distribution_conf(root, &mut findings);
    users(root, &settings, &mut findings);
    profile(root, &mut findings);
    findings.extend(disk::examine(root));
    if root.directory() == Path::new("/") {
        running(root, &settings, &mut findings);
    }
    findings
}

#[derive(Deserialize)]
struct Contract<'a> {
    #[serde(borrow)]
    paths: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    path: &'a str,
    need: Need,
    why: &'a str,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Need {
    Program,
    File,
    Directory,
    /// WSL makes it, or a setting turns the call off.
    Absent,
}

fn contract(root: &Root) -> Vec<Finding> {
    let contract: Contract<'_> = match serde_json::from_str(CONTRACT) {
        Ok(contract) => contract,
        Err(error) => return vec![finding(format!("the list of WSL's paths: {error}"), "report it")],
    };
    let unfit = contract.paths.iter().filter_map(|item| {
        let error = fits(root, item).err()?;
        Some(finding(format!("{}: {error}; WSL needs it for: {}", item.path, item.why), REBUILD))
    });
    unfit.collect()
}

fn fits(root: &Root, item: &Item<'_>) -> Result<(), Errno> {
    if item.need == Need::Absent {
        return Ok(());
    }
    if item.need == Need::Program {
        return root.executable(item.path);
    }
    let found = rustix::fs::fstat(root.open(item.path, OFlags::PATH)?)?;
    let kind = FileType::from_raw_mode(found.st_mode);
    match item.need {
        Need::Directory if !kind.is_dir() => Err(Errno::NOTDIR),
        Need::File if !kind.is_file() => Err(Errno::INVAL),
        _ => Ok(()),
    }
}

/// A file of settings; the contract has spoken of a missing one.
fn read(root: &Root, path: &str, findings: &mut Vec<Finding>) -> Vec<u8> {
    match root.read(path, LIMIT) {
        Ok(bytes) => return bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => findings.push(finding(format!("{path}: {error}"), REBUILD)),
    }
    Vec::new()
}

fn wsl_conf(root: &Root, findings: &mut Vec<Finding>) -> WslSettings {
    let path = "/etc/wsl.conf";
    if std::fs::read_link(root.path(path)).is_ok_and(|target| target.is_absolute()) {
        findings.push(finding(
            format!("{path}: is a link, which WSL follows before it is in the distribution, to nowhere"),
            REBUILD,
        ));
    }
    let (settings, remarks) = WslSettings::parse(&read(root, path, findings));
    for remark in remarks {
        let rest = if remark.problem.ends_file() { "; WSL reads nothing after it" } else { "" };
        findings.push(finding(format!("{remark}{rest}"), CONFIGURE));
    }
    settings
}

fn distribution_conf(root: &Root, findings: &mut Vec<Finding>) {
    let path = "/etc/wsl-distribution.conf";
    let (distribution, remarks) = Distribution::parse(&read(root, path, findings));
    // WSL's remarks name wsl.conf whichever file they are about.
    for remark in remarks {
        let fault = remark.to_string().replace("/etc/wsl.conf", path);
        findings.push(finding(fault, "set it by wsl.distribution and rebuild"));
    }
    let resources =
        [distribution.shortcut_icon, distribution.windowsterminal_profile_template].into_iter().flatten();
    for resource in resources {
        if let Err(error) = root.open(&resource, OFlags::PATH) {
            findings.push(finding(format!("{resource}: {error}; {path} names it"), REBUILD));
        }
    }
}

fn users(root: &Root, settings: &WslSettings, findings: &mut Vec<Finding>) {
    let mut shell = |user: Result<Account, String>, otherwise: &str| match user {
        Ok(user) => {
            let active = root.open(CURRENT, OFlags::PATH).is_ok();
            if let Some(fault) = unfit_shell(root, &user, active) {
                findings.push(finding(fault, ACCOUNTS));
            }
        }
        Err(reason) => findings.push(finding(format!("{reason}{otherwise}"), ACCOUNTS)),
    };
    shell(accounts::entry(root, 0), "");
    if let Some(name) = settings.user_default.as_deref().filter(|name| *name != "root") {
        shell(
            accounts::entry_named(root, name),
            ", whom /etc/wsl.conf names; WSL starts root's shell instead",
        );
    }
}

/// Why a user cannot log in. What the wrapper starts may be there only while a system is `active`.
fn unfit_shell(root: &Root, user: &Account, active: bool) -> Option<String> {
    let name = user.name.display();
    let shell = user.shell.display();
    if let Err(error) = root.executable(&user.shell) {
        return Some(format!("{shell}: {error}; it is the shell of {name}"));
    }
    let link = user.shell.with_file_name("real");
    let real = std::fs::read_link(root.path(&link)).ok().filter(|_| active)?;
    let error = root.executable(&real).err()?;
    Some(format!("{}: {error}; {shell} starts it for {name}", real.display()))
}

fn profile(root: &Root, findings: &mut Vec<Finding>) {
    let choose = "`nixos-wsl generations` lists what there is, `wsl -d NAME -u root -- nixos-wsl boot N` in Windows \
                  chooses";
    match generations::current(root) {
        Ok(generation) => {
            if let Err(reason) = generation.bootable(root) {
                findings.push(finding(format!("{generation} does not boot: {reason}"), choose));
            }
        }
        Err(error) => findings.push(finding(format!("{}: {error}", generations::PROFILE), choose)),
    }
    if let (_, Some(warning)) = counting::load(root) {
        findings.push(finding(warning, "the next boot writes it anew"));
    }
}

fn running(root: &Root, settings: &WslSettings, findings: &mut Vec<Finding>) {
    if let Ok(text) = root.read(NOTICE, LIMIT) {
        let text = String::from_utf8_lossy(&text);
        findings.push(finding(text.trim_end().replace('\n', "\n  "), "`nixos-wsl logs` says more"));
    }
    if !Path::new("/run/systemd/system").exists() {
        if settings.boot_systemd {
            findings.push(finding("systemd does not run", "`nixos-wsl logs` says why"));
        }
        return;
    }
    for unit in failed_units() {
        findings.push(finding(format!("{unit} has failed"), format!("`systemctl status {unit}` says why")));
    }
}

fn failed_units() -> Vec<String> {
    let output = Command::new(Path::new(CURRENT).join("sw/bin/systemctl"))
        .args(["--failed", "--plain", "--no-legend", "--full", "--no-pager"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    String::from_utf8_lossy(&text).lines().filter_map(first).collect()
}
