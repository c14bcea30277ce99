//! A simulated WSL: what wsl.exe, its service and its init do to a distribution, step by step (W§1-7, W§10).
//!
//! ```text
//! wsl-sim (client) ──► supervisor ──► PID 1 ──► /sbin/init
//!        └─ socket ───────────────► WSL's init (PID 2) ──► relay ──► the user's process
//! ```
//!
//! The supervisor owns the namespaces and the cgroup; everything in them dies with it. Clients talk to WSL's init over
//! a socket in the registry. No part needs another one's goodwill to be cleaned up after.

#[macro_use]
mod log;

pub mod applets;
pub mod bsdtar;
pub mod cgroup;
pub mod cli;
pub mod client;
pub mod environment;
pub mod error;
pub mod examine;
pub mod exec;
pub mod export;
pub mod first;
pub mod import;
pub mod init;
pub mod instance;
pub mod list;
pub mod overlay;
pub mod process;
pub mod program;
pub mod protocol;
pub mod registration;
pub mod registry;
pub mod root;
pub mod session;
pub mod store;
pub mod streams;
pub mod supervisor;
pub mod systemd;
pub mod users;
pub mod windows;
pub mod world;
