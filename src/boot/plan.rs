//! In which order the generations are tried.

use crate::system::generations::Generation;

/// The chosen generation, then the profile's, then older ones from the newest on, then newer ones; each system once.
///
/// Newer ones come last because the user has turned away from them, yet they are better than no system.
#[must_use]
pub fn order(all: &[Generation], profile: Option<&Generation>, once: Option<u64>) -> Vec<Generation> {
    let chosen = all.iter().find(|generation| once.is_some() && generation.number == once);
    let start = profile.and_then(|generation| generation.number);
    let is_newer = |generation: &&Generation| start.is_some() && generation.number > start;
    let older = all.iter().filter(|generation| !is_newer(generation));
    let newer = all.iter().filter(is_newer);
    let mut sequence: Vec<Generation> = Vec::new();
    for generation in chosen.into_iter().chain(profile).chain(older).chain(newer) {
        if !sequence.iter().any(|known| known.toplevel == generation.toplevel) {
            sequence.push(generation.clone());
        }
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(number: u64, toplevel: &str) -> Generation {
        Generation { number: Some(number), toplevel: toplevel.into() }
    }

    fn numbers(order: &[Generation]) -> Vec<u64> {
        order.iter().filter_map(|generation| generation.number).collect()
    }

    #[test]
    fn older_before_newer_and_the_choice_first() {
        let all = [generation(4, "d"), generation(3, "c"), generation(2, "b"), generation(1, "a")];
        assert_eq!(numbers(&order(&all, Some(&all[1]), None)), [3, 2, 1, 4]);
        assert_eq!(numbers(&order(&all, Some(&all[0]), Some(1))), [1, 4, 3, 2]);
        assert_eq!(numbers(&order(&all, None, None)), [4, 3, 2, 1]);
        assert_eq!(numbers(&order(&all, Some(&all[0]), Some(9))), [4, 3, 2, 1]);
    }

    #[test]
    fn one_system_is_tried_once() {
        let all = [generation(3, "x"), generation(2, "x"), generation(1, "a")];
        assert_eq!(numbers(&order(&all, Some(&all[0]), None)), [3, 1]);
    }
}
