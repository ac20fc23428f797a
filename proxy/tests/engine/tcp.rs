//! Faults on plain bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{
    Rig, connect, echo, end_of_new, eventually, is_silent, ms, read_to_end, reset_now, round_trip, upstream,
};

#[test]
fn latency_is_felt_on_a_live_connection_changes_and_goes() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    assert!(round_trip(&mut stream) < ms(50));
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "100ms"}}}"#);
    let slow = round_trip(&mut stream);
    assert!((ms(100)..ms(250)).contains(&slow), "{slow:?}");
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "30ms", "direction": "both"}}}"#);
    let both = round_trip(&mut stream);
    assert!((ms(60)..ms(160)).contains(&both), "{both:?}");
    eventually("all are measured", || rig.evidence("slow").bytes == 12);
    let evidence = rig.counted("slow", 1, 1);
    let (achieved, requested) = (evidence.achieved.unwrap(), evidence.requested.unwrap());
    assert_eq!((requested.count, requested.min, requested.max), (3, 30.0, 100.0));
    assert!(achieved.min >= 30.0 && achieved.max >= 100.0 && achieved.max < 250.0, "{achieved:?}");
    rig.remove("slow");
    assert!(round_trip(&mut stream) < ms(25));
}

#[test]
fn latency_is_never_early_and_delays_add_up() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "a", "fault": {"latency": {"delay": "7ms", "jitter": "3ms"}}, "seed": 9}"#);
    rig.fault(r#"{"id": "b", "fault": {"latency": {"delay": "5ms"}}}"#);
    let mut stream = connect(at);
    for _ in 0..50 {
        assert!(round_trip(&mut stream) >= ms(9));
    }
    eventually("all are measured", || rig.evidence("b").bytes == 200);
    for (id, least) in [("a", 4.0), ("b", 5.0)] {
        let (achieved, requested) = (rig.evidence(id).achieved.unwrap(), rig.evidence(id).requested.unwrap());
        assert!(achieved.min >= requested.min && requested.min >= least, "{id}: {achieved:?} {requested:?}");
        assert!(achieved.p50 >= requested.p50 * 0.98, "{id}: {achieved:?} {requested:?}");
    }
}

#[test]
fn bytes_held_by_a_latency_go_out_as_its_removal_says() {
    for (on_remove, from, to) in [("release", 0, 400), ("drain", 600, 1500)] {
        let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
        let put = |delay: &str| {
            rig.fault(&format!(
                r#"{{"id": "slow", "fault": {{"latency": {{"delay": "{delay}"}}}}, "on_remove": "{on_remove}"}}"#
            ));
        };
        put("700ms");
        let mut stream = connect(at);
        let began = Instant::now();
        stream.write_all(b"held").unwrap();
        eventually("the bytes are held", || rig.engine.held_bytes() > 0);
        rig.remove("slow");
        let mut back = [0; 4];
        stream.read_exact(&mut back).unwrap();
        let took = began.elapsed();
        assert!((ms(from)..ms(to)).contains(&took), "{on_remove}: {took:?}");
        eventually("nothing is held", || rig.engine.held_bytes() == 0);
        assert!(round_trip(&mut stream) < ms(100), "{on_remove}: new bytes are free");
    }
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "30s"}}, "on_remove": "reset"}"#);
    let mut stream = connect(at);
    stream.write_all(b"held").unwrap();
    eventually("the bytes are held", || rig.engine.held_bytes() > 0);
    rig.remove("slow");
    assert_eq!(read_to_end(&mut stream), (vec![], Err(ErrorKind::ConnectionReset)));
}

#[test]
fn a_shorter_latency_frees_what_waited_for_the_longer_one() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1h"}}}"#);
    let mut stream = connect(at);
    stream.write_all(b"held").unwrap();
    eventually("the bytes are held", || rig.engine.held_bytes() > 0);
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "20ms"}}}"#);
    stream.read_exact(&mut [0; 4]).unwrap();
}

