//! `bandwidth`: bytes flow no faster than a rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Direction;
use crate::quantity::ByteRate;

/// Each connection gets at most `rate` bytes per second in each direction that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// The most that passes.
    pub rate: ByteRate,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}
