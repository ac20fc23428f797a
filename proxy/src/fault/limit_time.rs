//! `limit_time`: a connection is closed some time after it was accepted, however healthy it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Period;

/// Closes both sides (FIN) once the connection is so old. One that is older already is closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitTime {
    /// How long a connection may live, counted from when it was accepted.
    pub after: Period,
}

impl LimitTime {
    /// When a connection ends that began at `began_ns`.
    pub(crate) const fn due_ns(&self, began_ns: u64) -> u64 {
        began_ns + self.after.nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_counts_from_the_beginning_of_the_connection() {
        let fault = LimitTime { after: Period::from_millis(3) };
        assert_eq!(fault.due_ns(7), 3_000_007);
    }
}
