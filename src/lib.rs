//! NixOS on WSL: everything the programs in `src/bin` do; they only parse arguments and report.
//!
//! `W§`, `U§`, `S§` in comments cite the project's notes on what WSL does, what upstream learned and what older
//! systems did; `docs/design.md` says how the parts fit.

pub mod apply;
pub mod boot;
pub mod command;
pub mod features;
#[cfg(feature = "image")]
pub mod image;
#[cfg(feature = "install")]
pub mod install;
pub mod namespace;
pub mod session;
#[cfg(feature = "sim")]
pub mod sim;
pub mod sys;
pub mod system;
pub mod wsl;
