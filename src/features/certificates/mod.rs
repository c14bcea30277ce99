//! The bundle of certificates that programs trust: the system's own, those that Windows trusts, and those of files in
//! folders. It is made at each activation and again when it is asked for, and is whole at every moment.

mod added;
mod files;
pub mod pem;
pub mod x509;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use self::added::Added;
pub use self::added::{LIMIT, origins};
use self::files::read;
use self::x509::Certificate;
use super::windows::Interop;
use crate::system::error::{Context, Failure, one_line};
use crate::system::program::Limits;
use crate::system::replace::{self, Attributes, Durability};

/// Where all of it is.
pub const FOLDER: &str = "/var/lib/nixos-wsl/certificates";
/// What programs read, by `/etc/ssl/certs/ca-certificates.crt`.
pub const BUNDLE: &str = "ca-bundle.crt";
/// What is in it beside the system's own, each behind a line with its origin.
pub const ADDED: &str = "added.pem";
/// What Windows said last, its certificates written anew.
const WINDOWS: &str = "windows.pem";
const WINDOWS_LIMIT: usize = 2 * LIMIT;

const LIMITS: Limits = Limits { patience: Duration::from_secs(60), length: LIMIT };
/// The user's store has the machine's in it. What is distrusted by name is left out, and so is what has expired.
const QUESTION: &str = "$no = (Get-ChildItem Cert:\\CurrentUser\\Disallowed).Thumbprint; \
    Get-ChildItem Cert:\\CurrentUser\\Root | Where-Object { $no -notcontains $_.Thumbprint } | ForEach-Object { \
    '-----BEGIN CERTIFICATE-----'; [Convert]::ToBase64String($_.RawData); '-----END CERTIFICATE-----' }";

/// What is to be trusted.
#[derive(Debug)]
pub struct TrustRequest<'a> {
    /// The system's own bundle.
    pub base: &'a Path,
    /// Folders with certificates, one or more a file, in PEM or DER.
    pub folders: &'a [PathBuf],
    /// Whether Windows' roots belong to it.
    pub windows: WindowsRoots<'a>,
    /// What a folder that is not there has: at an activation, what it had last, because its drive comes later.
    pub absent: AbsentFolders,
}

/// What a folder that is not there has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsentFolders {
    /// What it had when it was last there.
    Remembered,
    /// Nothing.
    Empty,
}

/// What becomes of Windows' roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowsRoots<'a> {
    /// They are not trusted.
    No,
    /// Those that Windows had when it was last asked.
    Remembered,
    /// Windows is asked by its programs.
    Asked(Interop<'a>),
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TrustReport {
    /// How many certificates there are beside the system's own.
    pub added: usize,
    /// What could not be taken, and why.
    pub left_out: Vec<String>,
}

/// Brings the bundle in `state` up to date.
///
/// # Errors
/// The system's own bundle cannot be read, or the new one not be written; then the old one stays.
pub fn update(trust: &TrustRequest<'_>, state: &Path, now: SystemTime) -> Result<TrustReport, Failure> {
    let base = fs::canonicalize(trust.base).and_then(|base| read(&base, LIMIT)).at(trust.base)?;
    fs::create_dir_all(state).at(state)?;
    let mut added = Added::beside(pem::decode(&base));
    let mut left_out = Vec::new();

    let remembered = state.join(WINDOWS);
    if let WindowsRoots::Asked(interop) = trust.windows {
        match ask(interop, now) {
            Ok(text) => write(&remembered, text.as_bytes())?,
            Err(reason) => left_out.push(one_line(format!("what Windows trusts now: {reason}"))),
        }
    }
    if trust.windows != WindowsRoots::No {
        let bytes = read(&remembered, WINDOWS_LIMIT).or_else(absent).at(&remembered)?;
        for der in pem::decode(&bytes) {
            added.add("Windows", der);
        }
    }
    let before = state.join(ADDED);
    for folder in trust.folders {
        match files::list(folder) {
            Ok(files) => add_folder(&mut added, &files, &mut left_out),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if trust.absent == AbsentFolders::Remembered {
                    let bytes = read(&before, LIMIT).or_else(absent).at(&before)?;
                    remember_folder(&mut added, folder, &String::from_utf8_lossy(&bytes));
                }
            }
            Err(error) => left_out.push(one_line(format!("{}: {error}", folder.display()))),
        }
    }

    if let Some(origin) = added.full_at {
        left_out.push(format!(
            "{origin}, and what comes after it: more than {} MiB of certificates",
            LIMIT >> 20
        ));
    }
    write(&before, added.text.as_bytes())?;
    let mut bundle = base;
    bundle.push(b'\n');
    bundle.extend(added.text.as_bytes());
    write(&state.join(BUNDLE), &bundle)?;
    Ok(TrustReport { added: added.count, left_out })
}

