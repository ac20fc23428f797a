//! `envoy_headers`: clients ask for faults by Envoy's headers. It is switched on by its route, not set as a fault.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Clients, ParameterProblem};
use crate::quantity::Percent;

/// The headers `x-envoy-fault-*` of requests are obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvoyHeaders {
    /// No header asks for a larger share than this.
    pub max_percent: Percent,
    /// Whose headers are obeyed; absent: clients on the loopback interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<Clients>,
}

impl EnvoyHeaders {
    /// The name under which it stands among the faults of its route.
    pub const ID: &str = "envoy-headers";

    /// What is wrong with it, by key; empty when nothing is.
    pub fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        if self.max_percent == Percent::ZERO {
            let why = "0% lets no header do anything";
            problems.push(ParameterProblem::new("max_percent", why, "leave `envoy_headers` out"));
        }
        if let Some((why, way_out)) = self.clients.as_ref().and_then(Clients::check) {
            problems.push(ParameterProblem::new("clients", why, way_out));
        }
        problems
    }
}
