//! `sni`: connections led by the name in the hello, which nobody decrypts.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Instant;

use super::lab::{Authority, Dir, client, client_config, echoed, rig, server_config, shake, tls_echo};
use crate::rig::{Rig, connect, echo, eventually, ms, read_to_end, round_trip};

fn sni_route(rig: &Rig, keys: &str) -> SocketAddr {
    let json = format!(r#"{{"name": "r", "listen": "127.0.0.1:0", "protocol": "tcp", {keys}}}"#);
    let spec = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    rig.engine.add_route(spec).unwrap().bound.tcp().unwrap()
}

#[test]
fn the_name_decides_and_every_byte_goes_on() {
    let (dir, ca) = (Dir::new(), Authority::new("ca"));
    let shop = tls_echo(server_config(&ca.sign(&["shop.example", "www.shop.example"]), None));
    let bank = tls_echo(server_config(&ca.sign(&["bank.example"]), None));
    let own = tls_echo(server_config(&ca.sign(&["other.example", "127.0.0.1"]), None));
    let rig = rig(&dir.0);
    let at = sni_route(
        &rig,
        &format!(
            r#""upstream": "{own}", "sni": [{{"name": "*shop.example", "upstream": "{shop}"}}, {{"name": "BANK.*", "upstream": "{bank}"}}]"#
        ),
    );
    // The certificate that each one shows says where it was led.
    for name in ["shop.example", "www.shop.example", "bank.example", "other.example", "127.0.0.1"] {
        let mut client = client(at, client_config(ca.roots(), None), name);
        assert_eq!(echoed(&mut client, b"ping"), b"ping", "{name}");
        let bytes = vec![b'x'; 100_000];
        assert_eq!(echoed(&mut client, &bytes), bytes, "{name}");
    }
    // A long hello, byte by byte.
    let mut config = client_config(ca.roots(), None);
    config.alpn_protocols = (0..90).map(|n| format!("protocol-{n:0200}").into_bytes()).collect();
    let mut long = client(at, config, "bank.example");
    let mut hello = Vec::new();
    while long.conn.wants_write() {
        long.conn.write_tls(&mut hello).unwrap();
    }
    assert!(hello.len() > 16 << 10);
    for piece in [&hello[..1], &hello[1..3], &hello[3..7], &hello[7..9_000], &hello[9_000..]] {
        long.sock.write_all(piece).unwrap();
        std::thread::sleep(ms(5));
    }
    assert_eq!(echoed(&mut long, b"ping"), b"ping");
    assert_eq!(rig.view().traffic.tls_failures, 0);
}

#[test]
fn what_is_no_tls_goes_to_the_routes_own_upstream_or_is_reset_and_counted() {
    let dir = Dir::new();
    let rig = rig(&dir.0);
    let shop = r#"{"name": "shop.example", "upstream": "127.0.0.1:9"}"#;
    let at =
        sni_route(&rig, &format!(r#""dial_timeout": "200ms", "upstream": "{}", "sni": [{shop}]"#, echo()));
    round_trip(&mut connect(at));
    // One that begins like TLS and then says no more: what it said goes on when its time is over.
    let mut slow = connect(at);
    let began = Instant::now();
    slow.write_all(&[0x16, 3, 1, 2]).unwrap();
    let mut back = [0; 4];
    std::io::Read::read_exact(&mut slow, &mut back).unwrap();
    assert_eq!(back, [0x16, 3, 1, 2]);
    assert!(began.elapsed() >= ms(150));
    // One that ends before it has said anything.
    let ended = connect(at);
    ended.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut { ended }), (Vec::new(), Ok(())));
    rig.engine.remove_route("r").unwrap();

    let at = sni_route(&rig, &format!(r#""dial_timeout": "200ms", "sni": [{shop}]"#));
    let mut plain = connect(at);
    plain.write_all(b"ping").unwrap();
    assert_eq!(read_to_end(&mut plain), (Vec::new(), Err(ErrorKind::ConnectionReset)));
    let mut other = client(at, client_config(Authority::new("ca").roots(), None), "other.example");
    assert!(shake(&mut other).is_err());
    assert_eq!(read_to_end(&mut connect(at)).1, Err(ErrorKind::ConnectionReset), "one that says nothing");
    assert_eq!(rig.view().traffic.tls_failures, 3);
    assert_eq!(rig.view().traffic.upstream_failures, 0);
    // One whose name fits, and whose upstream is not there.
    let mut refused = client(at, client_config(Authority::new("ca").roots(), None), "shop.example");
    assert!(shake(&mut refused).is_err());
    eventually("counted", || rig.view().traffic.upstream_failures == 1);
}

#[test]
fn faults_act_as_on_any_bytes() {
    let (dir, ca) = (Dir::new(), Authority::new("ca"));
    let shop = tls_echo(server_config(&ca.sign(&["shop.example"]), None));
    let rig = rig(&dir.0);
    let at = sni_route(&rig, &format!(r#""sni": [{{"name": "*", "upstream": "{shop}"}}]"#));
    rig.fault(r#"{"id": "late", "fault": {"latency": {"delay": "60ms"}}}"#);
    let began = Instant::now();
    let mut late = client(at, client_config(ca.roots(), None), "shop.example");
    shake(&mut late).unwrap();
    assert!(began.elapsed() >= ms(60), "the handshake is late already");
    rig.counted("late", 1, 1);
}
