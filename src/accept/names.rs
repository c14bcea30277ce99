//! Names of the suite's own distributions.

use std::time::{SystemTime, UNIX_EPOCH};

/// What the suite's own distributions begin with: no other one is touched.
pub const PREFIX: &str = "nixos-wsl-accept-";

/// A name that no other suite has.
#[must_use]
pub fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{PREFIX}{:x}-{:x}", std::process::id(), now.as_nanos() & 0xff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_suites_own() {
        assert!(unique().starts_with(PREFIX));
        assert_ne!(unique(), unique());
    }
}
