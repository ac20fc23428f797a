//! The vocabulary of faults: what can be done, to what, for how long, and how it is taken back.
//!
//! Traffic faults belong to the proxy crate, whose words are re-exported here, so that the rest of this crate knows
//! one vocabulary. This module never touches files or the runtime.

mod process;
mod target;

pub use firedrill_proxy::control::wire::{
    Bound, Evidence, FaultSpec, OnRemove, Protocol, ProxyProtocol, ProxyVersion, RouteSpec, RouteTls,
    SniRule, Spread, TlsTerminate, TlsUpstream, unix_path,
};
pub use firedrill_proxy::fault::{
    AcceptStall, Bandwidth, Before, Blackhole, Bursts, Clients, ConnectionLimit, Corrupt, Direction,
    Distribution, Drip, EnvoyHeaders, Excess, Glob, GrpcError, GrpcStatus, HttpBody, HttpError, HttpHeaders,
    HttpRedirectLoop, KeepAliveKill, Latency, LimitData, LimitTime, OPT_IN_HEADER, OPT_IN_MAX, OptIn,
    ParameterProblem, Pattern, Refuse, RequestMatch, Requests, Reset, ResetFrom, Schedule, Scope, Secret,
    Slicer, SlowClose, Stall, Status, Statuses, Sticky, TrafficFault, Wave, WaveShape, When,
};
pub use firedrill_proxy::quantity::{ByteRate, ByteSize, Frequency, Percent, Period};
pub use firedrill_proxy::seed::{Draws, FaultSeed, Seed};
pub use process::{HowMany, ProcessKill, ProcessPause, ProcessRestart, ProcessSelector, Signal};
pub use target::{HostSelector, LOCAL_HOST, Target, is_name};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Anything that can be injected. In JSON the kind is the key: `{"latency": {…}}`, `{"process_kill": {…}}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// By a proxy, on a route.
    Traffic(TrafficFault),
    /// By an agent, on a host.
    Host(HostFault),
}

/// What an agent can do to a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HostFault {
    /// Processes get a signal that ends them.
    ProcessKill(ProcessKill),
    /// Processes stand still (SIGSTOP) until the fault ends.
    ProcessPause(ProcessPause),
    /// Processes are ended and started again as they were.
    ProcessRestart(ProcessRestart),
}

impl HostFault {
    /// Every kind, by the word that files use.
    pub const KINDS: [&str; 3] = ["process_kill", "process_pause", "process_restart"];

    /// The word for this fault in files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ProcessKill(_) => "process_kill",
            Self::ProcessPause(_) => "process_pause",
            Self::ProcessRestart(_) => "process_restart",
        }
    }

    /// Whether the deed is done in a moment, so that it has no end and no `max`.
    pub const fn is_instant(&self) -> bool {
        matches!(self, Self::ProcessKill(_) | Self::ProcessRestart(_))
    }

    /// How it is taken back.
    pub const fn undo_class(&self) -> UndoClass {
        match self {
            Self::ProcessKill(_) | Self::ProcessRestart(_) => UndoClass::C,
            Self::ProcessPause(_) => UndoClass::B,
        }
    }

    /// What is wrong with the parameters, by key; empty when nothing is.
    pub fn check(&self) -> Vec<ParameterProblem> {
        match self {
            Self::ProcessKill(fault) => fault.select.check(),
            Self::ProcessPause(fault) => fault.select.check(),
            Self::ProcessRestart(fault) => fault.check(),
        }
    }
}

impl Fault {
    /// Every kind, by the word that files use.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        TrafficFault::KINDS.into_iter().chain(HostFault::KINDS)
    }

    /// The word for this fault in files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Traffic(fault) => fault.kind(),
            Self::Host(fault) => fault.kind(),
        }
    }

    /// Whether the deed is done in a moment, so that it has no end and no `max`.
    pub const fn is_instant(&self) -> bool {
        match self {
            Self::Traffic(_) => false,
            Self::Host(fault) => fault.is_instant(),
        }
    }

    /// How it is taken back.
    pub const fn undo_class(&self) -> UndoClass {
        match self {
            // The proxy's sockets and memory die with it; a lease ends the fault when only the drill dies.
            Self::Traffic(_) => UndoClass::A,
            Self::Host(fault) => fault.undo_class(),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Traffic(fault) => fault.serialize(serializer),
            Self::Host(fault) => fault.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Read by the key and not by trial, so that an error is about the fault that was meant.
        let value = serde_json::Value::deserialize(deserializer)?;
        let kind = value.as_object().and_then(|map| map.keys().next()).cloned().unwrap_or_default();
        if HostFault::KINDS.contains(&kind.as_str()) {
            serde_json::from_value(value).map(Self::Host).map_err(serde::de::Error::custom)
        } else {
            serde_json::from_value(value).map(Self::Traffic).map_err(serde::de::Error::custom)
        }
    }
}

/// How a fault is taken back, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum UndoClass {
    /// The kernel undoes it when we die.
    A,
    /// It needs the undo journal and the guardian.
    B,
    /// It cannot be undone.
    C,
}

impl UndoClass {
    /// What the class means, for plans and reports.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::A => "gone when its process dies",
            Self::B => "undone by journal and guardian",
            Self::C => "cannot be undone",
        }
    }
}
