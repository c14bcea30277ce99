//! The NixOS system on a root folder: its files, generations, accounts and settings.

pub mod accounts;
pub mod activation;
pub mod date;
pub mod error;
pub mod generations;
pub mod installer;
pub mod log;
pub mod message;
pub mod mounts;
pub mod notice;
pub mod program;
pub mod replace;
pub mod root;
pub mod settings;
pub mod step;
pub mod wait;
