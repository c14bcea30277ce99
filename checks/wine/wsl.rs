//! A wsl.exe for Wine: hands its command line, as Windows gives it, to `tests/accept` by loopback, and its streams with it.
//!
//! To the port of `NIXOS_WSL_WINE_PORT` go the command line and the environment, each after its length in four bytes, then
//! standard input. Back come parts of the output (1, length, bytes), of the error output (2, …), and the exit code (0, four
//! bytes).

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

unsafe extern "system" {
    fn GetCommandLineW() -> *const u16;
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
    let port: u16 = std::env::var("NIXOS_WSL_WINE_PORT")?.parse()?;
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    send(&mut stream, &command_line())?;
    let variables: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    send(&mut stream, &variables.join("\0"))?;
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
