//! The static programs as an archive: the same bytes from the same programs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use tar::{Builder, Header};

use super::error::ReleaseError;
use crate::system::error::Context;

/// The folder in the archive.
const FOLDER: &str = "nixos-wsl-tools/bin";

/// Writes the archive of `programs`, each a file, to `path`.
pub(super) fn write(programs: &[PathBuf], path: &Path) -> Result<(), ReleaseError> {
    let file = File::create_new(path).doing_at("write", path)?;
    // A gzip header without time and name, as of `gzip -n`.
    let mut archive = Builder::new(GzBuilder::new().write(file, Compression::best()));
    let mut programs: Vec<_> =
        programs.iter().filter_map(|program| Some((program.file_name()?, program))).collect();
    programs.sort();
    for (name, program) in programs {
        let bytes = fs::read(program).doing_at("read", program)?;
        let mut header = Header::new_ustar();
        header.set_mode(0o755);
        header.set_size(bytes.len() as u64);
        // As everything in the store.
        header.set_mtime(1);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, Path::new(FOLDER).join(name), &*bytes).doing_at("write", path)?;
    }
    let stream = archive.into_inner().doing_at("write", path)?;
    stream.finish().doing_at("write", path)?;
    Ok(())
}
