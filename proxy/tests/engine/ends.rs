//! How connections end while a fault stands, changes or goes: none may stay open for ever.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::rig::{
    Rig, connect, echo, eventually, is_silent, ms, read_to_end, reset_now, round_trip, upstream,
};
use firedrill_proxy::control::wire::Protocol;

const HOLE: &str = r#"{"id": "hole", "fault": {"blackhole": {"direction": "both"}}}"#;

/// A connection of a client that sent its end into a black hole.
fn ended_in_the_dark(rig: &Rig, at: SocketAddr, hole: &str) -> TcpStream {
    let mut stream = connect(at);
    round_trip(&mut stream);
    rig.fault(hole);
    eventually("armed", || rig.evidence("hole").matched == 1);
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(is_silent(&mut stream, ms(50)));
    stream
}

#[test]
fn a_client_that_resets_in_a_black_hole_is_gone() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let stream = ended_in_the_dark(&rig, at, HOLE);
    reset_now(stream);
    eventually("gone", || rig.view().traffic.connections_open == 0);
}

/// After its close the kernel waits for the other side's end only so long; usually it is a minute.
fn forget_within_a_second(stream: &TcpStream) {
    let second: nix::libc::c_int = 1;
    let (level, option) = (nix::libc::IPPROTO_TCP, nix::libc::TCP_LINGER2);
    // SAFETY: the option takes one int, which lives for the time of the call, as the descriptor does.
    let result = unsafe {
        nix::libc::setsockopt(
            stream.as_raw_fd(),
            level,
            option,
            (&raw const second).cast(),
            size_of_val(&second) as u32,
        )
    };
    assert_eq!(result, 0);
}

#[test]
fn a_client_that_closes_in_a_black_hole_is_found_out() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let alive = ended_in_the_dark(&rig, at, HOLE);
    let mut dead = connect(at);
    forget_within_a_second(&dead);
    dead.write_all(b"?").unwrap();
    eventually("swallowed", || rig.evidence("hole").bytes == 1);
    // Closed, not reset: what it sent has been read, and nothing is on its way to it.
    drop(dead);
    assert_eq!(rig.view().traffic.connections_open, 2);
    eventually("the dead one is gone", || rig.view().traffic.connections_open == 1);
    // Its kernel answers for the other one, which only stopped sending.
    rig.remove("hole");
    let mut alive = alive;
    assert_eq!(read_to_end(&mut alive), (vec![], Ok(())), "its end was never lost");
}

#[test]
fn an_answer_that_nobody_takes_ends_a_connection_whose_end_was_swallowed() {
    let server = upstream(|mut stream| while stream.write_all(&[7; 4096]).is_ok() {});
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    let mut stream = connect(at);
    stream.read_exact(&mut [0; 100]).unwrap();
    rig.fault(r#"{"id": "hole", "fault": {"blackhole": {"direction": "request"}}}"#);
    eventually("armed", || rig.evidence("hole").matched == 1);
    stream.shutdown(Shutdown::Write).unwrap();
    std::thread::sleep(ms(20));
    reset_now(stream);
    eventually("gone", || rig.view().traffic.connections_open == 0);
}

#[test]
fn a_black_hole_behind_another_keeps_the_end_it_swallowed() {
    let (seen, ended) = mpsc::sync_channel(1);
    let server = upstream(move |mut stream| seen.send(read_to_end(&mut stream).1).unwrap());
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    let mut stream = connect(at);
    rig.fault(HOLE);
    rig.fault(r#"{"id": "other", "fault": {"blackhole": {"direction": "both"}}}"#);
    eventually("armed", || rig.evidence("other").matched == 1);
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(is_silent(&mut stream, ms(50)));
    rig.remove("hole");
    assert_eq!(ended.recv_timeout(ms(100)), Err(mpsc::RecvTimeoutError::Timeout), "the other still stands");
    rig.remove("other");
    assert_eq!(ended.recv_timeout(Duration::from_secs(20)).unwrap(), Ok(()));
}

#[test]
fn a_black_hole_that_turns_round_ends_what_has_bytes_missing() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    rig.fault(HOLE);
    stream.write_all(b"lost").unwrap();
    eventually("swallowed", || rig.evidence("hole").bytes == 4);
    rig.fault(r#"{"id": "hole", "fault": {"blackhole": {"direction": "response"}}}"#);
    assert!(read_to_end(&mut stream).0.is_empty(), "what follows would be no continuation");
    eventually("gone", || rig.view().traffic.connections_open == 0);
}

#[test]
fn an_end_held_by_a_latency_follows_its_change_and_its_removal() {
    let changes: [fn(&Rig); 2] = [
        |rig| rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "5ms", "direction": "both"}}}"#),
        |rig| rig.remove("slow"),
    ];
    for change in changes {
        let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
        rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1h", "direction": "both"}}}"#);
        let mut stream = connect(at);
        stream.write_all(b"last").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        eventually("held", || rig.engine.held_bytes() > 0);
        std::thread::sleep(ms(50));
        change(&rig);
        assert_eq!(read_to_end(&mut stream), (b"last".to_vec(), Ok(())));
    }
}

