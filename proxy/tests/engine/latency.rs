//! How delays spread and change over time, on real sockets.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, answers, connect, echo, ledger_of_200_clients, ms, round_trip};

#[test]
fn a_ramp_begins_with_nothing_and_grows() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    round_trip(&mut stream);
    let armed = Instant::now();
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1s", "ramp": "10s"}}}"#);
    while armed.elapsed() < ms(900) {
        let before = armed.elapsed();
        let took = round_trip(&mut stream);
        // Of the 10 s of the ramp, `before` has passed at least: so much of the second is the least delay.
        assert!(took >= before / 10, "{took:?} after {before:?}");
        assert!(took < ms(900), "not the whole second yet: {took:?} after {before:?}");
    }
    let before = armed.elapsed();
    assert!(round_trip(&mut stream) >= before / 10 && before >= ms(900));
    let requested = rig.evidence("slow").requested.unwrap();
    assert!(requested.min < 60.0 && requested.max >= 60.0, "{requested:?}");
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1s", "ramp": "20s"}}}"#);
    let took = round_trip(&mut stream);
    assert!(took >= ms(40) && took < ms(900), "a change does not begin it anew: {took:?}");
}

#[test]
fn a_wave_comes_and_goes() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    round_trip(&mut stream);
    let armed = Instant::now();
    rig.fault(
        r#"{"id": "slow", "fault": {"latency": {"delay": "120ms", "wave": {"shape": "square", "period": "2s", "low": "20ms"}}}}"#,
    );
    let (mut high, mut low) = (0, 0);
    while armed.elapsed() < ms(2_000) {
        let began = armed.elapsed().as_millis();
        let took = round_trip(&mut stream);
        assert!(took >= ms(20), "{took:?}");
        // Clear of the edges, which the test's own clock knows only roughly.
        match began {
            50..500 => {
                assert!(took >= ms(120), "{took:?} at {began}");
                high += 1;
            }
            1_050..1_500 => low += 1,
            _ => {}
        }
    }
    assert!(high >= 1 && low >= 1, "{high} and {low}");
    let requested = rig.evidence("slow").requested.unwrap();
    assert_eq!((requested.min, requested.max), (20.0, 120.0), "what was asked for by then");
}

#[test]
fn on_http_a_delay_from_a_table_is_felt_and_written_down() {
    let (rig, at) = Rig::with_route(Protocol::Http, answers());
    rig.fault(
        r#"{"id": "slow", "seed": 3, "fault": {"latency": {"table": [["0%", "1ms"], ["80%", "2ms"], ["100%", "60ms"]]}}}"#,
    );
    let mut stream = connect(at);
    let took: Vec<Duration> = (0..60)
        .map(|_| {
            let began = Instant::now();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            let mut answer = [0; 40];
            stream.read_exact(&mut answer).unwrap();
            began.elapsed()
        })
        .collect();
    let ledger = rig.engine.ledger("r", "slow").unwrap();
    for (took, entry) in took.iter().zip(&ledger) {
        let drawn = Duration::from_micros(entry.drawn.unwrap());
        assert!(*took >= drawn && drawn >= ms(1) && drawn <= ms(60), "{took:?} {drawn:?}");
    }
    let long = ledger.iter().filter(|entry| entry.drawn > Some(2_000)).count();
    assert!((3..=25).contains(&long), "{long} of 60 are the long fifth");
}

#[test]
fn delays_that_are_like_the_one_before_are_the_same_with_any_number_of_workers() {
    let fault = r#"{"id": "some", "seed": 77, "fault": {"latency": {"delay": "6ms", "jitter": "4ms", "distribution": "lognormal", "correlation": "90%"}}}"#;
    let one = ledger_of_200_clients(1, fault);
    assert_eq!(one, ledger_of_200_clients(4, fault));
    let drawn: Vec<f64> = one.iter().map(|entry| (entry.drawn.unwrap() as f64).ln()).collect();
    let mean = drawn.iter().sum::<f64>() / 200.0;
    let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 200.0;
    let alike = drawn.windows(2).map(|two| (two[0] - mean) * (two[1] - mean)).sum::<f64>() / 199.0;
    assert!(alike / variance > 0.7, "connections that follow each other are alike: {}", alike / variance);
}
