//! What the doctor finds.

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, with the file.
    pub fault: String,
    /// What to do about it.
    pub advice: String,
}

pub(super) fn finding(fault: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { fault: fault.into(), advice: advice.into() }
}
