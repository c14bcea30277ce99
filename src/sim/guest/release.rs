//! Which release of WSL `/init` is, under each of its names: written behind the program that the distribution gets.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use crate::sim::wire::version::WslVersion;

/// How the version is found behind the program.
const MARK: &[u8] = b"\nwsl-sim version ";

/// Adds the version of WSL to a copy of the program.
///
/// # Errors
///
/// The system's.
pub fn add(program: &mut File, version: WslVersion) -> io::Result<()> {
    program.write_all(MARK)?;
    write!(program, "{version}")
}

/// The version behind this program; the newest without one.
#[must_use]
pub fn of_program() -> WslVersion {
    let tail = || -> io::Result<String> {
        let mut program = File::open("/proc/self/exe")?;
        let length = program.seek(io::SeekFrom::End(0))?;
        program.seek(io::SeekFrom::Start(length.saturating_sub(64)))?;
        let mut tail = Vec::new();
        program.read_to_end(&mut tail)?;
        let start = tail.windows(MARK.len()).rposition(|window| window == MARK);
        Ok(start.map(|at| String::from_utf8_lossy(&tail[at + MARK.len()..]).into_owned()).unwrap_or_default())
    };
    tail().ok().and_then(|text| WslVersion::parse(&text)).unwrap_or(WslVersion::NEWEST)
}
