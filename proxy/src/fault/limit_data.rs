//! `limit_data`: so many bytes pass, and then the connection is closed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Direction;
use crate::quantity::ByteSize;

/// Exactly `bytes` pass, counted from when the fault met the connection; then both sides are closed (FIN).
///
/// A change of the parameters goes on counting. With `direction: both` each way has its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitData {
    /// How many bytes pass; with none the first byte closes the connection.
    pub bytes: ByteSize,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

impl LimitData {
    /// At which byte of a connection it ends, when the fault met it after `since` bytes.
    pub(crate) const fn ends_at(&self, since: u64) -> u64 {
        since.saturating_add(self.bytes.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_when_it_met_the_connection() {
        let fault = LimitData { bytes: ByteSize::from_bytes(10), direction: Direction::Response };
        assert_eq!((fault.ends_at(0), fault.ends_at(90), fault.ends_at(u64::MAX)), (10, 100, u64::MAX));
    }
}
