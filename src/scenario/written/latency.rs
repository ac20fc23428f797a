use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{Before, Direction, Distribution, Percent, Period, WaveShape};
use crate::text::Field;

/// Bytes or responses come late.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["delay"]}, {"required": ["table"]}]))]
pub struct Latency {
    /// The delay, or the middle of it; absent with a `table`.
    pub delay: Field<Period>,
    /// How far it spreads.
    pub jitter: Field<Period>,
    /// How it spreads; absent: `constant` without jitter, `uniform` with, `table` with a table.
    pub distribution: Field<Distribution>,
    /// Which share of the delays is at most how long, as measured: `[[0%, 1ms], [50%, 5ms], [100%, 2s]]`.
    pub table: Field<Vec<Field<Vec<Field<String>>>>>,
    /// How much each delay is like the one before; absent: not at all.
    pub correlation: Field<Percent>,
    /// Which way; absent: `response`.
    pub direction: Field<Direction>,
    /// Which part of an HTTP exchange waits; absent: bytes, on HTTP the head of the response.
    pub before: Field<Before>,
    /// From nothing to the whole delay in this time.
    pub ramp: Field<Period>,
    /// The delay comes and goes.
    pub wave: Field<Wave>,
}

/// How a delay comes and goes.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["shape", "period"]))]
pub struct Wave {
    /// Its form.
    pub shape: Field<WaveShape>,
    /// How long it takes to come, go and come again.
    pub period: Field<Period>,
    /// What is left of the delay where there is least of it; absent: nothing.
    pub low: Field<Period>,
}
