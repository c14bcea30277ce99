//! The programs of namespace mode that the root holds.

/// The privileged program: a file of the root, never of the store, which holds no such modes.
pub const HELPER: &str = "/usr/lib/nixos-wsl/bin/nixos-wsl-enter";
/// The first program of a session, and the login shell of who stays outside: beside the privileged one, and never asked to
/// go inside, because it is at none of the users' shells' places.
pub const SESSION: &str = "/usr/lib/nixos-wsl/bin/nixos-wsl-session";
