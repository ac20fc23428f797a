//! Not one byte lost, added or out of order, whatever is armed and removed meanwhile.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use firedrill_proxy::control::wire::Protocol;
use firedrill_proxy::seed::{Draws, Seed};

use crate::rig::{Rig, connect, eventually, upstream};

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
