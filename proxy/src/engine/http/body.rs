//! `http_body`: what is done to the bodies of requests and answers.

mod corrupted;
mod dripped;
mod truncated;
mod unended;

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::Either;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};
use hyper::body::Body;

use super::answer::{has_no_body, read_out, thrown_away};
use super::call::{Call, Cut, Hit};
use super::conn::Conn;
use super::layer::{Answering, Layer, Stack};
use super::payload::Payload;
use super::stage::{Stage, Way};
use super::wire::Deed;
use crate::fault::{BodyAction, HttpBody, TrafficFault};

/// Does something to bodies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reshaped;

impl Layer for Reshaped {
    fn call<S: Stack>(inner: &mut S, mut call: Call) -> Answering<S> {
        let hits =
            call.hits(|fault| if let TrafficFault::HttpBody(fault) = fault { Some(fault) } else { None });
        if hits.is_empty() {
            return Either::Left(inner.call(call));
        }
        let mut inner = inner.clone();
        Either::Right(Box::pin(async move {
            let (conn, broken) = (Rc::clone(&call.conn), Rc::<Cell<bool>>::default());
            let asked = Asked {
                ordinal: call.ordinal,
                is_head: call.request.method() == Method::HEAD,
                knows_chunks: call.request.version() != Version::HTTP_10,
            };
            let (there, back): (Vec<_>, Vec<_>) =
                hits.into_iter().partition(|(_, fault)| fault.direction.acts_on_request());
            for (hit, fault) in &there {
                request(&mut call, hit, fault, &broken).await;
            }
            let answer = inner.call(call).await;
            if broken.get() {
                // What it asked for was cut off on its way: whoever asked is cut off too.
                return Err(Cut);
            }
            let mut answer = answer?;
            for (hit, fault) in &back {
                if conn.means(hit) {
                    answer = reshaped(&conn, answer, hit, fault, &asked).await;
                }
            }
            Ok(answer)
        }))
    }
}

/// What of a request its answer's body depends on.
struct Asked {
    ordinal: u64,
    is_head: bool,
    knows_chunks: bool,
}

/// Does it to a request that has a body.
async fn request(call: &mut Call, hit: &Hit, fault: &HttpBody, broken: &Rc<Cell<bool>>) {
    let (conn, ordinal) = (Rc::clone(&call.conn), call.ordinal);
    if call.request.body().is_end_stream() {
        return;
    }
    let stage = match fault.action() {
        Some(BodyAction::Replace(text)) => {
            read_out(call).await;
            renamed(call.request.headers_mut(), text.len());
            *call.request.body_mut() = Payload::own(&conn, text);
            call.when_sent.extend([Deed::Done(hit.clone())]);
            return;
        }
        Some(BodyAction::Truncate(bytes)) => {
            let stage = truncated::Truncated::new(&conn, hit, bytes, Way::ToUpstream);
            Box::new(stage.which_tells(broken)) as Box<dyn Stage>
        }
        Some(action) => match stage(&conn, hit, action, ordinal, Way::ToUpstream) {
            Some(stage) => stage,
            None => return,
        },
        None => return,
    };
    let body = std::mem::replace(call.request.body_mut(), Payload::own(&conn, ""));
    *call.request.body_mut() = body.through(stage);
}

/// What is done to bytes as they pass; nothing for what is done otherwise.
fn stage(conn: &Rc<Conn>, hit: &Hit, action: BodyAction, ordinal: u64, way: Way) -> Option<Box<dyn Stage>> {
    Some(match action {
        BodyAction::Truncate(bytes) => Box::new(truncated::Truncated::new(conn, hit, bytes, way)),
        BodyAction::Drip(drip) => Box::new(dripped::Dripped::new(conn, hit, drip)),
        BodyAction::Corrupt(bits) => Box::new(corrupted::Corrupted::new(hit, bits, ordinal, way)),
        BodyAction::NoLastChunk => Box::new(unended::Unended::new(conn, hit)),
        BodyAction::Replace(_) | BodyAction::WrongLength(_) => return None,
    })
}

/// Does it to an answer that has a body.
async fn reshaped(
    conn: &Rc<Conn>,
    mut answer: Response<Payload>,
    hit: &Hit,
    fault: &HttpBody,
    asked: &Asked,
) -> Response<Payload> {
    if asked.is_head || has_no_body(answer.status()) {
        return answer;
    }
    let Some(action) = fault.action() else { return answer };
    match action {
        BodyAction::Replace(text) => replaced(conn, answer, hit, text).await,
        BodyAction::WrongLength(more) => {
            wrong_length(conn, &mut answer, hit, more, asked.ordinal);
            answer
        }
        BodyAction::NoLastChunk if !conn.is_many() && !asked.knows_chunks => answer,
        action => {
            let unended = action == BodyAction::NoLastChunk;
            let Some(stage) = stage(conn, hit, action, asked.ordinal, Way::ToClient) else { return answer };
            if unended {
                // Without a length it goes in chunks.
                answer.headers_mut().remove(header::CONTENT_LENGTH);
            }
            answer.map(|body| body.through(stage))
        }
    }
}

/// The same answer with another body.
async fn replaced(conn: &Rc<Conn>, answer: Response<Payload>, hit: &Hit, text: String) -> Response<Payload> {
    let (mut parts, body) = answer.into_parts();
    let account = thrown_away(body).await;
    if parts.status == StatusCode::PARTIAL_CONTENT {
        // It is no part of anything any more.
        parts.status = StatusCode::OK;
    }
    renamed(&mut parts.headers, text.len());
    let body = Payload::own(conn, text);
    let mut body = if let Some(account) = account { body.ends(account) } else { body };
    body.when_told(Deed::Done(hit.clone()));
    Response::from_parts(parts, body)
}

/// What headers say of a body and does not hold of another one.
static OF_THE_BODY: [HeaderName; 10] = [
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// Fits the headers to another body.
fn renamed(headers: &mut HeaderMap, length: usize) {
    for name in &OF_THE_BODY {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

/// Announces another length than the body has.
fn wrong_length(conn: &Rc<Conn>, answer: &mut Response<Payload>, hit: &Hit, more: i64, ordinal: u64) {
    let length =
        answer.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let (Some(length), exact) = (length, answer.body().size_hint().exact()) else { return };
    let wrong: u64 = announced(length, more);
    if exact != Some(length) || wrong == length {
        return;
    }
    // hyper holds a length that it can read against the body's, and passes on one that it cannot. The space before the
    // number belongs to the header's separator for every reader.
    let text = if conn.is_many() { wrong.to_string() } else { format!(" {wrong}") };
    let Ok(value) = HeaderValue::from_str(&text) else { return };
    answer.headers_mut().insert(header::CONTENT_LENGTH, value);
    if conn.is_many() || wrong < length {
        answer.body_mut().when_told(Deed::Done(hit.clone()));
    } else {
        // Bytes are missing, and nothing else must come in their place.
        conn.leave_after(ordinal, hit);
    }
}

fn announced(length: u64, more: i64) -> u64 {
    length.saturating_add_signed(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_length_is_never_less_than_nothing() {
        assert_eq!([announced(100, 5), announced(100, -5), announced(3, -5)], [105, 95, 0]);
    }

    #[test]
    fn another_body_keeps_only_what_holds_of_it() {
        let mut headers = HeaderMap::new();
        for name in ["content-encoding", "etag", "digest", "content-type", "x-a", "content-length"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("7"));
        }
        renamed(&mut headers, 12);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(
            (left, &headers["content-length"]),
            (vec!["content-length", "content-type", "x-a"], &HeaderValue::from(12))
        );
    }
}
