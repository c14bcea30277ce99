//! What the privileged program of namespace mode is given, and what it reads of the kernel.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use nixos_wsl::install::mounts::Mounts;
use nixos_wsl::namespace::caller::Caller;
use nixos_wsl::namespace::drives::drives;
use nixos_wsl::namespace::state::NamespaceState;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// The record of a caller: what is taken is what was packed.
pub fn caller(data: &[u8]) {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("fuzz", flags).unwrap());
    file.write_all(data).unwrap();
    fcntl_add_seals(&file, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE).unwrap();
    if let Some(caller) = Caller::unpack(OwnedFd::from(file)) {
        assert_eq!(Caller::unpack(caller.pack().unwrap()).as_ref(), Some(&caller));
    }
}

/// The state file: no other process is taken for the one that was recorded.
pub fn namespace_state(data: &[u8]) {
    let Ok(state) = serde_json::from_slice::<NamespaceState>(data) else { return };
    let again = serde_json::from_slice::<NamespaceState>(&serde_json::to_vec(&state).unwrap());
    assert_eq!(again.as_ref().ok(), Some(&state));
    // Nobody knows the inodes of a namespace by chance. Process ids below 2 are refused when the file is read.
    if state.pid > 1 && state.pidns < 1 << 20 && rustix::process::getuid().is_root() {
        assert!(state.running().is_none());
    }
}

/// `mountinfo`: any text is read without a panic, and two readers agree on a mount's place.
pub fn mountinfo(data: &[u8]) {
    let mounts = Mounts::parse(data, Path::new("/"));
    for drive in drives(data) {
        if let Ok(below) = drive.path.strip_prefix("/")
            && !below.as_os_str().is_empty()
        {
            assert!(mounts.covers(below), "{}", drive.path.display());
        }
    }
}
