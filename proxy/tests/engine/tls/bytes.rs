//! `tls` on routes of plain bytes: both ends of it, and what faults see of what is inside.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;

use rustls::RootCertStore;

use super::lab::{
    Authority, Client, DAY, Dir, client, client_config, echoed, end, read_all, rig, route, server_config,
    shake, tls_echo, tls_upstream,
};
use crate::rig::{
    Rig, connect, echo, end_of_new, eventually, ms, read_to_end, reset_now, round_trip, upstream,
};

/// An engine that ends TLS before an echo, its CA, and a client that trusts that.
struct Ended {
    rig: Rig,
    at: std::net::SocketAddr,
    roots: RootCertStore,
    _dir: Dir,
}

impl Ended {
    fn before(upstream: std::net::SocketAddr) -> Self {
        let (dir, ca) = (Dir::new(), Authority::new("ca"));
        let signed = ca.sign(&["shop.example"]);
        let (certificate, key) = (dir.file("cert", &signed.certificate), dir.file("key", &signed.key));
        let rig = rig(&dir.0);
        let keys = format!(r#""tls": {{"terminate": {{"certificate": "{certificate}", "key": "{key}"}}}}"#);
        let at = route(&rig, "tcp", upstream, &keys);
        Self { rig, at, roots: ca.roots(), _dir: dir }
    }

    fn client(&self) -> Client {
        client(self.at, client_config(self.roots.clone(), None), "shop.example")
    }

    fn failures(&self) -> u64 {
        self.rig.view().traffic.tls_failures
    }
}

#[test]
fn what_a_client_encrypts_arrives_plain_and_all_of_it() {
    let ended = Ended::before(echo());
    let mut client = ended.client();
    assert_eq!(echoed(&mut client, b"ping"), b"ping");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let sent = bytes.clone();
    let mut back = vec![0; bytes.len()];
    // The echo sends while it receives, and so does a client of its own thread for each way.
    let (mut conn, mut writer, mut reader) = {
        let sock = client.sock.try_clone().unwrap();
        (client.conn, sock.try_clone().unwrap(), sock)
    };
    writer.set_nonblocking(false).unwrap();
    let (mut at, mut got) = (0, 0);
    reader.set_read_timeout(Some(ms(1))).unwrap();
    let began = Instant::now();
    while got < back.len() {
        assert!(began.elapsed().as_secs() < 20, "stuck at {at} sent and {got} back");
        if at < sent.len() && !conn.wants_write() {
            at += conn.writer().write(&sent[at..(at + 16_384).min(sent.len())]).unwrap();
        }
        while conn.wants_write() {
            conn.write_tls(&mut writer).unwrap();
        }
        match conn.read_tls(&mut reader) {
            Ok(_) => {
                conn.process_new_packets().unwrap();
                match conn.reader().read(&mut back[got..]) {
                    Ok(n) => got += n,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        }
    }
    assert!(back == bytes, "what came back is what was sent");
    assert_eq!(ended.failures(), 0);
    assert_eq!(ended.rig.view().traffic.bytes_request, 3_000_004, "the plain bytes are counted");
}

#[test]
fn faults_act_on_what_is_inside() {
    let ended = Ended::before(echo());
    ended.rig.fault(r#"{"id": "late", "fault": {"latency": {"delay": "80ms"}}}"#);
    let mut late = ended.client();
    shake(&mut late).unwrap();
    let began = Instant::now();
    assert_eq!(echoed(&mut late, b"ping"), b"ping");
    assert!(began.elapsed() >= ms(80));
    let evidence = ended.rig.counted("late", 1, 1);
    assert_eq!(evidence.bytes, 4, "the bytes of the message, and not what TLS makes of them");
    ended.rig.remove("late");
    ended.rig.fault(r#"{"id": "cut", "fault": {"limit_data": {"bytes": "10B"}}}"#);
    let mut cut = ended.client();
    cut.write_all(b"0123456789abcdef").unwrap();
    let (bytes, ended_so) = read_all(&mut cut);
    assert_eq!((bytes.as_slice(), ended_so), (&b"0123456789"[..], Ok(())), "and TLS says the end");
}

#[test]
fn a_reset_goes_through_in_both_directions() {
    let (seen, sees) = std::sync::mpsc::sync_channel(1);
    let ended = Ended::before(upstream(move |mut stream| {
        let _ = seen.send(read_to_end(&mut stream));
    }));
    let mut client = ended.client();
    client.write_all(b"abc").unwrap();
    eventually("the bytes passed", || ended.rig.view().traffic.bytes_request == 3);
    reset_now(client.sock);
    assert_eq!(sees.recv().unwrap(), (b"abc".to_vec(), Err(ErrorKind::ConnectionReset)));

    let ended = Ended::before(upstream(|mut stream| {
        let _ = stream.read(&mut [0; 8]);
        reset_now(stream);
    }));
    let mut client = ended.client();
    client.write_all(b"abc").unwrap();
    assert_eq!(read_all(&mut client), (Vec::new(), Err(ErrorKind::ConnectionReset)));

    let ended = Ended::before(echo());
    let mut client = ended.client();
    assert_eq!(echoed(&mut client, b"ping"), b"ping");
    ended.rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    assert_eq!(read_all(&mut client), (Vec::new(), Err(ErrorKind::ConnectionReset)), "a fault's too");
    ended.rig.counted("cut", 1, 1);
}

#[test]
fn each_side_may_end_before_the_other() {
    let (seen, sees) = std::sync::mpsc::sync_channel(1);
    let ended = Ended::before(upstream(move |mut stream| {
        let all = read_to_end(&mut stream);
        let _ = stream.write_all(b"after the end");
        let _ = seen.send(all);
    }));
    let mut client = ended.client();
    client.write_all(b"abc").unwrap();
    end(&mut client);
    assert_eq!(read_all(&mut client), (b"after the end".to_vec(), Ok(())), "and TLS says that too");
    assert_eq!(sees.recv().unwrap(), (b"abc".to_vec(), Ok(())));

    // A client that ends TCP without a word of TLS has ended too.
    let mut client = ended.client();
    client.write_all(b"abc").unwrap();
    client.sock.shutdown(Shutdown::Write).unwrap();
    assert_eq!(sees.recv().unwrap(), (b"abc".to_vec(), Ok(())));
    assert_eq!(read_all(&mut client).0, b"after the end");
    assert_eq!(ended.failures(), 0);
    eventually("all closed", || ended.rig.view().traffic.connections_open == 0);
}

#[test]
fn what_speaks_no_tls_is_told_and_counted_and_reaches_nobody() {
    let ended = Ended::before(echo());
    for garbage in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], b"\x16\x03\x01\x00\x05abcde", b"\x80\x2e\x01"]
    {
        let mut client = connect(ended.at);
        client.write_all(garbage).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (alert, ended_so) = read_to_end(&mut client);
        assert_eq!(ended_so, Ok(()));
        assert!(alert.is_empty() || alert[0] == 0x15, "{garbage:?}: an alert and nothing else: {alert:?}");
    }
    eventually("counted", || ended.failures() == 3);
    let mut wrong = client(ended.at, client_config(RootCertStore::empty(), None), "shop.example");
    assert!(shake(&mut wrong).is_err());
    drop(wrong);
    eventually("a client that does not trust us is counted", || ended.failures() == 4);
    let traffic = ended.rig.view().traffic;
    assert_eq!((traffic.bytes_request, traffic.upstream_failures), (0, 0));
    eventually("all closed", || ended.rig.view().traffic.connections_open == 0);
}

#[test]
fn a_handshake_takes_no_longer_than_a_dial_and_holds_nobody_up() {
    let (dir, ca) = (Dir::new(), Authority::new("ca"));
    let signed = ca.sign(&["shop.example"]);
    let (certificate, key) = (dir.file("cert", &signed.certificate), dir.file("key", &signed.key));
    let rig = rig(&dir.0);
    let tls = format!(r#""tls": {{"terminate": {{"certificate": "{certificate}", "key": "{key}"}}}}"#);
    let at = route(&rig, "tcp", echo(), &format!(r#""dial_timeout": "300ms", {tls}"#));
    let mut silent = connect(at);
    let mut slow = connect(at);
    slow.write_all(&[0x16, 3, 1]).unwrap();
    let began = Instant::now();
    let mut quick = client(at, client_config(ca.roots(), None), "shop.example");
    assert_eq!(echoed(&mut quick, b"ping"), b"ping");
    for late in [&mut silent, &mut slow] {
        let _ = read_to_end(late);
    }
    assert!(began.elapsed() >= ms(250));
    eventually("both counted", || rig.view().traffic.tls_failures == 2);
    assert_eq!(echoed(&mut quick, b"pong"), b"pong", "the limit is the handshake's, not the connection's");
    // A route that goes takes handshakes with it.
    let mut caught = connect(at);
    eventually("accepted", || rig.view().traffic.connections == 4);
    rig.engine.remove_route("r").unwrap();
    let _ = read_to_end(&mut caught);
    assert!(read_all(&mut quick).1.is_ok() || read_to_end(&mut quick.sock).0.is_empty());
}

#[test]
fn clients_without_a_certificate_are_turned_away_where_one_is_asked_for() {
    let (dir, ca, clients) = (Dir::new(), Authority::new("ca"), Authority::new("clients"));
    let signed = ca.sign(&["shop.example"]);
    let (certificate, key) = (dir.file("cert", &signed.certificate), dir.file("key", &signed.key));
    let client_ca = dir.file("clients", &clients.pem);
    let rig = rig(&dir.0);
    let keys = format!(
        r#""tls": {{"terminate": {{"certificate": "{certificate}", "key": "{key}", "client_ca": "{client_ca}"}}}}"#
    );
    let at = route(&rig, "tcp", echo(), &keys);
    let good = clients.sign(&["client"]);
    let mut known = client(at, client_config(ca.roots(), Some(&good)), "shop.example");
    assert_eq!(echoed(&mut known, b"ping"), b"ping");
    let stranger = ca.sign(&["client"]);
    for shown in [None, Some(&stranger)] {
        let mut unknown = client(at, client_config(ca.roots(), shown), "shop.example");
        let _ = unknown.write_all(b"ping");
        // Told by an alert, which comes after what the client takes for the end of the handshake.
        let (bytes, ended_so) = read_all(&mut unknown);
        assert_eq!((bytes, ended_so), (Vec::new(), Err(ErrorKind::InvalidData)));
    }
    eventually("counted", || rig.view().traffic.tls_failures == 2);
}

#[test]
fn an_upstream_is_spoken_to_in_tls() {
    let (dir, ca) = (Dir::new(), Authority::new("ca"));
    let ca_file = dir.file("ca", &ca.pem);
    let rig = rig(&dir.0);
    // By address, by a name of its own, and checked against the host of the upstream.
    let by_address = tls_echo(server_config(&ca.sign(&["127.0.0.1"]), None));
    let at = route(&rig, "tcp", by_address, &format!(r#""tls": {{"upstream": {{"ca": "{ca_file}"}}}}"#));
    round_trip(&mut connect(at));
    rig.engine.remove_route("r").unwrap();
    let by_name = tls_echo(server_config(&ca.sign(&["payments.internal"]), None));
    let keys = format!(r#""tls": {{"upstream": {{"ca": "{ca_file}", "server_name": "payments.internal"}}}}"#);
    let at = route(&rig, "tcp", by_name, &keys);
    let mut plain = connect(at);
    round_trip(&mut plain);
    plain.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut plain), (Vec::new(), Ok(())), "an end goes through as well");
    assert_eq!(rig.view().traffic.upstream_failures, 0);
}

#[test]
fn an_upstream_whose_certificate_does_not_fit_is_not_reached() {
    let (dir, ca, other) = (Dir::new(), Authority::new("ca"), Authority::new("other"));
    let ca_file = dir.file("ca", &ca.pem);
    let expired = ca.sign_until(&["127.0.0.1"], std::time::SystemTime::now() - DAY);
    for bad in [expired, ca.sign(&["10.0.0.1"]), other.sign(&["127.0.0.1"])] {
        let rig = rig(&dir.0);
        let upstream = tls_echo(server_config(&bad, None));
        let at = route(&rig, "tcp", upstream, &format!(r#""tls": {{"upstream": {{"ca": "{ca_file}"}}}}"#));
        assert_eq!(end_of_new(at), Err(ErrorKind::ConnectionReset));
        assert_eq!(rig.view().traffic.upstream_failures, 1);
        // Who does not look does not see.
        rig.engine.remove_route("r").unwrap();
        let at = route(&rig, "tcp", upstream, r#""tls": {"upstream": {"verify": false}}"#);
        round_trip(&mut connect(at));
        assert!(rig.view().warnings[0].contains("not checked"), "{:?}", rig.view().warnings);
    }
    // One that speaks no TLS, and one that closes.
    let rig = rig(&dir.0);
    let plain = upstream(|mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    for (n, upstream) in [plain, upstream(drop)].into_iter().enumerate() {
        let name = format!(r#""name": "r{n}""#);
        let json = format!(
            r#"{{{name}, "listen": "127.0.0.1:0", "protocol": "tcp", "upstream": "{upstream}", "tls": {{"upstream": {{"ca": "{ca_file}"}}}}}}"#
        );
        let view = rig.engine.add_route(serde_json::from_str(&json).unwrap()).unwrap();
        assert_eq!(end_of_new(view.bound.tcp().unwrap()), Err(ErrorKind::ConnectionReset));
        assert_eq!(rig.engine.route(&format!("r{n}")).unwrap().traffic.upstream_failures, 1);
    }
}

#[test]
fn tls_on_both_sides_with_a_certificate_for_the_upstream() {
    let (dir, ca, clients) = (Dir::new(), Authority::new("ca"), Authority::new("clients"));
    let upstream = tls_echo(server_config(&ca.sign(&["127.0.0.1"]), Some(&clients)));
    let (shown, ca_file) = (clients.sign(&["proxy"]), dir.file("ca", &ca.pem));
    let (certificate, key) = (dir.file("cert", &shown.certificate), dir.file("key", &shown.key));
    let rig = rig(&dir.0);
    let keys = format!(
        r#""tls": {{"terminate": {{"generated": true}}, "upstream": {{"ca": "{ca_file}", "certificate": "{certificate}", "key": "{key}"}}}}"#
    );
    let at = route(&rig, "tcp", upstream, &keys);
    let test_ca = firedrill_proxy::engine::TestCa::open(&dir.0).unwrap();
    let mut roots = RootCertStore::empty();
    use rustls::pki_types::pem::PemObject;
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(test_ca.pem().as_bytes()).unwrap()).unwrap();
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut client = client(at, client_config(roots.clone(), None), name);
        assert_eq!(echoed(&mut client, b"ping"), b"ping", "{name}");
    }
}

#[test]
fn a_client_that_does_not_read_stops_the_upstream_and_is_reset_with_it() {
    let (ca, dir) = (Authority::new("ca"), Dir::new());
    let flood = tls_upstream(server_config(&ca.sign(&["127.0.0.1"]), None), |mut stream| {
        let bytes = vec![7; 64 * 1024];
        let began = Instant::now();
        while began.elapsed().as_secs() < 20 && stream.write_all(&bytes).is_ok() {}
    });
    let rig = rig(&dir.0);
    let ca_file = dir.file("ca", &ca.pem);
    let at = route(&rig, "tcp", flood, &format!(r#""tls": {{"upstream": {{"ca": "{ca_file}"}}}}"#));
    let client = connect(at);
    let passed = || rig.view().traffic.bytes_response;
    let mut last = 0;
    eventually("it stands still", || {
        thread::sleep(ms(100));
        std::mem::replace(&mut last, passed()) == passed() && last > 0
    });
    rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    rig.counted("cut", 1, 1);
    eventually("it is over", || rig.view().traffic.connections_open == 0);
    drop(client);
}
