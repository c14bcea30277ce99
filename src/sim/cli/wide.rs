//! What wsl.exe says itself, as a pipe gets it under Windows: UTF-16 without a mark, lines that end as there.

use std::io::{self, Write};

/// Encodes texts, each of which comes as a whole: what `write!` gives.
#[derive(Debug)]
pub struct Utf16Writer<W>(pub W);

impl<W: Write> Write for Utf16Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.0.write_all(&units)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_two_bytes_a_letter_and_windows_ends_of_lines() {
        let mut out = Vec::new();
        let name = "ü→";
        writeln!(Utf16Writer(&mut out), "a{name}").unwrap();
        assert_eq!(out, b"a\0\xfc\0\x92\x21\r\0\n\0");
    }
}
