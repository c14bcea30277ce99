//! `wslpath`: paths between Linux and Windows, by the mounts that are there (`wslpath.cpp`, `UtilWinPathTranslate`).

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::sim::guest::drvfs;

const USAGE: &str = "\
Usage:
    -a
        Force result to absolute path format.
    -u
        Translate from a Windows path to a WSL path (default).
    -w
        Translate from a WSL path to a Windows path.
    -m
        Translate from a WSL path to a Windows path, with '/' instead of '\\'

Example: wslpath 'c:\\users'";

/// The mounts and the name by which paths are translated.
#[derive(Clone, Debug, Default)]
pub struct Translation {
    /// Every mount's point and, of a drive, its Windows name without a separator at the end.
    mounts: Vec<(String, Option<String>)>,
    /// `WSL_DISTRO_NAME`; without one there is no path into the distribution.
    name: String,
}

impl Translation {
    /// From the text of `/proc/self/mountinfo`.
    #[must_use]
    pub fn new(mountinfo: &str, name: String) -> Self {
        let mounts = mountinfo.lines().filter_map(|line| {
            let (mount, source) = line.split_once(" - ")?;
            let source = unescape_octal(source.split(' ').nth(1)?);
            let drive = drvfs::letter(&source).map(|_| source.trim_end_matches(['\\', '/']).to_owned());
            Some((unescape_octal(mount.split(' ').nth(4)?), drive))
        });
        Self { mounts: mounts.collect(), name }
    }

    /// An absolute Linux path as Windows has it.
    #[must_use]
    pub fn windows(&self, path: &str) -> Option<String> {
        let below =
            self.mounts.iter().filter(|(point, _)| below(path, point.trim_end_matches('/')).is_some());
        // Of mounts on one point the last one is seen.
        let nearest = below.max_by_key(|(point, _)| point.trim_end_matches('/').len());
        if let Some((point, Some(drive))) = nearest {
            let rest = below_of(path, point);
            let rest = if rest.is_empty() && drive.len() == 2 { "\\".to_owned() } else { escape(rest) };
            return Some(format!("{drive}{rest}"));
        }
        (!self.name.is_empty()).then(|| format!("\\\\wsl.localhost\\{}{}", self.name, escape(path)))
    }

    /// An absolute Windows path, with backslashes, as Linux has it.
    #[must_use]
    pub fn linux(&self, path: &str) -> Option<String> {
        let drives = self.mounts.iter().filter_map(|(point, drive)| {
            let drive = drive.as_ref()?;
            let head = path.get(..drive.len()).filter(|head| head.eq_ignore_ascii_case(drive))?;
            let rest = &path[head.len()..];
            (rest.is_empty() || rest.starts_with('\\')).then_some((drive.len(), point, rest))
        });
        // Of mounts of one drive the first one counts.
        if let Some((_, point, rest)) = drives.rev().max_by_key(|(length, ..)| *length) {
            return Some(format!("{}{}", point.trim_end_matches('/'), rest.replace('\\', "/")));
        }
        let prefixes = ["\\\\wsl.localhost\\", "\\\\wsl$\\"].map(|server| format!("{server}{}", self.name));
        let prefix = prefixes
            .iter()
            .find(|prefix| path.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)))?;
        match &path[prefix.len()..] {
            _ if self.name.is_empty() => None,
            "" => Some("/".into()),
            rest if rest.starts_with('\\') => Some(unescape(rest)),
            _ => None,
        }
    }
}

/// What of a path is below another, if it is.
fn below<'a>(path: &'a str, point: &str) -> Option<&'a str> {
    path.strip_prefix(point).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn below_of<'a>(path: &'a str, point: &str) -> &'a str {
    below(path, point.trim_end_matches('/')).unwrap_or_default()
}

