//! From entries to typed values: which key takes what, and WSL's remarks about values it does not take (W§3.1).

use crate::wsl::conf::{Conf, ConfEntry, Diagnostic, Problem};

/// Where a key's value goes. A value that does not parse leaves the default in place.
pub enum SettingTarget<'a> {
    /// `true`, `false` in any case, `1`, `0`.
    Bool(&'a mut bool),
    /// As `Bool`, but the caller can tell whether the key is there.
    OptionalBool(&'a mut Option<bool>),
    /// A C integer: decimal, `0x…`, octal with a leading zero.
    Int(&'a mut i32),
    /// As `Int`, but the caller can tell whether the key is there.
    OptionalInt(&'a mut Option<i32>),
    /// Any text. Bytes that are no UTF-8 become U+FFFD (WSL passes them through).
    Text(&'a mut Option<String>),
    /// One of some words in any case; the index of the word.
    Word(&'static [&'static str], &'a mut usize),
}

/// Gives every entry to its target. The first occurrence of a key wins, even if its value is refused.
/// Returns all of WSL's remarks in the order of the file, the one that ended it last.
pub fn assign(conf: &Conf, targets: &mut [(&'static str, SettingTarget<'_>)]) -> Vec<Diagnostic> {
    let mut seen: Vec<Option<&ConfEntry>> = vec![None; targets.len()];
    let mut diagnostics = Vec::new();
    for entry in &conf.entries {
        let index = targets.iter().position(|(name, _)| name.eq_ignore_ascii_case(&entry.key));
        let problem = match (index, index.and_then(|index| seen[index])) {
            (None, _) => Some(Problem::UnknownKey(entry.key.clone())),
            (Some(_), Some(first)) => Some(Problem::Duplicated {
                key: entry.key.clone(),
                first: first.key.clone(),
                first_line: first.line,
            }),
            (Some(index), None) => {
                seen[index] = Some(entry);
                targets[index].1.set(entry).err()
            }
        };
        diagnostics.extend(problem.map(|problem| Diagnostic { line: entry.line, problem }));
    }
    diagnostics.extend(conf.stopped.clone());
    diagnostics
}

impl SettingTarget<'_> {
    fn set(&mut self, entry: &ConfEntry) -> Result<(), Problem> {
        let key = || entry.key.clone();
        let text = || String::from_utf8_lossy(&entry.value).into_owned();
        let boolean =
            || parse_bool(&entry.value).ok_or_else(|| Problem::InvalidBoolean { key: key(), value: text() });
        let integer =
            || parse_int(&entry.value).ok_or_else(|| Problem::InvalidInteger { key: key(), value: text() });
        match self {
            Self::Bool(target) => **target = boolean()?,
            Self::OptionalBool(target) => **target = Some(boolean()?),
            Self::Int(target) => **target = integer()?,
            Self::OptionalInt(target) => **target = Some(integer()?),
            Self::Text(target) => **target = Some(text()),
            Self::Word(valid, target) => {
                **target = valid
                    .iter()
                    .position(|word| word.as_bytes().eq_ignore_ascii_case(&entry.value))
                    .ok_or_else(|| Problem::InvalidWord { key: key(), value: text(), valid })?;
            }
        }
        Ok(())
    }
}

/// WSL's booleans: `true`, `false` (any case), `1`, `0`; `yes` and `on` are none.
#[must_use]
pub fn parse_bool(value: &[u8]) -> Option<bool> {
    match value {
        b"1" => Some(true),
        b"0" => Some(false),
        _ if value.eq_ignore_ascii_case(b"true") => Some(true),
        _ if value.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// WSL's integers: C's `strtol` with base 0, the whole value, within 32 bits.
#[must_use]
pub fn parse_int(value: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(value).ok()?;
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    // from_str_radix would take a second sign.
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = i64::from_str_radix(digits, radix).ok()?;
    i32::try_from(if negative { -magnitude } else { magnitude }).ok()
}
