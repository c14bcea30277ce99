//! The empty file system: made by mke2fs in a sparse file, with the features that are written here and nothing by chance.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::SeekFrom;

use super::device::BlockDevice;
use super::identity::DiskIdentity;

/// What e2fsprogs gives a file system by itself, and WSL formats with (W§1.2), by name, so that no `mke2fs.conf` decides;
/// but two copies of the superblock instead of eighteen, each of which costs a MiB of the VHDX. It grows and shrinks while
/// it is not mounted, which is how `wsl --manage --resize` does it.
const FEATURES: &str = "none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super2,large_file,\
                        huge_file,dir_nlink,extra_isize,metadata_csum";

/// Formats the file at `path`, which is as large as the disk.
///
/// # Errors
/// When mke2fs cannot be started or fails; what it says is in the error.
pub fn format(mke2fs: &Path, path: &Path, identity: &DiskIdentity) -> io::Result<()> {
    let uuid = identity.uuid("file system");
    let output = Command::new(mke2fs)
        .args(["-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-i", "16384", "-m", "5", "-G", "4096"])
        .args(["-O", FEATURES, "-o", "Linux", "-e", "continue", "-U", &uuid])
        .args([
            "-E",
            &format!(
                "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0,hash_seed={}",
                identity.uuid("names")
            ),
        ])
        .arg(path)
        .env_clear()
        // The program itself may be given by its name alone.
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("MKE2FS_CONFIG", "/dev/null")
        // Versions before 1.47.1 know the first, later ones the second.
        .env("E2FSPROGS_FAKE_TIME", "1")
        .env("SOURCE_DATE_EPOCH", "1")
        .env("MKE2FS_SKIP_PROGRESS", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", mke2fs.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("mke2fs: {}: {}", output.status, text.trim().replace('\n', "; "))))
}

/// Copies what is not zero in `file` to `device`.
///
/// # Errors
/// When the file cannot be read or the device takes no more.
pub fn copy(file: &File, device: &mut impl BlockDevice) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut offset = 0;
    loop {
        let start = match rustix::fs::seek(file, SeekFrom::Data(offset)) {
            Ok(start) => start,
            Err(rustix::io::Errno::NXIO) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start))?;
        offset = start;
        while offset < end {
            let room = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
            file.read_exact_at(&mut buffer[..room], offset)?;
            device.write_at(&buffer[..room], offset)?;
            offset += room as u64;
        }
    }
}
