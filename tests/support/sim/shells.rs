//! Ways into a distribution whose first shell starts systemd, for the tests of namespace mode.

use super::{Ended, Sim};
#[allow(unused_imports, reason = "each test file uses its part")]
pub use crate::support::patience::eventually;

/// The distribution.
pub const NAME: &str = "NixOS";
/// The privileged program.
pub const HELPER: &str = "/usr/lib/nixos-wsl/bin/nixos-wsl-enter";
/// The start of a line that needs the system's programs, for `/bin/sh` outside.
pub const TOOLS: &str = "PATH=/nix/var/nix/profiles/system/sw/bin:$PATH; ";

/// With the image of namespace mode, if this machine can start it.
pub fn imported(test: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    sim.import_image(NAME, "namespace-image.tar.gz");
    Some(sim)
}

/// A line for the user's own shell, as `wsl -- bash -c LINE`.
pub fn shell(sim: &Sim, line: &str) -> Ended {
    sim.run(["-d", NAME, "--", "bash", "-c", line])
}

/// What it prints; it must succeed without a message.
pub fn ok(sim: &Sim, line: &str) -> String {
    let ended = shell(sim, line);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{line}: {ended:?}");
    ended.out.trim_end().to_owned()
}

/// A line for root outside of systemd's namespace, past every login shell.
pub fn outside(sim: &Sim, line: &str) -> String {
    sim.outside(NAME, &format!("{TOOLS}{line}"))
}

/// A line for the user outside, past the login shell.
pub fn as_user(sim: &Sim, line: &str) -> Ended {
    sim.run(["-d", NAME, "-u", "nixos", "-e", "/bin/sh", "-c", &format!("{TOOLS}{line}")])
}

/// A line that counts the cgroups of namespace mode that the virtual machine has, for [`outside`].
pub fn groups() -> String {
    "find /sys/fs/cgroup -maxdepth 3 -name 'nixos-wsl-*' | wc -l".into()
}

/// The process that the state names.
pub fn systemd(sim: &Sim) -> String {
    let state = outside(sim, "cat /run/nixos-wsl/state");
    serde_json::from_str::<serde_json::Value>(&state).expect("JSON")["pid"].to_string()
}