/// Adds those of a folder's files.
fn add_folder(added: &mut Added, files: &[PathBuf], left_out: &mut Vec<String>) {
    for file in files {
        if added.full_at.is_some() {
            return;
        }
        let name = file.display().to_string();
        let taken = read(file, LIMIT).map_err(|error| error.to_string());
        let taken = taken.and_then(|bytes| Ok(added.add_file(&name, &bytes)?));
        if let Err(reason) = taken {
            left_out.push(one_line(format!("{name}: {reason}")));
        }
    }
}

/// Adds those that a folder had in `before`.
fn remember_folder(added: &mut Added, folder: &Path, before: &str) {
    for (origin, piece) in origins(before) {
        if Path::new(origin).parent() == Some(folder) {
            for der in pem::decode(piece.as_bytes()) {
                added.add(origin, der);
            }
        }
    }
}

/// Windows' roots that are valid now, as text.
fn ask(interop: Interop<'_>, now: SystemTime) -> Result<String, String> {
    let answer = interop.powershell(QUESTION, LIMITS)?;
    let valid = |der: &Vec<u8>| Certificate::read(der).is_some_and(|read| read.until >= now);
    let list: Vec<_> = pem::decode(answer.as_bytes()).into_iter().filter(valid).collect();
    // Every Windows has some: an empty answer is that of a PowerShell that was not let.
    if list.is_empty() {
        Err("PowerShell names none".into())
    } else {
        Ok(list.iter().map(|der| pem::encode(der)).collect())
    }
}

fn absent(error: io::Error) -> io::Result<Vec<u8>> {
    if error.kind() == io::ErrorKind::NotFound { Ok(Vec::new()) } else { Err(error) }
}

/// Replaces a file that has another content.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if read(path, bytes.len()).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    replace::write(path, bytes, Attributes::mode(0o644), Durability::Full).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = include_str!("test-root.pem");
    const OLD: &str = include_str!("test-expired.pem");

    /// A machine with the company's folder, which may be on a drive.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            fs::write(machine.path("base.pem"), OLD).unwrap();
            fs::create_dir(machine.path("company")).unwrap();
            machine
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn update(&self, absent: AbsentFolders) -> TrustReport {
            let folders = [self.path("company")];
            let base = &self.path("base.pem");
            let trust = TrustRequest { base, folders: &folders, windows: WindowsRoots::No, absent };
            update(&trust, &self.path("state"), SystemTime::now()).unwrap()
        }
    }

    #[test]
    fn a_folder_whose_drive_comes_later_keeps_its_certificates() {
        let machine = Machine::new();
        fs::write(machine.path("company/root.pem"), ROOT).unwrap();
        assert_eq!(machine.update(AbsentFolders::Empty), TrustReport { added: 1, left_out: Vec::new() });
        let bundle = fs::read(machine.path("state/ca-bundle.crt")).unwrap();
        assert_eq!(pem::decode(&bundle).len(), 2);
        fs::rename(machine.path("company"), machine.path("elsewhere")).unwrap();
        for _ in 0..2 {
            assert_eq!(machine.update(AbsentFolders::Remembered).added, 1);
            assert_eq!(fs::read(machine.path("state/ca-bundle.crt")).unwrap(), bundle);
        }
        // Of a folder that is there, a file that is gone is gone.
        fs::create_dir(machine.path("company")).unwrap();
        assert_eq!(machine.update(AbsentFolders::Remembered).added, 0);
        fs::remove_dir(machine.path("company")).unwrap();
        fs::rename(machine.path("elsewhere"), machine.path("company")).unwrap();
        assert_eq!(machine.update(AbsentFolders::Empty).added, 1);
        fs::remove_dir_all(machine.path("company")).unwrap();
        assert_eq!(machine.update(AbsentFolders::Empty).added, 0);
    }

    #[test]
    fn more_certificates_than_any_company_has_are_left_out() {
        let machine = Machine::new();
        let padded = format!("{ROOT}{}", "\n".repeat(LIMIT - ROOT.len()));
        for name in ["a.pem", "b.pem", "c.pem"] {
            fs::write(machine.path("company").join(name), &padded).unwrap();
        }
        let TrustReport { added, left_out } = machine.update(AbsentFolders::Empty);
        let [reason] = &left_out[..] else { panic!("{left_out:?}") };
        assert!(
            added == 1
                && reason.ends_with("/b.pem, and what comes after it: more than 4 MiB of certificates"),
            "{reason}"
        );
    }
}
