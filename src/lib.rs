//! NixOS on WSL: everything the programs in `src/bin` do; they only parse arguments and report.
//!
//! `W§`, `U§`, `S§` in comments cite the project's notes on what WSL does, what upstream learned and what older
//! systems did; `docs/design.md` says how the parts fit.

// All but the acceptance suite and what it uses is about Linux.
#[cfg(feature = "accept")]
pub mod accept;
#[cfg(unix)]
pub mod apply;
#[cfg(unix)]
pub mod boot;
#[cfg(unix)]
pub mod command;
#[cfg(any(feature = "accept", feature = "install", feature = "sim"))]
pub mod digest;
#[cfg(unix)]
pub mod features;
#[cfg(all(unix, feature = "image"))]
pub mod image;
#[cfg(all(unix, feature = "install"))]
pub mod install;
#[cfg(unix)]
pub mod namespace;
#[cfg(unix)]
pub mod session;
#[cfg(all(unix, feature = "sim"))]
pub mod sim;
#[cfg(unix)]
pub mod sys;
#[cfg(unix)]
pub mod system;
#[cfg(unix)]
pub mod wsl;
