//! The cases, in the order in which they run on one distribution: those that change it come last.
//!
//! A case that any root file system would pass proves nothing of the image: each asks for something that only a NixOS
//! which works has (`tests/accept` holds them against a root of busybox and a system that does not boot).

mod ask;
mod containers;
mod disks;
mod editors;
mod launch;
mod nix;
mod programs;
mod rebuild;
mod recovery;
mod shells;
mod starts;
mod system;
mod windows;

use super::case::Case;

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Case> {
    let stages: [&'static [Case]; 13] = [
        starts::FIRST,
        system::CASES,
        launch::CASES,
        programs::CASES,
        editors::CASES,
        shells::CASES,
        nix::CASES,
        containers::CASES,
        windows::CASES,
        starts::RESTART,
        rebuild::CASES,
        disks::CASES,
        recovery::CASES,
    ];
    stages.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_case_has_a_name_of_its_own_and_says_what_it_proves() {
        let mut names = BTreeSet::new();
        for case in super::all() {
            assert!(names.insert(case.name), "{} is there twice", case.name);
            assert!(
                case.name
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
            );
            assert!(case.proves.len() > 20, "{}", case.name);
        }
    }
}
