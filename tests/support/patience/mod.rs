//! How long tests wait for what has to come. Only a test that fails waits so long.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::{Duration, Instant};

/// The simulator's variable, by which tests stretch their own limits as well.
pub const TIME_FACTOR: &str = "WSL_SIM_TIME_FACTOR";

/// How many times as long as on a quiet machine everything may take. Several tests run at once, so that without the
/// variable it is 3.
pub fn time_factor() -> u32 {
    std::env::var(TIME_FACTOR).map_or(3, |text| text.parse().expect("WSL_SIM_TIME_FACTOR is a whole number"))
}

/// The factor for a test in which limits of WSL's are meant to run out: nothing has to come within them, and every second
/// of them is waited for.
pub fn expiring_factor() -> u32 {
    (time_factor() / 3).max(1)
}

/// A time limit on this machine, from one in seconds for a quiet one.
pub fn seconds(limit: u32) -> Duration {
    Duration::from_secs((limit * time_factor()).into())
}

/// Waits until a condition holds, which must not take a minute.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + seconds(60);
    while !holds() {
        assert!(Instant::now() < deadline, "this has not come about: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
