//! Text from wsl.exe: its own messages are UTF-16 with a pipe behind them, what programs in a distribution print is UTF-8.

/// Output as text, with line feeds alone.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest),
        _ if is_utf16(bytes) => utf16(bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.replace("\r\n", "\n")
}

/// Without a mark at the start it is told by its zeros: every second byte of what is mostly Latin.
fn is_utf16(bytes: &[u8]) -> bool {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let high_zeros = pairs.iter().filter(|pair| pair[1] == 0).count();
    !pairs.is_empty()
        && rest.is_empty()
        && high_zeros * 2 >= pairs.len()
        && pairs.iter().all(|pair| *pair != [0, 0])
}

fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_are_read() {
        let wide: Vec<u8> =
            "WSL version: 2.9.4\r\nKernel: é→\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&wide), "WSL version: 2.9.4\nKernel: é→\n");
        assert_eq!(text(&[&[0xff, 0xfe], &wide[..]].concat()), "WSL version: 2.9.4\nKernel: é→\n");
        assert_eq!(text("hello →\n".as_bytes()), "hello →\n");
        assert_eq!(text(b"ab"), "ab");
        assert_eq!(text(b""), "");
        assert_eq!(text(&[0xff, b'a']), "\u{fffd}a");
    }
}
