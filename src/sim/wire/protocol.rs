//! What clients and WSL's init say to each other: JSON with a length before it, descriptors beside it.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A client's first and only message.
#[derive(Debug, Serialize, Deserialize)]
pub enum InitRequest {
    /// Start a process. Descriptors: one for each stream that is not a terminal.
    CreateProcess(Box<CreateProcess>),
    /// Power off.
    Terminate,
}

/// A process to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateProcess {
    /// `-u`
    pub user: Option<String>,
    /// `--cd`, else the caller's directory if it exists inside; empty: the home directory.
    pub directory: String,
    /// Without a shell: program and arguments; otherwise empty.
    pub exec: Vec<Vec<u8>>,
    /// With the shell: its `-c` line.
    pub line: Option<Vec<u8>>,
    /// The shell gets a dash before its name.
    pub login: bool,
    /// Which of standard input, output and error are terminals.
    pub terminal: [bool; 3],
    /// Rows and columns of the terminal.
    pub size: (u16, u16),
    /// In the system distribution.
    pub system: bool,
    /// Run the first-run command first.
    pub oobe: bool,
    /// The registry's default user.
    pub default_uid: u32,
    /// `NAME=value` of `WSLENV` and of the variables it lists.
    pub wslenv: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What WSL's init answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The request has been taken up.
    Accepted,
    /// Remarks on the start; the first client gets them. Hidden are those that WSL keeps to itself.
    Remarks {
        /// Without the `wsl: ` before each.
        shown: Vec<String>,
        /// What WSL does not say.
        hidden: Vec<String>,
    },
    /// The terminal's master side comes with this.
    Terminal,
    /// The first-run command has ended (W§7).
    Oobe {
        /// It succeeded.
        success: bool,
        /// `oobe.defaultUid`
        default_uid: Option<i32>,
    },
    /// The process has ended: exit code as WSL has it (W§6.4).
    Exit(i32),
}

/// wsl.exe takes this exit code for "no such user".
pub const NO_USER: i32 = 67;

/// Sends a message.
///
/// # Errors
///
/// The other side is gone.
pub fn send(socket: impl AsFd, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    let length = u32::try_from(json.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(json);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut sent = retry(|| sendmsg(&socket, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL))?;
    while sent < bytes.len() {
        sent += retry(|| rustix::net::send(&socket, &bytes[sent..], SendFlags::NOSIGNAL))?;
    }
    Ok(())
}

/// Receives a message; `None` when the other side has closed.
///
/// # Errors
///
/// The other side is gone in the middle of a message, or does not speak this protocol.
pub fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got = retry(|| {
        recvmsg(
            &socket,
            &mut [IoSliceMut::new(&mut length)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL,
        )
    })?
    .bytes;
    if got == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if got < length.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut json = vec![0; usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?];
    Stream(socket.as_fd()).read_exact(&mut json)?;
    Ok(Some((serde_json::from_slice(&json)?, descriptors)))
}

struct Stream<'a>(BorrowedFd<'a>);

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        retry(|| rustix::io::read(self.0, &mut *buffer))
    }
}

/// Repeats a system call that a signal interrupts.
///
/// # Errors
///
/// Any other.
pub fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}
