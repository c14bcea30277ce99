//! What WSL asks of the root that it has unpacked (W§1.4).

use super::judgement::Judgement;
use super::unpacked::KERNELS_LINKS;
use super::verdict::{RuleSource, Severity};

/// Whether it is a distribution for WSL.
pub fn judge(judgement: &mut Judgement<'_>) {
    let is_there = |path: &str| judgement.root.follow(path.as_bytes(), KERNELS_LINKS).is_some();
    if !is_there("/etc") && !is_there("/bin/sh") {
        let text = "has neither /etc nor /bin/sh: \"The imported file is not a valid Linux distribution.\"";
        judgement.findings.add(Severity::Error, RuleSource::Import, "distribution", b"", text);
    }
}
