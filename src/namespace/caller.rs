//! What the caller of a shell brought along: arguments, environment, directory, umask and limits.
//!
//! To the privileged program all of it is data that it hands, sealed in memory, to a process of the user's.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, Mode, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::process::Rlimit;

use super::limits;

const HEAD: &str = "nixos-wsl caller 1";
const SEALS: SealFlags =
    SealFlags::SEAL.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::WRITE);

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The arguments, from `argv[0]` on.
    pub argv: Vec<OsString>,
    /// The environment; a name may come twice, or be missing.
    pub environment: Vec<OsString>,
    /// The working directory, if it has a path.
    pub directory: Option<PathBuf>,
    /// The file mode creation mask.
    pub umask: u32,
    /// The resource limits, in the kernel's order.
    pub limits: Vec<Rlimit>,
}

impl Caller {
    /// The caller of this program.
    #[must_use]
    pub fn of_this_process() -> Self {
        let umask = rustix::process::umask(Mode::from_raw_mode(0o022));
        Self {
            argv: std::env::args_os().collect(),
            environment: environment(),
            directory: std::env::current_dir().ok(),
            umask: umask.as_raw_mode(),
            limits: limits::own(),
        }
    }

    /// The environment by names; what has none is left out.
    pub fn variables(&self) -> impl Iterator<Item = (OsString, OsString)> + '_ {
        self.environment.iter().filter_map(|text| {
            let bytes = text.as_bytes();
            let equals = bytes.iter().position(|&byte| byte == b'=').filter(|&at| at > 0)?;
            let owned = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
            Some((owned(&bytes[..equals]), owned(&bytes[equals + 1..])))
        })
    }

    /// A sealed file in memory that holds it all.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn pack(&self) -> io::Result<OwnedFd> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(memfd_create("nixos-wsl-caller", flags)?);
        let umask = format!("{:o}", self.umask);
        let number = |limit: Option<u64>| limit.map_or("-".to_owned(), |number| number.to_string());
        let limits = self.limits.iter().flat_map(|limit| [number(limit.current), number(limit.maximum)]);
        let limits = limits.collect::<Vec<_>>().join(" ");
        let directory = self.directory.clone().unwrap_or_default();
        let count = self.argv.len().to_string();
        let fixed = [HEAD, &umask, &limits, &count].map(OsStr::new);
        let all = fixed
            .into_iter()
            .chain([directory.as_os_str()])
            .chain(self.argv.iter().map(OsString::as_os_str))
            .chain(self.environment.iter().map(OsString::as_os_str));
        let mut bytes = Vec::new();
        for text in all {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        file.write_all(&bytes)?;
        file.rewind()?;
        fcntl_add_seals(&file, SEALS)?;
        Ok(file.into())
    }

    /// Reads what [`Caller::pack`] wrote; nothing if it is anything else.
    #[must_use]
    pub fn unpack(file: OwnedFd) -> Option<Self> {
        if fcntl_get_seals(&file) != Ok(SEALS) {
            return None;
        }
        let mut bytes = Vec::new();
        let mut file = File::from(file);
        file.rewind().ok()?;
        file.read_to_end(&mut bytes).ok()?;
        bytes.pop_if(|last| *last == 0)?;
        let mut texts = bytes.split(|&byte| byte == 0).map(|text| OsString::from_vec(text.to_vec()));
        if texts.next()? != HEAD {
            return None;
        }
        let umask = u32::from_str_radix(texts.next()?.to_str()?, 8).ok()?;
        let numbers = texts.next()?.into_string().ok()?;
        let numbers: Vec<Option<u64>> = numbers.split(' ').map(|number| number.parse().ok()).collect();
        let limits =
            numbers.chunks_exact(2).map(|pair| Rlimit { current: pair[0], maximum: pair[1] }).collect();
        let count: usize = texts.next()?.to_str()?.parse().ok()?;
        let directory = Some(texts.next()?).filter(|text| !text.is_empty()).map(PathBuf::from);
        let mut argv: Vec<OsString> = texts.collect();
        let environment = argv.split_off(count.min(argv.len()));
        Some(Self { argv, environment, directory, umask, limits })
    }
}

/// The environment as the kernel was given it: the C library of a privileged program takes some of it away (`LD_*`,
/// `TMPDIR`), and the caller's shell is to have it all.
fn environment() -> Vec<OsString> {
    let whole = std::fs::read("/proc/self/environ").ok().filter(|bytes| !bytes.is_empty());
    match whole {
        Some(bytes) => {
            let texts = bytes.split(|&byte| byte == 0).filter(|text| !text.is_empty());
            texts.map(|text| OsString::from_vec(text.to_vec())).collect()
        }
        None => std::env::vars_os()
            .map(|(mut name, value)| {
                name.push("=");
                name.push(value);
                name
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(argv: &[&[u8]], environment: &[&[u8]]) -> Caller {
        let all = |list: &[&[u8]]| list.iter().map(|text| OsString::from_vec(text.to_vec())).collect();
        Caller {
            argv: all(argv),
            environment: all(environment),
            directory: Some("/home/a b".into()),
            umask: 0o027,
            limits: limits::own(),
        }
    }

    #[test]
    fn every_byte_goes_through() {
        let all = [
            caller(&[b"-bash"], &[]),
            caller(&[b"", b"", b"\n\xff '\"$`"], &[b"A=1", b"A=2", b"no equals", b"=x", b"B=\xfe\n"]),
            caller(&[], &[b"A="]),
            Caller { directory: None, ..caller(&[b"x", b""], &[]) },
        ];
        for one in all {
            assert_eq!(Caller::unpack(one.pack().expect("a memfd")).as_ref(), Some(&one));
        }
    }

    #[test]
    fn nothing_else_is_taken_for_a_caller() {
        let plain: OwnedFd = tempfile::tempfile().expect("a file").into();
        assert_eq!(Caller::unpack(plain), None);
        let unsealed = memfd_create("x", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("a memfd");
        assert_eq!(Caller::unpack(unsealed), None);
    }
}
