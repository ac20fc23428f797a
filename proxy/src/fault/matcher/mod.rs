//! Which requests a fault is for: one matcher, used wherever requests are matched.
//!
//! What is asked for is plain data; it is made ready once, when the fault is armed, and never per request.

mod client;
mod compiled;
mod glob;
mod opt_in;
mod parts;
mod pattern;
mod status;

pub use client::Clients;
pub(crate) use compiled::Matcher;
pub use glob::Glob;
pub(crate) use glob::beginning;
pub(crate) use opt_in::is_opt_in;
pub use opt_in::{OPT_IN_HEADER, OPT_IN_MAX, OptIn, Secret};
pub(crate) use parts::RequestParts;
pub(crate) use pattern::{Meaning, whole};
pub use pattern::{PATTERN_MAX_BYTES, Pattern};
pub use status::{Status, Statuses};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParameterProblem;

/// The requests meant: all that is given must fit. On a plain TCP route only `client` can be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestMatch {
    /// The method, for example `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Pattern>,
    /// The path without its query, for example `/v1/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
    /// The `Host` header or authority, without its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Pattern>,
    /// Request headers by name; `"*"` asks only that the header is there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Pattern>,
    /// Query parameters by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Pattern>,
    /// The client's IP address, its network, or a glob of addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Clients>,
    /// The gRPC method as `package.Service/Method`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Pattern>,
    /// The status that the upstream answered with; only for what acts on responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Statuses>,
    /// Only requests that carry a header signed for this fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_in: Option<OptIn>,
}

impl RequestMatch {
    /// Whether every request fits because nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for something that only an HTTP request has.
    pub fn needs_http(&self) -> bool {
        let Self { method, path, host, headers, query, client: _, grpc, status, opt_in } = self;
        method.is_some()
            || path.is_some()
            || host.is_some()
            || grpc.is_some()
            || !headers.is_empty()
            || !query.is_empty()
            || status.is_some()
            || opt_in.is_some()
    }

    /// How many regular expressions it has.
    pub fn regexes(&self) -> usize {
        let single = [&self.method, &self.path, &self.host, &self.grpc].into_iter().flatten();
        single.chain(self.headers.values()).chain(self.query.values()).filter(|one| one.is_regex()).count()
    }

    /// What is wrong with it, by key; empty when nothing is.
    pub fn check(&self) -> Vec<ParameterProblem> {
        Matcher::new(self, "", "").err().unwrap_or_default()
    }

    /// The same with what nobody is to see hidden.
    #[must_use]
    pub fn shown(&self) -> Self {
        let mut shown = self.clone();
        if let Some(opt_in) = &mut shown.opt_in {
            opt_in.secret = Secret(Secret::HIDDEN.to_owned());
        }
        shown
    }
}
