//! The client's side of a process's standard streams: pipes carried byte for byte, or a terminal.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use crate::sim::wire::protocol::retry;

/// So much can be written to a pipe that polls as writable without waiting (`PIPE_BUF`).
const PIECE: usize = 4096;

/// No pipe holds more; what comes after so much was written after the process ended.
const MOST: usize = 1 << 20;

/// Why [`Streams::next`] returned.
pub enum StreamEvent {
    /// WSL's init has something to say, or is gone.
    Message,
    /// This process was asked to end, by that signal.
    Terminated(i32),
}

/// One direction of one stream.
struct Flow {
    from: Side,
    to: Side,
    buffer: Vec<u8>,
    done: bool,
    /// Bytes read so far.
    carried: usize,
}

impl Flow {
    fn new(from: Side, to: Side) -> Self {
        Self { from, to, buffer: Vec::new(), done: false, carried: 0 }
    }
}

/// Where bytes come from or go to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Stdin,
    Stdout,
    Stderr,
    Master,
    Pipe(usize),
}

/// All streams of a launch.
pub struct Streams {
    flows: Vec<Flow>,
    pipes: [Option<OwnedFd>; 3],
    master: Option<OwnedFd>,
    terminal: [bool; 3],
    /// So long a terminal may hold back what was written last.
    grace: Duration,
    /// The caller's terminal as it was.
    saved: Option<Termios>,
    /// Readable when a signal has come.
    signals: UnixStream,
    /// The signal that asked for the end.
    end: Arc<AtomicUsize>,
}

