//! What the optional services of the modules do, each run by a systemd unit through `nixos-wsl`; the programs that a stock
//! launcher makes its user with; and the doctor.

pub mod address;
pub mod as_user;
pub mod certificates;
pub mod drivers;
pub mod proxy;
pub mod start_menu;
pub mod store;
mod swap;
pub mod usbip;
pub mod windows;
pub mod x11;
