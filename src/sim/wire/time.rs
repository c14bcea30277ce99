//! Time limits, WSL's and the simulator's own, stretched for slow machines by one factor.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The variable with the factor.
pub const TIME_FACTOR: &str = "WSL_SIM_TIME_FACTOR";

/// How many times as long as WSL the simulator waits: from 1, which is WSL, to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeFactor(u32);

impl TimeFactor {
    /// The factor in the text of the variable; without one it is 1.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Option<Self> {
        let factor = text.map_or(Some(1), |text| text.parse().ok())?;
        (1..=1000).contains(&factor).then_some(Self(factor))
    }

    /// A limit on this machine.
    #[must_use]
    pub fn stretch(self, limit: Duration) -> Duration {
        limit.saturating_mul(self.0)
    }
}
