//! wsl.exe's command line, from arguments to a command and from a command to its exit code.
//!
//! wsl.exe does not see arguments but one line, and hands the rest of it to the shell as it stands. A caller with an
//! argument vector (any program that starts wsl.exe) has it joined by the Windows rules first; so does
//! [`parse::parse`]. [`parse::parse_line`] has the line itself.

mod arguments;
pub mod command;
mod disks;
pub mod line;
mod manage;
pub mod parse;
pub mod run;
pub mod usage;
pub mod wide;
