//! The thread that writes contents to files which the unpacking one has created, while that one goes on to the next.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use super::error::{InstallError, Result};
use super::header::MemberAttributes;
use super::pieces::Piece;
use super::write;

/// How many files are handed over at a time: every time wakes the thread.
const FILES: usize = 32;
/// How many batches may wait: every file in them is open.
const BATCHES: usize = 3;

/// A file that has been created, and what it is to become.
pub struct NewFile {
    /// Open for writing, and empty.
    pub file: File,
    /// What it gets when it is written.
    pub attributes: MemberAttributes,
    /// Its whole content.
    pub content: Piece,
}

/// Files that are handed over together, all of one frame: a batch that waits for more must not have every buffer that the
/// next frames need.
#[derive(Default)]
struct Batch {
    /// Each with the end of its path.
    files: Vec<(NewFile, usize)>,
    /// Their paths, one after the other, so that none is an allocation that another thread gives back.
    paths: Vec<u8>,
}

/// The unpacking thread's end.
pub struct ContentWriter<'scope> {
    batch: Batch,
    batches: SyncSender<Batch>,
    /// Batches that have been written, to be filled again.
    written: Receiver<Batch>,
    thread: ScopedJoinHandle<'scope, Result<()>>,
}

impl<'scope> ContentWriter<'scope> {
    /// Starts the thread.
    #[must_use]
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>) -> Self {
        let (batches, waiting) = sync_channel(BATCHES);
        // With room for all of them: who writes never waits for who takes them back.
        let (give_back, written) = sync_channel(BATCHES + 2);
        let thread = scope.spawn(move || write_all(&waiting, &give_back));
        Self { batch: Batch::default(), batches, written, thread }
    }

    /// Has the file at `path`, relative to the root, written. `false` when the thread has ended, which [`ContentWriter::finish`]
    /// gives the reason of.
    pub fn add(&mut self, file: NewFile, path: &Path) -> bool {
        let last = self.batch.files.last();
        let other_frame = last.is_some_and(|(last, _)| !last.content.shares_frame(&file.content));
        let sent = !other_frame || self.send();
        self.batch.paths.extend_from_slice(path.as_os_str().as_bytes());
        self.batch.files.push((file, self.batch.paths.len()));
        sent && (self.batch.files.len() < FILES || self.send())
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// When a file could not be written.
    pub fn finish(mut self) -> Result<()> {
        self.send();
        drop(self.batches);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn send(&mut self) -> bool {
        let next = self.written.try_recv().unwrap_or_default();
        self.batches.send(std::mem::replace(&mut self.batch, next)).is_ok()
    }
}

fn write_all(batches: &Receiver<Batch>, give_back: &SyncSender<Batch>) -> Result<()> {
    for Batch { mut files, mut paths } in batches {
        let mut start = 0;
        for (NewFile { mut file, attributes, content }, end) in files.drain(..) {
            let written = file.write_all(&content).and_then(|()| Ok(write::finish(&file, attributes)?));
            written.map_err(|error| InstallError::at(OsStr::from_bytes(&paths[start..end]), error))?;
            start = end;
        }
        paths.clear();
        let _ = give_back.try_send(Batch { files, paths });
    }
    Ok(())
}
