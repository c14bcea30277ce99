//! systemd, its bus, units, mounts and users' sessions: each is asked, and silence is an answer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::super::finding::{Finding, FindingKind, finding};
use super::{bus, drives, proxy};
use crate::command::status::{Status, status};
use crate::system::accounts;
use crate::system::activation::CURRENT;
use crate::system::generations::PROFILE;
use crate::system::program::{Answer, Limits, ask};
use crate::system::root::Root;
use crate::wsl::settings::WslSettings;

/// How long systemd and its bus may take for one answer; a busy machine is slow, a hung one never answers.
const LIMIT: Duration = Duration::from_secs(10);
const LOGS: &str = "`nixos-wsl logs` says why, and `wsl --terminate` and a new start try again";

/// Looks at the systemd that this process lives with.
pub fn examine(root: &Root, settings: &WslSettings, findings: &mut Vec<Finding>) {
    if let Status::Lost = status() {
        let advice = "leave this shell with `exit`, and open another with `wsl`";
        findings.push(finding(
            FindingKind::SystemdEnded,
            "systemd, beside which this shell was, has ended",
            advice,
        ));
        return;
    }
    if !Path::new("/run/systemd/system").exists() {
        // In namespace mode the next shell starts it.
        if settings.boot_systemd {
            findings.push(finding(FindingKind::SystemdMissing, "systemd does not run", LOGS));
        }
        return;
    }
    match state() {
        Ok(state) => match &*state {
            "running" | "degraded" => {
                bus(findings);
                units(root, findings);
                sessions(root, settings, findings);
                findings.extend(daemon(root));
            }
            "maintenance" => {
                findings.push(finding(
                    FindingKind::SystemdMaintenance,
                    "systemd is in emergency or rescue mode: no service runs that the system is for",
                    "`systemctl --failed` names the cause; mend it, then `sudo systemctl default`, or choose another system \
                     with `nixos-wsl boot`",
                ));
                units(root, findings);
            }
            "stopping" => {
                findings.push(finding(
                    FindingKind::SystemdMissing,
                    "systemd shuts down",
                    "open another shell, which starts it",
                ));
            }
            _ => findings.push(starting()),
        },
        Err(reason) => {
            let before = findings.len();
            bus(findings);
            // A user reaches systemd by way of the bus alone.
            if findings.len() == before || rustix::process::geteuid().is_root() {
                let fault = format!("systemd does not answer: {reason}");
                findings.push(finding(FindingKind::SystemdSilent, fault, LOGS));
            }
            let lost = drives::missing(root).into_iter().map(|lost| unmounted(&lost));
            findings.extend(lost);
        }
    }
}

fn systemctl(arguments: &[&str]) -> Result<Answer, String> {
    let inside = |system: &str| Path::new(system).join("sw/bin/systemctl");
    let program: PathBuf =
        [CURRENT, PROFILE].map(inside).into_iter().find(|path| path.exists()).unwrap_or_default();
    ask(Command::new(program).args(arguments).arg("--no-pager"), Limits::short(LIMIT))
}

/// systemd's word for its own state.
fn state() -> Result<String, String> {
    let answer = systemctl(&["is-system-running"])?;
    let word = answer.out.trim();
    let known = ["initializing", "starting", "running", "degraded", "maintenance", "stopping"];
    if known.contains(&word) {
        return Ok(word.to_owned());
    }
    let reason = answer.err.lines().next().unwrap_or(word);
    Err(if reason.is_empty() { "systemctl says nothing".into() } else { reason.to_owned() })
}

fn bus(findings: &mut Vec<Finding>) {
    if let Err(error) = bus::authenticate(Path::new(bus::SOCKET), LIMIT) {
        let fault =
            format!("{}: {error}: the system bus takes nobody, so logins and services fail", bus::SOCKET);
        let advice = "`systemctl status dbus.service dbus.socket` says why, `sudo systemctl restart dbus.service` may help";
        findings.push(finding(FindingKind::SystemBus, fault, advice));
    }
}

