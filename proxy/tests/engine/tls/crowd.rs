//! Many clients at once, and many that are silent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::ClientConfig;

use super::lab::{Authority, Client, Dir, client, client_config, echoed, rig, route, shake};
use crate::rig::{Rig, answers, echo, eventually};

/// More than have their handshake at the same time.
const CROWD: usize = 2_000;
const SILENT: usize = 1_100;

struct Shop {
    rig: Rig,
    at: SocketAddr,
    trusting: ClientConfig,
    _dir: Dir,
}

impl Shop {
    fn before(protocol: &str, upstream: SocketAddr) -> Self {
        let (dir, ca) = (Dir::new(), Authority::new("ca"));
        let signed = ca.sign(&["shop.example"]);
        let (certificate, key) = (dir.file("cert", &signed.certificate), dir.file("key", &signed.key));
        let rig = rig(&dir.0);
        // Nobody is to be late on a machine that has other things to do.
        let keys = format!(
            r#""dial_timeout": "2m", "tls": {{"terminate": {{"certificate": "{certificate}", "key": "{key}"}}}}"#
        );
        let at = route(&rig, protocol, upstream, &keys);
        Self { rig, at, trusting: client_config(ca.roots(), None), _dir: dir }
    }

    fn client(&self) -> Client {
        client(self.at, self.trusting.clone(), "shop.example")
    }
}

/// Asks, and is answered.
fn is_served(client: &mut Client) -> bool {
    let mut status = [0; 12];
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_ok()
        && client.flush().is_ok()
        && client.read_exact(&mut status).is_ok()
        && &status == b"HTTP/1.1 503"
}

#[test]
fn two_thousand_clients_at_once_are_all_served() {
    let shop = Arc::new(Shop::before("http", answers()));
    // Answered here, so that the crowd does not need an upstream each.
    shop.rig.fault(r#"{"id": "answer", "fault": {"http_error": {"status": 503}}}"#);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let shop = Arc::clone(&shop);
            thread::spawn(move || {
                let mut crowd: Vec<_> = (0..CROWD / 4).map(|_| shop.client()).collect();
                for client in &mut crowd {
                    client.sock.set_read_timeout(None).unwrap();
                    client.conn.write_tls(&mut client.sock).unwrap();
                }
                crowd.iter_mut().filter_map(|client| is_served(client).then_some(())).count()
            })
        })
        .collect();
    let served: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!((served, shop.rig.view().traffic.tls_failures), (CROWD, 0));
}

#[test]
fn those_that_are_silent_keep_nobody_from_being_served() {
    for (protocol, upstream) in [("http", answers()), ("tcp", echo())] {
        let shop = Shop::before(protocol, upstream);
        let silent: Vec<_> = (0..SILENT).map(|_| TcpStream::connect(shop.at).unwrap()).collect();
        eventually("all are there", || shop.rig.view().traffic.connections_open == SILENT as u64);
        let mut client = shop.client();
        assert_eq!(shake(&mut client), Ok(()), "{protocol}");
        if protocol == "tcp" {
            assert_eq!(echoed(&mut client, b"ping"), b"ping");
        }
        assert_eq!(shop.rig.view().traffic.tls_failures, 0, "{protocol}");
        drop(silent);
    }
}
