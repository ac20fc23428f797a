//! Problems on their way out (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::wire::Problem;
use crate::coordinator::said::Unfit;

/// A problem, and the headers that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    problem: Box<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refused {
    /// A problem with its status, its kind and its sentence.
    pub fn new(status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(status, title, detail)), headers: Vec::new() }
    }

    /// The same with a header.
    #[must_use]
    pub(super) fn header(mut self, name: HeaderName, value: impl ToString) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.headers.push((name, value));
        }
        self
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), headers: Vec::new() }
    }
}

impl From<Unfit> for Refused {
    fn from(unfit: Unfit) -> Self {
        Problem::from(unfit).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = serde_json::to_vec(&self.problem).unwrap_or_default();
        body.push(b'\n');
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

/// What a deed answers: nothing, or why it was not done.
pub(super) type Done = Result<StatusCode, Refused>;
/// It was done.
pub(super) const DONE: Done = Ok(StatusCode::NO_CONTENT);

/// Text of somebody else as a message may show it.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 80;
    text.chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect()
}
