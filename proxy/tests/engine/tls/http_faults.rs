//! Faults of HTTP inside TLS: they act on messages, and not on the records that carry them.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use super::lab::{Authority, Client, Dir, client, client_config, read_all, rig, route};
use crate::http_bodies::{PAGE, shop};
use crate::rig::{Rig, ms};

/// A route that ends TLS and has this fault, and a client that has asked it for the page.
fn asked(fault: &str) -> (Rig, Dir, Client) {
    let (dir, ca) = (Dir::new(), Authority::new("ca"));
    let signed = ca.sign(&["shop.example"]);
    let (certificate, key) = (dir.file("cert", &signed.certificate), dir.file("key", &signed.key));
    let rig = rig(&dir.0);
    let keys = format!(r#""tls": {{"terminate": {{"certificate": "{certificate}", "key": "{key}"}}}}"#);
    let at = route(&rig, "http", shop().0, &keys);
    rig.fault(&format!(r#"{{"id": "f", "fault": {fault}}}"#));
    let mut client = client(at, client_config(ca.roots(), None), "shop.example");
    client.write_all(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    client.flush().unwrap();
    (rig, dir, client)
}

#[test]
fn a_slow_head_is_slow_inside_tls() {
    let (rig, _dir, mut client) = asked(r#"{"http_headers": {"slow": {"size": "10B", "every": "10ms"}}}"#);
    let (began, mut head) = (Instant::now(), Vec::new());
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let pieces = head.len().div_ceil(10) as u64;
    assert!((ms(10 * (pieces - 2))..ms(2_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    let mut body = [0; 26];
    client.read_exact(&mut body).unwrap();
    assert_eq!(&body, PAGE.as_bytes());
    rig.counted("f", 1, 1);
}

#[test]
fn a_body_that_is_broken_off_ends_exactly_there_and_without_a_word_of_tls() {
    for (fault, body, end) in [
        (r#"{"http_body": {"truncate": "10B"}}"#, &PAGE[..10], Err(ErrorKind::UnexpectedEof)),
        (r#"{"http_body": {"wrong_length": 5}}"#, PAGE, Err(ErrorKind::UnexpectedEof)),
        (r#"{"keep_alive_kill": {"silent": true}}"#, PAGE, Err(ErrorKind::UnexpectedEof)),
        (r#"{"keep_alive_kill": {}}"#, PAGE, Ok(())),
    ] {
        let (rig, _dir, mut client) = asked(fault);
        let (bytes, ended) = read_all(&mut client);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.split_once("\r\n\r\n").unwrap().1, body, "{fault}");
        assert_eq!(ended, end, "{fault}");
        rig.counted("f", 1, 1);
    }
}
