//! Faults on the bytes of whole connections, on plain bytes and where they carry HTTP.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, connect, echo, eventually, fault, is_silent, ms, read_to_end, round_trip, upstream};

/// The head and the body of an answer, 1,000 bytes together.
fn answer() -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 960\r\n\r\n".to_vec();
    answer.resize(1_000, b'x');
    answer
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const LAST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// Answers every request, and says what it got when the connection ends.
fn web() -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let (seen, got) = mpsc::sync_channel(64);
    let address = upstream(move |mut stream| {
        let (mut all, mut answered) = (Vec::new(), 0);
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            all.extend_from_slice(&buffer[..n]);
            while let Some(end) = all[answered..].windows(4).position(|four| four == b"\r\n\r\n") {
                answered += end + 4;
                let _ = stream.write_all(&answer());
            }
        }
        let _ = seen.try_send(all);
    });
    (address, got)
}

/// Bytes of what the upstream sends at once, and then its end.
fn source(bytes: usize) -> SocketAddr {
    upstream(move |mut stream| {
        let _ = stream.write_all(&pattern(bytes));
        let _ = stream.shutdown(Shutdown::Write);
        let _ = read_to_end(&mut stream);
    })
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n % 251) as u8).collect()
}

#[test]
fn limit_data_lets_exactly_its_bytes_pass_and_closes_both_sides() {
    for bytes in [1, 100_001, 3_000_000] {
        let (seen, upstream_saw) = mpsc::sync_channel(1);
        let server = upstream(move |mut stream| {
            let _ = stream.write_all(&pattern(4_000_000));
            seen.send(read_to_end(&mut stream).0).unwrap();
        });
        let (rig, at) = Rig::with_route(Protocol::Tcp, server);
        rig.fault(&format!(r#"{{"id": "cap", "fault": {{"limit_data": {{"bytes": "{bytes}B"}}}}}}"#));
        let mut stream = connect(at);
        // Unread on the other side: closing must not turn into a reset that loses what was just sent.
        stream.write_all(b"unread").unwrap();
        let (got, end) = read_to_end(&mut stream);
        assert_eq!((got.len(), end), (bytes, Ok(())));
        assert_eq!(got, pattern(bytes));
        upstream_saw.recv().unwrap();
        rig.counted("cap", 1, 1);
    }
}

#[test]
fn limit_data_counts_from_when_it_came_and_through_changes() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    round_trip(&mut stream);
    rig.fault(r#"{"id": "cap", "fault": {"limit_data": {"bytes": "1MB"}}}"#);
    eventually("armed", || rig.evidence("cap").matched == 1);
    round_trip(&mut stream);
    rig.fault(r#"{"id": "cap", "fault": {"limit_data": {"bytes": "10B"}}}"#);
    stream.write_all(b"0123456789").unwrap();
    assert_eq!(read_to_end(&mut stream), (b"012345".to_vec(), Ok(())), "four had passed before the change");
    rig.counted("cap", 1, 1);
}

#[test]
fn limit_data_of_nothing_closes_at_the_first_byte() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "cap", "fault": {"limit_data": {"bytes": "0B", "direction": "request"}}}"#);
    let mut stream = connect(at);
    assert!(is_silent(&mut stream, ms(60)));
    stream.write_all(b"?").unwrap();
    assert_eq!(read_to_end(&mut stream), (vec![], Ok(())));
}

#[test]
fn limit_time_closes_healthy_traffic_and_what_is_older_at_once() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut old = connect(at);
    round_trip(&mut old);
    std::thread::sleep(ms(250));
    rig.fault(r#"{"id": "age", "fault": {"limit_time": {"after": "200ms"}}}"#);
    assert_eq!(read_to_end(&mut old), (vec![], Ok(())));
    let began = Instant::now();
    let mut stream = connect(at);
    let mut back = [0; 4];
    while stream.write_all(b"ping").is_ok() && stream.read_exact(&mut back).is_ok() {
        std::thread::sleep(ms(10));
    }
    assert!((ms(190)..ms(3_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    rig.counted("age", 2, 2);
}

#[test]
fn slow_close_passes_bytes_at_once_and_their_end_late() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, source(5_000));
    rig.fault(r#"{"id": "slow", "fault": {"slow_close": {"delay": "300ms"}}}"#);
    let began = Instant::now();
    let mut stream = connect(at);
    stream.read_exact(&mut vec![0; 5_000]).unwrap();
    assert!(began.elapsed() < ms(250), "{:?}", began.elapsed());
    assert_eq!(read_to_end(&mut stream), (vec![], Ok(())));
    assert!(began.elapsed() >= ms(300), "{:?}", began.elapsed());
    let evidence = rig.counted("slow", 1, 1);
    let achieved = evidence.achieved.unwrap();
    assert!(achieved.min >= 300.0 && achieved.max < 3_000.0, "{achieved:?}");
}

#[test]
fn an_end_that_is_kept_back_follows_changes_and_removal() {
    for (then, on_remove, end) in [
        (Some("20ms"), "release", Ok(())),
        (None, "release", Ok(())),
        (None, "reset", Err(ErrorKind::ConnectionReset)),
    ] {
        let (rig, at) = Rig::with_route(Protocol::Tcp, source(10));
        let put = |delay: &str| {
            rig.fault(&format!(
                r#"{{"id": "slow", "fault": {{"slow_close": {{"delay": "{delay}"}}}}, "on_remove": "{on_remove}"}}"#
            ));
        };
        put("1h");
        let mut stream = connect(at);
        stream.read_exact(&mut [0; 10]).unwrap();
        assert!(is_silent(&mut stream, ms(50)));
        match then {
            Some(delay) => put(delay),
            None => rig.remove("slow"),
        }
        assert_eq!(read_to_end(&mut stream), (vec![], end), "{then:?} {on_remove}");
    }
}

#[test]
fn slicer_cuts_the_stream_and_loses_nothing() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, source(2_000));
    rig.fault(
        r#"{"id": "thin", "fault": {"slicer": {"size": "100B", "variation": "40B", "delay": "10ms"}}, "seed": 3}"#,
    );
    let began = Instant::now();
    let mut stream = connect(at);
    assert_eq!(read_to_end(&mut stream), (pattern(2_000), Ok(())));
    // 2,000 bytes are at least 15 pieces, with 14 pauses between them.
    assert!(began.elapsed() >= ms(140), "{:?}", began.elapsed());
    let evidence = rig.counted("thin", 1, 1);
    let achieved = evidence.achieved.unwrap();
    assert!(achieved.min >= 10.0 && (14..34).contains(&achieved.count), "{evidence:?}");
    assert!(evidence.bytes >= 1_800, "{evidence:?}");
}

#[test]
fn a_slicer_that_is_removed_lets_the_rest_go() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, source(30_000));
    rig.fault(r#"{"id": "thin", "fault": {"slicer": {"size": "1B", "delay": "1h"}}}"#);
    let mut stream = connect(at);
    stream.read_exact(&mut [0; 1]).unwrap();
    rig.remove("thin");
    assert_eq!(read_to_end(&mut stream), (pattern(30_000)[1..].to_vec(), Ok(())));
    assert!(rig.engine.put_fault("r", fault(r#"{"id": "x", "fault": {"slicer": {"size": "0B"}}}"#)).is_err());
}

#[test]
fn pieces_and_late_ends_that_come_and_go_lose_nothing() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    let mut reader = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        for piece in pattern(2_000_000).chunks(10_000) {
            stream.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_micros(300));
        }
        stream.shutdown(Shutdown::Write).unwrap();
    });
    let receiver = std::thread::spawn(move || read_to_end(&mut reader));
    for round in 0..30 {
        rig.fault(&format!(
            r#"{{"id": "thin", "fault": {{"slicer": {{"size": "{}B", "variation": "90B", "delay": "{}us", "direction": "both"}}}}}}"#,
            100 + 300 * round,
            10 * (round % 3)
        ));
        rig.fault(r#"{"id": "slow", "fault": {"slow_close": {"delay": "20ms", "direction": "both"}}}"#);
        std::thread::sleep(ms(2));
        rig.remove(["thin", "slow"][round % 2]);
        std::thread::sleep(ms(1));
        rig.remove(["slow", "thin"][round % 2]);
    }
    sender.join().unwrap();
    let (got, end) = receiver.join().unwrap();
    assert_eq!((got.len(), end), (2_000_000, Ok(())));
    assert_eq!(got, pattern(2_000_000));
    eventually("nothing is held", || rig.engine.held_bytes() == 0);
}

