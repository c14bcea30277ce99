//! Where the suite runs: versions that a report has to name, and what there is to try with.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::bench::Bench;
use super::call::WslProgram;
use super::case::{Need, Trouble};
use super::process::windows_program;
use crate::digest::{hexadecimal, sha256};

/// What a result is worth nothing without.
#[derive(Debug, Clone, Serialize)]
pub struct Surroundings {
    /// `windows` or `simulator`.
    pub kind: &'static str,
    /// What `wsl --version` and `wsl --status` say, in Windows' language.
    pub wsl: Vec<String>,
    /// The kernel that the distribution runs on; nothing where it was not told.
    pub kernel: String,
    /// Windows' version; nothing where there is none.
    pub windows: String,
    /// This machine's architecture.
    pub machine: &'static str,
}

impl Surroundings {
    /// Asks wsl.exe. The kernel is asked of a distribution, by [`Self::ask_kernel`].
    ///
    /// # Errors
    /// wsl.exe cannot be started, or does not end.
    pub fn find(wsl: &WslProgram) -> Result<Self, Trouble> {
        let version = wsl.call(["--version"]).reply()?.out;
        let status = wsl.call(["--status"]).reply().map(|reply| reply.out).unwrap_or_default();
        // It says its own name, which wsl.exe does not.
        let simulated = version.lines().any(|line| line.starts_with("wsl-sim "));
        let lines = [version, status].concat();
        let windows = if cfg!(windows) && !simulated {
            windows_program(Path::new("cmd.exe"), &["/c", "ver"]).unwrap_or_default().trim().to_owned()
        } else {
            String::new()
        };
        Ok(Self {
            kind: if simulated { "simulator" } else { "windows" },
            wsl: lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect(),
            kernel: String::new(),
            windows,
            machine: std::env::consts::ARCH,
        })
    }

    /// Asks a distribution for its kernel.
    pub fn ask_kernel(&mut self, bench: &Bench) {
        self.kernel = bench.file("/proc/sys/kernel/osrelease").ok().unwrap_or_default();
    }

    /// Why a need is not met; nothing where it is.
    #[must_use]
    pub fn lacks(&self, need: Need, bench: &Bench) -> Option<String> {
        match need {
            Need::Windows => (self.kind != "windows").then(|| "only Windows has it".into()),
            Need::Internet => {
                let line = "timeout 10 bash -c ': </dev/tcp/cache.nixos.org/443' 2>/dev/null && echo reached";
                let reached = bench.line(line).reply().is_ok_and(|reply| reply.out.trim() == "reached");
                (!reached).then(|| "cache.nixos.org is not reached from the distribution".into())
            }
        }
    }
}

/// The image that is tried.
#[derive(Debug, Clone, Serialize)]
pub struct TriedImage {
    /// The file's name, without the folder that it is in.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl TriedImage {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let sha256 = hexadecimal(&sha256(path)?);
        let bytes = fs::metadata(path)?.len();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { file, bytes, sha256 })
    }
}
