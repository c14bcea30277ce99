//! WSL's own formats.

use nixos_wsl::wsl::conf::{self, ConfEntry, Problem};
use nixos_wsl::wsl::distribution::{Distribution, valid_name};
use nixos_wsl::wsl::settings::{WslSettings, clean_hostname};

/// The grammar and the keys of `wsl.conf`.
pub fn wsl_conf(data: &[u8]) {
    let conf = conf::parse(data);
    let lines = data.split(|&byte| byte == b'\n').count();
    let mut last = 1;
    for entry in &conf.entries {
        assert!((last..=lines).contains(&entry.line), "lines go on: {entry:?}");
        last = entry.line;
        assert!(!entry.value.contains(&0) && !entry.value.contains(&b'\r'), "{entry:?}");
        let named = |part: &str| {
            part.starts_with(|letter: char| letter.is_ascii_alphabetic())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        assert!(entry.key.split('.').all(named) && entry.key.split('.').count() <= 2, "{entry:?}");
    }
    if let Some(stopped) = &conf.stopped {
        assert!((last..=lines).contains(&stopped.line) && stopped.problem.ends_file());
        // What comes after the line that ended the file is never seen.
        if stopped.problem != Problem::InvalidEscape(None) {
            let longer = [data, b"\n[boot]\nsystemd=true\n"].concat();
            assert_eq!(conf::parse(&longer), conf);
        }
    }
    written_again(&conf.entries);

    let (settings, remarks) = WslSettings::parse(data);
    assert!(settings.automount_root.ends_with('/'));
    assert!(remarks.len() <= conf.entries.len() + 1);
    assert_eq!(remarks.last().filter(|remark| remark.problem.ends_file()), conf.stopped.as_ref());
    for remark in &remarks {
        assert!(!remark.to_string().is_empty());
    }
    let name = clean_hostname(settings.network_hostname.as_deref().unwrap_or_default());
    assert!((1..=64).contains(&name.len()) && clean_hostname(&name) == name, "{name:?}");
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)), "{name:?}");
    assert!(!name.starts_with(['-', '.']) && !name.ends_with(['-', '.']), "{name:?}");
}

/// Entries that are written as the modules write them are read back.
fn written_again(entries: &[ConfEntry]) {
    let mut text = Vec::new();
    let mut section = "";
    for entry in entries {
        let (own, key) = entry.key.split_once('.').unwrap_or(("", &entry.key));
        if own != section {
            text.extend(format!("[{own}]\n").bytes());
            section = own;
        }
        text.extend(format!("{key} = ").bytes());
        text.extend(conf::quote(&entry.value).expect("a value that was read can be written"));
        text.push(b'\n');
    }
    let again = conf::parse(&text);
    assert_eq!(again.stopped, None);
    let pairs = |entries: &[ConfEntry]| -> Vec<(String, Vec<u8>)> {
        entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
    };
    assert_eq!(pairs(&again.entries), pairs(entries));
}

/// `wsl-distribution.conf`, and the names it may give.
pub fn wsl_distribution(data: &[u8]) {
    let (read, remarks) = Distribution::parse(data);
    assert!(remarks.len() <= conf::parse(data).entries.len() + 1);
    assert_eq!(Distribution::parse(data).0, read);
    let name = read.oobe_default_name.unwrap_or_default();
    let letters = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let valid = (1..=256).contains(&name.chars().count()) && name.chars().all(letters);
    assert_eq!(valid_name(&name), valid && !name.eq_ignore_ascii_case("legacy"));
}