#[test]
fn bandwidth_holds_its_rate_and_measures_it() {
    const BYTES: usize = 500_000;
    let source = upstream(|mut stream| {
        let _ = stream.write_all(&vec![7; BYTES]);
    });
    let (rig, at) = Rig::with_route(Protocol::Tcp, source);
    rig.fault(r#"{"id": "narrow", "fault": {"bandwidth": {"rate": "1MB/s"}}}"#);
    let began = Instant::now();
    let (bytes, end) = read_to_end(&mut connect(at));
    let took = began.elapsed();
    assert_eq!((bytes.len(), end), (BYTES, Ok(())));
    assert!((ms(480)..ms(800)).contains(&took), "{took:?}");
    let evidence = rig.counted("narrow", 1, 1);
    assert!(evidence.bytes > 400_000, "{evidence:?}");
    assert_eq!(evidence.requested.unwrap().max, 1e6);
    let achieved = evidence.achieved.unwrap();
    assert!((800_000.0..1_080_000.0).contains(&achieved.p50), "{achieved:?}");
}

#[test]
fn a_reset_is_a_true_reset_on_both_sides() {
    let (seen, upstream_saw) = mpsc::sync_channel(1);
    let server = upstream(move |mut stream| {
        stream.write_all(b"hello").unwrap();
        seen.send(read_to_end(&mut stream).1).unwrap();
    });
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    let mut stream = connect(at);
    stream.read_exact(&mut [0; 5]).unwrap();
    rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    assert_eq!(read_to_end(&mut stream), (vec![], Err(ErrorKind::ConnectionReset)));
    assert_eq!(upstream_saw.recv().unwrap(), Err(ErrorKind::ConnectionReset));
    rig.counted("cut", 1, 1);
    assert_eq!(end_of_new(at), Err(ErrorKind::ConnectionReset), "new connections too");
    rig.counted("cut", 2, 2);
}

#[test]
fn a_reset_waits_for_its_time_or_its_bytes() {
    let source = upstream(|mut stream| while stream.write_all(&[7; 4096]).is_ok() {});
    let (rig, at) = Rig::with_route(Protocol::Tcp, source);
    rig.fault(r#"{"id": "cut", "fault": {"reset": {"after_bytes": "100001B"}}}"#);
    let (bytes, end) = read_to_end(&mut connect(at));
    assert_eq!((bytes.len(), end), (100_001, Err(ErrorKind::ConnectionReset)));
    rig.remove("cut");

    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "cut", "fault": {"reset": {"after": "150ms"}}}"#);
    let began = Instant::now();
    let mut stream = connect(at);
    round_trip(&mut stream);
    assert_eq!(read_to_end(&mut stream).1, Err(ErrorKind::ConnectionReset));
    assert!((ms(140)..ms(400)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[test]
fn a_black_hole_swallows_and_closes_nothing_until_it_is_removed() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let (mut held, mut idle) = (connect(at), connect(at));
    round_trip(&mut held);
    round_trip(&mut idle);
    rig.fault(r#"{"id": "hole", "fault": {"blackhole": {}}}"#);
    eventually("armed everywhere", || rig.evidence("hole").matched == 2);
    held.write_all(b"into the dark").unwrap();
    assert!(is_silent(&mut held, ms(100)));
    assert_eq!(rig.counted("hole", 2, 1).bytes, 13);
    rig.remove("hole");
    assert!(read_to_end(&mut held).0.is_empty(), "bytes are gone, so the connection is closed");
    round_trip(&mut idle);
}

#[test]
fn the_share_of_connections_is_decided_by_their_number() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(
        r#"{"id": "some", "fault": {"latency": {"delay": "60ms"}}, "scope": {"percent": "50%"}, "seed": 4}"#,
    );
    let slow: Vec<bool> = (0..12).map(|_| round_trip(&mut connect(at)) >= ms(60)).collect();
    let ledger = rig.engine.ledger("r", "some").unwrap();
    assert_eq!(ledger.iter().map(|entry| entry.ordinal).collect::<Vec<_>>(), (0..12).collect::<Vec<_>>());
    assert_eq!(ledger.iter().map(|entry| entry.hit).collect::<Vec<_>>(), slow);
    assert!(slow.contains(&true) && slow.contains(&false));
    assert!(ledger.iter().all(|entry| entry.drawn == entry.hit.then_some(60_000)));
}

#[test]
fn a_half_closed_connection_goes_on_the_other_way() {
    let server = upstream(|mut stream| {
        let (all, end) = read_to_end(&mut stream);
        assert_eq!(end, Ok(()));
        stream.write_all(&all).unwrap();
    });
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    for fault in
        [None, Some(r#"{"id": "slow", "fault": {"latency": {"delay": "20ms", "direction": "both"}}}"#)]
    {
        if let Some(fault) = fault {
            rig.fault(fault);
        }
        let mut stream = connect(at);
        stream.write_all(&[5; 100_000]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&mut stream), (vec![5; 100_000], Ok(())));
    }
    eventually("all closed", || rig.view().traffic.connections_open == 0);
}

#[test]
fn a_reset_of_one_side_is_passed_on_as_a_reset() {
    let server = upstream(|mut stream| {
        stream.write_all(b"hello").unwrap();
        let _ = stream.read(&mut [0; 1]);
        reset_now(stream);
    });
    let (_rig, at) = Rig::with_route(Protocol::Tcp, server);
    let mut stream = connect(at);
    stream.write_all(b"x").unwrap();
    assert_eq!(read_to_end(&mut stream), (b"hello".to_vec(), Err(ErrorKind::ConnectionReset)));

    let (seen, upstream_saw) = mpsc::sync_channel(1);
    let server = upstream(move |mut stream| seen.send(read_to_end(&mut stream)).unwrap());
    let (_rig, at) = Rig::with_route(Protocol::Tcp, server);
    let mut stream = connect(at);
    stream.write_all(b"bye").unwrap();
    std::thread::sleep(ms(50));
    reset_now(stream);
    assert_eq!(upstream_saw.recv().unwrap(), (b"bye".to_vec(), Err(ErrorKind::ConnectionReset)));
}

#[test]
fn a_reset_after_a_half_close_is_passed_on() {
    let (seen, upstream_saw) = mpsc::sync_channel(1);
    let server = upstream(move |mut stream| {
        assert_eq!(read_to_end(&mut stream).1, Ok(()));
        // Reading says nothing any more; writing shows that the other side is gone.
        let began = Instant::now();
        while stream.write_all(b"?").is_ok() && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(ms(5));
        }
        seen.send(began.elapsed()).unwrap();
    });
    let quiet = upstream(move |mut stream| {
        assert_eq!(read_to_end(&mut stream).1, Ok(()));
        std::thread::sleep(Duration::from_secs(15));
    });
    for server in [server, quiet] {
        let (rig, at) = Rig::with_route(Protocol::Tcp, server);
        let stream = connect(at);
        stream.shutdown(Shutdown::Write).unwrap();
        std::thread::sleep(ms(50));
        reset_now(stream);
        eventually("gone", || rig.view().traffic.connections_open == 0);
    }
    assert!(upstream_saw.recv().unwrap() < Duration::from_secs(5));
}

#[test]
fn held_bytes_outlive_the_upstream_that_sent_them() {
    let server = upstream(|mut stream| {
        stream.write_all(b"last words").unwrap();
        let _ = stream.read(&mut [0; 1]);
        // More unread bytes make this close a reset, after the words were sent.
    });
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "300ms"}}}"#);
    let mut stream = connect(at);
    stream.write_all(b"unread").unwrap();
    stream.write_all(b"more").unwrap();
    let (bytes, end) = read_to_end(&mut stream);
    assert_eq!((bytes.as_slice(), end), (&b"last words"[..], Err(ErrorKind::ConnectionReset)));
}

