//! Structured inputs from bytes, and folders for what is read from files.

use std::cell::OnceCell;
use std::fs;
use std::path::PathBuf;

use nixos_wsl::system::root::Root;
use tempfile::TempDir;

/// Takes an input apart; at its end everything is zero or empty.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Up to the next line feed, which is in no part.
    pub fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == b'\n');
        let line = self.bytes(end.unwrap_or(self.0.len()));
        self.bytes(1);
        line
    }
}

fn memory() -> TempDir {
    // checks/soak names a folder in memory that it removes: libFuzzer's programs do not end in an orderly way.
    match std::env::var_os("NIXOS_WSL_FUZZ_MEMORY") {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap(),
    }
}

/// A root that has nothing but `text` at `path`.
pub fn root_with(path: &str, text: &[u8]) -> Root {
    thread_local!(static FOLDER: OnceCell<TempDir> = const { OnceCell::new() });
    let folder: PathBuf = FOLDER.with(|folder| folder.get_or_init(memory).path().to_owned());
    let root = Root::new(folder);
    let file = root.path(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    root
}

/// An empty root.
pub fn empty_root() -> (TempDir, Root) {
    let folder = memory();
    let root = Root::new(folder.path());
    (folder, root)
}
