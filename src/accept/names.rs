//! Names of the suite's own distributions, and patterns of cases' names.

use std::time::{SystemTime, UNIX_EPOCH};

/// What the suite's own distributions begin with: no other one is touched.
pub const PREFIX: &str = "nixos-wsl-accept-";

/// A name that no other suite has.
#[must_use]
pub fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{PREFIX}{:x}-{:x}", std::process::id(), now.as_nanos() & 0xff_ffff_ffff)
}

/// Whether a pattern, in which `*` stands for any text, is a case's name.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(left) = name.strip_prefix(start) else { return false };
    (0..=left.len()).any(|at| left.is_char_boundary(at) && fits(rest, &left[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, fit) in [
            ("shell-*", "shell-fish", true),
            ("*-fish", "shell-fish", true),
            ("s*l*h", "shell-fish", true),
            ("*", "", true),
            ("shell", "shell-fish", false),
            ("shell-fish", "shell-fish", true),
            ("*x", "shell-fish", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    #[test]
    fn names_are_the_suites_own() {
        assert!(unique().starts_with(PREFIX));
        assert_ne!(unique(), PREFIX);
    }
}
