//! The state's file: two places of a fixed size, written by turns, so that no write needs room on the disk.
//!
//! ```text
//! 0      [{"sequence":8,"checksum":"5d5d9d6e","state":{…}}            ,
//! 16384   {"sequence":7,"checksum":"0f1c0a11","state":{…}}            ]
//! ```
//!
//! A write goes into the place of the older state: a kill or a power cut at any byte of it leaves the other one whole, and
//! the checksum tells which is. A place is filled with blanks, which no copy of the file turns into a hole. Together they
//! are one JSON text, for whoever looks at it.

use std::fs::File;
use std::io::{Error, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, openat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::state::{BootState, VERSION};
use crate::system::error::{Context, Failure, one_line};
use crate::system::replace::{self, Attributes, Durability, Target};
use crate::system::root::Root;

/// The file.
pub const FILE: &str = "/var/lib/nixos-wsl/boot.json";
const FOLDER: &str = "/var/lib/nixos-wsl";
const NAME: &str = "boot.json";
/// Root alone can open it: nobody else can keep a boot waiting.
const LOCK: &str = "boot.lock";
/// Bytes of a place: some hundred systems.
const PLACE: usize = 16 << 10;
const PLACES: usize = 2;
/// A file that is larger is not ours.
const LIMIT: u64 = 1 << 20;
/// Longer than any change takes; a process that is stopped while it has the lock must not stop the boot.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why the state could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct SaveError {
    path: PathBuf,
    source: Error,
}

/// What a place holds.
#[derive(Serialize, Deserialize)]
struct Place<'a> {
    /// The higher one is the newer.
    sequence: u64,
    /// CRC-32 of the sequence and the state, in hexadecimal.
    checksum: String,
    #[serde(borrow)]
    state: &'a RawValue,
}

/// The file as it was found.
#[derive(Default)]
struct Found {
    state: BootState,
    sequence: u64,
    /// The place to write to; nothing if the file must be made first.
    older: Option<usize>,
    warning: Option<String>,
}

/// Reads the state; the second value is the warning if a file is there that cannot be used.
#[must_use]
pub fn load(root: &Root) -> (BootState, Option<String>) {
    let found = read(root);
    (found.state, found.warning)
}

/// Changes the state while no other program does. What is as it was is not written.
///
/// # Errors
/// A read-only disk and the like; nothing is changed then. A full disk is an error only as long as the file is not there.
pub fn update<T>(root: &Root, change: impl FnOnce(&mut BootState) -> T) -> Result<T, SaveError> {
    let failed = |source: Error| SaveError { path: root.path(FILE), source };
    let folder = folder(root).map_err(failed)?;
    let _lock = lock(&folder);
    let found = read(root);
    let mut state = found.state.clone();
    let value = change(&mut state);
    if state != found.state {
        write(&folder, state, &found).map_err(failed)?;
    }
    Ok(value)
}

fn read(root: &Root) -> Found {
    let mut found = Found::default();
    // Two writes during one read are enough to spoil both places for it.
    for _ in 0..3 {
        found = match root.read(FILE, LIMIT) {
            Ok(bytes) => parse(&bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Found::default(),
            Err(error) => Found { warning: Some(format!("{FILE}: ignored: {error}")), ..Found::default() },
        };
        if found.warning.is_none() {
            break;
        }
    }
    found
}

/// Takes the newer of the two states; or the one of a file that was written before there were places.
fn parse(bytes: &[u8]) -> Found {
    let places = bytes.chunks(PLACE).take(PLACES).map(place);
    let newest = places.enumerate().filter_map(|(index, place)| Some((index, place?)));
    let newest = newest.max_by_key(|(_, (sequence, _))| *sequence);
    let whole = bytes.len() == PLACES * PLACE;
    let (state, sequence, older) = match newest {
        Some((index, (sequence, state))) => (state, sequence, whole.then_some(PLACES - 1 - index)),
        None => match serde_json::from_slice::<BootState>(bytes) {
            Ok(state) => (state, 0, None),
            Err(error) => {
                let warning = Some(format!("{FILE}: ignored, it is damaged: {}", one_line(error)));
                return Found { warning, ..Found::default() };
            }
        },
    };
    if state.version != VERSION {
        let warning = Some(format!("{FILE}: ignored: version {} is not {VERSION}", state.version));
        return Found { warning, ..Found::default() };
    }
    Found { state, sequence, older, warning: None }
}

/// The sequence and the state of one place, if it is whole.
fn place(bytes: &[u8]) -> Option<(u64, BootState)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix(['[', ' '])?.trim_end().strip_suffix([',', ']'])?;
    let place: Place<'_> = serde_json::from_str(text).ok()?;
    let state = place.state.get();
    if place.checksum != checksum(place.sequence, state) {
        return None;
    }
    Some((place.sequence, serde_json::from_str(state).ok()?))
}

fn checksum(sequence: u64, state: &str) -> String {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    hasher.update(state.as_bytes());
    format!("{:08x}", hasher.finalize())
}

