//! A name of Windows', made into one that Linux takes.

use unicode_normalization::UnicodeNormalization;

use crate::command::new_user::check_name;

const LONGEST: usize = 32;

/// The name without accents, in small letters, with `-` where something else stood between letters. `None` where too
/// little is left: it is only offered, and nobody is to be called by a remainder.
#[must_use]
pub fn clean(name: &str) -> Option<String> {
    // A domain's account may come as DOMAIN\name or name@domain.
    let name = name.rsplit('\\').next().unwrap_or(name);
    let name = name.split('@').next().unwrap_or(name);
    let letters = name.replace('ß', "ss").nfkd().collect::<String>().to_lowercase();
    let mut clean = String::new();
    for letter in letters.chars() {
        match letter {
            'a'..='z' | '0'..='9' | '_' => clean.push(letter),
            // Accents, which the decomposition has made letters of their own.
            '\u{300}'..='\u{36f}' => {}
            letter if letter.is_alphanumeric() => return None,
            _ if !clean.ends_with('-') => clean.push('-'),
            _ => {}
        }
    }
    let clean = clean.trim_start_matches(|first: char| !first.is_ascii_lowercase());
    let clean: String = clean.chars().take(LONGEST).collect();
    let clean = clean.trim_end_matches('-');
    check_name(clean).is_ok().then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_windows_are_made_usable() {
        for (windows, linux) in [
            ("alice", Some("alice")),
            ("Alice Smith", Some("alice-smith")),
            ("J. R. O'Neil", Some("j-r-o-neil")),
            ("Zoë Müller", Some("zoe-muller")),
            ("Weiß", Some("weiss")),
            ("CORP\\bob", Some("bob")),
            ("bob@example.com", Some("bob")),
            ("007 Bond", Some("bond")),
            ("Анна", None),
            ("李", None),
            ("!USERNAME!", Some("username")),
            ("42", None),
            ("", None),
        ] {
            assert_eq!(clean(windows).as_deref(), linux, "{windows}");
        }
        assert_eq!(clean(&"a".repeat(40)), Some("a".repeat(32)));
    }
}
