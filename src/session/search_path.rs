//! `PATH`: what NixOS sets, then what the caller gave, Windows' folders as configured.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::system::settings::{AllOrNone, Settings, WindowsPath};

/// The start of every `PATH` that WSL gives (W§6.3); on NixOS most of these folders do not exist.
pub(super) const WSL_DEFAULTS: [&[u8]; 8] = [
    b"/usr/local/sbin",
    b"/usr/local/bin",
    b"/usr/sbin",
    b"/usr/bin",
    b"/sbin",
    b"/bin",
    b"/usr/games",
    b"/usr/local/games",
];

/// The `PATH` of a shell, and `WSLPATH`: all Windows folders, if there are any.
#[derive(Debug, PartialEq, Eq)]
pub struct Paths {
    /// The folders to search, each once.
    pub path: OsString,
    /// The Windows folders that WSL gave.
    pub windows: Option<OsString>,
}

/// Joins NixOS's folders and the caller's. Doing it again with the result as `incoming` changes nothing.
#[must_use]
pub fn merge(nixos: &OsStr, incoming: &OsStr, settings: &Settings) -> Paths {
    let mut path: Vec<&[u8]> = Vec::new();
    let mut windows: Vec<&[u8]> = Vec::new();
    let root = settings.automount_root.as_os_str().as_bytes();
    // Whoever becomes another user (`sudo -i`) does not bring their programs along.
    let has_own = entries(nixos).any(is_profile);
    let incoming = entries(incoming)
        .filter(|entry| !(has_own && is_profile(entry)) || entries(nixos).any(|own| own == *entry));
    for entry in entries(nixos).chain(incoming) {
        let is_windows = is_windows(entry, root);
        if is_windows && !windows.contains(&entry) {
            windows.push(entry);
        }
        let stays = if is_windows { keeps(&settings.windows_path, entry) } else { !is_dead(entry) };
        if stays && !path.contains(&entry) {
            path.push(entry);
        }
    }
    Paths { path: join(&path), windows: (!windows.is_empty()).then(|| join(&windows)) }
}

/// An empty entry would be the working directory, which nobody asked for.
fn entries(path: &OsStr) -> impl Iterator<Item = &[u8]> {
    path.as_bytes().split(|&byte| byte == b':').filter(|entry| !entry.is_empty())
}

fn join(entries: &[&[u8]]) -> OsString {
    OsString::from_vec(entries.join(&b':'))
}

