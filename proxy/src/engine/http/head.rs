//! `http_headers`: what is done to the heads of requests and answers.

mod slow;

pub(super) use slow::SlowHead;

use std::future::poll_fn;
use std::rc::Rc;

use futures_util::future::Either;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::call::Call;
use super::layer::{Answering, Layer, Stack};
use super::stage::{LastBytes, Way};
use super::wire::Deed;
use crate::fault::{HttpHeaders, TrafficFault};

/// The header that is made huge.
static HUGE: HeaderName = HeaderName::from_static("x-firedrill-huge");

/// Does something to heads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headed;

impl Layer for Headed {
    fn call<S: Stack>(inner: &mut S, mut call: Call) -> Answering<S> {
        let hits =
            call.hits(|fault| if let TrafficFault::HttpHeaders(fault) = fault { Some(fault) } else { None });
        let (there, back): (Vec<_>, Vec<_>) =
            hits.into_iter().partition(|(_, fault)| fault.direction.acts_on_request());
        for (hit, fault) in there {
            if change(call.request.headers_mut(), &fault) {
                call.when_sent.extend([Deed::Done(hit)]);
            }
        }
        if back.is_empty() {
            return Either::Left(inner.call(call));
        }
        let conn = Rc::clone(&call.conn);
        let answer = inner.call(call);
        Either::Right(Box::pin(async move {
            let mut answer = answer.await?;
            for (hit, fault) in back {
                if !conn.means(&hit) {
                    continue;
                }
                if change(answer.headers_mut(), &fault) {
                    answer.body_mut().when_told(Deed::Done(hit.clone()));
                }
                let Some(slow) = fault.slow.filter(|_| !conn.is_many()) else { continue };
                // What the answer before left to be written is no part of this head.
                let mut before = LastBytes::new(&conn);
                poll_fn(|cx| before.poll(&conn, Way::ToClient, cx)).await;
                conn.client.slow_down(SlowHead::new(&conn, &hit, slow));
            }
            Ok(answer)
        }))
    }
}

/// Changes headers. True when they are other than before.
fn change(headers: &mut HeaderMap, fault: &HttpHeaders) -> bool {
    let mut changed = false;
    for name in &fault.remove {
        changed |= headers.remove(name.as_str()).is_some();
    }
    for (name, value) in &fault.set {
        // The parameters were checked when the fault was armed; what cannot be is left out.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            let same = headers.get_all(&name).iter().eq([&value]);
            changed |= !same;
            headers.insert(name, value);
        }
    }
    if let Some(huge) = fault.huge {
        let bytes = usize::try_from(huge.bytes().min(HttpHeaders::HUGE_MAX_BYTES)).unwrap_or(0);
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(vec![b'x'; bytes])) {
            headers.insert(HUGE.clone(), value);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(json: &str) -> (bool, Vec<String>) {
        let mut headers = HeaderMap::new();
        for (name, value) in [("server", "a"), ("x-b", "1"), ("x-b", "2"), ("date", "now")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let changed = change(&mut headers, &serde_json::from_str(json).unwrap());
        let mut lines: Vec<_> =
            headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        lines.sort();
        (changed, lines)
    }

    #[test]
    fn headers_are_removed_and_then_set() {
        let json = r#"{"remove": ["Server", "X-B"], "set": {"X-B": "3", "X-C": "4"}}"#;
        assert_eq!(changed(json), (true, ["date: now", "x-b: 3", "x-c: 4"].map(str::to_owned).to_vec()));
        assert_eq!(changed(r#"{"huge": "3B"}"#).1[2], "x-b: 1");
        assert!(changed(r#"{"huge": "3B"}"#).1.contains(&"x-firedrill-huge: xxx".to_owned()));
    }

    #[test]
    fn what_changes_nothing_is_no_effect() {
        for json in [
            r#"{"remove": ["x-none"]}"#,
            r#"{"set": {"Date": "now"}}"#,
            r#"{"slow": {"size": "1B", "every": "1s"}}"#,
        ] {
            assert!(!changed(json).0, "{json}");
        }
        assert!(changed(r#"{"set": {"x-b": "1"}}"#).0, "there were two of them");
    }
}
