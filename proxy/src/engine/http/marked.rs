//! `mark_faults`: requests and their answers say in a header which faults hit them.
//!
//! On such a route the header speaks of this route alone: what a client or an upstream says in its place is taken out.

use std::fmt::Write;
use std::rc::Rc;

use futures_util::future::Either;
use http::{HeaderName, HeaderValue};

use super::call::{Call, Hit};
use super::conn::Conn;
use super::layer::{Answering, Layer, Stack};
use crate::control::wire::FaultSpec;

/// Names the faults, each as `owner/id`.
static HEADER: HeaderName = HeaderName::from_static("x-firedrill-fault");
/// What does not fit into so many bytes any more is left out.
const VALUE_MAX_BYTES: usize = 4096;

/// Marks calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marked;

impl Layer for Marked {
    fn call<S: Stack>(inner: &mut S, mut call: Call) -> Answering<S> {
        if !call.conn.accepted.route.spec.mark_faults {
            return Either::Left(inner.call(call));
        }
        let conn = Rc::clone(&call.conn);
        let hits = call.hits.clone();
        let before = mark(&conn, &hits);
        let headers = call.request.headers_mut();
        headers.remove(&HEADER);
        if let Some(mark) = before {
            headers.insert(HEADER.clone(), mark);
        }
        let answer = inner.call(call);
        Either::Right(Box::pin(async move {
            let mut answer = answer.await?;
            answer.headers_mut().remove(&HEADER);
            if let Some(mark) = mark(&conn, &hits) {
                answer.headers_mut().insert(HEADER.clone(), mark);
            }
            Ok(answer)
        }))
    }
}

/// What the header says of a call; nothing where no fault hit it.
fn mark(conn: &Conn, hits: &[Hit]) -> Option<HeaderValue> {
    let mut value = String::new();
    conn.client.edge.each_acting(|spec| add(&mut value, spec));
    hits.iter().filter(|hit| hit.is_meant()).for_each(|hit| add(&mut value, &hit.armed.spec));
    // Only what a header may hold was written, so nothing is lost here.
    if value.is_empty() { None } else { HeaderValue::from_str(&value).ok() }
}

fn add(value: &mut String, spec: &FaultSpec) {
    let before = value.len();
    if before > 0 {
        value.push_str(", ");
    }
    escape(value, &spec.owner);
    value.push('/');
    escape(value, &spec.id);
    if value.len() > VALUE_MAX_BYTES {
        value.truncate(before);
    }
}

/// A name with everything but letters, digits, `-`, `_` and `.` as `%` and two digits for each byte.
fn escape(into: &mut String, name: &str) {
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(owner: &str, id: &str) -> FaultSpec {
        let json = serde_json::json!({"id": id, "owner": owner, "fault": {"reset": {}}});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn names_are_told_apart_and_what_a_header_cannot_hold_is_escaped() {
        let mut value = String::new();
        for (owner, id) in [("drill-7", "slow"), ("manual", "a, b/ü\r\n"), ("manual", "c.d_e")] {
            add(&mut value, &spec(owner, id));
        }
        assert_eq!(value, "drill-7/slow, manual/a%2C%20b%2F%C3%BC%0D%0A, manual/c.d_e");
        assert!(HeaderValue::from_str(&value).is_ok());
    }

    #[test]
    fn the_header_is_bounded_and_what_stands_in_it_is_whole() {
        let (mut value, long) = (String::new(), "x".repeat(120));
        for _ in 0..64 {
            add(&mut value, &spec(&long, &long));
        }
        assert!((3_800..=VALUE_MAX_BYTES).contains(&value.len()), "{}", value.len());
        assert!(value.split(", ").all(|one| one.len() == 241), "{value}");
    }
}