/// A folder of a Windows drive: `<root>/<letter>` or below. With `/` as root, `/c` is a drive and `/usr` is none
/// (U§3 F12).
fn is_windows(entry: &[u8], root: &[u8]) -> bool {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    match entry.strip_prefix(root) {
        Some([b'/', letter] | [b'/', letter, b'/', ..]) => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// A user's own profile, as NixOS names them in `PATH`.
fn is_profile(entry: &[u8]) -> bool {
    entry.starts_with(b"/etc/profiles/per-user/")
        || entry.ends_with(b"/.nix-profile/bin")
        || entry.ends_with(b"/.local/state/nix/profile/bin")
}

/// One of WSL's own that is not there. Others stay without a look: some are on slow or absent drives.
fn is_dead(entry: &[u8]) -> bool {
    (WSL_DEFAULTS.contains(&entry) || entry == b"/usr/lib/wsl/lib")
        && !Path::new(OsStr::from_bytes(entry)).is_dir()
}

fn keeps(choice: &WindowsPath, entry: &[u8]) -> bool {
    match choice {
        WindowsPath::Whole(whole) => *whole == AllOrNone::All,
        WindowsPath::Matching(patterns) => patterns.iter().any(|pattern| matches(pattern.as_bytes(), entry)),
    }
}

/// Whether `*` and `?` make the pattern fit the whole text; ASCII letters of either case are equal, a final `/` is not
/// seen.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let text = text.strip_suffix(b"/").unwrap_or(text);
    let (mut at, mut from) = (0, 0);
    // Where the last star was, and how much of the text it stands for.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte.eq_ignore_ascii_case(&text[from]) => {
                at += 1;
                from += 1;
            }
            _ => match &mut star {
                Some((position, covered)) => {
                    *covered += 1;
                    from = *covered;
                    at = *position + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(
        nixos: &str,
        incoming: &[u8],
        windows: &WindowsPath,
        root: &str,
    ) -> (Vec<u8>, Option<OsString>) {
        let settings =
            Settings { automount_root: root.into(), windows_path: windows.clone(), ..Settings::default() };
        let paths = merge(nixos.as_ref(), OsStr::from_bytes(incoming), &settings);
        let again = merge(nixos.as_ref(), &paths.path, &settings);
        assert_eq!(again.path, paths.path, "not idempotent");
        (paths.path.into_vec(), paths.windows)
    }

    const ALL: WindowsPath = WindowsPath::Whole(AllOrNone::All);
    const NONE: WindowsPath = WindowsPath::Whole(AllOrNone::None);

    #[test]
    fn f11_entries_survive_byte_for_byte() {
        for entry in [
            &b"/mnt/c/x  y"[..],
            b"/mnt/c/*",
            b"/mnt/c/[a]",
            b"/mnt/c/\"q'",
            b"/mnt/c/a\nb",
            b"/mnt/c/$HOME\\",
            b"/mnt/c/\xff\xfe",
        ] {
            let (path, windows) = merged("/sw/bin", entry, &ALL, "/mnt");
            assert_eq!(path, [b"/sw/bin:", entry].concat());
            assert_eq!(windows.as_deref(), Some(OsStr::from_bytes(entry)));
        }
    }

    #[test]
    fn f12_every_automount_root_tells_windows_folders_from_others() {
        for (root, drive, other) in [
            ("/", "/c/Windows", "/opt/bin"),
            ("/mnt", "/mnt/c/Windows", "/mnt/wsl/bin"),
            ("/mnt/", "/mnt/d", "/mnt/data/bin"),
            ("/win", "/win/c/x", "/mnt/c/x"),
        ] {
            let (path, windows) = merged("/sw/bin", format!("{drive}:{other}").as_bytes(), &NONE, root);
            assert_eq!(path, format!("/sw/bin:{other}").as_bytes(), "{root}");
            assert_eq!(windows.as_deref(), Some(OsStr::new(drive)), "{root}");
        }
    }

    #[test]
    fn f13_no_entry_twice_and_wsl_s_dead_folders_go() {
        let (path, _) = merged("/sw/bin:/x", b"/usr/local/games-not:/x::/usr/games-none:/x", &ALL, "/mnt");
        assert_eq!(path, b"/sw/bin:/x:/usr/local/games-not:/usr/games-none");
        assert!(is_dead(b"/usr/local/games") || Path::new("/usr/local/games").is_dir());
        assert!(!is_dead(b"/bin"));
        assert_eq!(merged("", b"", &ALL, "/mnt").0, b"");
    }

    #[test]
    fn another_user_s_profile_stays_with_them() {
        let list = |home: &str, user: &str| {
            format!(
                "/w:{home}/.nix-profile/bin:{home}/.local/state/nix/profile/bin:/etc/profiles/per-user/{user}/bin:/sw"
            )
        };
        let own = list("/root", "root");
        let incoming = format!("{}:/opt/x", list("/home/bob", "bob"));
        let (path, _) = merged(&own, incoming.as_bytes(), &ALL, "/mnt");
        assert_eq!(path, format!("{own}:/opt/x").as_bytes());
    }

    #[test]
    fn patterns_choose_among_windows_folders() {
        let only =
            WindowsPath::Matching(vec!["*/microsoft vs code/bin".into(), "/mnt/c/windows/system3?".into()]);
        let incoming =
            b"/mnt/c/Windows/System32/:/mnt/c/Windows:/mnt/c/Program Files/Microsoft VS Code/bin:/opt/x";
        let (path, _) = merged("", incoming, &only, "/mnt");
        assert_eq!(path, b"/mnt/c/Windows/System32/:/mnt/c/Program Files/Microsoft VS Code/bin:/opt/x");
        assert!(matches(b"*a*b", b"xxaxxab") && !matches(b"*a*b", b"xxaxxa") && matches(b"", b""));
    }
}
