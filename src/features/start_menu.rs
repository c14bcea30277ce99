//! Entries for the start menu of Windows: WSLg lists the desktop files below `/usr/share/applications`.
//!
//! The files are copied, because WSLg may look at them from WSL's system distribution, where links into the store lead
//! nowhere; of the icons only those that an entry names. Everyone can read the copies, and a user's profile leads wherever
//! that user likes. So all is read with the user's rights (`as_user`), from the store or from files of the user's own.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::as_user;
use super::swap::{NewTree, remove};
use crate::namespace::privileges::UserIds;
use crate::system::error::{Context, Failure};

/// Deeper than any icon theme.
const DEPTH: usize = 12;
/// More names than the icon themes of a profile have; ends a walk through the whole root.
const NAMES: usize = 300_000;
/// More than a start menu can show.
const FILES: usize = 20_000;
/// Larger than any desktop file.
const DESKTOP_LIMIT: u64 = 1 << 20;
/// Larger than any icon worth copying.
const ICON_LIMIT: u64 = 16 << 20;
/// Of everything together.
const TOTAL_LIMIT: u64 = 512 << 20;
/// A profile is read in a second; a file system of the user's may never answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// Desktop files.
    pub entries: usize,
    /// Icons.
    pub icons: usize,
}

/// Makes `applications` and `icons` below `target` (`/usr/share`) anew from the `share` directories in `sources`, as `user`
/// can read them; of two files under one name that of the earlier source is taken. Missing sources, dangling links, and
/// files that cannot be read or are neither the store's nor the user's are passed over. Without any entry both directories
/// are removed.
///
/// # Errors
/// When the user's files cannot be read in time, or `target` cannot be written; both directories are as they were then.
pub fn update(user: UserIds, sources: &[PathBuf], target: &Path) -> Result<CopyReport, Failure> {
    let uid = user.uid.as_raw();
    let [mut entries, mut icons] = [Kind::Entry, Kind::Icon].map(|kind| Copies::new(kind, target));
    as_user::read(
        user,
        PATIENCE,
        |pipe| send_all(pipe, sources, uid),
        |pipe| {
            let mut total = 0;
            while let Some(member) = Member::receive(pipe)? {
                total += member.size;
                let copies = if member.kind == Kind::Entry { &mut entries } else { &mut icons };
                if total > TOTAL_LIMIT || copies.count >= FILES {
                    return Err(too_much());
                }
                copies.add(&member, pipe)?;
            }
            Ok(())
        },
    )?;
    Ok(CopyReport { entries: entries.put()?, icons: icons.put()? })
}

fn too_much() -> Failure {
    Failure::new("", "", io::Error::other("more desktop files and icons than a start menu can have"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Entry,
    Icon,
}

impl Kind {
    fn directory(self) -> &'static str {
        match self {
            Self::Entry => "applications",
            Self::Icon => "icons",
        }
    }

    fn limit(self) -> u64 {
        match self {
            Self::Entry => DESKTOP_LIMIT,
            Self::Icon => ICON_LIMIT,
        }
    }
}

// --- the user's side ---------------------------------------------------------------------------------------------------

/// Writes all that is to be copied, as [`Member`]s.
fn send_all(pipe: &mut impl Write, sources: &[PathBuf], uid: u32) -> io::Result<()> {
    let mut names = BTreeSet::new();
    for (relative, path) in
        collect(sources, Kind::Entry, |path| path.extension() == Some(OsStr::new("desktop")))
    {
        let Some(content) =
            as_user::open(&path, uid, DESKTOP_LIMIT).and_then(|file| whole(file, DESKTOP_LIMIT))
        else {
            continue;
        };
        names.extend(icon_name(&content));
        send(pipe, Kind::Entry, &relative, &content)?;
    }
    let filter =
        |path: &Path| path.file_stem().and_then(OsStr::to_str).is_some_and(|stem| names.contains(stem));
    for (relative, path) in collect(sources, Kind::Icon, filter) {
        if let Some(content) = as_user::open(&path, uid, ICON_LIMIT).and_then(|file| whole(file, ICON_LIMIT))
        {
            send(pipe, Kind::Icon, &relative, &content)?;
        }
    }
    Ok(())
}

/// Files below `SOURCE/applications` or `SOURCE/icons` by their path there.
fn collect(sources: &[PathBuf], kind: Kind, filter: impl Fn(&Path) -> bool) -> BTreeMap<PathBuf, PathBuf> {
    let mut found = BTreeMap::new();
    for source in sources {
        let top = source.join(kind.directory());
        let mut names = 0;
        // With each directory those above it, so that a link back to one of them is not followed.
        let mut stack = vec![(top.clone(), Vec::new())];
        while let Some((directory, mut above)) = stack.pop() {
            let Ok(metadata) = directory.metadata() else { continue };
            let identity = (metadata.dev(), metadata.ino());
            if !metadata.is_dir() || above.len() > DEPTH || above.contains(&identity) {
                continue;
            }
            above.push(identity);
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for entry in entries.flatten() {
                names += 1;
                if names > NAMES {
                    stack.clear();
                    break;
                }
                let path = entry.path();
                let file = match entry.file_type() {
                    Ok(kind) if kind.is_symlink() => !path.is_dir(),
                    Ok(kind) => !kind.is_dir(),
                    Err(_) => continue,
                };
                if !file {
                    stack.push((path, above.clone()));
                } else if filter(&path)
                    && let Ok(relative) = path.strip_prefix(&top)
                {
                    found.entry(relative.to_owned()).or_insert(path);
                }
            }
        }
    }
    found
}

/// The content, unless the file has grown beyond its limit.
fn whole(file: File, limit: u64) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let count = file.take(limit + 1).read_to_end(&mut content).ok()?;
    (count as u64 <= limit).then_some(content)
}

