//! The clock: after a sleep of Windows that of WSL's machine may be behind by hours.

use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::finding::{Finding, FindingKind, finding};
use crate::system::generations::{self, PROFILES};
use crate::system::root::Root;

/// The hardware's clock (rtc(4)), in seconds since 1970.
const HARDWARE: &str = "/sys/class/rtc/rtc0/since_epoch";
/// Seconds of difference that are nobody's concern.
const TOLERANCE: u64 = 60;
/// Offsets of time zones are multiples of it: Windows may keep local time in the hardware.
const ZONE_STEP: u64 = 15 * 60;
const LONGEST_OFFSET: u64 = 14 * 3600;

/// Compares the clock with the newest generation, and on a system that runs with the hardware.
pub fn examine(root: &Root) -> Option<Finding> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let hardware = root.read(HARDWARE, 64).ok();
    let hardware = hardware.and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok());
    let fault = behind(root, now).or_else(|| differs(hardware?, now))?;
    let advice = "`sudo hwclock --hctosys` sets it, and so do `wsl --shutdown` and a new start";
    Some(finding(FindingKind::Clock, fault, advice))
}

/// A generation that was made later than now.
fn behind(root: &Root, now: u64) -> Option<String> {
    let made = |generation: &generations::Generation| {
        let link = root.path(PROFILES).join(format!("system-{}-link", generation.number?));
        link.symlink_metadata().ok()?.mtime().try_into().ok()
    };
    let later = |generation: &&generations::Generation| made(generation) > Some(now + TOLERANCE);
    let generation = generations::all(root).into_iter().find(|generation| later(&generation))?;
    let seconds = made(&generation).unwrap_or(now) - now;
    Some(format!("the clock is behind: {generation} was made {} from now", duration(seconds)))
}

fn differs(hardware: u64, now: u64) -> Option<String> {
    let difference = hardware.abs_diff(now);
    let to_zone = (difference + TOLERANCE) % ZONE_STEP <= 2 * TOLERANCE;
    let zone = difference > ZONE_STEP / 2 && difference <= LONGEST_OFFSET + TOLERANCE && to_zone;
    if difference <= TOLERANCE || zone {
        return None;
    }
    let side = if hardware > now { "behind" } else { "ahead of" };
    Some(format!("the clock is {} {side} the hardware's", duration(difference)))
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_is_named_and_a_zone_is_none() {
        assert_eq!(differs(1000, 1030), None);
        assert_eq!(differs(10_000, 5_000).as_deref(), Some("the clock is 83 min behind the hardware's"));
        assert_eq!(differs(0, 1_000_000).as_deref(), Some("the clock is 11 days ahead of the hardware's"));
        assert_eq!(differs(100_000 + 5 * 3600 + 1800, 100_010), None, "Windows keeps local time there");
    }

    #[test]
    fn the_hardware_is_asked_where_it_has_a_clock() {
        let root = tempfile::tempdir().unwrap();
        let root = Root::new(root.path());
        assert_eq!(examine(&root), None);
        let file = root.path(HARDWARE);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "1000000\n").unwrap();
        assert_eq!(examine(&root).unwrap().kind, FindingKind::Clock);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        std::fs::write(&file, format!("{now}\n")).unwrap();
        assert_eq!(examine(&root), None);
    }
}
