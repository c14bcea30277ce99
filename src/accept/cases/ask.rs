//! What several cases ask a distribution.

use crate::accept::bench::Bench;
use crate::accept::case::Trouble;

/// The user that [`with_user`] makes.
pub const USER: &str = "accepted";

/// What an image may have and need not: without it the case cannot run. In what is no NixOS, nothing is excused.
///
/// `condition` is one of `sh`, as the user; `lack` says what its failure means.
pub fn needs(bench: &Bench, condition: &str, lack: &str) -> Result<(), Trouble> {
    let script = format!(
        "if {condition}; then echo there; else echo missing; fi; cat /run/current-system/nixos-version"
    );
    let reply = bench.script(&script).reply()?;
    match reply.out.lines().collect::<Vec<_>>()[..] {
        ["there", _] => Ok(()),
        ["missing", _] => Err(Trouble::CannotRun(lack.to_owned())),
        _ => Err(reply.fault("no NixOS runs")),
    }
}

/// What is tried with a user made by hand, who is removed whatever comes of it; `options` are those of useradd.
pub fn with_user<T>(bench: &Bench, options: &str, body: impl FnOnce() -> T) -> Result<T, Trouble> {
    bench.root_script(&format!("useradd -m {options} {USER}")).ok()?;
    let result = body();
    bench.root_script(&format!("userdel -rf {USER} >/dev/null 2>&1; ! getent passwd {USER}")).ok()?;
    Ok(result)
}
