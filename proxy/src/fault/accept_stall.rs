//! `accept_stall`: new connections hang before they are made, because nobody accepts and the backlog is full.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lets new connections hang: the kernel drops their SYN until the fault is removed, so that clients run into the limit
/// that they have for connecting. Those that are open go on. It acts on the whole route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptStall {}
