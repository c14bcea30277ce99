//! The root file system as a disk that WSL takes without unpacking anything: `wsl --import --vhd`, `wsl --import-in-place`.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use self::device::BlockDevice;
use self::ext4::Ext4;
use self::identity::DiskIdentity;
use self::vhdx::Vhdx;
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use super::stream::write_error;
use super::tarball::{self, Request, TarballReport};
use super::tree::Tree;
use super::{Result, store};

pub mod device;
pub mod ext4;
pub mod identity;
pub mod reader;
pub mod template;
pub mod vhdx;

/// The size of WSL's own disks, in bytes (W§1.2).
pub const DEFAULT_SIZE: u64 = 1 << 40;

/// How the disk is written.
#[derive(Debug)]
pub struct DiskForm {
    /// The disk's size in bytes, in whole MiB.
    pub size: u64,
    /// The program that formats it.
    pub mke2fs: PathBuf,
    /// Whether the file is the file system itself, sparse, instead of a VHDX.
    pub raw: bool,
}

/// Writes the disk.
///
/// # Errors
/// As [`tarball::write`]; and when mke2fs fails.
pub fn write(request: &Request, form: &DiskForm, interrupt: &Interrupt) -> Result<TarballReport> {
    let attributes = &request.attributes;
    let tree = tarball::tree(request)?;
    let identity = DiskIdentity::new(attributes, &tree, form.size);
    let output = Output::create(&tarball::destination(request, "disk")?)?;
    let fail = |error| write_error(output.path(), error);
    let folder = output.path().parent().filter(|folder| !folder.as_os_str().is_empty());
    let members = if form.raw {
        let mut file = output.file()?;
        file.set_len(form.size).map_err(fail)?;
        template::format(&form.mke2fs, output.temporary()?, &identity).map_err(fail)?;
        fill(&mut file, request, &tree, output.path(), interrupt)?
    } else {
        let empty = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(fail)?;
        empty.as_file().set_len(form.size).map_err(fail)?;
        template::format(&form.mke2fs, empty.path(), &identity).map_err(fail)?;
        let mut disk = Vhdx::new(output.file()?, form.size).map_err(fail)?;
        // mke2fs may have written to the path anew.
        template::copy(&File::open(empty.path()).map_err(fail)?, &mut disk).map_err(fail)?;
        drop(empty);
        let members = fill(&mut disk, request, &tree, output.path(), interrupt)?;
        disk.finish(identity.guid("content"), identity.guid("disk")).map_err(fail)?;
        members
    };
    interrupt.check()?;
    let path = output.path().to_owned();
    let store_paths = attributes.closure.paths().len();
    Ok(TarballReport { path, size: output.publish()?, members, store_paths })
}

/// Fills the empty file system on `device`.
fn fill(
    device: &mut impl BlockDevice,
    request: &Request,
    tree: &Tree,
    destination: &Path,
    interrupt: &Interrupt,
) -> Result<u64> {
    let progress = Progress::new(request.attributes.closure.nar_size());
    let mut disk = Ext4::open(device, destination, &progress, interrupt)?;
    for (path, owner, node) in tree.nodes() {
        store::append_node(&mut disk, path, owner, node, &request.store)?;
    }
    let members = disk.finish()?;
    progress.finish();
    Ok(members)
}
