//! What is sent with a request: read with a bound, checked, and told what is wrong with it.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::{Refused, shown};
use super::wire::{BODY_MAX_BYTES, NAME_MAX_BYTES, Reason};
use crate::coordinator::said;

/// A JSON body that must be there.
pub(super) struct Sent<T>(pub(super) T);

/// A JSON body that may be left out.
pub(super) struct Perhaps<T>(pub(super) T);

/// The reason of a deed that may be done without one; not longer than a text may be.
pub(super) struct Why(pub(super) String);

/// The query; keys that are not known are refused.
pub(super) struct Asked<T>(pub(super) T);

/// The names in the path.
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    /// The name at `{key}` of the path; empty when the path has no such place.
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(known, _)| known == key).map_or("", |(_, name)| name)
    }

    pub(super) fn id(&self) -> &str {
        self.get("id")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Names {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| Refused::new(400, "unreadable path", error.body_text()))?;
        let mut names = Vec::new();
        for (key, name) in &params {
            fit_name(key, name)?;
            names.push((key.to_owned(), name.to_owned()));
        }
        Ok(Self(names))
    }
}

/// The form of every name in a path, as the document of the API says it.
pub(super) const NAME_PATTERN: &str = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$";

fn fit_name(key: &str, name: &str) -> Result<(), Refused> {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.len() <= NAME_MAX_BYTES
        && name.starts_with(first)
        && name.chars().all(|c| first(c) || ".-".contains(c))
    {
        return Ok(());
    }
    let detail = format!(
        "`{}` is no name for `{{{key}}}`; a name has up to {NAME_MAX_BYTES} letters, digits, `-`, `_` and `.`, and \
         begins with a letter, a digit or `_`",
        shown(name)
    );
    Err(Refused::new(400, "bad name", detail))
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        Query::try_from_uri(&parts.uri).map(|Query(asked)| Self(asked)).map_err(|error| {
            Refused::new(
                400,
                "unreadable query",
                format!("the query is not what is expected: {}", error.body_text()),
            )
        })
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        // Looked at first: who sends a film is told at once, and need not send it all.
        check_content_type(&parts.headers)?;
        parse(&read(body, BODY_MAX_BYTES).await?).map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned + Default> FromRequest<S> for Perhaps<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let has_type = parts.headers.contains_key(header::CONTENT_TYPE);
        if has_type {
            check_content_type(&parts.headers)?;
        }
        let body = read(body, BODY_MAX_BYTES).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        if !has_type {
            check_content_type(&parts.headers)?;
        }
        parse(&body).map(Self)
    }
}

impl<S: Sync> FromRequest<S> for Why {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let Perhaps(Reason { reason }) = Perhaps::from_request(request, state).await?;
        said::length("reason", &reason)?;
        Ok(Self(reason))
    }
}

/// A page in a browser can send other content types across origins without asking; this one it cannot.
fn check_content_type(headers: &HeaderMap) -> Result<(), Refused> {
    let mut said = headers.get_all(header::CONTENT_TYPE).iter();
    let (first, second) = (said.next(), said.next());
    let said = first.map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    let kind = said.split(';').next().unwrap_or("").trim();
    if kind.eq_ignore_ascii_case("application/json") && second.is_none() {
        return Ok(());
    }
    let detail =
        format!("the content type `{}` is not `application/json`; with curl use `--json`", shown(&said));
    Err(Refused::new(415, "not JSON", detail))
}

/// Reads a whole body, and no more than `most` bytes of it.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, Refused> {
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refused::new(
            413,
            "body too large",
            format!("the body has more than {most} bytes; send less at once"),
        )),
        Err(error) => Err(Refused::new(
            400,
            "no whole body",
            format!("the body did not arrive: {error}; send it again"),
        )),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| {
        let (status, title) = match error.classify() {
            serde_json::error::Category::Data => (422, "not what is expected"),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => (400, "not JSON"),
        };
        Refused::new(status, title, format!("the body is not what is expected here: {error}"))
    })
}
