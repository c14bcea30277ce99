//! WSL's own formats.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod conf;
mod contract;
