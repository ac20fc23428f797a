//! Not one byte lost, added or out of order, whatever is armed and removed meanwhile.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use firedrill_proxy::control::wire::Protocol;
use firedrill_proxy::seed::{Draws, Seed};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::rig::{Rig, connect, eventually, reset_now, upstream};

/// The byte at a place, the same for sender and receiver.
fn byte(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 7) as u8
}

fn send(mut stream: TcpStream, total: usize, mut draws: Draws) {
    let mut at = 0;
    while at < total {
        let most = [16, 1_500, 100_000][draws.below(3) as usize];
        let n = (1 + draws.below(most) as usize).min(total - at);
        let chunk: Vec<u8> = (at..at + n).map(byte).collect();
        stream.write_all(&chunk).unwrap();
        at += n;
        if draws.below(8) == 0 {
            thread::sleep(Duration::from_micros(draws.below(1_500)));
        }
    }
    stream.shutdown(Shutdown::Write).unwrap();
}

fn receive(mut stream: TcpStream, mut draws: Draws) -> usize {
    let (mut at, mut buffer) = (0, vec![0; 70_000]);
    loop {
        let room = 1 + draws.below(70_000) as usize;
        let n = stream.read(&mut buffer[..room]).unwrap();
        if n == 0 {
            return at;
        }
        for (offset, got) in buffer[..n].iter().enumerate() {
            assert_eq!(*got, byte(at + offset), "at byte {}", at + offset);
        }
        at += n;
    }
}

/// Sends and receives at the same time; returns how much came.
fn both_ways(stream: TcpStream, total: usize, name: &'static str, seed: u64) -> usize {
    let draws = |what: &str| Seed(seed).of_fault(name, what).draws(0);
    let (copy, sending) = (stream.try_clone().unwrap(), draws("send"));
    let sender = thread::spawn(move || send(copy, total, sending));
    let got = receive(stream, draws("receive"));
    sender.join().unwrap();
    got
}

#[test]
fn bytes_are_exact_while_faults_come_and_go() {
    for seed in 1..=4 {
        let mut draws = Seed(seed).of_fault("exact", "plan").draws(0);
        let (there, back) = (1 + draws.below(3_000_000) as usize, 1 + draws.below(3_000_000) as usize);
        let (seen, server_got) = mpsc::sync_channel(1);
        let server = upstream(move |stream| seen.send(both_ways(stream, back, "server", seed)).unwrap());
        let (rig, at) = Rig::with_route(Protocol::Tcp, server);
        let client = thread::spawn(move || both_ways(connect(at), there, "client", seed));
        for round in 0..25 {
            let (delay, direction) =
                (1 + draws.below(9), ["request", "response", "both"][draws.below(3) as usize]);
            let drain = ["release", "drain"][draws.below(2) as usize];
            rig.fault(&format!(
                r#"{{"id": "slow", "fault": {{"latency": {{"delay": "{delay}ms", "jitter": "1ms", "direction": "{direction}"}}}}, "on_remove": "{drain}"}}"#
            ));
            rig.fault(&format!(
                r#"{{"id": "narrow", "fault": {{"bandwidth": {{"rate": "{}MB/s", "direction": "{direction}"}}}}}}"#,
                1 + draws.below(40)
            ));
            thread::sleep(Duration::from_micros(draws.below(6_000)));
            rig.remove(["slow", "narrow"][round % 2]);
            thread::sleep(Duration::from_micros(draws.below(3_000)));
            rig.remove(["narrow", "slow"][round % 2]);
        }
        assert_eq!(client.join().unwrap(), back, "seed {seed}");
        assert_eq!(server_got.recv().unwrap(), there, "seed {seed}");
        eventually("closed", || rig.view().traffic.connections_open == 0);
        let traffic = rig.view().traffic;
        assert_eq!((traffic.bytes_request, traffic.bytes_response), (there as u64, back as u64));
        eventually("nothing is held", || rig.engine.held_bytes() == 0);
    }
}

#[test]
fn held_bytes_are_bounded_and_the_sender_waits() {
    let source = upstream(|mut stream| while stream.write_all(&[7; 65_536]).is_ok() {});
    let (rig, at) = Rig::with_route(Protocol::Tcp, source);
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1h"}}}"#);
    let _stream = connect(at);
    eventually("the bound is reached", || rig.engine.held_bytes() >= 4 << 20);
    thread::sleep(Duration::from_millis(100));
    assert!(rig.engine.held_bytes() < (4 << 20) + (128 << 10), "{}", rig.engine.held_bytes());
}

