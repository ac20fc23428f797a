//! The faults of HTTP on single streams of HTTP/2.

use bytes::Bytes;
use firedrill_proxy::control::wire::Protocol;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::mpsc;

use crate::http2::{Ends, Frames, all, data, get, request, whole};
use crate::rig::{eventually, ms};

#[test]
fn a_call_ends_with_a_status_before_or_after_its_upstream_has_answered() {
    let ends = Ends::new();
    for (fault, status, reached) in [
        (r#"{"status": 14, "message": "über"}"#, Some("14"), 0),
        (r#"{"status": "DATA_LOSS", "when": "after"}"#, Some("15"), 1),
        (r#"{"status": 14, "trailers": false}"#, None, 0),
    ] {
        let (rig, mut client) = ends.routed(Protocol::Http);
        rig.fault(&format!(r#"{{"id": "f", "fault": {{"grpc_error": {fault}}}}}"#));
        let before = ends.seen_requests();
        ends.block_on(async {
            let answer = client.send_request(request("/shop.Cart/Add", whole([data("abc")]))).await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers().get("grpc-status").map(|value| value.to_str().unwrap()), status);
            assert_eq!(answer.headers()["content-type"], "application/grpc");
            assert!(answer.body().is_end_stream(), "trailers only: the head is the end");
        });
        assert_eq!(ends.seen_requests() - before, reached, "{fault}");
        rig.counted("f", 1, 1);
    }
}

#[test]
fn an_answer_that_waits_is_not_counted_by_what_leaves_on_other_streams() {
    let ends = Ends::new();
    let (rig, client) = ends.routed(Protocol::Http);
    let slow = r#"{"id": "slow", "fault": {"latency": {"delay": "1h"}}, "match": {"path": "/waits"}}"#;
    for fault in [
        r#"{"http_error": {"status": 503}}"#,
        r#"{"http_body": {"replace": "other"}}"#,
        r#"{"http_headers": {"set": {"x-path": "no"}}}"#,
    ] {
        rig.fault(slow);
        rig.fault(&format!(r#"{{"id": "f", "fault": {fault}, "match": {{"path": "/waits"}}}}"#));
        ends.block_on(async {
            let waits = tokio::spawn(client.clone().send_request(request("/waits", whole([data("abc")]))));
            while rig.evidence("f").matched == 0 {
                tokio::task::yield_now().await;
            }
            for _ in 0..20 {
                assert_eq!(all(get(&client, "/other").await.unwrap()).await.1["grpc-status"], "0");
            }
            assert_eq!(rig.evidence("f").faulted, 0, "{fault}");
            rig.remove("slow");
            waits.await.unwrap().unwrap();
        });
        rig.counted("f", 1, 1);
        rig.remove("f");
    }
}

#[test]
fn bodies_are_reshaped_stream_by_stream() {
    let ends = Ends::new();
    let (rig, client) = ends.routed(Protocol::Http);
    ends.block_on(async {
        for (fault, expected) in [
            (r#"{"http_body": {"replace": "other"}}"#, Some(b"other".to_vec())),
            (r#"{"http_body": {"drip": {"size": "1KB", "every": "1ms"}}}"#, None),
            (r#"{"http_headers": {"set": {"x-path": "no"}}}"#, None),
            (r#"{"latency": {"delay": "20ms", "before": "body"}}"#, None),
        ] {
            rig.fault(&format!(r#"{{"id": "f", "fault": {fault}, "match": {{"path": "/echo"}}}}"#));
            let sent: Vec<u8> = (0..20_000u32).map(|n| n as u8).collect();
            let hit =
                client.clone().send_request(request("/echo", whole([data(sent.clone())]))).await.unwrap();
            assert_eq!(hit.headers()["x-path"] == "no", fault.contains("set"), "{fault}");
            assert_eq!(all(hit).await.0, expected.unwrap_or(sent), "{fault}");
            let other = get(&client, "/other").await.unwrap();
            assert_eq!(other.headers()["x-path"], "/other");
            eventually("it was done", || rig.evidence("f").faulted == 1);
            rig.remove("f");
        }
    });
}

#[test]
fn a_body_that_is_broken_off_resets_its_stream_and_no_other() {
    let ends = Ends::new();
    let (rig, client) = ends.routed(Protocol::Http);
    for (action, size) in [(r#"{"truncate": "7B"}"#, 7), (r#"{"no_last_chunk": true}"#, 20)] {
        rig.fault(&format!(
            r#"{{"id": "f", "fault": {{"http_body": {action}}}, "match": {{"path": "/echo"}}}}"#
        ));
        ends.block_on(async {
            let body = whole([data("0123456789"), data("0123456789")]);
            let mut answer = client.clone().send_request(request("/echo", body)).await.unwrap();
            let mut came = 0;
            let end = loop {
                match answer.body_mut().frame().await {
                    Some(Ok(frame)) => came += frame.data_ref().map_or(0, Bytes::len),
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            };
            assert_eq!(came, size, "{action}");
            assert!(end.is_some(), "{action}: reset and not ended");
            assert_eq!(get(&client, "/other").await.unwrap().status(), 200, "{action}");
        });
        rig.counted("f", 1, 1);
        rig.remove("f");
    }
}

#[test]
fn a_connection_that_is_not_kept_goes_away_after_the_streams_that_are_under_way() {
    for silent in [false, true] {
        let ends = Ends::new();
        let (rig, client) = ends.routed(Protocol::Http);
        rig.fault(&format!(
            r#"{{"id": "f", "fault": {{"keep_alive_kill": {{"silent": {silent}, "after_requests": 2}}}}}}"#
        ));
        ends.block_on(async {
            for _ in 0..2 {
                let (body, trailers) = all(get(&client, "/x").await.unwrap()).await;
                assert!(
                    !body.is_empty() && trailers["grpc-status"] == "0",
                    "silent {silent}: all of it came"
                );
            }
            let mut client = client;
            let gone = async {
                while client.ready().await.is_ok() {
                    tokio::task::yield_now().await
                }
            };
            gone.await;
        });
        rig.counted("f", 2, 1);
        eventually("closed", || rig.view().traffic.connections_open == 0);
    }
}

#[test]
fn a_call_that_goes_on_sending_is_answered_all_the_same() {
    let ends = Ends::new();
    let (rig, mut client) = ends.routed(Protocol::Http);
    rig.fault(r#"{"id": "f", "fault": {"grpc_error": {"status": "ABORTED"}}}"#);
    ends.block_on(async {
        let (sender, body) = mpsc::channel(1);
        sender.send(data("first")).await.unwrap();
        let answer = client.send_request(request("/shop.Cart/Talk", Frames(body))).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "10");
        drop(sender);
    });
    rig.counted("f", 1, 1);
}

#[test]
fn what_drips_on_a_stream_goes_on_when_the_fault_is_removed() {
    let ends = Ends::new();
    let (rig, mut client) = ends.routed(Protocol::Http);
    rig.fault(r#"{"id": "f", "fault": {"http_body": {"drip": {"size": "3B", "every": "1h"}}}}"#);
    ends.block_on(async {
        let mut answer = client.send_request(request("/echo", whole([data("0123456789")]))).await.unwrap();
        let first = answer.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "012");
        tokio::time::timeout(ms(60), answer.body_mut().frame()).await.unwrap_err();
        rig.remove("f");
        assert_eq!(all(answer).await.0, b"3456789");
    });
}
