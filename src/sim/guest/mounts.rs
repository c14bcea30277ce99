//! Mounts and what they are mounted on, as WSL's init makes them: what is there already is taken as it is.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, symlink};

use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, mount, mount_bind, mount_change, mount_remount,
    move_mount,
};

use crate::system::error::{Context, Failure};

/// Puts a mount that was taken along at a directory that is made if need be.
///
/// # Errors
///
/// The system's.
pub fn place(tree: &OwnedFd, target: &str) -> Result<(), Failure> {
    fs::create_dir_all(target).doing_at("make", target)?;
    mount_tree(tree, target).doing_at("mount", target)
}

/// The same at a path that exists.
///
/// # Errors
///
/// The system's.
pub fn mount_tree(tree: &OwnedFd, target: &str) -> io::Result<()> {
    Ok(move_mount(tree.as_fd(), "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Makes a directory where there is none; like WSL it takes anything of that name for one.
///
/// # Errors
///
/// The system's, but for "exists".
pub fn directory(path: &str, mode: u32) -> Result<(), Failure> {
    match fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error).doing_at("make", path),
        _ => Ok(()),
    }
}

/// Makes a link where there is nothing of that name.
///
/// # Errors
///
/// The system's, but for "exists".
pub fn link(target: &str, path: &str) -> Result<(), Failure> {
    match symlink(target, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error).doing_at("link", path),
        _ => Ok(()),
    }
}

/// A new file system at a directory that is made if need be.
///
/// # Errors
///
/// The system's.
pub fn attach(fs: &str, target: &str, flags: MountFlags, options: &str) -> Result<(), Failure> {
    fs::create_dir_all(target).doing_at("make", target)?;
    let data = std::ffi::CString::new(options).map_err(io::Error::from).doing_at("encode", options)?;
    mount(fs, target, fs, flags, data.as_c_str()).doing_at(format!("mount {fs} on"), target)
}

/// Makes a mount a member of a peer group.
///
/// # Errors
///
/// The system's.
pub fn share(target: &str) -> Result<(), Failure> {
    mount_change(target, MountPropagationFlags::SHARED).doing_at("share", target)
}

/// Binds a path to another; both exist.
///
/// # Errors
///
/// The system's.
pub fn bind(source: &str, target: &str, read_only: bool) -> Result<(), Failure> {
    mount_bind(source, target).doing_at("bind", target)?;
    if read_only {
        mount_remount(target, MountFlags::BIND | MountFlags::RDONLY, "").doing_at("protect", target)?;
    }
    Ok(())
}
