//! Why something that was tried did not work.

/// Why a case did not pass.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// It is not as it should be.
    #[error("{0}")]
    Failed(String),
    /// It cannot be tried here.
    #[error("{0}")]
    CannotRun(String),
}

/// Fails with a text unless a condition holds.
///
/// # Errors
/// It does not hold.
pub fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Trouble> {
    if holds { Ok(()) } else { Err(Trouble::Failed(otherwise())) }
}
