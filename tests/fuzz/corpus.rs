//! The kept corpus: a file for each target, a line for each input, with the escapes of a Rust byte string.

use std::fs;
use std::path::{Path, PathBuf};

fn file(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target).with_extension("txt")
}

/// The inputs that are kept for a target.
pub fn load(target: &str) -> Vec<Vec<u8>> {
    let file = file(target);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| unescape(line).unwrap_or_else(|| panic!("{}: {line}", file.display()))).collect()
}

/// One line of the file.
pub fn escape(input: &[u8]) -> String {
    input.escape_ascii().to_string()
}

fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = if byte == b'\\' { Some(*tail.first()?) } else { None };
        let length = match escaped {
            None => {
                bytes.push(byte);
                1
            }
            Some(b'x') => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(tail.get(1..3)?).ok()?, 16).ok()?);
                4
            }
            Some(letter) => {
                bytes.push(match letter {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                });
                2
            }
        };
        rest = &rest[length..];
    }
    Some(bytes)
}

/// Writes the corpus into a folder, a file for each input.
#[cfg(fuzzing)]
pub fn unfold(target: &str, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (number, input) in load(target).iter().enumerate() {
        fs::write(folder.join(format!("kept-{number:04}")), input).unwrap();
    }
}

/// Keeps the inputs of a folder, the shortest first, as far as their lines fit into `limit` bytes.
#[cfg(fuzzing)]
pub fn keep(target: &str, folder: &Path, limit: usize) {
    let mut lines: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| escape(&fs::read(entry.unwrap().path()).unwrap()))
        .collect();
    lines.sort_by_key(|line| (line.len(), line.clone()));
    lines.dedup();
    let mut text = String::new();
    for line in lines {
        if text.len() + line.len() < limit {
            text.push_str(&line);
            text.push('\n');
        }
    }
    fs::write(file(target), text).unwrap();
}

#[cfg(not(fuzzing))]
#[test]
fn a_line_of_the_corpus_is_its_input() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(unescape(&escape(&all)), Some(all));
    assert_eq!(unescape(r"\x4"), None);
}
