//! What an activation leaves behind: the link to the system that runs.

/// The link that an activation makes when it has done its work.
pub const CURRENT: &str = "/run/current-system";