/// What a client gets of 50,000 bytes that come in chunks of so many.
fn corrupted(chunk: usize) -> (Vec<u8>, u64) {
    let server = upstream(move |mut stream| {
        for piece in pattern(50_000).chunks(chunk) {
            stream.write_all(piece).unwrap();
        }
    });
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    rig.fault(r#"{"id": "noise", "fault": {"corrupt": {"bits": "0.1%"}}, "seed": 11}"#);
    let (all, end) = read_to_end(&mut connect(at));
    assert_eq!(end, Ok(()));
    (all, rig.counted("noise", 1, 1).bytes)
}

#[test]
fn corrupt_flips_the_same_bits_however_the_bytes_come() {
    let (whole, changed) = corrupted(50_000);
    let differs = whole.iter().zip(pattern(50_000)).filter(|(got, sent)| **got != *sent).count();
    assert_eq!(changed, differs as u64);
    assert!((250..550).contains(&differs), "{differs} of about 400");
    assert_eq!(corrupted(777), (whole, changed));
}

#[test]
fn faults_on_bytes_act_together_and_bulk_that_was_spliced_is_cut_exactly() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, source(24_000_000));
    let mut stream = connect(at);
    let mut first = vec![0; 1_000_000];
    stream.read_exact(&mut first).unwrap();
    rig.fault(r#"{"id": "cap", "fault": {"limit_data": {"bytes": "500KB"}}}"#);
    rig.fault(r#"{"id": "thin", "fault": {"slicer": {"size": "9KB"}}}"#);
    let (rest, end) = read_to_end(&mut stream);
    assert_eq!(end, Ok(()));
    first.extend(rest);
    assert_eq!(first, pattern(first.len()), "nothing lost, nothing out of order");
    assert!((1_500_000..24_000_000).contains(&first.len()), "{}", first.len());
}

#[test]
fn on_http_they_act_on_the_bytes_of_the_client_connection() {
    let (server, _got) = web();
    let (rig, at) = Rig::with_route(Protocol::Http, server);
    rig.fault(r#"{"id": "cap", "fault": {"limit_data": {"bytes": "1500B"}}}"#);
    let mut stream = connect(at);
    stream.write_all(REQUEST).unwrap();
    stream.read_exact(&mut [0; 1_000]).unwrap();
    stream.write_all(REQUEST).unwrap();
    let (got, end) = read_to_end(&mut stream);
    assert_eq!((got.len(), end), (500, Ok(())), "of both answers together");
    rig.counted("cap", 1, 1);
    rig.remove("cap");

    rig.fault(r#"{"id": "age", "fault": {"limit_time": {"after": "150ms"}}}"#);
    let (mut stream, began) = (connect(at), Instant::now());
    stream.write_all(REQUEST).unwrap();
    assert_eq!(read_to_end(&mut stream), (answer(), Ok(())));
    assert!((ms(140)..ms(3_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    rig.counted("age", 1, 1);
    rig.remove("age");

    rig.fault(r#"{"id": "slow", "fault": {"slow_close": {"delay": "200ms"}}}"#);
    let (mut stream, began) = (connect(at), Instant::now());
    stream.write_all(LAST_REQUEST).unwrap();
    let (got, end) = read_to_end(&mut stream);
    assert!(got.ends_with(b"xxx") && end == Ok(()) && began.elapsed() >= ms(200), "{:?}", began.elapsed());
    rig.counted("slow", 1, 1);
    rig.remove("slow");

    rig.fault(r#"{"id": "thin", "fault": {"slicer": {"size": "100B", "delay": "10ms"}}}"#);
    let (mut stream, began) = (connect(at), Instant::now());
    stream.write_all(REQUEST).unwrap();
    let mut got = vec![0; 1_000];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, answer());
    assert!(began.elapsed() >= ms(90), "{:?}", began.elapsed());
    rig.counted("thin", 1, 1);
}

#[test]
fn on_http_requests_are_sliced_limited_and_corrupted_on_their_way_in() {
    let (server, got) = web();
    let (rig, at) = Rig::with_route(Protocol::Http, server);
    rig.fault(
        r#"{"id": "thin", "fault": {"slicer": {"size": "5B", "delay": "20ms", "direction": "request"}}}"#,
    );
    let (mut stream, began) = (connect(at), Instant::now());
    stream.write_all(REQUEST).unwrap();
    stream.read_exact(&mut [0; 1_000]).unwrap();
    assert!(began.elapsed() >= ms(20 * (REQUEST.len() as u64 / 5 - 1)), "{:?}", began.elapsed());
    rig.counted("thin", 1, 1);
    rig.remove("thin");
    drop(stream);
    assert!(got.recv_timeout(Duration::from_secs(10)).unwrap().starts_with(b"GET / HTTP/1.1\r\n"));

    rig.fault(r#"{"id": "cap", "fault": {"limit_data": {"bytes": "10B", "direction": "request"}}}"#);
    let mut stream = connect(at);
    stream.write_all(REQUEST).unwrap();
    assert!(read_to_end(&mut stream).0.is_empty(), "no request, no answer");
    rig.counted("cap", 1, 1);
    rig.remove("cap");

    rig.fault(r#"{"id": "noise", "fault": {"corrupt": {"bits": "100%", "direction": "request"}}}"#);
    let mut stream = connect(at);
    stream.write_all(REQUEST).unwrap();
    let (answer, _) = read_to_end(&mut stream);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "it was no request any more");
    let evidence = rig.counted("noise", 1, 1);
    assert!(evidence.bytes > 0);
}

#[test]
fn what_acts_on_connections_refuses_what_only_a_request_has() {
    let (rig, _) = Rig::with_route(Protocol::Http, echo());
    let spec = fault(r#"{"id": "thin", "match": {"path": "/x"}, "fault": {"slicer": {"size": "5B"}}}"#);
    let error = rig.engine.put_fault("r", spec).unwrap_err().to_string();
    assert!(error.contains("acts on whole connections") && error.contains("leave out `match`"), "{error}");
}
