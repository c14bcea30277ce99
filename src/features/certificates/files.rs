//! Files that may be certificates: whoever may put them into a folder is to have no others read by root.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

use super::super::as_user;

/// A folder with more is not one of certificates.
const MOST_FILES: usize = 1000;
const ENDINGS: [&str; 4] = ["pem", "crt", "cer", "der"];

/// The files of a folder that may be certificates, in their order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let certificate = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    };
    let mut list = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if certificate(&path) {
            list.push(path);
        }
        if list.len() > MOST_FILES {
            return Err(io::Error::other(format!("more than {MOST_FILES} files")));
        }
    }
    list.sort();
    Ok(list)
}

/// Reads a regular file of bounded size. Where the last step of the path is a link, it may lead into the store or to a file
/// of who has made the link, and nowhere else.
pub(super) fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(CWD, path, flags, Mode::empty()) {
        Err(Errno::LOOP) => linked(path, limit)?,
        other => other?.into(),
    };
    if FileType::from_raw_mode(fstat(file.as_fd())?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(Errno::FBIG.into()) } else { Ok(bytes) }
}

/// Opens what a link leads to. Owner and target are those of one link: another may stand there a moment later.
fn linked(path: &Path, limit: usize) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let link = openat(CWD, path, flags, Mode::empty())?;
    let target = readlinkat(&link, "", Vec::new())?;
    let target = path.parent().unwrap_or(path).join(OsStr::from_bytes(target.as_bytes()));
    as_user::open(&target, fstat(&link)?.st_uid, limit as u64)
        .ok_or_else(|| io::Error::other("a link that leads to no file of the store's or of its owner's"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{lchown, symlink};

    use super::*;

    #[test]
    fn a_link_leads_to_its_owners_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "text").unwrap();
        symlink("file", path("link")).unwrap();
        symlink(path("link"), path("twice")).unwrap();
        for name in ["file", "link", "twice"] {
            assert_eq!(read(&path(name), 4).unwrap(), b"text", "{name}");
        }
        assert!(read(&path("file"), 3).is_err() && read(&path("link"), 3).is_err());
        symlink("/dev/zero", path("device")).unwrap();
        symlink(".", path("folder")).unwrap();
        symlink("/nonexistent", path("nothing")).unwrap();
        for name in ["device", "folder", "nothing"] {
            assert!(read(&path(name), 1000).is_err(), "{name}");
        }
        if rustix::process::geteuid().is_root() {
            lchown(path("link"), Some(1000), None).unwrap();
            let error = read(&path("link"), 4).unwrap_err().to_string();
            assert!(error.starts_with("a link that leads to no file"), "{error}");
        }
    }
}
