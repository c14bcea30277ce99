//! Certificates beside the system's own, as one text: each behind a line with its origin.

use std::collections::HashSet;

use super::pem;
use super::x509::Certificate;
use crate::system::error::one_line;

/// In bytes, larger than any bundle: of the system's own, of what Windows says, and of what is added.
pub const LIMIT: usize = 4 << 20;
const ORIGIN: &str = "# ";

/// What has been added so far, of bounded size.
#[derive(Debug, Default)]
pub(super) struct Added {
    seen: HashSet<Vec<u8>>,
    /// The text.
    pub(super) text: String,
    /// How many certificates are in it.
    pub(super) count: usize,
    /// How many bytes of files were looked at.
    looked_at: usize,
    /// The origin for which there was no room any more: nothing is added from there on.
    pub(super) full_at: Option<String>,
}

impl Added {
    /// Nothing, beside these.
    pub(super) fn beside(own: Vec<Vec<u8>>) -> Self {
        Self { seen: own.into_iter().collect(), ..Self::default() }
    }

    /// Adds one that is not there yet.
    pub(super) fn add(&mut self, origin: &str, der: Vec<u8>) {
        if self.full_at.is_some() || self.seen.contains(&der) {
            return;
        }
        let origin = one_line(origin);
        let more = [ORIGIN, &origin, "\n", &pem::encode(&der)].concat();
        if self.text.len() + more.len() > LIMIT {
            self.full_at = Some(origin);
            return;
        }
        self.text.push_str(&more);
        self.count += 1;
        self.seen.insert(der);
    }

    /// Adds those of a file, of which there is to be one at least.
    pub(super) fn add_file(&mut self, origin: &str, bytes: &[u8]) -> Result<(), &'static str> {
        self.looked_at += bytes.len();
        if self.looked_at > LIMIT {
            self.full_at.get_or_insert_with(|| one_line(origin));
            return Ok(());
        }
        let list = pem::decode(bytes);
        if list.is_empty() || list.iter().any(|der| Certificate::read(der).is_none()) {
            return Err("not a certificate in PEM or DER");
        }
        for der in list {
            self.add(origin, der);
        }
        Ok(())
    }
}

/// The pieces of such a text: each origin with what stands behind it.
#[must_use]
pub fn origins(text: &str) -> Vec<(&str, String)> {
    let mut pieces: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        if let Some(origin) = line.strip_prefix(ORIGIN) {
            pieces.push((origin, String::new()));
        } else if let Some((_, piece)) = pieces.last_mut() {
            piece.extend([line, "\n"]);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &[u8] = include_bytes!("test-root.pem");

    #[test]
    fn an_origin_is_a_line() {
        let mut added = Added::default();
        let name = "/etc/company/# one\n# /two.pem";
        added.add_file(name, ROOT).unwrap();
        added.add_file("/etc/company/again.pem", ROOT).unwrap();
        assert_eq!((added.count, &added.full_at), (1, &None));
        let pieces = origins(&added.text);
        let [(origin, piece)] = &pieces[..] else { panic!("{pieces:?}") };
        assert_eq!(*origin, "/etc/company/# one\\n# /two.pem");
        assert_eq!(pem::decode(piece.as_bytes()), pem::decode(ROOT));
    }

    #[test]
    fn more_than_the_limit_is_left_out() {
        let mut added = Added::default();
        let der = |number: u32| [&[0x30, 0x82][..], &number.to_le_bytes(), &vec![0; 100_000]].concat();
        (0..100).for_each(|number| added.add(&format!("/{number}"), der(number)));
        assert!(added.text.len() <= LIMIT && added.count > 20, "{}", added.text.len());
        assert_eq!(added.full_at, Some(format!("/{}", added.count)));
        // What is read and thrown away counts too.
        let mut added = Added::default();
        let one = [ROOT, &vec![b'\n'; LIMIT / 2]].concat();
        for file in ["/a", "/b", "/c"] {
            added.add_file(file, &one).unwrap();
        }
        assert_eq!((added.count, added.full_at), (1, Some("/b".into())));
    }
}
