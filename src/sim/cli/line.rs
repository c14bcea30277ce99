//! Arguments as one line, by the rules of Windows.

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
