//! What is refused, with the texts and statuses that clients tell apart.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::reading::Unreadable;
use super::writing;
use crate::control::wire::Problem;
use crate::engine::EngineError;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    BadBody(String),
    /// The field, and where it is missing.
    Missing(String),
    BadStream,
    BadType,
    NoProxy,
    NoToxic,
    ProxyExists,
    ToxicExists,
    Other {
        status: u16,
        message: String,
    },
}

/// The body of a refusal.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    pub(super) error: String,
    pub(super) status: u16,
}

impl Refusal {
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::BadBody(_) | Self::Missing(_) | Self::BadStream | Self::BadType => 400,
            Self::NoProxy | Self::NoToxic => 404,
            Self::ProxyExists | Self::ToxicExists => 409,
            Self::Other { status, .. } => *status,
        }
    }

    pub(super) fn message(&self) -> String {
        match self {
            Self::BadBody(why) => format!("bad request body: {why}"),
            Self::Missing(what) => format!("missing required field: {what}"),
            Self::BadStream => "stream was invalid, can be either upstream or downstream".to_owned(),
            Self::BadType => "invalid toxic type".to_owned(),
            Self::NoProxy => "proxy not found".to_owned(),
            Self::NoToxic => "toxic not found".to_owned(),
            Self::ProxyExists => "proxy already exists".to_owned(),
            Self::ToxicExists => "toxic already exists".to_owned(),
            Self::Other { message, .. } => message.clone(),
        }
    }

    pub(super) fn said(&self) -> Said {
        Said { error: self.message(), status: self.status() }
    }

    /// The same refusal, of one entry of a list.
    pub(super) fn at(self, place: &str) -> Self {
        match self {
            Self::Missing(what) => Self::Missing(format!("{what} at {place}")),
            Self::BadBody(why) => Self::BadBody(format!("{why} at {place}")),
            other => {
                Self::Other { status: other.status(), message: format!("{} at {place}", other.message()) }
            }
        }
    }

    /// What the engine says about an address that it was told to listen on.
    pub(super) fn of_engine(error: EngineError, listen: &str) -> Self {
        match &error {
            EngineError::NoRoute { .. } => Self::NoProxy,
            EngineError::NoFault { .. } => Self::NoToxic,
            EngineError::NameTaken(_) => Self::ProxyExists,
            EngineError::Bind { source, .. } => {
                let why = source.raw_os_error().map_or_else(
                    || source.to_string(),
                    |code| nix::errno::Errno::from_raw(code).desc().to_lowercase(),
                );
                Self::Other { status: 500, message: format!("listen tcp {listen}: bind: {why}") }
            }
            _ => Problem::from(error).into(),
        }
    }
}

impl From<Unreadable> for Refusal {
    fn from(Unreadable(why): Unreadable) -> Self {
        Self::BadBody(why)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        // These clients know no 422.
        let status = if problem.status == 422 { 400 } else { problem.status };
        Self::Other { status, message: problem.detail }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match writing::json(&self.said()) {
            Ok(body) => plain(self.status(), &format!("{body}\n")),
            Err(error) => plain(500, &format!("{error}\n")),
        }
    }
}

/// A refusal is plain text by its header, whatever it says.
pub(super) fn plain(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body.to_owned()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