/// systemd has not reached its target. The first job that runs is what the others wait for.
fn starting() -> Finding {
    let jobs = systemctl(&["list-jobs", "--plain", "--no-legend", "--full"]).map(|answer| answer.out);
    let jobs = jobs.unwrap_or_default();
    let job = |line: &str| line.split_ascii_whitespace().nth(1).map(str::to_owned);
    let unit = jobs.lines().find(|line| line.ends_with("running")).and_then(job);
    let waits = unit.map(|unit| format!(": it waits for {unit}")).unwrap_or_default();
    finding(
        FindingKind::SystemdStarting,
        format!("systemd has not come up yet{waits}"),
        "`systemctl list-jobs` says what is under way; `sudo systemctl cancel` gives up what never ends",
    )
}

/// Failed units, and file systems that should be there.
fn units(root: &Root, findings: &mut Vec<Finding>) {
    let lost = drives::missing(root);
    findings.extend(lost.iter().map(unmounted));
    let answer = match systemctl(&["--failed", "--plain", "--no-legend", "--full"]) {
        Ok(answer) => answer.out,
        Err(reason) => {
            findings.push(finding(
                FindingKind::SystemdSilent,
                format!("systemd does not answer: {reason}"),
                LOGS,
            ));
            return;
        }
    };
    let first = |line: &str| line.split_ascii_whitespace().next().map(str::to_owned);
    for unit in answer.lines().filter_map(first) {
        let mount = [".mount", ".automount", ".swap"].iter().any(|kind| unit.ends_with(kind));
        if lost.iter().any(|lost| lost.unit == unit) {
            continue;
        }
        let kind = if mount { FindingKind::MountFailed } else { FindingKind::UnitFailed };
        let advice = format!("`systemctl status '{unit}'` says why");
        findings.push(finding(kind, format!("{unit} has failed"), advice));
    }
}

fn unmounted(lost: &drives::MissingMount) -> Finding {
    finding(
        FindingKind::MountFailed,
        format!("{} is not mounted: {} is not there, or does not fit", lost.point, lost.device),
        format!(
            "`wsl --mount` or `wsl --mount --vhd FILE` in Windows brings a disk, then `sudo systemctl start '{}'`; \
             `systemctl status` of it says more",
            lost.unit
        ),
    )
}

/// The session of who asks, and that of WSL's default user.
fn sessions(root: &Root, settings: &WslSettings, findings: &mut Vec<Finding>) {
    // What a service runs has no session, and needs none.
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let asker = (!own.contains("/system.slice/")).then(|| rustix::process::getuid().as_raw());
    let default = settings.user_default.as_deref().and_then(|name| accounts::entry_named(root, name).ok());
    let users = asker.into_iter().chain(default.map(|user| user.uid));
    let mut seen = Vec::new();
    for uid in users {
        if seen.contains(&uid) {
            continue;
        }
        seen.push(uid);
        let Ok(user) = accounts::entry(root, uid) else { continue };
        let unit = format!("user@{uid}.service");
        let Ok(answer) = systemctl(&["is-active", &unit]) else { continue };
        let state = answer.out.trim();
        // The default user's is not begun before the first shell.
        let wanted = Some(uid) == asker;
        if state == "failed" || wanted && state == "inactive" {
            let fault = format!("{} has no session: {unit} is {state}", user.name.display());
            let advice = format!(
                "`systemctl status {unit}` says why; `sudo systemctl restart {unit}` and a new shell begin one"
            );
            findings.push(finding(FindingKind::UserSession, fault, advice));
        }
    }
}

/// Nix's daemon, which downloads for everybody.
fn daemon(root: &Root) -> Option<Finding> {
    let variables = proxy::variables();
    if variables.is_empty() {
        return None;
    }
    let unit = "nix-daemon.service";
    let answer = systemctl(&["show", "--property=LoadState,Environment,EnvironmentFiles", unit]).ok()?;
    answer.out.contains("LoadState=loaded").then(|| proxy::service(root, &variables, unit, &answer.out))?
}