/// `\040` and the like in mountinfo.
fn unescape_octal(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| byte == b'\\');
        bytes.push(value.unwrap_or(byte));
        rest = if value.is_some() { &tail[3..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where Windows' file systems put characters that a name may not have there.
const PRIVATE: u32 = 0xf000;

fn escape(path: &str) -> String {
    let escaped = |letter: char| match letter {
        '/' => '\\',
        '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\x01'..='\x1f' => {
            char::from_u32(PRIVATE + u32::from(letter)).unwrap_or(letter)
        }
        other => other,
    };
    path.chars().map(escaped).collect()
}

fn unescape(path: &str) -> String {
    let unescaped = |letter: char| match u32::from(letter).checked_sub(PRIVATE) {
        _ if letter == '\\' => '/',
        Some(code @ 1..=0x7f) => char::from_u32(code).unwrap_or(letter),
        _ => letter,
    };
    path.chars().map(unescaped).collect()
}

/// Resolves `.`, `..` and doubled separators behind the first `fixed` bytes; `None` above the top.
fn collapse(path: &str, fixed: usize, separator: char) -> Option<String> {
    let (head, tail) = path.split_at(fixed.min(path.len()));
    let mut parts: Vec<&str> = Vec::new();
    let mut pieces = tail.split(separator).peekable();
    let first = pieces.next().unwrap_or_default();
    while let Some(piece) = pieces.next() {
        match piece {
            ".." => drop(parts.pop()?),
            // One separator at the end stays.
            "" if pieces.peek().is_none() => parts.push(""),
            "" | "." => {}
            name => parts.push(name),
        }
    }
    let rest: String = parts.iter().flat_map(|part| [separator.to_string(), (*part).to_owned()]).collect();
    Some(format!("{head}{first}{rest}"))
}

/// An absolute Windows path: with a drive, or on a server.
fn canonical_windows(path: &str) -> Option<String> {
    if let Some(long) = path.strip_prefix("\\\\?\\") {
        return collapse(long, 0, '\\');
    }
    let fixed = if path.starts_with("\\\\") { 2 } else { 0 };
    collapse(path, fixed, '\\')
}

fn is_absolute_windows(path: &str) -> bool {
    path.starts_with("\\\\") || (drvfs::letter(path).is_some() && path.len() > 2)
}

/// Cuts the working directory off a path, if it is below it.
fn relative(path: String, directory: &str, separator: char) -> String {
    match path.strip_prefix(directory).map(|rest| (rest.chars().next(), rest)) {
        Some((None, _)) => String::new(),
        Some((Some(first), rest)) if first == separator => {
            if rest.len() == 1 {
                ".".into()
            } else {
                rest[1..].into()
            }
        }
        _ => path,
    }
}

fn translate(path: &str, mode: char, absolute: bool) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let translation = Translation::new(&mounts, std::env::var("WSL_DISTRO_NAME").unwrap_or_default());
    let directory = std::env::current_dir().ok()?.to_string_lossy().into_owned();
    if mode == 'u' {
        let path = path.replace('/', "\\");
        if is_absolute_windows(&path) {
            return translation.linux(&canonical_windows(&path)?);
        }
        let own = translation.windows(&directory)?;
        let joined = match path.strip_prefix('\\') {
            // Of the working directory's drive.
            Some(_) => format!("{}{path}", own.get(..2).filter(|drive| drive.ends_with(':'))?),
            None => format!("{own}\\{path}"),
        };
        let translated = translation.linux(&canonical_windows(&joined)?)?;
        return Some(if absolute { translated } else { relative(translated, &directory, '/') });
    }
    let (path, is_relative) = match Path::new(path).canonicalize() {
        Ok(real) => (
            format!("{}{}", real.display(), if path.ends_with('/') && path != "/" { "/" } else { "" }),
            false,
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let is_relative = !path.starts_with('/');
            let path = if is_relative { format!("{directory}/{path}") } else { path.to_owned() };
            (collapse(&path, 0, '/')?, is_relative)
        }
        Err(_) => return None,
    };
    let mut translated = translation.windows(&path)?;
    if is_relative
        && !absolute
        && let Some(own) = translation.windows(&directory)
    {
        translated = relative(translated, &own, '\\');
    }
    Some(if mode == 'm' { translated.replace('\\', "/") } else { translated })
}

/// `wslpath [-a] [-u|-w|-m] PATH`
#[must_use]
pub fn run(arguments: &[String]) -> ExitCode {
    let (mut mode, mut absolute, mut path) = (None, false, None);
    for argument in arguments {
        match argument.as_str() {
            "--help" => {
                path = None;
                break;
            }
            // Letters may stand together.
            options if options.len() > 1 && options.starts_with('-') && path.is_none() => {
                for letter in options.chars().skip(1) {
                    match letter {
                        'a' => absolute = true,
                        'u' | 'w' | 'm' if mode.replace(letter).is_none() => {}
                        _ => {
                            eprintln!("{USAGE}");
                            return ExitCode::FAILURE;
                        }
                    }
                }
            }
            other => path = path.or(Some(other)),
        }
    }
    let Some(path) = path else {
        eprintln!("wslpath: Invalid argument");
        println!("{USAGE}");
        return ExitCode::FAILURE;
    };
    match translate(path, mode.unwrap_or('u'), absolute) {
        Some(translated) if translated.is_empty() => println!("."),
        Some(translated) => println!("{translated}"),
        None => {
            eprintln!("wslpath: {path}: Invalid argument");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "1 0 0:1 / / rw - ext4 /dev/sdd rw\n\
                          2 1 0:2 / /mnt/c rw - tmpfs C:\\134 rw\n\
                          3 1 0:3 / /data\\040d rw - tmpfs D: rw\n\
                          4 2 0:4 / /mnt/c/linux rw - tmpfs tmpfs rw\n";

    #[test]
    fn paths_follow_the_mounts() {
        let translation = Translation::new(MOUNTS, "N".into());
        for (linux, windows) in [
            ("/mnt/c", "C:\\"),
            ("/mnt/c/a b/c", "C:\\a b\\c"),
            ("/data d/x", "D:\\x"),
            ("/mnt/cd", "\\\\wsl.localhost\\N\\mnt\\cd"),
            ("/mnt/c/linux/a", "\\\\wsl.localhost\\N\\mnt\\c\\linux\\a"),
            ("/a:b", "\\\\wsl.localhost\\N\\a\u{f03a}b"),
        ] {
            assert_eq!(translation.windows(linux).as_deref(), Some(windows), "{linux}");
        }
        for (windows, linux) in [
            ("c:\\users", Some("/mnt/c/users")),
            ("C:", Some("/mnt/c")),
            ("D:\\", Some("/data d/")),
            ("E:\\", None),
            ("\\\\WSL.localhost\\n\\etc", Some("/etc")),
            ("\\\\wsl$\\N", Some("/")),
            ("\\\\wsl$\\Nix\\etc", None),
            ("\\\\wsl$\\N\\a\u{f03a}b", Some("/a:b")),
        ] {
            assert_eq!(translation.linux(windows).as_deref(), linux, "{windows}");
        }
        assert_eq!(Translation::new(MOUNTS, String::new()).windows("/etc"), None);
    }

    #[test]
    fn dots_are_resolved() {
        for (path, fixed, expected) in [
            ("C:\\a\\..\\b\\.\\c", 0, Some("C:\\b\\c")),
            ("C:\\..", 0, None),
            ("\\\\srv\\\\a\\", 2, Some("\\\\srv\\a\\")),
        ] {
            assert_eq!(collapse(path, fixed, '\\').as_deref(), expected, "{path}");
        }
        assert_eq!(relative("/mnt/c/a".into(), "/mnt/c", '/'), "a");
        assert_eq!(relative("/mnt/cd".into(), "/mnt/c", '/'), "/mnt/cd");
    }
}
