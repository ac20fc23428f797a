//! Which share of the matching traffic a fault hits.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RequestMatch, RequestParts};
use crate::quantity::Percent;

/// What must always get the same decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sticky {
    /// All requests with the same value of this header (without it: decided per request).
    Header(String),
    /// All requests with the same value of this cookie.
    Cookie(String),
    /// All traffic of one client IP address.
    Client {},
}

/// The share of the matching connections (TCP) or requests (HTTP). The default is all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// The share.
    pub percent: Percent,
    /// Decide by a key instead of one by one, so that a user is hit always or never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Requests that are never hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<RequestMatch>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { percent: Percent::ALL, sticky: None, exclude: None }
    }
}

impl Scope {
    /// Whether it means all matching traffic.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for something that only an HTTP request has.
    pub fn needs_http(&self) -> bool {
        matches!(self.sticky, Some(Sticky::Header(_) | Sticky::Cookie(_)))
            || self.exclude.as_ref().is_some_and(RequestMatch::needs_http)
    }

    /// What decides for a connection instead of its ordinal.
    pub(crate) fn client_key(&self, client: IpAddr) -> Option<Vec<u8>> {
        matches!(self.sticky, Some(Sticky::Client {})).then(|| client.to_string().into_bytes())
    }

    /// What decides for a request instead of its ordinal; nothing where the request lacks it.
    pub(crate) fn key(&self, request: &RequestParts<'_>) -> Option<Vec<u8>> {
        match self.sticky.as_ref()? {
            Sticky::Header(name) => request.headers.get(name).map(|value| value.as_bytes().to_vec()),
            Sticky::Cookie(name) => request.cookie(name).map(|value| value.as_bytes().to_vec()),
            Sticky::Client {} => self.client_key(request.client),
        }
    }
}
