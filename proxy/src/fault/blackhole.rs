//! `blackhole`: bytes are accepted and lead nowhere; nothing is closed, nothing is answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Direction;

/// Swallows bytes; the peers see a connection that is open and silent.
///
/// When it is removed, held connections are closed (bytes are gone, so going on would corrupt the stream).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blackhole {
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}
