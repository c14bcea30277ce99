//! What both sides of the simulator know: wsl.exe's (`host`) and WSL's init (`guest`). Uses neither.

pub mod disks;
pub mod error;
pub mod process;
pub mod protocol;
pub mod registration;
pub mod removal;
pub mod start;
pub mod terminal;
pub mod time;
pub mod version;
pub mod vm;
pub mod wslconfig;
