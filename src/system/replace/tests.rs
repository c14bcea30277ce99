//! What stands in a place after writers that fail, are killed, or are many.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rustix::fs::{FlockOperation, flock, openat};

use super::temporary::{Kind, READ, SLOTS, temporary_name};
use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn put(path: &Path, text: &str) -> Result<File, Failure> {
    write(path, text.as_bytes(), Attributes::mode(0o640), Durability::Full)
}

fn link(path: &Path, to: &str) -> Result<(), Failure> {
    let folder = open_folder(path).unwrap();
    let target = Target::new(folder.as_fd(), path);
    symbolic_link(target, to.as_ref(), Attributes::mode(0o777), Durability::Full)
}

fn directory(path: &Path, file: &str) -> Result<(), Failure> {
    let folder = open_folder(path).unwrap();
    let new = NewDirectory::new(Target::new(folder.as_fd(), path), Attributes::mode(0o755)).unwrap();
    fs::write(new.path().join(file), file).unwrap();
    new.take_place(Durability::Full)
}

/// What can stand in the place of something new.
fn stand_in_the_way(path: &Path, which: usize) {
    match which {
        0 => {}
        1 => fs::write(path, "old").unwrap(),
        2 => symlink("elsewhere", path).unwrap(),
        3 => fs::create_dir_all(path).unwrap(),
        _ => fs::create_dir_all(path.join("a/b")).unwrap(),
    }
}

#[test]
fn everything_takes_the_place_of_everything_and_nothing_is_left() {
    for which in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("elsewhere"), "untouched").unwrap();
        let path = folder.path().join("x");
        stand_in_the_way(&path, which);
        put(&path, "new").unwrap();
        assert!(path.symlink_metadata().unwrap().is_file(), "{which}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o640);
        fs::remove_file(&path).unwrap();

        stand_in_the_way(&path, which);
        link(&path, "elsewhere").unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("elsewhere"), "{which}");
        fs::remove_file(&path).unwrap();

        stand_in_the_way(&path, which);
        directory(&path, "inside").unwrap();
        assert_eq!(names(&path), ["inside"], "{which}");
        assert_eq!(names(folder.path()), ["elsewhere", "x"], "{which}");
        assert_eq!(fs::read_to_string(folder.path().join("elsewhere")).unwrap(), "untouched");
    }
}

#[test]
fn a_hard_link_to_the_file_itself_leaves_no_second_name() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    fs::write(&a, "text").unwrap();
    let open = open_folder(&b).unwrap();
    for _ in 0..2 {
        hard_link(Target::new(open.as_fd(), &b), open.as_fd(), "a".as_ref(), Durability::None).unwrap();
    }
    assert_eq!(a.metadata().unwrap().ino(), b.metadata().unwrap().ino());
    assert_eq!(names(folder.path()), ["a", "b"]);
}

#[test]
fn what_killed_writers_left_goes_and_what_others_write_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let name = |kind, slot: u8| folder.path().join(temporary_name("x".as_ref(), kind, &slot.to_string()));
    fs::write(name(Kind::File, 0), "half").unwrap();
    fs::write(name(Kind::File, 3), "half").unwrap();
    symlink("nowhere", name(Kind::Link, 0)).unwrap();
    fs::create_dir_all(name(Kind::Directory, 1).join("a/b")).unwrap();
    let of_another = File::create(folder.path().join(".y.nixos-wsl-f0")).unwrap();
    put(&path, "new").unwrap();
    assert_eq!(names(folder.path()), [".y.nixos-wsl-f0", "x"]);

    // A writer that lives.
    let living = File::create(name(Kind::File, 0)).unwrap();
    flock(&living, FlockOperation::LockExclusive).unwrap();
    put(&path, "newer").unwrap();
    assert_eq!(names(folder.path()), [".x.nixos-wsl-f0", ".y.nixos-wsl-f0", "x"]);
    drop((living, of_another));
    put(&path, "newest").unwrap();
    assert_eq!(names(folder.path()), [".y.nixos-wsl-f0", "x"]);
}