#[test]
fn an_upstream_that_is_down_resets_the_client() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (rig, at) = Rig::with_route(Protocol::Tcp, nobody);
    assert_eq!(end_of_new(at), Err(ErrorKind::ConnectionReset));
    assert_eq!(rig.view().traffic.upstream_failures, 1);
}

#[test]
fn the_upstream_may_speak_first_on_an_auto_route() {
    let server = upstream(|mut stream| {
        stream.write_all(b"220 hello\r\n").unwrap();
        let (all, _) = read_to_end(&mut stream);
        stream.write_all(&all).unwrap();
    });
    let (rig, at) = Rig::with_route(Protocol::Auto, server);
    let mut stream = connect(at);
    let mut greeting = [0; 11];
    stream.read_exact(&mut greeting).unwrap();
    stream.write_all(b"EHLO").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream).0, b"EHLO");
    assert_eq!(rig.view().traffic.requests, 0);

    let (_rig, at) = Rig::with_route(Protocol::Auto, echo());
    let mut stream = connect(at);
    stream.write_all(b"GET key\r\n").unwrap();
    stream.read_exact(&mut [0; 9]).unwrap();
    round_trip(&mut stream);
}

#[test]
fn faults_act_the_same_with_any_number_of_workers() {
    let decide = |workers: usize| {
        let rig = Rig::new(workers);
        let at = rig.route("r", Protocol::Tcp, echo());
        rig.fault(
            r#"{"id": "some", "fault": {"latency": {"delay": "4ms", "jitter": "3ms"}}, "scope": {"percent": "30%"}, "seed": 77}"#,
        );
        let clients: Vec<_> =
            (0..200).map(|_| std::thread::spawn(move || round_trip(&mut connect(at)))).collect();
        for client in clients {
            client.join().unwrap();
        }
        eventually("all decided", || rig.evidence("some").matched == 200);
        rig.engine.ledger("r", "some").unwrap()
    };
    let one = decide(1);
    assert_eq!(one, decide(4));
    let hits = one.iter().filter(|entry| entry.hit).count();
    assert!((30..90).contains(&hits), "{hits} of 200 at 30%");
}

#[test]
fn a_client_that_resets_while_its_bytes_are_held_has_felt_the_latency() {
    let (rig, address) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "30s"}}}"#);
    let mut client = connect(address);
    client.write_all(b"hello").unwrap();
    assert!(is_silent(&mut client, Duration::from_millis(100)));
    assert_eq!(rig.evidence("slow").faulted, 0, "nothing has left, and nobody has given up");
    reset_now(client);
    let evidence = rig.counted("slow", 1, 1);
    assert!(evidence.achieved.is_none(), "what never left has no lateness");
}
