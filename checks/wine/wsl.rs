//! A wsl.exe for Wine: hands its command line, as Windows gives it, to `tests/accept` by loopback, and its streams with it.
//!
//! To the port of `NIXOS_WSL_WINE_PORT` go the command line, the environment, and lines and columns of the console if it has
//! one, each after its length in four bytes, then standard input. Back come parts of the output (1, length, bytes), of the error output (2, …), and the exit code (0, four
//! bytes).

use std::error::Error;
use std::ffi::c_void;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::windows::io::IntoRawHandle;
use std::thread;

/// Windows' name of a standard stream.
const INPUT: u32 = (-10_i32).cast_unsigned();
const OUTPUT: u32 = (-11_i32).cast_unsigned();
const ERRORS: u32 = (-12_i32).cast_unsigned();
/// Keys arrive as they are typed, as a terminal of Linux sends them (`ENABLE_VIRTUAL_TERMINAL_INPUT`).
const KEYS: u32 = 0x200;
/// Sequences of a terminal act, and a line feed only goes down: `ENABLE_PROCESSED_OUTPUT`,
/// `ENABLE_VIRTUAL_TERMINAL_PROCESSING`, `DISABLE_NEWLINE_AUTO_RETURN`.
const SEQUENCES: u32 = 0x1 | 0x4 | 0x8;

/// `CONSOLE_SCREEN_BUFFER_INFO`.
#[repr(C)]
#[derive(Default)]
struct Screen {
    size: [i16; 2],
    cursor: [i16; 2],
    attributes: u16,
    /// Left, top, right, bottom.
    window: [i16; 4],
    largest: [i16; 2],
}

unsafe extern "system" {
    fn GetCommandLineW() -> *const u16;
    fn GetStdHandle(which: u32) -> *mut c_void;
    fn SetStdHandle(which: u32, stream: *mut c_void) -> i32;
    fn GetConsoleMode(console: *mut c_void, mode: *mut u32) -> i32;
    fn SetConsoleMode(console: *mut c_void, mode: u32) -> i32;
    fn GetConsoleScreenBufferInfo(console: *mut c_void, screen: *mut Screen) -> i32;
}

/// A program that is started on a pseudo console with invalid standard streams has that console's from Windows, and none from
/// Wine.
fn take_console() {
    for (which, name) in [(INPUT, "CONIN$"), (OUTPUT, "CONOUT$"), (ERRORS, "CONOUT$")] {
        // SAFETY: a handle is a number; it is compared, and replaced by one that stays open as long as the process.
        unsafe {
            let stream = GetStdHandle(which);
            let none = stream.is_null() || stream.addr() == usize::MAX;
            if none && let Ok(console) = File::options().read(true).write(true).open(name) {
                SetStdHandle(which, console.into_raw_handle());
            }
        }
    }
}

/// Lines and columns of the console, if this program is on one; from here on it gives and takes what a terminal does.
fn console() -> Option<String> {
    let mut screen = Screen::default();
    // SAFETY: the handles are this process's own, and what they say is written to a number and a structure of Windows' layout.
    unsafe {
        let (input, output, mut mode) = (GetStdHandle(INPUT), GetStdHandle(OUTPUT), 0);
        if GetConsoleMode(input, &raw mut mode) == 0
            || GetConsoleScreenBufferInfo(output, &raw mut screen) == 0
        {
            return None;
        }
        SetConsoleMode(input, KEYS);
        SetConsoleMode(output, SEQUENCES);
    }
    let [left, top, right, bottom] = screen.window;
    Some(format!("{} {}", bottom - top + 1, right - left + 1))
}

/// The line, with the program's name, nothing of it split or unquoted.
fn command_line() -> String {
    // SAFETY: Windows gives a text that ends with a zero and stays as long as the process.
    let units = unsafe {
        let (start, mut length) = (GetCommandLineW(), 0);
        while *start.add(length) != 0 {
            length += 1;
        }
        std::slice::from_raw_parts(start, length)
    };
    String::from_utf16_lossy(units)
}

fn send(to: &mut TcpStream, text: &str) -> Result<(), Box<dyn Error>> {
    to.write_all(&u32::try_from(text.len())?.to_le_bytes())?;
    Ok(to.write_all(text.as_bytes())?)
}

fn number(from: &mut TcpStream) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn run() -> Result<i32, Box<dyn Error>> {
    take_console();
    let port: u16 = std::env::var("NIXOS_WSL_WINE_PORT")?.parse()?;
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    send(&mut stream, &command_line())?;
    let variables: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    send(&mut stream, &variables.join("\0"))?;
    send(&mut stream, &console().unwrap_or_default())?;
    let mut input = stream.try_clone()?;
    thread::spawn(move || {
        // A program that ends before its input is no fault.
        let _ = io::copy(&mut io::stdin(), &mut input);
        let _ = input.shutdown(Shutdown::Write);
        // Seen once: Wine ended by a signal where this thread and the process came to their ends together.
        loop {
            thread::park();
        }
    });
    loop {
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        let count = number(&mut stream)?;
        if kind == [0] {
            return Ok(count.cast_signed());
        }
        let mut bytes = vec![0; usize::try_from(count)?];
        stream.read_exact(&mut bytes)?;
        // Whoever started this may have closed its end.
        let _ = if kind == [1] { io::stdout().write_all(&bytes) } else { io::stderr().write_all(&bytes) };
        let _ = io::stdout().flush();
    }
}

fn main() {
    let code = run().unwrap_or_else(|error| {
        eprintln!("wsl.exe for Wine: {error}");
        -1
    });
    std::process::exit(code);
}
