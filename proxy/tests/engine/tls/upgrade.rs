//! WebSocket and the like inside TLS, on either side and on both, and the faults on the bytes that follow.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use super::lab::{
    Authority, Client, Dir, client, client_config, end, read_all, rig, route, server_config, tls_upstream,
};
use crate::rig::{Rig, connect, eventually, ms, upstream};

const ASKED: &[u8] = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

fn head(stream: &mut impl Read) -> Vec<u8> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    head
}

/// Switches, says hello in the same breath, and sends everything back until `stop`.
fn serve(stream: &mut (impl Read + Write)) {
    if head(stream).is_empty() {
        return;
    }
    let agreed =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello";
    stream.write_all(agreed).unwrap();
    stream.flush().unwrap();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        if &buffer[..n] == b"stop" || stream.write_all(&buffer[..n]).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A route with TLS on one side, or on both.
struct Shop {
    rig: Rig,
    at: SocketAddr,
    ca: Authority,
    terminates: bool,
    _dir: Dir,
}

impl Shop {
    fn new(terminates: bool, upstream_speaks_tls: bool) -> Self {
        let (dir, ca) = (Dir::new(), Authority::new("ca"));
        let (inside, ca_file) = (ca.sign(&["127.0.0.1"]), dir.file("ca", &ca.pem));
        let signed = ca.sign(&["shop.example"]);
        let (certificate, key) = (dir.file("cert", &signed.certificate), dir.file("key", &signed.key));
        let upstream = if upstream_speaks_tls {
            tls_upstream(server_config(&inside, None), |mut stream| {
                serve(&mut stream);
                end(&mut stream);
            })
        } else {
            upstream(|mut stream| serve(&mut stream))
        };
        let client_side = format!(r#""terminate": {{"certificate": "{certificate}", "key": "{key}"}}"#);
        let server_side = format!(r#""upstream": {{"ca": "{ca_file}"}}"#);
        let mut keys = Vec::new();
        keys.extend(terminates.then_some(client_side));
        keys.extend(upstream_speaks_tls.then_some(server_side));
        let rig = rig(&dir.0);
        let at = route(&rig, "http", upstream, &format!(r#""tls": {{{}}}"#, keys.join(", ")));
        Self { rig, at, ca, terminates, _dir: dir }
    }

    /// A client of which the upstream has agreed to switch, and that has read what was said first.
    fn switched(&self) -> Box<dyn Stream> {
        let mut stream: Box<dyn Stream> = if self.terminates {
            let client: Client = client(self.at, client_config(self.ca.roots(), None), "shop.example");
            Box::new(client)
        } else {
            Box::new(connect(self.at))
        };
        stream.write_all(ASKED).unwrap();
        stream.flush().unwrap();
        let head = String::from_utf8(head(&mut stream)).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).unwrap();
        assert_eq!(&hello, b"hello");
        stream
    }
}

fn echo(stream: &mut dyn Stream, message: &[u8]) {
    stream.write_all(message).unwrap();
    stream.flush().unwrap();
    let mut back = vec![0; message.len()];
    stream.read_exact(&mut back).unwrap();
    assert!(back == message);
}

const SIDES: [(bool, bool); 3] = [(true, false), (false, true), (true, true)];

#[test]
fn bytes_flow_both_ways_after_the_upstream_has_agreed_in_tls_on_any_side() {
    for (terminates, upstream) in SIDES {
        let shop = Shop::new(terminates, upstream);
        let mut client = shop.switched();
        for n in 0..20_u32 {
            echo(&mut client, format!("message {n}").as_bytes());
        }
        let large: Vec<u8> = (0..60_000_u32).map(|n| (n % 251) as u8).collect();
        for _ in 0..10 {
            echo(&mut client, &large);
        }
        client.write_all(b"stop").unwrap();
        client.flush().unwrap();
        assert_eq!(
            read_all(&mut client),
            (Vec::new(), Ok(())),
            "terminate {terminates}, upstream {upstream}"
        );
        drop(client);
        eventually("counted once", || shop.rig.engine.red()[0].untouched.requests == 1);
        eventually("all closed", || shop.rig.view().traffic.connections_open == 0);
        assert_eq!(shop.rig.view().traffic.tls_failures, 0);
    }
}

#[test]
fn a_reset_after_bytes_that_is_removed_lets_everything_pass_and_one_that_stays_resets() {
    for (terminates, upstream) in SIDES {
        let shop = Shop::new(terminates, upstream);
        shop.rig.fault(r#"{"id": "cut", "fault": {"reset": {"after_bytes": "20KB"}}}"#);
        let mut client = shop.switched();
        echo(&mut client, b"before");
        shop.rig.remove("cut");
        for _ in 0..5 {
            echo(&mut client, &[7; 20_000]);
        }
        drop(client);
        eventually("closed", || shop.rig.view().traffic.connections_open == 0);
        shop.rig.fault(r#"{"id": "cut", "fault": {"reset": {"after_bytes": "20KB"}}}"#);
        let mut client = shop.switched();
        echo(&mut client, &[7; 2_000]);
        client.write_all(&[7; 40_000]).unwrap();
        client.flush().unwrap();
        let (bytes, ended) = read_all(&mut client);
        assert_eq!(ended, Err(ErrorKind::ConnectionReset), "terminate {terminates}, upstream {upstream}");
        assert!(bytes.len() < 20_000, "{}", bytes.len());
        shop.rig.counted("cut", 1, 1);
    }
}

#[test]
fn faults_that_come_and_go_act_on_what_is_inside_tls() {
    for (terminates, upstream) in SIDES {
        let shop = Shop::new(terminates, upstream);
        shop.rig
            .fault(r#"{"id": "slow", "fault": {"bandwidth": {"rate": "1MB/s"}}, "match": {"path": "/ws"}}"#);
        let mut client = shop.switched();
        shop.rig.remove("slow");
        echo(&mut client, &[1; 50_000]);
        shop.rig
            .fault(r#"{"id": "late", "fault": {"latency": {"delay": "60ms"}}, "match": {"path": "/ws"}}"#);
        let began = Instant::now();
        echo(&mut client, b"ping");
        assert!((ms(60)..ms(5_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
        shop.rig.remove("late");
        echo(&mut client, &[2; 50_000]);
    }
}
