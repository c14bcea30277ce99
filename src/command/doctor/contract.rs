//! Every path that WSL itself calls or writes through (W§4.5, W§5), as far as this version of WSL does.

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use serde::Deserialize;

use super::super::finding::{Finding, FindingKind, REBUILD, finding};
use crate::system::root::Root;

const CONTRACT: &str = include_str!("../../wsl/contract.json");

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
    /// The first version of WSL that calls it, where that is known.
    since: Option<&'a str>,
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

/// Looks for what the `version` of WSL calls; for everything, where that is not known.
pub fn examine(root: &Root, version: Option<&str>) -> Vec<Finding> {
    let contract: Contract<'_> = match serde_json::from_str(CONTRACT) {
        Ok(contract) => contract,
        Err(error) => {
            return vec![finding(
                FindingKind::WslPath,
                format!("the list of WSL's paths: {error}"),
                "report it",
            )];
        }
    };
    let unfit = contract.paths.iter().filter_map(|item| {
        if let (Some(version), Some(since)) = (version, item.since)
            && older(version, since)
        {
            return None;
        }
        let error = fits(root, item).err()?;
        let fault = format!("{}: {error}; WSL needs it for: {}", item.path, item.why);
        Some(finding(FindingKind::WslPath, fault, REBUILD))
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

/// Whether a version of WSL comes before another: `2.9.10.0` after `2.9.9`.
pub fn older(version: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> { text.split('.').map_while(|part| part.parse().ok()).collect() };
    numbers(version) < numbers(than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(older("2.9.4", "2.9.5") && older("2.9.9.0", "2.9.10") && older("1.2.5", "2.0"));
        assert!(!older("2.9.5.0", "2.9.5") && !older("2.10.0", "2.9.9") && !older("2.9.5", "2.9.5"));
    }

    #[test]
    fn what_only_a_newer_wsl_calls_is_not_missed() {
        let root = tempfile::tempdir().unwrap();
        let missed = |version| {
            let findings = examine(&Root::new(root.path()), version);
            findings.iter().any(|finding| finding.fault.starts_with("/bin/true: "))
        };
        assert!(missed(None) && missed(Some("2.9.8.0")) && missed(Some("3.0.0")));
        assert!(!missed(Some("2.9.4")));
    }
}