/// The icon that a desktop file names, if it names one by its name alone.
fn icon_name(desktop_file: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(desktop_file);
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("Icon=").or(line.strip_prefix("Icon =")))
        .map(str::trim)?;
    (!value.contains('/')).then(|| {
        // Some name the file instead of the icon.
        let stem = [".png", ".svg", ".xpm"].iter().find_map(|suffix| value.strip_suffix(suffix));
        stem.unwrap_or(value).to_owned()
    })
}

fn send(pipe: &mut impl Write, kind: Kind, path: &Path, content: &[u8]) -> io::Result<()> {
    let path = path.as_os_str().as_bytes();
    let length = u16::try_from(path.len()).map_err(io::Error::other)?;
    let mut head = vec![u8::from(kind != Kind::Entry)];
    head.extend(length.to_be_bytes());
    head.extend(path);
    head.extend((content.len() as u64).to_be_bytes());
    pipe.write_all(&head)?;
    pipe.write_all(content)
}

// --- root's side -------------------------------------------------------------------------------------------------------

/// A file on its way: its kind in one byte, the length of its path in two, the path, its size in eight, its content;
/// numbers have the highest byte first.
struct Member {
    kind: Kind,
    path: PathBuf,
    size: u64,
}

impl Member {
    /// Reads all but the content; nothing at the end. The sender is the user's process, so nothing is taken on trust.
    fn receive(pipe: &mut dyn Read) -> Result<Option<Self>, Failure> {
        let wrong = || io::Error::from(ErrorKind::InvalidData);
        let mut member = || -> io::Result<Option<Self>> {
            let mut kind = [0];
            if pipe.read(&mut kind)? == 0 {
                return Ok(None);
            }
            let kind = match kind {
                [0] => Kind::Entry,
                [1] => Kind::Icon,
                _ => return Err(wrong()),
            };
            let mut length = [0; 2];
            pipe.read_exact(&mut length)?;
            let mut path = vec![0; u16::from_be_bytes(length).into()];
            pipe.read_exact(&mut path)?;
            let path = PathBuf::from(OsString::from_vec(path));
            let mut size = [0; 8];
            pipe.read_exact(&mut size)?;
            let size = u64::from_be_bytes(size);
            let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
            let depth = path.components().count();
            if plain && (1..=DEPTH + 1).contains(&depth) && size <= kind.limit() {
                Ok(Some(Self { kind, path, size }))
            } else {
                Err(wrong())
            }
        };
        member().doing("read the user's files")
    }
}

/// One of the two directories in the making.
struct Copies {
    place: PathBuf,
    new: Option<NewTree>,
    count: usize,
}

impl Copies {
    fn new(kind: Kind, target: &Path) -> Self {
        Self { place: target.join(kind.directory()), new: None, count: 0 }
    }

    fn add(&mut self, member: &Member, pipe: &mut dyn Read) -> Result<(), Failure> {
        let new = match &mut self.new {
            Some(new) => new,
            new => new.insert(NewTree::make(&self.place)?),
        };
        let path = new.path().join(&member.path);
        let parent = path.parent().unwrap_or(new.path());
        fs::create_dir_all(parent).at(parent)?;
        let mut file = File::create_new(&path).at(&path)?;
        let copied = io::copy(&mut pipe.take(member.size), &mut file).at(&path)?;
        if copied < member.size {
            return Err(Failure::new("read the user's files", "", ErrorKind::UnexpectedEof));
        }
        self.count += 1;
        Ok(())
    }

    fn put(self) -> Result<usize, Failure> {
        match self.new {
            Some(new) => new.put()?,
            None => remove(&self.place)?,
        }
        Ok(self.count)
    }
}
