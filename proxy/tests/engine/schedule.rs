//! Faults that act in turns and in bursts.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, answers, connect, echo, eventually, ledger_of_200_clients, ms, round_trip};

#[test]
fn a_latency_in_turns_comes_and_goes_on_a_live_connection() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    round_trip(&mut stream);
    let armed = Instant::now();
    rig.fault(
        r#"{"id": "turns", "fault": {"latency": {"delay": "60ms"}}, "schedule": {"every": "1600ms", "for": "800ms", "offset": "300ms"}}"#,
    );
    let (mut slow, mut fast) = (0, 0);
    while armed.elapsed() < ms(1_900) {
        let began = armed.elapsed().as_millis() as u64;
        let took = round_trip(&mut stream);
        // Clear of the edges, which the test's own clock knows only roughly.
        match began.checked_sub(300) {
            Some(50..300) => {
                assert!(took >= ms(60), "{took:?} at {began}");
                slow += 1;
            }
            // A busy host may make one of them slow, and not all.
            None | Some(850..1_500) => fast += u32::from(took < ms(60)),
            _ => {}
        }
    }
    assert!(slow >= 1 && fast >= 1, "{slow} and {fast}");
    let ledger = rig.engine.ledger("r", "turns").unwrap();
    assert_eq!(ledger.len(), 1, "matched once, however often its turn comes");
    assert!(ledger[0].timed, "another run may not meet it");
}

#[test]
fn what_a_turn_holds_goes_on_when_it_is_over() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    round_trip(&mut stream);
    rig.fault(r#"{"id": "turns", "fault": {"stall": {}}, "schedule": {"every": "1h", "for": "300ms"}}"#);
    let began = Instant::now();
    eventually("met", || rig.evidence("turns").matched == 1);
    let took = round_trip(&mut stream);
    assert!(began.elapsed() >= ms(250) && took < ms(3_000), "{took:?} after {:?}", began.elapsed());
    assert!(round_trip(&mut stream) < ms(250), "the next turn is an hour away");
}

#[test]
fn a_port_flaps() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "flap", "fault": {"refuse": {}}, "schedule": {"every": "400ms", "for": "200ms"}}"#);
    for _ in 0..3 {
        let refused = || {
            TcpStream::connect_timeout(&at, ms(300))
                .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        };
        eventually("refused", refused);
        eventually("open", || !refused());
    }
    rig.remove("flap");
    round_trip(&mut connect(at));
}

#[test]
fn on_http_a_black_hole_in_turns_lets_go_of_what_it_holds() {
    let (rig, at) = Rig::with_route(Protocol::Http, answers());
    rig.fault(r#"{"id": "hole", "fault": {"blackhole": {}}, "schedule": {"every": "1h", "for": "300ms"}}"#);
    let (began, mut stream) = (Instant::now(), connect(at));
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(!stream.read(&mut [0; 1]).is_ok_and(|n| n > 0), "an answer is missing, so the connection ends");
    assert!((ms(250)..ms(3_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    let mut stream = connect(at);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 40]).unwrap();
    rig.counted("hole", 1, 1);
}

#[test]
fn bursts_lie_on_the_same_connections_with_any_number_of_workers() {
    let fault = r#"{"id": "bursts", "seed": 77, "fault": {"latency": {"delay": "3ms", "jitter": "2ms"}}, "schedule": {"bursts": {"enter": "10%", "leave": "25%"}}}"#;
    let one = ledger_of_200_clients(1, fault);
    assert_eq!(one, ledger_of_200_clients(4, fault));
    assert!(one.iter().all(|entry| !entry.timed));
    let hits = one.iter().filter(|entry| entry.hit).count();
    let begun = one.windows(2).filter(|two| !two[0].hit && two[1].hit).count();
    assert!((15..110).contains(&hits), "{hits} of 200 where 2 of 7 are meant");
    assert!(begun * 2 <= hits, "{hits} in {begun} bursts");
}

#[test]
fn of_10_000_requests_at_1_percent_as_many_are_hit_as_chance_allows_and_users_never_change_side() {
    let (rig, at) = Rig::with_route(Protocol::Http, answers());
    rig.fault(
        r#"{"id": "rare", "seed": 11, "fault": {"http_error": {"status": 503}}, "scope": {"percent": "1%"}}"#,
    );
    rig.fault(
        r#"{"id": "users", "seed": 12, "fault": {"http_error": {"status": 418}}, "scope": {"percent": "30%", "sticky": {"header": "x-user"}}}"#,
    );
    let clients: Vec<_> = (0..10).map(|client| std::thread::spawn(move || statuses(at, client))).collect();
    let all: Vec<(u64, u16)> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    let failed = all.iter().filter(|(_, status)| *status == 503).count();
    // The 99.9 % interval of the binomial distribution with n = 10,000 and p = 1 %.
    assert!((68..=134).contains(&failed), "{failed}");
    eventually("all counted", || rig.evidence("rare").faulted == failed as u64);
    assert_eq!(rig.evidence("rare").matched, 10_000);
    let of = |user: u64, wanted: u16| all.iter().any(|(who, status)| (*who, *status) == (user, wanted));
    let (hit, spared) = (0..40).fold((0, 0), |(hit, spared), user| {
        assert!(of(user, 418) != of(user, 200), "user {user} is hit always or never");
        (hit + u64::from(of(user, 418)), spared + u64::from(of(user, 200)))
    });
    assert!(hit >= 3 && spared >= 15, "{hit} of 40 users at 30%");
}

/// The status of each of 1,000 answers, by user.
fn statuses(at: std::net::SocketAddr, client: u64) -> Vec<(u64, u16)> {
    let mut stream = connect(at);
    let one = |n: u64| {
        let user = (client + n) % 40;
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\n\r\n").as_bytes()).unwrap();
        let (mut answer, mut got) = ([0; 4096], 0);
        let body = |answer: &[u8]| if answer.starts_with(b"HTTP/1.1 200") { 2 } else { 0 };
        loop {
            let head = answer[..got].windows(4).position(|four| four == b"\r\n\r\n");
            if head.is_some_and(|head| got == head + 4 + body(&answer)) {
                break;
            }
            let n = stream.read(&mut answer[got..]).unwrap();
            assert!(n > 0, "the connection goes on");
            got += n;
        }
        (user, std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap())
    };
    (0..1_000).map(one).collect()
}
