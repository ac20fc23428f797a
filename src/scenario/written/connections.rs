//! The faults that act on the bytes of whole connections.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{ByteSize, Direction, Percent, Period};
use crate::text::Field;

/// The end of a stream is passed on late.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["delay"]))]
pub struct SlowClose {
    /// How late the end is.
    pub delay: Field<Period>,
    /// Which way; absent: `response`.
    pub direction: Field<Direction>,
}

/// So many bytes pass, and then the connection is closed.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["bytes"]))]
pub struct LimitData {
    /// How many bytes pass.
    pub bytes: Field<ByteSize>,
    /// Which way; absent: `response`.
    pub direction: Field<Direction>,
}

/// The connection is closed some time after it was accepted.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["after"]))]
pub struct LimitTime {
    /// How long a connection may live.
    pub after: Field<Period>,
}

/// Bytes leave in small pieces.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["size"]))]
pub struct Slicer {
    /// How large a piece is, or the middle of it.
    pub size: Field<ByteSize>,
    /// How far the size spreads; less than `size`.
    pub variation: Field<ByteSize>,
    /// How long after a piece the next one leaves.
    pub delay: Field<Period>,
    /// Which way; absent: `response`.
    pub direction: Field<Direction>,
}

/// Bits flip.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["bits"]))]
pub struct Corrupt {
    /// The share of bits that flip.
    pub bits: Field<Percent>,
    /// Which way; absent: `response`.
    pub direction: Field<Direction>,
}