/// One side of a conversation: pieces with the pause before each, in microseconds.
#[derive(Clone, Debug)]
struct Side {
    pieces: Vec<(usize, u64)>,
    /// It says its last piece only when the other has ended.
    last_word: bool,
}

impl Side {
    fn total(&self) -> usize {
        self.pieces.iter().map(|(bytes, _)| bytes).sum()
    }

    /// Sends and receives at the same time, and half-closes; returns how much came.
    fn speak(&self, stream: TcpStream, draws: Draws) -> usize {
        let (early, late) = self.pieces.split_at(self.pieces.len() - usize::from(self.last_word));
        let (copy, early) = (stream.try_clone().unwrap(), early.to_vec());
        let ends = !self.last_word;
        let sender = thread::spawn(move || say(&copy, &early, 0, ends));
        let said = self.total() - late.iter().map(|(bytes, _)| bytes).sum::<usize>();
        let got = receive(stream.try_clone().unwrap(), draws);
        sender.join().unwrap();
        if self.last_word {
            say(&stream, late, said, true);
        }
        got
    }
}

fn say(mut stream: &TcpStream, pieces: &[(usize, u64)], mut at: usize, ends: bool) {
    for (bytes, pause_us) in pieces {
        thread::sleep(Duration::from_micros(*pause_us));
        let piece: Vec<u8> = (at..at + bytes).map(byte).collect();
        stream.write_all(&piece).unwrap();
        at += bytes;
    }
    if ends {
        stream.shutdown(Shutdown::Write).unwrap();
    }
}

fn side(last_word: bool) -> impl Strategy<Value = Side> {
    let bytes = prop_oneof![1..200usize, 1_000..40_000usize, 100_000..900_000usize];
    let pause_us = prop_oneof![3 => Just(0u64), 1 => 0..2_000u64];
    prop::collection::vec((bytes, pause_us), 1..8).prop_map(move |pieces| Side { pieces, last_word })
}

