//! The files as written: one struct per block, one field per key, nothing decided yet.
//!
//! Every key is a [`Field`](crate::text::Field): absent, bad (already reported) or given with its place. The JSON
//! Schemas come from these structs, so their comments are what an editor shows.

mod abort;
mod alarm;
mod back;
mod connections;
mod environment;
mod expect;
mod fault;
mod http;
mod http_faults;
mod hypothesis;
mod latency;
mod load;
mod parameters;
mod playbook;
mod policy;
mod route;
mod scenario;
mod schedule;
mod secret;
mod service;
mod steady_state;
mod tls;

pub use abort::Abort;
pub use alarm::{AlarmMatch, AlarmMode, AlarmSource, Generic, Mapping};
pub use back::ABSENT;
pub use connections::{Corrupt, LimitData, LimitTime, Slicer, SlowClose};
pub use environment::{Environment, Hosts};
pub use expect::{AlarmExpectation, CountedFrom, Expect, RecoveryBy, Severity};
pub use fault::{
    FaultEntry, Match, OptIn, RequestCount, Scope, ScopePercent, ScopeSteps, StartAfter, StickyKey,
};
pub use http::{Http, HttpForm};
pub use http_faults::{Drip, GrpcError, HttpBody, HttpError, HttpHeaders, HttpRedirectLoop, KeepAliveKill};
pub use hypothesis::{Hypothesis, Premortem};
pub use latency::{Latency, Wave};
pub use load::Load;
pub use parameters::{
    Bandwidth, Blackhole, ConnectionLimit, ProcessKill, ProcessPause, ProcessRestart, Reset, Stall,
};
pub use playbook::{PlaybookRef, PlaybookStart};
pub use policy::Policy;
pub(crate) use route::RouteKeys;
pub use route::{EnvironmentRoute, EnvoyHeaders, Route};
pub use scenario::{Control, Scenario};
pub use schedule::{Bursts, Schedule};
pub use secret::Secret;
pub use service::{FailureMode, Service};
pub use steady_state::{Probe, Prometheus, SteadyState, Tolerance};
pub use tls::{RouteTls, SniRule, TlsTerminate, TlsUpstream};