/// The bytes of a place; systems that there is no room for are forgotten.
fn encode(mut state: BootState, sequence: u64, index: usize) -> Result<Vec<u8>, Error> {
    let (first, last) = if index == 0 { (b'[', b",\n") } else { (b' ', b"]\n") };
    loop {
        let state_text = serde_json::to_string(&state)?;
        let checksum = checksum(sequence, &state_text);
        let state_value = RawValue::from_string(state_text)?;
        let mut bytes = vec![first];
        serde_json::to_writer(&mut bytes, &Place { sequence, checksum, state: &state_value })?;
        if bytes.len() + last.len() <= PLACE {
            bytes.resize(PLACE - last.len(), b' ');
            bytes.extend_from_slice(last);
            return Ok(bytes);
        }
        if !state.forget_one() {
            return Err(Errno::FBIG.into());
        }
    }
}

fn write(folder: &OwnedFd, state: BootState, found: &Found) -> Result<(), Error> {
    // A number that cannot be counted on from is nobody's of ours.
    let Some(sequence) = found.sequence.checked_add(1).filter(|next| *next < u64::MAX) else {
        return make(folder, state, 1);
    };
    let Some(older) = found.older else { return make(folder, state, sequence) };
    let bytes = encode(state, sequence, older)?;
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(openat(folder, NAME, flags, Mode::empty())?);
    file.write_all_at(&bytes, (older * PLACE) as u64)?;
    file.sync_data()
}

/// Makes the file, with the state in both places.
fn make(folder: &OwnedFd, state: BootState, sequence: u64) -> Result<(), Error> {
    let bytes = [encode(state.clone(), sequence, 0)?, encode(state, sequence + 1, 1)?].concat();
    let _ = unlinkat(folder, NAME, AtFlags::REMOVEDIR); // a folder would be in the way of the rename
    let target = Target::new(folder.as_fd(), Path::new(NAME));
    let write = |file: &mut File| file.write_all(&bytes).at(NAME);
    replace::file(target, Attributes::mode(0o644), Durability::Full, write).map_err(Failure::into_reason)
}

/// The open folder, made if it is not there; links in its path stay in the root.
fn folder(root: &Root) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    match root.open(FOLDER, flags) {
        Err(Errno::NOENT) => {
            std::fs::create_dir_all(root.path(FOLDER))?;
            Ok(root.open(FOLDER, flags)?)
        }
        opened => Ok(opened?),
    }
}

/// The lock, for as long as the file is open. Without it one of two changes at once may be lost, no more.
fn lock(folder: &OwnedFd) -> Option<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(openat(folder, LOCK, flags, Mode::from_raw_mode(0o600)).ok()?);
    let start = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(file),
            Err(Errno::WOULDBLOCK | Errno::INTR) if start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(attempts: u32) -> BootState {
        let mut state = BootState::default();
        (0..attempts).for_each(|_| state.begin(Path::new("/nix/store/system")));
        state
    }

    /// A file after two writes: attempts 1 in the older place, 2 in the newer.
    fn file() -> Vec<u8> {
        [encode(state(1), 5, 0), encode(state(2), 6, 1)].map(|place| place.expect("room")).concat()
    }

    fn attempts(found: &Found) -> Option<u32> {
        found.state.systems.values().next().map(|record| record.attempts)
    }

    #[test]
    fn the_newer_state_counts_and_the_older_place_is_written_next() {
        let found = parse(&file());
        assert_eq!((attempts(&found), found.sequence, found.older), (Some(2), 6, Some(0)));
        assert!(serde_json::from_slice::<serde_json::Value>(&file()).is_ok(), "one JSON text");
    }

    #[test]
    fn a_write_cut_off_at_any_byte_leaves_the_other_state() {
        let old = file();
        let new = encode(state(3), 7, 0).expect("room");
        for cut in 0..=PLACE {
            let bytes = [&new[..cut], &old[cut..]].concat();
            let found = parse(&bytes);
            assert_eq!(found.warning, None, "{cut}");
            let read = attempts(&found);
            let complete = new[cut..] == old[cut..PLACE];
            assert_eq!(read, Some(if complete { 3 } else { 2 }), "{cut}");
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let whole = file();
        let text = whole.iter().rposition(|&byte| byte == b'}').expect("an end");
        for index in PLACE..=text {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            // A changed blank between the words is none; every other byte makes the place unusable.
            assert_eq!(attempts(&parse(&bytes)), Some(1), "{index}");
        }
    }

    #[test]
    fn the_file_before_there_were_places_is_read_and_made_anew() {
        let bytes = br#"{"version":1,"once":7,"systems":{"/nix/store/system":{"attempts":1}}}"#;
        let found = parse(bytes);
        assert_eq!((attempts(&found), found.state.once, found.older), (Some(1), Some(7), None));
        assert!(found.warning.is_none());
    }

    #[test]
    fn what_counts_against_a_system_is_the_last_to_be_forgotten() {
        let mut state = BootState::default();
        for number in 0..1000 {
            state
                .complete(Path::new(&format!("/nix/store/00000000000000000000000000000000-system-{number}")));
        }
        state.begin(Path::new("/nix/store/counted"));
        let found = place(&encode(state, 1, 0).expect("room")).expect("a state").1;
        assert!(found.systems.len() > 50, "{}", found.systems.len());
        assert!(found.systems.contains_key(Path::new("/nix/store/counted")));
    }
}
