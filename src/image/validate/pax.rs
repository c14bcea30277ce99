//! The records of a pax header (pax(1)): `LENGTH KEY=VALUE\n`, where a value may hold any bytes, line feeds too.

/// The records of `bytes`, in order: key and value.
///
/// The last one is nothing where they end in what is no record.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = split(rest);
        rest = record.map_or(&[], |(_, _, rest)| rest);
        Some(record.map(|(key, value, _)| (key, value)))
    })
}

/// Key and value of the first record, and what follows it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|&byte| byte == b' ')?;
    let digits = std::str::from_utf8(&bytes[..blank]).ok()?;
    let length: usize = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Option<(&[u8], &[u8])>> {
        records(bytes).collect()
    }

    #[test]
    fn a_value_may_hold_line_feeds() {
        let found = read(b"7 a=\n\n\n14 path=a=b/c\n");
        assert_eq!(found, [Some((&b"a"[..], &b"\n\n"[..])), Some((&b"path"[..], &b"a=b/c"[..]))]);
    }

    #[test]
    fn what_is_no_record_ends_them() {
        for bytes in [
            &b"7 a=b\n6 b=c\n"[..],
            b"99 a=b\n",
            b"a=b\n",
            b"+6 a=b\n",
            b"5 ab\n",
            b"1 a=b\n",
            b"6 a=bc",
            b"99999999999999999999 a=b\n",
        ] {
            assert_eq!(read(bytes), [None], "{}", bytes.escape_ascii());
        }
    }
}
