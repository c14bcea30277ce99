//! Disks of the virtual machine beside those of its distributions (`wsl --mount`), on loop devices.

pub mod attach;
pub mod command;
pub mod contents;
pub mod holder;
