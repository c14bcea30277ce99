//! A simulated WSL: what wsl.exe, its service and its init do to a distribution, step by step (W§1-7, W§10).
//!
//! ```text
//! wsl-sim (client) ──► supervisor ──► PID 1 ──► /sbin/init
//!        └─ socket ───────────────► WSL's init (PID 2) ──► relay ──► the user's process
//! └────────── host ─────────────┘   └─────────────── guest ───────────────┘
//! ```
//!
//! The supervisor owns the namespaces and the cgroup; everything in them dies with it. Clients talk to WSL's init over
//! a socket in the registry. No part needs another one's goodwill to be cleaned up after.

pub mod cli;
pub mod guest;
pub mod host;
pub mod wire;