#[test]
fn temporary_files_of_others_are_never_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(folder.path().join("victim"), "victim").unwrap();
    for slot in 0..SLOTS {
        let name = folder.path().join(temporary_name("x".as_ref(), Kind::File, &slot.to_string()));
        if slot % 2 == 0 {
            symlink("victim", name).unwrap();
        } else {
            fs::hard_link(folder.path().join("victim"), name).unwrap();
        }
    }
    // Held by somebody for ever.
    let held = File::open(folder.path().join("victim")).unwrap();
    flock(&held, FlockOperation::LockShared).unwrap();
    put(&path, "new").unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("victim")).unwrap(), "victim");
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}

#[test]
fn a_failed_writer_leaves_the_old_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    put(&path, "old").unwrap();
    let open = open_folder(&path).unwrap();
    let target = Target::new(open.as_fd(), &path);
    let failed = file(target, Attributes::mode(0o644), Durability::Full, |file| {
        file.write_all(b"half").unwrap();
        Err(target.error(Errno::NOSPC))
    });
    assert_eq!(
        failed.unwrap_err().to_string(),
        format!("{}: No space left on device (os error 28)", path.display())
    );
    drop(NewDirectory::new(target, Attributes::mode(0o755)).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["x"]);
}

#[test]
fn the_longest_names_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|end| folder.path().join("n".repeat(254) + end));
    for path in [&a, &b] {
        put(path, "old").unwrap();
        put(path, &path.to_string_lossy()).unwrap();
    }
    assert_eq!(fs::read_to_string(&a).unwrap(), a.to_string_lossy());
    assert_ne!(
        temporary_name(a.file_name().unwrap(), Kind::File, "0"),
        temporary_name(b.file_name().unwrap(), Kind::File, "0")
    );
}

/// Eight writers of one name, each of which looks whether what is there is whole.
fn many_writers(times: usize, write: impl Fn(&Path, char) + Sync, read: impl Fn(&Path) -> String + Sync) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::thread::scope(|scope| {
        for letter in 'a'..='h' {
            let (path, write, read) = (&path, &write, &read);
            scope.spawn(move || {
                for _ in 0..times {
                    write(path, letter);
                    let found = read(path);
                    assert!(found.len() == 4000 && found.bytes().all(|byte| byte == found.as_bytes()[0]));
                }
            });
        }
    });
    assert_eq!(names(folder.path()), ["x"]);
}

fn text(letter: char) -> String {
    letter.to_string().repeat(4000)
}

#[test]
fn many_writers_of_one_name_each_write_it_whole() {
    let write = |path: &Path, letter| {
        // In two pieces: what is cut off is seen.
        let open = open_folder(path).unwrap();
        let target = Target::new(open.as_fd(), path);
        let halves = |file: &mut File| {
            file.write_all(&text(letter).as_bytes()[..2000]).map_err(|error| target.error(error))?;
            std::thread::yield_now();
            file.write_all(&text(letter).as_bytes()[2000..]).map_err(|error| target.error(error))
        };
        file(target, Attributes::mode(0o644), Durability::None, halves).unwrap();
    };
    many_writers(300, write, |path| fs::read_to_string(path).unwrap());
}

#[test]
fn many_writers_of_one_link_each_make_it() {
    let write = |path: &Path, letter| {
        let open = open_folder(path).unwrap();
        let target = Target::new(open.as_fd(), path);
        let link = text(letter);
        symbolic_link(target, link.as_ref(), Attributes::mode(0o777), Durability::None).unwrap();
    };
    many_writers(100, write, |path| fs::read_link(path).unwrap().to_str().unwrap().to_owned());
}

#[test]
fn many_writers_of_one_directory_each_make_it_whole() {
    let write = |path: &Path, letter| {
        let open = open_folder(path).unwrap();
        let new = NewDirectory::new(Target::new(open.as_fd(), path), Attributes::mode(0o755)).unwrap();
        for name in ["a", "b"] {
            fs::write(new.path().join(name), text(letter)).unwrap();
        }
        new.take_place(Durability::None).unwrap();
    };
    let read = |path: &Path| loop {
        let open = open_folder(&path.join("a")).unwrap();
        let read = |name: &str| -> io::Result<String> {
            let file = openat(&open, name, READ, Mode::empty())?;
            io::read_to_string(File::from(file))
        };
        match (read("a"), read("b")) {
            (Ok(a), Ok(b)) => {
                assert_eq!(a, b);
                return a;
            }
            // Replaced meanwhile, and being removed.
            (Err(error), _) | (_, Err(error)) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
        }
    };
    many_writers(50, write, read);
}
