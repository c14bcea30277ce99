//! The bundle of certificates that programs trust: the system's own, those that Windows trusts, and those of files in
//! folders. It is made at each activation and again when it is asked for, and is whole at every moment.

pub mod pem;
pub mod x509;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::windows::{Limits, powershell};
use crate::system::error::{Context, Failure, one_line};
use crate::system::replace::{self, Attributes, Durability};
use x509::Certificate;

/// Where all of it is.
pub const FOLDER: &str = "/var/lib/nixos-wsl/certificates";
/// What programs read, by `/etc/ssl/certs/ca-certificates.crt`.
pub const BUNDLE: &str = "ca-bundle.crt";
/// What is in it beside the system's own, each behind a line with its origin.
pub const ADDED: &str = "added.pem";
/// What Windows said last.
const WINDOWS: &str = "windows.pem";

/// Larger than any bundle.
pub const LIMIT: u64 = 4 << 20;
/// A folder with more is not one of certificates.
const MOST_FILES: usize = 1000;
const ENDINGS: [&str; 4] = ["pem", "crt", "cer", "der"];

const LIMITS: Limits = Limits { patience: Duration::from_secs(60), length: LIMIT };
/// The user's store has the machine's in it. What is distrusted by name is left out, and so is what has expired.
const QUESTION: &str = "$no = (Get-ChildItem Cert:\\CurrentUser\\Disallowed).Thumbprint; \
    Get-ChildItem Cert:\\CurrentUser\\Root | Where-Object { $no -notcontains $_.Thumbprint } | ForEach-Object { \
    '-----BEGIN CERTIFICATE-----'; [Convert]::ToBase64String($_.RawData); '-----END CERTIFICATE-----' }";

/// What is to be trusted.
#[derive(Debug)]
pub struct Trust<'a> {
    /// The system's own bundle.
    pub base: &'a Path,
    /// Folders with certificates, one or more a file, in PEM or DER.
    pub folders: &'a [PathBuf],
    /// Whether Windows' roots belong to it.
    pub windows: WindowsRoots<'a>,
}

/// What becomes of Windows' roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowsRoots<'a> {
    /// They are not trusted.
    No,
    /// Those that Windows had when it was last asked.
    Remembered,
    /// Windows is asked by its programs below this folder.
    Asked(&'a Path),
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trusted {
    /// How many certificates there are beside the system's own.
    pub added: usize,
    /// What could not be taken, and why.
    pub left_out: Vec<String>,
}

/// Brings the bundle in `state` up to date.
///
/// # Errors
/// The system's own bundle cannot be read, or the new one not be written; then the old one stays.
pub fn update(trust: &Trust<'_>, state: &Path, now: SystemTime) -> Result<Trusted, Failure> {
    let base = fs::canonicalize(trust.base).and_then(|base| read(&base)).at(trust.base)?;
    fs::create_dir_all(state).at(state)?;
    let mut seen: HashSet<Vec<u8>> = pem::decode(&base).into_iter().collect();
    let mut trusted = Trusted::default();
    let mut added = String::new();
    let mut add = |origin: &str, der: Vec<u8>| {
        if !seen.contains(&der) {
            added.extend(["# ", &one_line(origin), "\n", &pem::encode(&der)]);
            trusted.added += 1;
            seen.insert(der);
        }
    };

    let remembered = state.join(WINDOWS);
    if let WindowsRoots::Asked(drives) = trust.windows {
        match ask(drives, now) {
            Ok(text) => write(&remembered, text.as_bytes())?,
            Err(reason) => trusted.left_out.push(format!("what Windows trusts now: {reason}")),
        }
    }
    if trust.windows != WindowsRoots::No {
        let bytes = read(&remembered).or_else(absent).at(&remembered)?;
        for der in pem::decode(&bytes) {
            add("Windows", der);
        }
    }
    for folder in trust.folders {
        let files = match files(folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                trusted.left_out.push(format!("{}: {error}", folder.display()));
                continue;
            }
        };
        for file in files {
            match certificates(&file) {
                Ok(list) => list.into_iter().for_each(|der| add(&file.display().to_string(), der)),
                Err(reason) => trusted.left_out.push(one_line(format!("{}: {reason}", file.display()))),
            }
        }
    }

    write(&state.join(ADDED), added.as_bytes())?;
    let mut bundle = base;
    bundle.push(b'\n');
    bundle.extend(added.as_bytes());
    write(&state.join(BUNDLE), &bundle)?;
    Ok(trusted)
}

/// Windows' roots that are valid now, as text.
fn ask(drives: &Path, now: SystemTime) -> Result<String, String> {
    let answer = powershell(drives, QUESTION, LIMITS).map_err(|error| error.to_string())?;
    let valid = |der: &Vec<u8>| Certificate::read(der).is_some_and(|read| read.until >= now);
    let list: Vec<_> = pem::decode(answer.as_bytes()).into_iter().filter(valid).collect();
    // Every Windows has some: an empty answer is that of a PowerShell that was not let.
    if list.is_empty() {
        Err("PowerShell names none".into())
    } else {
        Ok(list.iter().map(|der| pem::encode(der)).collect())
    }
}

/// The files of a folder that may be certificates, in their order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let certificate = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    };
    let list = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut list = list.collect::<io::Result<Vec<_>>>()?;
    list.retain(certificate);
    list.sort();
    if list.len() > MOST_FILES {
        Err(io::Error::other(format!("more than {MOST_FILES} files")))
    } else {
        Ok(list)
    }
}

fn certificates(file: &Path) -> Result<Vec<Vec<u8>>, String> {
    let list = pem::decode(&read(file).map_err(|error| error.to_string())?);
    if list.is_empty() || list.iter().any(|der| Certificate::read(der).is_none()) {
        return Err("not a certificate in PEM or DER".into());
    }
    Ok(list)
}

/// Reads a regular file of bounded size. The last step of the path is no link: whoever may put files there is to have no
/// others read by root.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP => io::Error::other("a link, which is not followed"),
        other => other.into(),
    })?;
    if FileType::from_raw_mode(fstat(file.as_fd())?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::from(file).take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT { Err(Errno::FBIG.into()) } else { Ok(bytes) }
}

fn absent(error: io::Error) -> io::Result<Vec<u8>> {
    if error.kind() == io::ErrorKind::NotFound { Ok(Vec::new()) } else { Err(error) }
}

/// Replaces a file that has another content.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    replace::write(path, bytes, Attributes::mode(0o644), Durability::Full).map(drop)
}
