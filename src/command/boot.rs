//! `nixos-wsl boot N`: which generation boots next.

use super::output::print;
use super::{CommandError, Outcome};
use crate::boot::choose;
use crate::system::root::Root;

/// Chooses generation `number` of the running distribution, from the next start on or for that start alone.
///
/// # Errors
/// There is no such generation, it cannot boot, or the choice cannot be written.
pub fn choose(number: u64, once: bool) -> Outcome {
    if !rustix::process::geteuid().is_root() {
        let once = if once { " --once" } else { "" };
        return Err(CommandError::Refused(format!(
            "only root may choose: `sudo nixos-wsl boot {number}{once}`, or where there is no sudo, in Windows, \
             `wsl -d {} -u root -- nixos-wsl boot {number}{once}`",
            distribution()
        )));
    }
    let generation = choose::choose(&Root::default(), number, once)?;
    let when = if once { "at the next start, once" } else { "from the next start on" };
    print(format_args!("{generation} boots {when}. Start again with `wsl --terminate {}`.", distribution()))
}

fn distribution() -> String {
    std::env::var("WSL_DISTRO_NAME").unwrap_or_else(|_| "NixOS".to_owned())
}
