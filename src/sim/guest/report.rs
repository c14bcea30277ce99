//! What WSL keeps to itself: in the log, in the file `report` of the distribution's folder, and for the first client.

use crate::system::error::{Context, Failure};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The remarks on a start that WSL does not make.
pub struct StartReport {
    file: File,
    /// Those that no client has been given.
    pending: Vec<String>,
}

impl StartReport {
    /// Opens the report in a distribution's folder, which the supervisor has made.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("report");
        let file = File::options().append(true).open(&path).doing_at("write", &path)?;
        Ok(Self { file, pending: Vec::new() })
    }

    /// Adds a remark.
    pub fn add(&mut self, remark: &str) {
        wsl_error!("wsl-sim", "{remark}");
        self.add_to_file(remark);
        self.pending.push(remark.into());
    }

    /// Adds a remark that no client needs: it has been told in WSL's own words.
    pub fn add_to_file(&mut self, remark: &str) {
        // A full disk loses the remark, not the distribution.
        let _ = writeln!(self.file, "{remark}");
    }

    /// The remarks since the last call.
    pub fn take_pending(&mut self) -> Vec<String> {
        std::mem::take(&mut self.pending)
    }
}