impl Streams {
    /// Makes a pipe for each stream that is no terminal; the second part is the other process's ends. A terminal may
    /// take as long as `grace` to hand over what was written last.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new(terminal: [bool; 3], grace: Duration) -> io::Result<(Self, Vec<OwnedFd>)> {
        let (signals, writer) = UnixStream::pair()?;
        signals.set_nonblocking(true)?;
        let end = Arc::new(AtomicUsize::new(0));
        for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
            signal_hook::flag::register_usize(signal, Arc::clone(&end), signal.unsigned_abs() as usize)?;
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        signal_hook::low_level::pipe::register(libc::SIGWINCH, writer)?;
        let mut streams = Self {
            flows: Vec::new(),
            pipes: [None, None, None],
            master: None,
            terminal,
            grace,
            saved: None,
            signals,
            end,
        };
        let mut process_ends = Vec::new();
        for (index, _) in terminal.iter().enumerate().filter(|(_, terminal)| !**terminal) {
            let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
            let (own_end, other) = if index == 0 { (writer, reader) } else { (reader, writer) };
            fcntl_setfl(&own_end, fcntl_getfl(&own_end)? | OFlags::NONBLOCK)?;
            streams.pipes[index] = Some(own_end);
            process_ends.push(other);
            let pipe = Side::Pipe(index);
            let (from, to) = match index {
                0 => (Side::Stdin, pipe),
                1 => (pipe, Side::Stdout),
                _ => (pipe, Side::Stderr),
            };
            streams.flows.push(Flow::new(from, to));
        }
        Ok((streams, process_ends))
    }

    /// Rows and columns of the caller's terminal.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        let size =
            tcgetwinsize(stdin()).or_else(|_| tcgetwinsize(stdout())).or_else(|_| tcgetwinsize(stderr()));
        size.map_or((24, 80), |size| (size.ws_row, size.ws_col))
    }

    /// Connects the caller's terminal with the process's.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn attach(&mut self, master: OwnedFd) -> io::Result<()> {
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        if self.terminal[0] {
            let modes = tcgetattr(stdin())?;
            let mut raw = modes.clone();
            raw.make_raw();
            tcsetattr(stdin(), OptionalActions::Drain, &raw)?;
            self.saved = Some(modes);
            self.flows.push(Flow::new(Side::Stdin, Side::Master));
        }
        // Without a terminal to write to, what was typed is still echoed where it was typed.
        let to = match self.terminal {
            [_, true, _] => Side::Stdout,
            [_, _, true] => Side::Stderr,
            _ => Side::Stdin,
        };
        self.flows.push(Flow::new(Side::Master, to));
        self.master = Some(master);
        Ok(())
    }

    /// Gives the caller's terminal its modes back.
    pub fn restore(&mut self) {
        if let Some(modes) = self.saved.take() {
            // A terminal that has gone needs none.
            let _ = tcsetattr(stdin(), OptionalActions::Drain, &modes);
        }
    }

    /// Carries bytes until something else happens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn next(&mut self, socket: BorrowedFd<'_>) -> io::Result<StreamEvent> {
        loop {
            let (ready, _) = self.turn(Some(socket), None)?;
            if let Some(signal) = self.signal()? {
                return Ok(StreamEvent::Terminated(signal));
            }
            if ready {
                return Ok(StreamEvent::Message);
            }
        }
    }

    /// Carries what the process has written before it ended.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn finish(&mut self) -> io::Result<()> {
        self.flows.retain(|flow| flow.from != Side::Stdin);
        self.flows.iter_mut().for_each(|flow| flow.carried = 0);
        loop {
            let open = |flow: &&Flow| !flow.done && (flow.carried < MOST || !flow.buffer.is_empty());
            let Some(full) =
                self.flows.iter().filter(open).map(|flow| !flow.buffer.is_empty()).reduce(|a, b| a | b)
            else {
                break;
            };
            // A terminal's line discipline hands bytes over a moment later.
            let terminal = self.flows.iter().any(|flow| flow.from == Side::Master && !flow.done);
            let grace = if terminal { self.grace } else { Duration::ZERO };
            let grace = Timespec::try_from(grace).map_err(|_| io::ErrorKind::InvalidInput)?;
            let (_, moved) = self.turn(None, (!full).then_some(&grace))?;
            if !moved {
                break;
            }
        }
        self.restore();
        Ok(())
    }

    /// The signal that asked this process to end, if one did. Changes of the window's size are passed on.
    fn signal(&mut self) -> io::Result<Option<i32>> {
        match self.signals.read(&mut [0; 16]) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let end = self.end.load(Ordering::Relaxed);
        if end != 0 {
            return Ok(i32::try_from(end).ok());
        }
        if let Some(master) = &self.master
            && let Ok(size) = tcgetwinsize(stdin()).or_else(|_| tcgetwinsize(stdout()))
        {
            // The process may have closed its terminal.
            let _ = tcsetwinsize(master, size);
        }
        Ok(None)
    }

    fn side(&self, side: Side) -> Option<BorrowedFd<'_>> {
        match side {
            Side::Stdin => Some(stdin()),
            Side::Stdout => Some(stdout()),
            Side::Stderr => Some(stderr()),
            Side::Master => self.master.as_ref().map(AsFd::as_fd),
            Side::Pipe(index) => self.pipes[index].as_ref().map(AsFd::as_fd),
        }
    }

    /// Waits once and moves a piece of every stream that is ready: whether the socket is, and whether a byte moved.
    fn turn(
        &mut self,
        socket: Option<BorrowedFd<'_>>,
        timeout: Option<&Timespec>,
    ) -> io::Result<(bool, bool)> {
        let mut events = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let mut polled = Vec::new();
        for (index, flow) in self.flows.iter().enumerate().filter(|(_, flow)| !flow.done) {
            let (side, flags) =
                if flow.buffer.is_empty() { (flow.from, PollFlags::IN) } else { (flow.to, PollFlags::OUT) };
            if let Some(descriptor) = self.side(side) {
                events.push(PollFd::from_borrowed_fd(descriptor, flags));
                polled.push(index);
            }
        }
        events.extend(socket.map(|socket| PollFd::from_borrowed_fd(socket, PollFlags::IN)));
        match poll(&mut events, timeout) {
            Ok(_) => {}
            // A signal's byte is in the socket by now.
            Err(Errno::INTR) => return Ok((false, true)),
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<_> = events.iter().map(|event| !event.revents().is_empty()).collect();
        let mut moved = false;
        for (&index, _) in polled.iter().zip(&ready[1..]).filter(|(_, ready)| **ready) {
            moved |= self.step(index);
        }
        Ok((socket.is_some() && ready.last() == Some(&true), moved))
    }

    /// Reads a piece, or writes some of the one at hand.
    fn step(&mut self, index: usize) -> bool {
        let flow = &self.flows[index];
        let mut piece = [0; PIECE];
        let result = if flow.buffer.is_empty() {
            let Some(from) = self.side(flow.from) else { return false };
            retry(|| rustix::io::read(from, &mut piece))
        } else {
            let Some(to) = self.side(flow.to) else { return false };
            retry(|| rustix::io::write(to, &flow.buffer[..flow.buffer.len().min(PIECE)]))
        };
        let flow = &mut self.flows[index];
        match result {
            Ok(count) if count > 0 => {
                if flow.buffer.is_empty() {
                    flow.buffer.extend(&piece[..count]);
                    flow.carried += count;
                } else {
                    flow.buffer.drain(..count);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            // The end of the file, a reader or a terminal that has gone: this stream is over, on both sides.
            _ => {
                flow.done = true;
                flow.buffer.clear();
                for side in [flow.from, flow.to] {
                    if let Side::Pipe(pipe) = side {
                        self.pipes[pipe] = None;
                    }
                }
            }
        }
        true
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.restore();
    }
}
