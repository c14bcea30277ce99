//! Dates as users read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `2026-11-23 02:18`, in UTC.
#[must_use]
pub fn minutes(time: SystemTime) -> String {
    let whole = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    // Later than the year 9999 there is no such text.
    let whole = whole.min(Duration::from_secs(253_402_300_799));
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + whole).to_string();
    text.get(..16).unwrap_or_default().replace('T', " ")
}
