//! The commands of `nixos-wsl`, one file each, under the names that users type.

pub mod accounts;
pub mod apply;
pub mod arguments;
pub mod boot;
pub mod default_user;
pub mod doctor;
pub mod error;
pub mod finding;
pub mod generations;
pub mod logs;
pub mod new_user;
pub mod oobe;
pub mod output;
pub mod recover;
pub mod status;
pub mod stop;
pub mod table;
pub mod units;
pub mod version;

pub use error::{CommandError, Outcome};
