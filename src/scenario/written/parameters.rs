use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{ByteRate, ByteSize, Direction, Excess, Percent, Period, ResetFrom};
use crate::text::{Field, Scalar};

/// Bytes flow no faster than a rate.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["rate"]))]
pub struct Bandwidth {
    /// The most that passes, for example `100KB/s`.
    pub rate: Field<ByteRate>,
    /// Which way; absent: `response`.
    pub direction: Field<Direction>,
}

/// Connections are reset: at once, or later.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reset {
    /// How long the connection (or the request) may live first.
    pub after: Field<Period>,
    /// How many bytes may pass first.
    pub after_bytes: Field<ByteSize>,
    /// From when the time counts: `accept`, or `first-bytes`, which are then held back; absent: `accept`.
    pub from: Field<ResetFrom>,
    /// Which way the bytes flow that are counted or waited for; absent: `response`.
    pub direction: Field<Direction>,
}

/// Bytes are accepted and lead nowhere.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Blackhole {
    /// Which way; absent: `response`.
    pub direction: Field<Direction>,
    /// The connection is closed after so long without a byte arriving; absent: never.
    pub close_after: Field<Period>,
}

/// Nothing flows any more from a place in the stream on, for a time; nothing is lost.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stall {
    /// How many bytes pass first; absent: none.
    pub after_bytes: Field<ByteSize>,
    /// How long nothing flows; absent: until the fault is removed.
    #[serde(rename = "for")]
    pub lasts: Field<Period>,
    /// Which way; absent: `response`.
    pub direction: Field<Direction>,
}

/// At most so many connections are served at a time.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["max"]))]
pub struct ConnectionLimit {
    /// The most that are served.
    pub max: Field<u64>,
    /// What becomes of the others; absent: `queue`.
    pub excess: Field<Excess>,
}

/// Processes get a signal that ends them: exactly one selector, then how many, and the signal.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessKill {
    /// The process name, or the file name of its executable, as a glob.
    pub name: Field<Scalar>,
    /// The command line, as a glob.
    pub pattern: Field<String>,
    /// One process id, or a variable that holds it.
    pub pid: Field<Scalar>,
    /// The user, by name or number.
    pub user: Field<Scalar>,
    /// A TCP port that the process listens on, or a variable that holds it.
    pub port: Field<Scalar>,
    /// The path of the executable, as a glob.
    pub exe: Field<String>,
    /// Command lines that are left alone, as globs.
    pub exclude: Field<Vec<Field<String>>>,
    /// How many of those found; absent: all.
    pub count: Field<u32>,
    /// Which share of those found, rounded up; absent: all.
    pub percent: Field<Percent>,
    /// Which signal; absent: `KILL`.
    #[schemars(extend("enum" = ["KILL", "TERM", "INT", "HUP", "QUIT", "ABRT"]))]
    pub signal: Field<String>,
}

/// Processes are ended and started again as they were: exactly one selector, then how many, the signal and the grace.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessRestart {
    /// The process name, or the file name of its executable, as a glob.
    pub name: Field<Scalar>,
    /// The command line, as a glob.
    pub pattern: Field<String>,
    /// One process id, or a variable that holds it.
    pub pid: Field<Scalar>,
    /// The user, by name or number.
    pub user: Field<Scalar>,
    /// A TCP port that the process listens on, or a variable that holds it.
    pub port: Field<Scalar>,
    /// The path of the executable, as a glob.
    pub exe: Field<String>,
    /// Command lines that are left alone, as globs.
    pub exclude: Field<Vec<Field<String>>>,
    /// How many of those found; absent: all.
    pub count: Field<u32>,
    /// Which share of those found, rounded up; absent: all.
    pub percent: Field<Percent>,
    /// Which signal asks them to end; absent: `TERM`.
    #[schemars(extend("enum" = ["KILL", "TERM", "INT", "HUP", "QUIT", "ABRT"]))]
    pub signal: Field<String>,
    /// How long they may take to end before they are killed; absent: 10s.
    pub grace: Field<Period>,
}

/// Processes stand still: exactly one selector, then how many.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessPause {
    /// The process name, or the file name of its executable, as a glob.
    pub name: Field<Scalar>,
    /// The command line, as a glob.
    pub pattern: Field<String>,
    /// One process id, or a variable that holds it.
    pub pid: Field<Scalar>,
    /// The user, by name or number.
    pub user: Field<Scalar>,
    /// A TCP port that the process listens on, or a variable that holds it.
    pub port: Field<Scalar>,
    /// The path of the executable, as a glob.
    pub exe: Field<String>,
    /// Command lines that are left alone, as globs.
    pub exclude: Field<Vec<Field<String>>>,
    /// How many of those found; absent: all.
    pub count: Field<u32>,
    /// Which share of those found, rounded up; absent: all.
    pub percent: Field<Percent>,
}
