//! What `/init` knows of its virtual machine under each of its names: written behind the program that the distribution
//! gets, where no variable of a user's can change it.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use serde::{Deserialize, Serialize};

use crate::sim::wire::version::WslVersion;
use crate::sim::wire::wslconfig::NetworkingMode;

/// How the record is found behind the program.
const MARK: &[u8] = b"\nwsl-sim release ";
/// The record is shorter than this.
const TAIL: u64 = 1024;

/// The virtual machine and the Windows that it runs on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    /// WSL's version.
    pub version: WslVersion,
    /// The virtual machine's GUID.
    pub vm_id: String,
    /// Letters of the Windows drives.
    pub drives: String,
    /// What `wslinfo --networking-mode` says.
    pub networking_mode: NetworkingMode,
}

impl Release {
    /// Adds the record to a copy of the program.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn add(&self, program: &mut File) -> io::Result<()> {
        program.write_all(MARK)?;
        Ok(serde_json::to_writer(program, self)?)
    }

    /// The record behind this program; of the newest version, with one drive, where there is none.
    #[must_use]
    pub fn of_program() -> Self {
        Self::read().unwrap_or_else(|_| Self {
            version: WslVersion::NEWEST,
            vm_id: String::new(),
            drives: "c".into(),
            networking_mode: NetworkingMode::Nat,
        })
    }

    fn read() -> io::Result<Self> {
        let mut program = File::open("/proc/self/exe")?;
        let length = program.seek(io::SeekFrom::End(0))?;
        program.seek(io::SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        program.read_to_end(&mut tail)?;
        let start = tail.windows(MARK.len()).rposition(|window| window == MARK);
        let start = start.ok_or(io::ErrorKind::NotFound)?;
        Ok(serde_json::from_slice(&tail[start + MARK.len()..])?)
    }
}
