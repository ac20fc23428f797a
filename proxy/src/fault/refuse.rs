//! `refuse`: new connections are refused, as if nothing listened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Refuses new connections; those that are open go on.
///
/// While it hits every connection, the listening socket itself is paused, so that clients get what a closed port gives
/// (ECONNREFUSED) and nobody else can take the port. For a share of them it takes a look at each: they are accepted and
/// reset at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refuse {}