#[test]
fn a_reset_behind_bytes_that_nobody_takes_is_noticed() {
    // The upstream takes nothing, so the proxy reads no more from the client, and would not see its reset.
    let server = upstream(|stream| {
        std::thread::sleep(Duration::from_secs(15));
        drop(stream);
    });
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    let mut stream = connect(at);
    stream.set_write_timeout(Some(ms(200))).unwrap();
    while stream.write_all(&[7; 65_536]).is_ok() {}
    reset_now(stream);
    let began = Instant::now();
    eventually("gone", || rig.view().traffic.connections_open == 0);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_limit_that_is_taken_away_lets_the_rest_of_the_answer_through() {
    // The reset waits only while bytes that may pass find no room. A kernel that is generous with room may take them
    // all before the limit is gone; the connection is then reset rightly, and shows nothing.
    let shown = (0..20).any(|_| match end_of_an_answer_whose_limit_goes() {
        (bytes, Ok(())) => {
            assert!(bytes > ANSWER_BYTES, "only {bytes} bytes came");
            true
        }
        (bytes, Err(error)) => {
            assert!(bytes < LIMIT_BYTES + 1000, "{error} after {bytes} bytes, beyond the limit");
            false
        }
    });
    assert!(shown, "the kernel took every byte at once, 20 times");
}

const ANSWER_BYTES: usize = 3_000_000;
const LIMIT_BYTES: usize = 1_000_000;

/// How many bytes came, and how the connection ended.
fn end_of_an_answer_whose_limit_goes() -> (usize, Result<(), std::io::ErrorKind>) {
    let server = upstream(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {ANSWER_BYTES}\r\n\r\n");
        let _ = stream.write_all(&vec![7; ANSWER_BYTES]);
        let _ = stream.read(&mut [0; 1]);
    });
    let (rig, at) = Rig::with_route(Protocol::Http, server);
    rig.fault(r#"{"id": "cut", "fault": {"reset": {"after_bytes": "1MB"}}}"#);
    // Little room and nobody who reads: the bytes that may pass do not all arrive, and the reset waits for them.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&at.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    eventually("the limit is reached", || rig.view().traffic.bytes_response == LIMIT_BYTES as u64);
    rig.remove("cut");
    let (bytes, end) = read_to_end(&mut stream);
    (bytes.len(), end)
}

#[test]
fn a_stop_closes_what_a_request_under_way_holds() {
    let (seen, ended) = mpsc::sync_channel(1);
    let server = upstream(move |mut stream| {
        let (bytes, _) = read_to_end(&mut stream);
        seen.send(bytes.ends_with(b"abc")).unwrap();
    });
    let (rig, at) = Rig::with_route(Protocol::Http, server);
    let mut stream = connect(at);
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").unwrap();
    eventually("under way", || rig.view().traffic.bytes_request > 40);
    std::thread::sleep(ms(50));
    rig.engine.stop();
    assert!(ended.recv_timeout(Duration::from_secs(10)).unwrap());
}

#[test]
fn a_reset_reaches_each_of_many_connections_and_their_upstreams() {
    let (seen, ended) = mpsc::sync_channel(300);
    let server = upstream(move |mut stream| seen.send(read_to_end(&mut stream).1).unwrap());
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    let mut streams: Vec<_> = (0..300).map(|_| connect(at)).collect();
    eventually("open", || rig.view().traffic.connections_open == 300);
    for stream in &mut streams {
        stream.write_all(b"?").unwrap();
    }
    eventually("passed on", || rig.view().traffic.bytes_request == 300);
    rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    for stream in &mut streams {
        assert_eq!(read_to_end(stream).1, Err(std::io::ErrorKind::ConnectionReset));
        assert_eq!(ended.recv_timeout(ms(5_000)).unwrap(), Err(std::io::ErrorKind::ConnectionReset));
    }
    rig.counted("cut", 300, 300);
    eventually("their sockets are closed", || rig.view().traffic.connections_open == 0);
}
