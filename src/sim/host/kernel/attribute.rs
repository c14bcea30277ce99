//! What the kernel makes of a text that is written into one of its settings.

/// The setting's new contents; `None` where the kernel refuses the text as nonsense.
///
/// Two kinds can be told by what they hold: numbers take numbers, of which later ones may be left out, and a choice of
/// words (`always [madvise] never`) takes one of them. Any other takes everything.
#[must_use]
pub fn changed(current: &[u8], written: &[u8]) -> Option<Vec<u8>> {
    let as_written = || Some([written.trim_ascii_end(), b"\n"].concat());
    let (Ok(current), Ok(text)) = (std::str::from_utf8(current), std::str::from_utf8(written)) else {
        return as_written();
    };
    let text = text.trim_end_matches('\0').trim();
    let words: Vec<&str> = current.split_whitespace().collect();
    if let Some(choices) = choices(&words) {
        let chosen = choices.iter().position(|choice| *choice == text)?;
        let marked = choices.iter().enumerate().map(|(index, choice)| {
            if index == chosen { format!("[{choice}]") } else { (*choice).to_owned() }
        });
        return Some((marked.collect::<Vec<_>>().join(" ") + "\n").into_bytes());
    }
    if words.is_empty() || !words.iter().all(|word| number(word).is_some()) {
        return as_written();
    }
    let numbers = text.split_whitespace().map(number).collect::<Option<Vec<i128>>>()?;
    if numbers.is_empty() || numbers.len() > words.len() {
        return None;
    }
    let rest = words.iter().skip(numbers.len()).map(|word| (*word).to_owned());
    let all: Vec<String> = numbers.iter().map(ToString::to_string).chain(rest).collect();
    Some((all.join("\t") + "\n").into_bytes())
}

/// The words to choose from, without the brackets of the one that holds.
fn choices<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    let bare = |word: &&'a str| word.strip_prefix('[').and_then(|word| word.strip_suffix(']'));
    let marked = words.iter().filter(|word| bare(word).is_some()).count();
    (marked == 1 && words.len() > 1).then(|| words.iter().map(|word| bare(word).unwrap_or(word)).collect())
}

fn number(word: &str) -> Option<i128> {
    match word.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::changed;

    #[test]
    fn as_the_kernel_takes_it() {
        for (current, written, expected) in [
            ("60\n", "10\n", Some("10\n")),
            // A shorter text leaves nothing of the longer one behind.
            ("1048576\n", "1024", Some("1024\n")),
            ("60\n", "0x10\n", Some("16\n")),
            ("4\t4\t1\t7\n", "3\n", Some("3\t4\t1\t7\n")),
            ("4\t4\t1\t7\n", "3 4 1 3", Some("3\t4\t1\t3\n")),
            ("4\t4\n", "1 2 3\n", None),
            ("60\n", "many\n", None),
            ("60\n", "\n", None),
            ("core\n", "|/bin/false %p\n", Some("|/bin/false %p\n")),
            ("always [madvise] never\n", "never\n", Some("always madvise [never]\n")),
            ("always [madvise] never\n", "sometimes\n", None),
            ("", "anything\0\n", Some("anything\0\n")),
        ] {
            let new = changed(current.as_bytes(), written.as_bytes());
            assert_eq!(new.as_deref(), expected.map(str::as_bytes), "{written:?} into {current:?}");
        }
    }
}
