//! What a page shows, held against what was printed.

/// Whether a text is what a page shows. `…` stands for any text in a line, a line of it alone for any number of lines.
pub fn shown(pattern: &str, printed: &str) -> bool {
    let lines =
        |text: &str| text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    lines_match(&lines(pattern), &lines(printed))
}

fn lines_match(pattern: &[String], printed: &[String]) -> bool {
    match pattern.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == "…" => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others)),
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let (first, rest) = pattern.split_once('…').map_or((pattern, None), |(first, rest)| (first, Some(rest)));
    match (line.strip_prefix(first), rest) {
        (None, _) => false,
        (Some(tail), None) => tail.is_empty(),
        (Some(tail), Some(rest)) => tail
            .char_indices()
            .map(|(at, _)| at)
            .chain([tail.len()])
            .any(|at| line_matches(rest, &tail[at..])),
    }
}

#[test]
fn a_pattern_says_what_it_leaves_open() {
    for (pattern, printed) in [
        ("a\nb", "a\nb\n"),
        ("a…", "a"),
        ("…c", "abc"),
        ("a…c…e", "abcde"),
        ("…", ""),
        ("…\nlast", "one\ntwo\nlast"),
        ("first\n…", "first"),
    ] {
        assert!(shown(pattern, printed), "{pattern:?} {printed:?}");
    }
    for (pattern, printed) in [
        ("a", "a\nb"),
        ("a\nb", "a"),
        ("a…c", "ab"),
        ("a", "ab"),
        ("", "a"),
        ("…\nlast", "last\nmore"),
        ("a…\nb", "a b"),
    ] {
        assert!(!shown(pattern, printed), "{pattern:?} {printed:?}");
    }
}
