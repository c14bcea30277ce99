//! Certificates as text: base 64 between two lines (RFC 7468).

use data_encoding::BASE64;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// What OpenSSL writes in a line.
const COLUMNS: usize = 64;

/// The certificates of a file in DER: those of a text one after the other, or the file itself. What is between them is
/// nobody's, and what cannot be read is left out.
#[must_use]
pub fn decode(bytes: &[u8]) -> Vec<Vec<u8>> {
    // A SEQUENCE with a length of two bytes: every certificate is longer than 255 bytes.
    if bytes.starts_with(&[0x30, 0x82]) {
        return vec![bytes.to_vec()];
    }
    let text = String::from_utf8_lossy(bytes);
    let block = |piece: &str| {
        let body: String = piece.split_once(END)?.0.split_ascii_whitespace().collect();
        BASE64.decode(body.as_bytes()).ok()
    };
    text.split(BEGIN).skip(1).filter_map(block).collect()
}

/// A certificate as text.
#[must_use]
pub fn encode(der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let mut text = format!("{BEGIN}\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(COLUMNS));
        text.extend([line, "\n"]);
        rest = more;
    }
    text + END + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_other_lines_are_not() {
        let one: Vec<u8> = [0x30, 0x82, 1, 0].into_iter().chain((0..=255).cycle().take(256)).collect();
        let text = encode(&one);
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        assert_eq!(decode(text.as_bytes()), std::slice::from_ref(&one));
        let windows = format!("Corp\r\n====\r\n{}", (text.clone() + &text).replace('\n', "\r\n"));
        assert_eq!(decode(windows.as_bytes()), [one.clone(), one.clone()]);
        assert_eq!(decode(&one), std::slice::from_ref(&one));
        for broken in
            ["", BEGIN, &text[..60], &text.replace("MII", "M!I"), "-----BEGIN PRIVATE KEY-----\nAAAA\n"]
        {
            assert_eq!(decode(broken.as_bytes()), Vec::<Vec<u8>>::new(), "{broken}");
        }
    }
}
