//! wsl.exe's side and its service's: the registry, imports and exports, clients, and the process that owns a running
//! distribution.

pub mod bsdtar;
pub mod cgroup;
pub mod client;
pub mod disk;
pub mod disks;
pub mod examine;
pub mod export;
pub mod export_vhd;
pub mod import;
pub mod import_vhd;
pub mod instance;
pub mod kernel;
pub mod list;
pub mod mini_init;
pub mod online;
mod progress;
pub mod record;
pub mod registry;
pub mod rootfs;
pub mod streams;
pub mod supervisor;
pub mod variables;
pub mod vhd;
pub mod vm;
