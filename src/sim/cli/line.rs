//! Arguments as one line, and a line as arguments, by the rules of Windows.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Joins arguments as a Windows program does that has a vector and needs a line.
#[must_use]
pub fn join(arguments: &[OsString]) -> OsString {
    let mut line = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            line.push(b' ');
        }
        quote(argument, &mut line);
    }
    OsString::from_vec(line)
}

/// Quotes only what has to be, and doubles backslashes only before a quote: the rules of `CommandLineToArgvW`.
fn quote(argument: &OsStr, line: &mut Vec<u8>) {
    let bytes = argument.as_bytes();
    let quoted = bytes.is_empty() || bytes.iter().any(|byte| b" \t\n\x0b".contains(byte));
    let mut backslashes = 0;
    if quoted {
        line.push(b'"');
    }
    for &byte in bytes {
        match byte {
            b'\\' => backslashes += 1,
            b'"' => {
                line.extend(std::iter::repeat_n(b'\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        line.push(byte);
    }
    if quoted {
        line.extend(std::iter::repeat_n(b'\\', backslashes));
        line.push(b'"');
    }
}

/// The words of a line after the program's name, each with the place where it begins: the rules of the C runtime of
/// Windows, by which wsl.exe reads its options. It hands on the rest of the line from such a place (W§6.2).
#[must_use]
pub fn split(line: &str) -> Vec<(usize, OsString)> {
    let mut rest = line.char_indices().peekable();
    let mut words = Vec::new();
    loop {
        while rest.next_if(|(_, letter)| BLANKS.contains(letter)).is_some() {}
        let Some(&(start, _)) = rest.peek() else { return words };
        let (mut word, mut quoted, mut backslashes) = (String::new(), false, 0);
        while let Some((_, letter)) = rest.next_if(|(_, letter)| quoted || !BLANKS.contains(letter)) {
            match letter {
                '\\' => backslashes += 1,
                '"' => {
                    word.extend(std::iter::repeat_n('\\', backslashes / 2));
                    // Two quotes within quotes are one that is meant.
                    let doubled =
                        backslashes % 2 == 0 && quoted && rest.next_if(|(_, next)| *next == '"').is_some();
                    if backslashes % 2 == 1 || doubled {
                        word.push('"');
                    } else {
                        quoted = !quoted;
                    }
                    backslashes = 0;
                }
                _ => {
                    word.extend(std::iter::repeat_n('\\', backslashes));
                    backslashes = 0;
                    word.push(letter);
                }
            }
        }
        word.extend(std::iter::repeat_n('\\', backslashes));
        words.push((start, word.into()));
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        split(line).into_iter().map(|(_, word)| word).collect()
    }

    /// The examples of Microsoft's "Parsing C command-line arguments".
    #[test]
    fn lines_are_split_as_windows_does() {
        for (line, expected) in [
            (r#""a b c" d e"#, vec!["a b c", "d", "e"]),
            (r#""ab\"c" "\\" d"#, vec!["ab\"c", "\\", "d"]),
            (r#"a\\\b d"e f"g h"#, vec![r"a\\\b", "de fg", "h"]),
            (r#"a\\\"b c d"#, vec![r#"a\"b"#, "c", "d"]),
            (r#"a\\\\"b c" d e"#, vec![r"a\\b c", "d", "e"]),
            (r#"a"b"" c d"#, vec![r#"ab" c d"#]),
            (r#"  "" x "#, vec!["", "x"]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
        assert_eq!(split(" -d  \"a b\" -- x").iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 5, 11, 14]);
    }

    #[test]
    fn what_was_joined_is_split_again() {
        let given =
            ["a b", "", "\"", "a\"b c", "\\", "a\\", "a b\\", "\\\\\"", "grün→", "--"].map(OsString::from);
        assert_eq!(words(join(&given).to_str().unwrap()), given);
    }
}
