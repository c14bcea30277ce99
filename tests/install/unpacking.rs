//! Archives of any shape: how they are cut into frames changes nothing, damage is said, and no thread waits for another one
//! for ever.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nixos_wsl::digest::hexadecimal;
use nixos_wsl::install::error::InstallError;
use nixos_wsl::install::unpack::unpack;
use nixos_wsl::system::installer::{FRAME, Manifest, VERSION};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// A tar archive that grows member by member.
struct Members {
    builder: Builder<Vec<u8>>,
    count: u64,
}

impl Members {
    fn new() -> Self {
        Self { builder: Builder::new(Vec::new()), count: 0 }
    }

    fn header(&mut self, kind: EntryType, size: usize) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o444);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1);
        header.set_size(size as u64);
        self.count += 1;
        header
    }

    fn file(&mut self, name: &str, content: &[u8]) {
        let mut header = self.header(EntryType::Regular, content.len());
        self.builder.append_data(&mut header, name, content).unwrap();
    }

    fn link(&mut self, kind: EntryType, name: &str, target: &str) {
        let mut header = self.header(kind, 0);
        self.builder.append_link(&mut header, name, target).unwrap();
    }

    /// The archive in frames of these sizes, the last one again and again, and its manifest.
    fn in_frames(self, sizes: &[usize]) -> (Vec<u8>, Manifest) {
        let tar = self.builder.into_inner().unwrap();
        let (mut archive, mut rest) = (Vec::new(), tar.as_slice());
        let mut sizes = sizes.iter().chain(std::iter::repeat(sizes.last().unwrap()));
        while !rest.is_empty() {
            let (frame, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            archive.extend(zstd::bulk::compress(frame, 1).unwrap());
            rest = after;
        }
        let manifest = Manifest {
            version: VERSION,
            sha256: hexadecimal(&Sha256::digest(&archive)),
            size: archive.len() as u64,
            unpacked: tar.len() as u64,
            disk: 0,
            members: self.count,
            entry_points: Vec::new(),
        };
        (archive, manifest)
    }
}

fn install(root: &Path, archive: &[u8], manifest: &Manifest) -> Result<(), InstallError> {
    let scratch = TempDir::new().unwrap();
    let file = scratch.path().join("root.tar.zst");
    fs::write(&file, archive).unwrap();
    unpack(root, &file, manifest, &mut |_| Ok(()))
}

/// Bytes of which no two parts are equal.
fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length.div_ceil(8)).flat_map(|word| (word * 0x9e37_79b9 + seed).to_le_bytes()).take(length).collect()
}

#[test]
fn a_file_here_and_there_keeps_no_buffer_from_the_frames_between() {
    let root = TempDir::new().unwrap();
    let mut members = Members::new();
    for number in 0..20 {
        // Each in a frame of its own, too few of them to be handed over at once.
        members.file(&format!("d/small{number}"), &[b'0' + number; 10]);
        if number % 2 == 0 {
            members.file(&format!("d/large{number}"), &bytes(40_000, number.into()));
        } else {
            for link in 0..60 {
                members.link(EntryType::Symlink, &format!("d/link{number}.{link}"), "nowhere");
            }
        }
    }
    let (archive, manifest) = members.in_frames(&[4096]);
    install(root.path(), &archive, &manifest).unwrap();
    for number in 0..20 {
        let small = root.path().join(format!("d/small{number}"));
        assert_eq!(fs::read(&small).unwrap(), [b'0' + number; 10]);
        let found = small.metadata().unwrap();
        assert_eq!((found.mode() & 0o7777, found.mtime()), (0o444, 1));
    }
    assert_eq!(fs::read(root.path().join("d/large18")).unwrap(), bytes(40_000, 18));
}

#[test]
fn a_frame_with_more_than_it_may_have_is_damage() {
    let root = TempDir::new().unwrap();
    let mut members = Members::new();
    members.file("a", &bytes(FRAME, 0));
    let (archive, manifest) = members.in_frames(&[2 * FRAME]);
    let error = install(root.path(), &archive, &manifest).unwrap_err();
    assert!(matches!(error, InstallError::Damaged(_)), "{error}");
}

#[test]
fn the_one_who_watches_can_end_it_at_any_step() {
    let mut members = Members::new();
    for number in 0..6 {
        members.file(&format!("f{number}"), &bytes(3 << 20, number));
    }
    let (archive, manifest) = members.in_frames(&[1 << 20]);
    let scratch = TempDir::new().unwrap();
    let file = scratch.path().join("root.tar.zst");
    fs::write(&file, &archive).unwrap();
    for steps in 0..6 {
        let root = TempDir::new().unwrap();
        let mut left = steps;
        let mut watch = |_| {
            left -= 1;
            if left < 0 { Err(InstallError::Stopped) } else { Ok(()) }
        };
        let result = unpack(root.path(), &file, &manifest, &mut watch);
        assert!(matches!(result, Err(InstallError::Stopped)), "after {steps}: {result:?}");
        // And the next start goes on.
        install(root.path(), &archive, &manifest).unwrap();
        assert_eq!(fs::read(root.path().join("f5")).unwrap(), bytes(3 << 20, 5));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_into_frames_gives_the_same_files(
        lengths in prop::collection::vec(prop_oneof![0_usize..3000, 0_usize..60_000], 1..60),
        frames in prop::collection::vec(1_usize..20_000, 1..8),
        again in any::<bool>(),
    ) {
        let root = TempDir::new().unwrap();
        let mut members = Members::new();
        for (number, &length) in lengths.iter().enumerate() {
            let name = format!("d{}/e/f{number}", number % 5);
            members.file(&name, &bytes(length, number));
            members.link(EntryType::Link, &format!("links/l{number}"), &name);
        }
        let (archive, manifest) = members.in_frames(&frames);
        install(root.path(), &archive, &manifest).unwrap();
        if again {
            // As after a kill: some files are there, others in part, others not at all.
            fs::write(root.path().join("d0/e/f0"), "something else").unwrap();
            let last = lengths.len() - 1;
            let _ = fs::remove_file(root.path().join(format!("d{}/e/f{last}", last % 5)));
            install(root.path(), &archive, &manifest).unwrap();
        }
        for (number, &length) in lengths.iter().enumerate() {
            let file = root.path().join(format!("d{}/e/f{number}", number % 5));
            prop_assert!(fs::read(&file).unwrap() == bytes(length, number), "{number}");
            let (found, link) = (file.metadata().unwrap(), root.path().join(format!("links/l{number}")));
            prop_assert_eq!((found.ino(), found.mtime()), (link.metadata().unwrap().ino(), 1));
        }
    }

    #[test]
    fn any_damage_is_said(
        lengths in prop::collection::vec(0_usize..30_000, 1..20),
        frame in 1000_usize..40_000,
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let root = TempDir::new().unwrap();
        let mut members = Members::new();
        for (number, &length) in lengths.iter().enumerate() {
            members.file(&format!("f{number}"), &bytes(length, number));
        }
        let (mut archive, manifest) = members.in_frames(&[frame]);
        let at = at.index(archive.len());
        archive[at] ^= flip;
        let error = install(root.path(), &archive, &manifest).unwrap_err();
        prop_assert!(matches!(error, InstallError::Damaged(_)), "{}", error);
    }
}
