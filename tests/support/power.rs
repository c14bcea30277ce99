//! A disk whose power can be cut: ext4 on a loop device, with what it had not been told to keep in memory alone.
//!
//! The cut is the kernel's own for such tests (`FS_IOC_SHUTDOWN`, as in xfstests): from that moment nothing of the file
//! system reaches the device any more, neither data nor journal. What is mounted again is a copy of the device as it was
//! then, as after the loss of a virtual machine. What a disk's own cache might lose, WSL's virtual disks being files of Windows, is not
//! part of it.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;

use nixos_wsl::sys::namespace::unshare;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::UnshareFlags;
use tempfile::TempDir;

use super::patience::eventually;

/// The journal is written when a program asks for it, and not by the clock: a cut loses as much as it can.
const OPTIONS: &str = "loop,commit=3000";

/// A mount namespace of this test's: whoever else makes one meanwhile would keep a disk mounted in it.
pub fn own_mounts() {
    unshare(UnshareFlags::NEWNS).unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
}

/// Mounts the ext4 in the file `disk`, through a loop device, of which the machine has few and others take some.
pub fn mount(options: &str, disk: &Path, folder: &Path) {
    assert!(disk.exists(), "{}", disk.display());
    eventually("a free loop device", || {
        let mut mount = Command::new("mount");
        let output = mount.args(["-t", "ext4", "-o", options]).arg(disk).arg(folder).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || message.contains("loop device"), "{message}");
        output.status.success()
    });
}

/// A mounted disk; it is gone with this value.
pub struct Disk {
    folder: TempDir,
    options: String,
    /// How often it was copied.
    copy: Cell<u32>,
}

impl Disk {
    /// A new disk of so many MiB. With `data=writeback,noauto_da_alloc` as `options` ext4 gives no help to programs that
    /// rename before they sync.
    pub fn new(size: u32, options: &str) -> Self {
        own_mounts();
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let options =
            [OPTIONS, options].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(",");
        let disk = Self { folder, options, copy: Cell::new(0) };
        std::fs::File::create(disk.device()).unwrap().set_len(u64::from(size) << 20).unwrap();
        run(Command::new("mkfs.ext4")
            .args(["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"])
            .arg(disk.device()));
        std::fs::create_dir(disk.path()).unwrap();
        disk.mount();
        disk
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn device(&self) -> PathBuf {
        self.folder.path().join(format!("disk-{}.img", self.copy.get()))
    }

    fn mount(&self) {
        mount(&self.options, &self.device(), &self.path());
    }

    /// Brings everything to the device.
    pub fn sync(&self) {
        run(Command::new("sync").arg("-f").arg(self.path()));
    }

    /// Cuts the power. Programs that still run get errors from here on.
    pub fn cut(&self) {
        let script = "import fcntl, os, struct, sys\n\
            fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        run(Command::new("python3").args(["-c", script]).arg(self.path()));
    }

    /// Starts again with what is on the device: the journal is replayed, and the file system is then without fault.
    pub fn restart(&self) {
        let cut_off = self.device();
        self.copy.set(self.copy.get() + 1);
        run(Command::new("cp").arg("--sparse=always").args([&cut_off, &self.device()]));
        run(Command::new("umount").arg("-l").arg(self.path()));
        std::fs::remove_file(cut_off).unwrap();
        self.mount();
        run(Command::new("umount").arg(self.path()));
        run(Command::new("e2fsck").arg("-fn").arg(self.device()));
        self.mount();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
}
