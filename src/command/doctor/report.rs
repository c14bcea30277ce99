//! All that the doctor says, as programs read it.

use serde::{Deserialize, Serialize};

use super::super::finding::Finding;
use super::facts::Facts;

/// All that the doctor says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// What this is; nothing of a distribution that does not run.
    pub facts: Option<Facts>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}
