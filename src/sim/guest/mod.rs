//! WSL's init's side: everything that runs in a distribution's namespaces without being the distribution's own.

#[macro_use]
mod log;

pub mod applets;
pub mod cgroup;
pub mod devices;
mod drvfs;
pub mod environment;
pub mod exec;
pub mod first;
pub mod init;
pub mod kernel;
pub mod mounts;
pub mod overlay;
pub mod program;
pub mod release;
pub mod report;
pub mod session;
pub mod store;
pub mod system_distribution;
pub mod systemd;
pub mod users;
pub mod windows;
pub mod world;
pub mod wslpath;
