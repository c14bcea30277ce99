//! What WSL reads from a distribution, with WSL's own rules.

pub mod conf;
pub mod distribution;
pub mod keys;
pub mod manifest;
pub mod settings;
