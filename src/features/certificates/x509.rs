//! Of a certificate (RFC 5280) its name and the time that it is for; the programs that trust it read the rest.
//!
//! The crates that read X.509 bring all of it, and would be a tenth of the program that every root has.

use std::time::SystemTime;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`, around the version.
const VERSION: u8 = 0xa0;
/// `commonName`, 2.5.4.3, as an OBJECT IDENTIFIER.
const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The subject's common name, or the last text in its name.
    pub name: String,
    /// The first second of its time.
    pub from: SystemTime,
    /// The last one.
    pub until: SystemTime,
}

impl Certificate {
    /// Reads a certificate in DER; nothing if it is none, or something follows it.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut file = Reader(der);
        let mut certificate = Reader(file.expect(SEQUENCE)?);
        if !file.0.is_empty() {
            return None;
        }
        let mut to_be_signed = Reader(certificate.expect(SEQUENCE)?);
        if to_be_signed.0.first() == Some(&VERSION) {
            to_be_signed.next()?;
        }
        // Serial number, algorithm, issuer.
        for _ in 0..3 {
            to_be_signed.next()?;
        }
        let mut validity = Reader(to_be_signed.expect(SEQUENCE)?);
        let (from, until) = (validity.time()?, validity.time()?);
        let subject = to_be_signed.expect(SEQUENCE)?;
        Some(Self { name: name(subject).unwrap_or_else(|| "without a name".into()), from, until })
    }
}

/// A name is a list of sets of pairs; what stands behind the last common name, or in the last pair.
fn name(subject: &[u8]) -> Option<String> {
    let mut sets = Reader(subject);
    let mut found = None;
    while let Some((_, set)) = sets.next() {
        let pair = Reader(set).expect(SEQUENCE)?;
        let common = pair.starts_with(&COMMON_NAME);
        let mut pair = Reader(pair);
        pair.next()?;
        let (_, text) = pair.next()?;
        if common || !matches!(found, Some((true, _))) {
            found = Some((common, text));
        }
    }
    found.map(|(_, text)| String::from_utf8_lossy(text).into_owned())
}

/// Values one after the other, each with its tag and length.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Longer ones are in as many bytes; four are more than any file that is read.
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits.iter().fold(0_u64, |length, &digit| length << 8 | u64::from(digit));
                (usize::try_from(length).ok()?, rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, value)| value)
    }

    /// `YYMMDDhhmmssZ` of the years 1950 to 2049, or with four digits of the year.
    fn time(&mut self) -> Option<SystemTime> {
        let (tag, value) = self.next()?;
        let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
        let text = match (tag, text.len()) {
            (UTC_TIME, 12) => format!("{}{text}", if text < "50" { "20" } else { "19" }),
            (GENERALIZED_TIME, 14) => text.to_owned(),
            _ => return None,
        };
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let part = |range: std::ops::Range<usize>| &text[range];
        let [year, month, day] = [part(0..4), part(4..6), part(6..8)];
        let [hour, minute, second] = [part(8..10), part(10..12), part(12..14)];
        // Before 1970 there are none, but for roots that are not trusted any more.
        humantime::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::pem;
    use super::*;
    use crate::system::date::minutes;

    const CORP: &[u8] = include_bytes!("test-root.pem");

    #[test]
    fn name_and_time_of_a_certificate() {
        let der = pem::decode(CORP).remove(0);
        let read = Certificate::read(&der).unwrap();
        assert_eq!(read.name, "Example Corp Root");
        assert_eq!(
            (minutes(read.from), minutes(read.until)),
            ("2020-01-02 03:04".into(), "2051-06-07 08:09".into())
        );
        // At every length and with every byte another, it is read or not.
        for length in 0..der.len() {
            assert_eq!(Certificate::read(&der[..length]), None, "{length}");
            let mut other = der.clone();
            other[length] ^= 0x55;
            let _ = Certificate::read(&other);
        }
        let more: Vec<u8> = der.iter().copied().chain([0]).collect();
        assert_eq!(Certificate::read(&more), None);
    }
}
