//! The commands of `nixos-wsl`, one file each.

pub mod accounts;
pub mod doctor;
pub mod recover;
pub mod status;
pub mod table;
