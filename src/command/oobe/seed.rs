//! Answers in a file: the seeds of cloud-init for WSL, under the names and in the order of its own data source.
//!
//! Of `#cloud-config` the user's name and full name are read. Everything else is a setting of the machine, which `NixOS`
//! has in its configuration: cloud-init would change files that the next activation changes back.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use saphyr_parser::{Event, Parser};

use crate::command::{CommandError, Outcome};
use crate::system::error::one_line;
use crate::system::root::Root;

/// As much as cloud-init is given by any cloud.
const LIMIT: u64 = 1 << 20;
/// As deep as nobody writes by hand.
const DEEPEST: usize = 64;
const HEADER: &str = "#cloud-config";
const OS_RELEASE: &str = "/etc/os-release";

/// A user as a seed describes one.
#[derive(Debug, PartialEq, Eq)]
pub struct SeedUser {
    /// Login name, as it stands there.
    pub name: String,
    /// Full name, without what passwd(5) cannot hold.
    pub comment: String,
}

/// What a seed says.
#[derive(Debug, PartialEq, Eq)]
pub struct Seed {
    /// The file.
    pub file: PathBuf,
    /// The first user that it names.
    pub user: Option<SeedUser>,
    /// Keys that nothing is done with.
    pub ignored: Vec<String>,
}

impl Seed {
    /// The seed of this distribution in the folder `.cloud-init` of a Windows profile, if there is one.
    pub fn find(root: &Root, profile: &Path) -> Option<Outcome<Self>> {
        let folder = profile.join(".cloud-init");
        // Upper and lower case are the same on Windows.
        let files: Vec<PathBuf> = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .collect();
        let is_called = |path: &&PathBuf, wanted: &str| {
            path.file_name().is_some_and(|name| name.to_string_lossy().eq_ignore_ascii_case(wanted))
        };
        let release = root.read(OS_RELEASE, LIMIT).unwrap_or_default();
        let instance = std::env::var("WSL_DISTRO_NAME").unwrap_or_default();
        let names = names(&instance, &String::from_utf8_lossy(&release));
        let found = names.iter().find_map(|name| files.iter().find(|path| is_called(path, name)));
        found.map(|path| Self::read(path))
    }

    /// Reads a seed.
    ///
    /// # Errors
    /// It cannot be read, or is no `#cloud-config`.
    pub fn read(file: &Path) -> Outcome<Self> {
        let fail = |reason: String| CommandError::Refused(format!("{}: {reason}", file.display()));
        let bytes = Root::default().read(file, LIMIT).map_err(|error| match error.kind() {
            ErrorKind::IsADirectory => fail("a directory".into()),
            _ => fail(error.to_string()),
        })?;
        let text = String::from_utf8(bytes).map_err(|_| fail("not UTF-8".into()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let (user, ignored) = parse(text).map_err(fail)?;
        Ok(Self { file: file.to_owned(), user, ignored })
    }
}

/// The names of a seed, from the most special one on (cloud-init's `DataSourceWSL`).
fn names(instance: &str, os_release: &str) -> Vec<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"')).unwrap_or_default()
    };
    let id = value("ID");
    let version = Some(value("VERSION_ID")).filter(|version| !version.is_empty());
    let version = version.unwrap_or_else(|| value("VERSION_CODENAME"));
    [instance.to_owned(), format!("{id}-{version}"), format!("{id}-all"), "default".to_owned()]
        .map(|name| format!("{name}.user-data"))
        .into()
}

fn parse(text: &str) -> Result<(Option<SeedUser>, Vec<String>), String> {
    if text.lines().next().map(str::trim_end) != Some(HEADER) {
        return Err(format!("the first line is not {HEADER}, and nothing else is read here"));
    }
    check_depth(text)?;
    let documents = Yaml::load_from_str(text).map_err(one_line)?;
    let entries = match documents.first() {
        Some(Yaml::Mapping(entries)) => entries,
        None | Some(Yaml::Value(Scalar::Null)) => return Ok((None, Vec::new())),
        Some(_) => return Err("not a list of keys".into()),
    };
    let mut ignored = Vec::new();
    let (mut users, mut alone) = (None, None);
    for (key, value) in entries {
        match key.as_str().unwrap_or("?") {
            "users" => users = value.as_sequence().and_then(|users| users.iter().find_map(user)),
            "user" => alone = user(value),
            other => ignored.push(one_line(other)),
        }
    }
    Ok((users.or(alone), ignored))
}

/// Refuses what is nested so deep that reading it as a tree could end this process.
fn check_depth(text: &str) -> Result<(), String> {
    let mut depth = 0_usize;
    for event in Parser::new_from_str(text) {
        match event.map_err(one_line)?.0 {
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
    }
    Ok(())
}

/// A name alone, or keys; `default` stands for a user of the cloud's image, which there is none of.
fn user(entry: &Yaml) -> Option<SeedUser> {
    let text = |key: &str| entry.as_mapping_get(key).and_then(Yaml::as_str);
    let name = entry.as_str().or_else(|| text("name")).filter(|name| *name != "default")?;
    let comment = text("gecos").unwrap_or_default();
    let comment = comment.chars().filter(|letter| !letter.is_control() && *letter != ':').collect();
    Some(SeedUser { name: name.to_owned(), comment })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Option<(String, String)>, Vec<String>) {
        let (user, ignored) = parse(text).unwrap();
        (user.map(|user| (user.name, user.comment)), ignored)
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        for nested in ["[", "{a: ", "- "] {
            let text = format!("{HEADER}\nusers: \n  {}", nested.repeat(100_000));
            assert!(parse(&text).is_err(), "{nested}");
        }
    }

    fn user_of(name: &str, comment: &str) -> (String, String) {
        (name.to_owned(), comment.to_owned())
    }

    #[test]
    fn a_seed_names_the_user() {
        let text = "#cloud-config\nusers:\n- default\n- name: alice\n  gecos: 'Alice: Smith'\n  sudo: ALL=(ALL) NOPASSWD:ALL\n\
                    - name: bob\nwrite_files:\n- path: /etc/wsl.conf\n  append: true\n";
        assert_eq!(parsed(text), (Some(user_of("alice", "Alice Smith")), vec!["write_files".to_owned()]));
        assert_eq!(parsed("#cloud-config\r\nusers: [alice]\r\n").0, Some(user_of("alice", "")));
        assert_eq!(parsed("#cloud-config\nuser: {name: alice}\n").0, Some(user_of("alice", "")));
        assert_eq!(parsed("#cloud-config\nusers: [default]\n").0, None);
        assert_eq!(parsed("#cloud-config\n"), (None, vec![]));
        for wrong in
            ["", "users: [alice]\n", "#!/bin/sh\n", "#cloud-config\n- a\n", "#cloud-config\nusers: [\n"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seeds_have_the_names_of_cloud_init() {
        let release = "NAME=NixOS\nID=nixos\nVERSION_ID=\"26.11\"\n";
        assert_eq!(
            names("Work", release),
            ["Work.user-data", "nixos-26.11.user-data", "nixos-all.user-data", "default.user-data"]
        );
    }
}