/// Faults that hold bytes back and lose none, each armed for so many microseconds after such a pause.
fn armings() -> impl Strategy<Value = Vec<(u64, u64, String)>> {
    let direction = prop::sample::select(vec!["request", "response", "both"]);
    let latency = (1..6u64, direction.clone()).prop_map(|(delay, direction)| {
        format!(r#"{{"latency": {{"delay": "{delay}ms", "jitter": "1ms", "direction": "{direction}"}}}}"#)
    });
    let bandwidth = (20..400u64, direction).prop_map(|(rate, direction)| {
        format!(r#"{{"bandwidth": {{"rate": "{rate}MB/s", "direction": "{direction}"}}}}"#)
    });
    let fault = (prop_oneof![latency, bandwidth], prop::sample::select(vec!["release", "drain"]));
    let fault =
        fault.prop_map(|(fault, then)| format!(r#"{{"id": "f", "fault": {fault}, "on_remove": "{then}"}}"#));
    prop::collection::vec((0..4_000u64, 0..3_000u64, fault), 0..6)
}

/// Both sides speak through the engine while faults come and go. Returns how many bytes were spliced.
fn converse(client: &Side, server: &Side, armings: &[(u64, u64, String)]) -> Result<u64, TestCaseError> {
    let draws = |who: &str| Seed(1).of_fault(who, "receive").draws(0);
    let (seen, server_got) = mpsc::sync_channel(1);
    let speaking = server.clone();
    let address = upstream(move |stream| seen.send(speaking.speak(stream, draws("server"))).unwrap());
    let (rig, at) = Rig::with_route(Protocol::Tcp, address);
    let speaking = client.clone();
    let talk = thread::spawn(move || speaking.speak(connect(at), draws("client")));
    for (pause_us, armed_us, fault) in armings {
        thread::sleep(Duration::from_micros(*pause_us));
        rig.fault(fault);
        thread::sleep(Duration::from_micros(*armed_us));
        rig.remove("f");
    }
    let client_got = talk.join().map_err(|_| TestCaseError::fail("a byte reached the client wrongly"))?;
    let server_got = server_got.recv_timeout(Duration::from_secs(20));
    let server_got = server_got.map_err(|_| TestCaseError::fail("a byte reached the server wrongly"))?;
    prop_assert_eq!((client_got, server_got), (server.total(), client.total()));
    eventually("closed", || rig.view().traffic.connections_open == 0);
    let traffic = rig.view().traffic;
    prop_assert_eq!((traffic.bytes_request, traffic.bytes_response), (server_got as u64, client_got as u64));
    eventually("nothing is held", || rig.engine.held_bytes() == 0);
    Ok(rig.engine.spliced_bytes())
}

#[test]
fn bytes_are_exact_however_they_are_cut_and_whatever_is_armed_while_they_are_spliced() {
    let config = ProptestConfig {
        cases: 32,
        failure_persistence: None,
        max_shrink_iters: 60,
        rng_seed: RngSeed::Fixed(20),
        ..ProptestConfig::default()
    };
    let last_word = prop::sample::select(vec![(false, false), (true, false), (false, true)]);
    let sides = last_word.prop_flat_map(|(client, server)| (side(client), side(server)));
    let mut spliced = 0;
    let spliced_by = std::cell::RefCell::new(&mut spliced);
    TestRunner::new(config)
        .run(&(sides, armings()), |((client, server), armings)| {
            **spliced_by.borrow_mut() += converse(&client, &server, &armings)?;
            Ok(())
        })
        .unwrap();
    assert!(spliced > 1_000_000, "only {spliced} bytes were spliced, so this shows nothing");
}

/// A client that takes nothing, of an upstream that sends until there is no room anywhere, a full pipe included.
fn stuck(rig: &Rig, at: std::net::SocketAddr) -> TcpStream {
    let stream = connect(at);
    let mut passed = 0;
    eventually("no room anywhere", || {
        thread::sleep(Duration::from_millis(30));
        let before = std::mem::replace(&mut passed, rig.view().traffic.bytes_response);
        passed > 0 && passed == before
    });
    assert!(rig.engine.spliced_bytes() > 0);
    stream
}

const STUCK_BYTES: usize = 30_000_000;

fn sender_of(total: usize) -> std::net::SocketAddr {
    upstream(move |mut stream| {
        let mut at = 0;
        while at < total {
            let piece: Vec<u8> = (at..at + 50_000).map(byte).collect();
            if stream.write_all(&piece).is_err() {
                return;
            }
            at += piece.len();
        }
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(&mut [0; 1]);
    })
}

#[test]
fn a_fault_that_is_armed_while_a_pipe_is_full_finds_every_byte() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, sender_of(STUCK_BYTES));
    let mut stream = stuck(&rig, at);
    rig.fault(r#"{"id": "f", "fault": {"latency": {"delay": "1ms"}}}"#);
    eventually("what was on its way waits for its turn", || rig.engine.held_bytes() > 0);
    let mut got = vec![0; STUCK_BYTES];
    stream.read_exact(&mut got[..STUCK_BYTES / 2]).unwrap();
    rig.remove("f");
    stream.read_exact(&mut got[STUCK_BYTES / 2..]).unwrap();
    assert_eq!(got.iter().enumerate().find(|(at, got)| **got != byte(*at)), None);
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "and the end");
}

#[test]
fn a_rate_lets_bytes_through_a_pipe_and_what_it_holds_there_is_found_by_other_faults() {
    const BYTES: usize = 3_000_000;
    let (rig, at) = Rig::with_route(Protocol::Tcp, sender_of(BYTES));
    rig.fault(r#"{"id": "narrow", "fault": {"bandwidth": {"rate": "4MB/s"}}}"#);
    let mut stream = connect(at);
    let mut got = vec![0; BYTES];
    for (piece, third) in got.chunks_mut(BYTES / 3).enumerate() {
        match piece {
            0 => {}
            1 => rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1ms"}}}"#),
            _ => ["slow", "narrow"].into_iter().for_each(|id| rig.remove(id)),
        }
        stream.read_exact(third).unwrap();
    }
    assert!(rig.engine.spliced_bytes() > 100_000);
    assert_eq!(got.iter().enumerate().find(|(at, got)| **got != byte(*at)), None);
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "and the end");
}

#[test]
fn a_client_that_vanishes_behind_a_full_pipe_ends_the_connection() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, sender_of(STUCK_BYTES));
    for _ in 0..3 {
        let stream = stuck(&rig, at);
        reset_now(stream);
        eventually("gone", || rig.view().traffic.connections_open == 0);
    }
}
