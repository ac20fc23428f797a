//! What `http_body` does to answers and requests, byte by byte, and what a strict client makes of it.

use std::io::{BufReader, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Instant;

use firedrill_proxy::control::wire::Protocol;

use crate::http::{Client, Message, read_message};
use crate::rig::{Rig, eventually, ms, upstream};

pub const PAGE: &str = "abcdefghijklmnopqrstuvwxyz";

/// Answers by path, and sends on the bodies of requests as far as they came, whole or not.
pub fn shop() -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let (sender, bodies) = mpsc::channel();
    let at = upstream(move |stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some((request, whole)) = request(&mut reader) {
            let _ = sender.send(request.body.clone());
            if !whole {
                return;
            }
            let mut words = request.first_line.split(' ');
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let head = "ETag: \"1\"\r\nContent-Digest: sha-256=:x:\r\nX-Seen: yes\r\n";
            let answer = match path {
                "/none" => format!("HTTP/1.1 204 No Content\r\n{head}\r\n"),
                "/part" => format!(
                    "HTTP/1.1 206 Partial Content\r\n{head}Content-Range: bytes 0-2/26\r\nContent-Length: 3\r\n\r\nabc"
                ),
                "/chunked" => format!(
                    "HTTP/1.1 200 OK\r\n{head}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n"
                ),
                "/parts" => {
                    let first = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 26\r\n\r\n{}", &PAGE[..10]);
                    out.write_all(first.as_bytes()).unwrap();
                    std::thread::sleep(ms(150));
                    PAGE[10..].to_owned()
                }
                "/headers" => {
                    let seen = format!("{:?}", request.headers);
                    format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n{seen}", seen.len())
                }
                "/big" => format!("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n{}", "x".repeat(300_000)),
                _ => {
                    let body = if method == "HEAD" { "" } else { PAGE };
                    format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 26\r\n\r\n{body}")
                }
            };
            if out.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    (at, bodies)
}

/// The next request, and whether all of it came.
fn request(reader: &mut BufReader<std::net::TcpStream>) -> Option<(Message, bool)> {
    use std::io::BufRead;
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = Vec::new();
    let came = reader.by_ref().take(length as u64).read_to_end(&mut body).unwrap_or(0);
    let first_line = lines[0].clone();
    Some((Message { first_line, headers, body, trailers: Vec::new() }, came == length))
}

pub fn routed(fault: &str) -> (Rig, Client) {
    let (rig, at) = Rig::with_route(Protocol::Http, shop().0);
    rig.fault(&format!(r#"{{"id": "f", "fault": {fault}}}"#));
    (rig, Client::new(at))
}

pub fn ask(client: &mut Client, first_line: &str) {
    client.send(&format!("{first_line} HTTP/1.1\r\nHost: shop.test\r\n\r\n"));
}

/// Head and body of everything that came until the end, and that it was an end and no reset.
fn raw(client: &mut Client, path: &str) -> (String, String) {
    ask(client, &format!("GET {path}"));
    let (bytes, end) = client.end();
    assert_eq!(end, Ok(()), "closed and not reset");
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn a_truncated_body_ends_exactly_there_and_its_length_stays_announced() {
    for (path, size, sent, framing) in [
        ("/page", "10B", "abcdefghij".to_owned(), "content-length: 26"),
        ("/page", "0B", String::new(), "content-length: 26"),
        ("/chunked", "3B", "3\r\nabc\r\n".to_owned(), "transfer-encoding: chunked"),
        ("/chunked", "5B", "3\r\nabc\r\n2\r\nde\r\n".to_owned(), "transfer-encoding: chunked"),
        ("/big", "200000B", "x".repeat(200_000), "content-length: 300000"),
    ] {
        let (rig, mut client) = routed(&format!(r#"{{"http_body": {{"truncate": "{size}"}}}}"#));
        let (head, body) = raw(&mut client, path);
        assert!(head.contains(framing), "{head}");
        assert_eq!(body.len(), sent.len(), "{path} {size}");
        assert_eq!(body, sent, "{path} {size}");
        rig.counted("f", 1, 1);
    }
}

#[test]
fn a_body_that_is_not_longer_is_not_truncated() {
    let (rig, mut client) = routed(r#"{"http_body": {"truncate": "26B"}}"#);
    for _ in 0..2 {
        assert_eq!(client.get("/page").body, PAGE.as_bytes());
    }
    assert_eq!(rig.counted("f", 2, 0).faulted, 0);
}

#[test]
fn a_fault_that_is_removed_in_mid_body_does_not_end_it() {
    for action in
        [r#"{"truncate": "15B"}"#, r#"{"no_last_chunk": true}"#, r#"{"drip": {"size": "1B", "every": "1h"}}"#]
    {
        let (rig, mut client) = routed(&format!(r#"{{"http_body": {action}}}"#));
        ask(&mut client, "GET /parts");
        let mut first = vec![0; 40];
        client.reader.read_exact(&mut first).unwrap();
        rig.remove("f");
        let mut rest = Vec::new();
        while !rest.ends_with(if action.contains("chunk") { b"0\r\n\r\n" } else { b"xyz" }) {
            let mut byte = [0];
            client.reader.read_exact(&mut byte).unwrap();
            rest.push(byte[0]);
        }
        assert_eq!(client.get("/page").body, PAGE.as_bytes(), "{action}: the connection goes on");
    }
}

#[test]
fn a_dripping_body_is_whole_and_takes_its_time() {
    let (rig, mut client) = routed(r#"{"http_body": {"drip": {"size": "5B", "every": "20ms"}}}"#);
    let began = Instant::now();
    assert_eq!(client.get("/page").body, PAGE.as_bytes());
    let took = began.elapsed();
    assert!((ms(100)..ms(1_000)).contains(&took), "six pieces: {took:?}");
    let evidence = rig.counted("f", 1, 1);
    assert_eq!(evidence.bytes, 21, "all but the first piece waited");
    client.send("GET /chunked HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    let chunked = read_message(&mut client.reader).unwrap();
    assert_eq!((chunked.body.as_slice(), chunked.trailers.len()), (&b"abcdefg"[..], 1));
}

#[test]
fn a_dripping_request_reaches_the_upstream_whole() {
    let (at, bodies) = shop();
    let (rig, at) = Rig::with_route(Protocol::Http, at);
    rig.fault(r#"{"id": "f", "fault": {"http_body": {"drip": {"size": "2B", "every": "10ms"}, "direction": "request"}}}"#);
    let mut client = Client::new(at);
    let began = Instant::now();
    client.send("POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    assert_eq!(read_message(&mut client.reader).unwrap().status(), 200);
    assert!(began.elapsed() >= ms(40));
    assert_eq!(bodies.recv().unwrap(), b"0123456789");
    rig.counted("f", 1, 1);
}

#[test]
fn another_body_is_legal_and_says_nothing_of_the_old_one() {
    let (rig, mut client) = routed(r#"{"http_body": {"replace": "sorry"}}"#);
    for (path, status) in [("/page", 200), ("/chunked", 200), ("/part", 200), ("/big", 200), ("/page", 200)] {
        let answer = client.get(path);
        assert_eq!((answer.status(), answer.body.as_slice()), (status, &b"sorry"[..]), "{path}");
        for gone in ["ETag", "Content-Digest", "Content-Range", "Transfer-Encoding"] {
            assert_eq!(answer.header(gone), None, "{path} {answer:?}");
        }
    }
    rig.counted("f", 5, 5);
    assert_eq!(client.get("/none").header("ETag"), Some("\"1\""));
    ask(&mut client, "HEAD /page");
    let head = client.get_head().to_lowercase();
    assert!(head.contains("content-length: 26") && head.contains("etag"), "{head}");
    assert_eq!(client.get("/page").body, b"sorry", "nothing came behind the head");
    rig.counted("f", 8, 6);
}

#[test]
fn a_request_can_have_another_body_or_corrupt_bits() {
    let (at, bodies) = shop();
    let (rig, at) = Rig::with_route(Protocol::Http, at);
    rig.fault(r#"{"id": "f", "fault": {"http_body": {"replace": "other", "direction": "request"}}}"#);
    let mut client = Client::new(at);
    let post = "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789";
    client.send(post);
    assert_eq!(read_message(&mut client.reader).unwrap().status(), 200);
    assert_eq!(bodies.recv().unwrap(), b"other");
    assert_eq!(client.get("/page").status(), 200, "a request without a body stays without one");
    assert_eq!(bodies.recv().unwrap(), b"");
    rig.counted("f", 2, 1);
    rig.fault(r#"{"id": "f", "fault": {"http_body": {"corrupt": "30%", "direction": "request"}}}"#);
    client.send(post);
    assert_eq!(read_message(&mut client.reader).unwrap().status(), 200);
    let body = bodies.recv().unwrap();
    assert!(body.len() == 10 && body != b"0123456789", "{body:?}");
}

#[test]
fn a_request_that_is_cut_off_reaches_the_upstream_in_part_and_its_client_nothing() {
    let (at, bodies) = shop();
    let (rig, at) = Rig::with_route(Protocol::Http, at);
    rig.fault(r#"{"id": "f", "fault": {"http_body": {"truncate": "4B", "direction": "request"}}}"#);
    let mut client = Client::new(at);
    client.send("POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    assert_eq!(client.end(), (Vec::new(), Ok(())));
    assert_eq!(bodies.recv().unwrap(), b"0123");
    rig.counted("f", 1, 1);
}

#[test]
fn the_same_bits_flip_for_the_same_request_and_nothing_else_changes() {
    let bodies = || {
        let (rig, mut client) = routed(r#"{"http_body": {"corrupt": "5%"}}"#);
        let bodies = [0; 3].map(|_| {
            let answer = client.get("/big");
            assert_eq!(answer.body.len(), 300_000);
            answer.body
        });
        assert_eq!(client.get("/page").header("ETag"), Some("\"1\""));
        eventually("counted", || rig.evidence("f").faulted >= 3);
        let changed = bodies.iter().flatten().filter(|byte| **byte != b'x').count() as u64;
        assert!(rig.evidence("f").bytes >= changed && changed > 100_000, "{changed}");
        bodies
    };
    let first = bodies();
    assert_eq!(first, bodies());
    assert_ne!(first[0], first[1], "each request has its own");
}

#[test]
fn a_length_that_is_too_long_leaves_the_client_without_the_rest() {
    let (rig, mut client) = routed(r#"{"http_body": {"wrong_length": 5}}"#);
    let (head, body) = raw(&mut client, "/page");
    assert!(head.contains("content-length:  31") || head.contains("content-length: 31"), "{head}");
    assert_eq!(body, PAGE);
    rig.counted("f", 1, 1);
    eventually("counted", || rig.engine.red()[0].faulted.requests == 1);
}

#[test]
fn a_length_that_is_too_short_lets_the_rest_be_read_as_the_next_answer() {
    let (rig, mut client) = routed(r#"{"http_body": {"wrong_length": -6}}"#);
    let answer = read_short(&mut client);
    assert_eq!(answer, &PAGE.as_bytes()[..20]);
    let mut rest = [0; 6];
    client.reader.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"uvwxyz");
    assert_eq!(read_short(&mut client), &PAGE.as_bytes()[..20], "the connection goes on");
    rig.counted("f", 2, 2);
    rig.remove("f");
    client.reader.read_exact(&mut rest).unwrap();
    assert_eq!(client.get("/page").body, PAGE.as_bytes());
    let (rig, mut client) = routed(r#"{"http_body": {"wrong_length": 6}}"#);
    assert_eq!(client.get("/chunked").body, b"abcdefg", "no length was announced");
    assert_eq!(rig.counted("f", 1, 0).faulted, 0);
}

/// The space before a wrong length is no part of it.
fn read_short(client: &mut Client) -> Vec<u8> {
    use std::io::BufRead;
    ask(client, "GET /page");
    let mut length = 0;
    loop {
        let mut line = String::new();
        client.reader.read_line(&mut line).unwrap();
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    client.reader.read_exact(&mut body).unwrap();
    body
}

#[test]
fn without_its_last_chunk_a_body_is_all_there_and_never_over() {
    for (path, sent) in
        [("/chunked", "3\r\nabc\r\n4\r\ndefg\r\n".to_owned()), ("/page", format!("1A\r\n{PAGE}\r\n"))]
    {
        let (rig, mut client) = routed(r#"{"http_body": {"no_last_chunk": true}}"#);
        let (head, body) = raw(&mut client, path);
        assert!(head.contains("transfer-encoding: chunked") && !head.contains("content-length"), "{head}");
        assert_eq!(body, sent);
        rig.counted("f", 1, 1);
    }
    let (rig, mut client) = routed(r#"{"http_body": {"no_last_chunk": true}}"#);
    assert_eq!(client.get("/none").status(), 204);
    assert_eq!(client.get("/none").status(), 204, "what has no body has no last chunk");
    assert_eq!(rig.counted("f", 2, 0).faulted, 0);
}

#[test]
fn what_a_dripping_body_holds_is_reset_or_goes_on_dripping_if_that_is_asked_for() {
    for (on_remove, end) in [("reset", Err(std::io::ErrorKind::ConnectionReset)), ("drain", Ok(()))] {
        let (rig, at) = Rig::with_route(Protocol::Http, shop().0);
        rig.fault(&format!(
            r#"{{"id": "f", "fault": {{"http_body": {{"drip": {{"size": "6B", "every": "40ms"}}}}}}, "on_remove": "{on_remove}"}}"#
        ));
        let mut client = Client::new(at);
        client.send("GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.get_head();
        let mut first = [0; 6];
        client.reader.read_exact(&mut first).unwrap();
        let began = Instant::now();
        rig.remove("f");
        let (rest, ended) = client.end();
        assert_eq!(ended, end, "{on_remove}");
        if on_remove == "drain" {
            assert_eq!(rest, &PAGE.as_bytes()[6..]);
            assert!(began.elapsed() >= ms(100), "three more pieces, and the first waits too");
        }
    }
}

#[test]
fn a_reader_that_takes_its_time_gets_all_that_passes() {
    let (rig, mut client) = routed(r#"{"http_body": {"truncate": "290000B"}}"#);
    socket2::SockRef::from(&client.out).set_recv_buffer_size(4 << 10).unwrap();
    ask(&mut client, "GET /big");
    std::thread::sleep(ms(1_200));
    assert_eq!(rig.evidence("f").matched, 1);
    let (bytes, end) = client.end();
    assert_eq!(end, Ok(()));
    let head = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(bytes.len() - head, 290_000);
}

/// Exit codes of curl: 18 a body that is not all there, 56 a connection that broke; 0 nothing to find fault with.
#[test]
fn curl_finds_the_faults_that_break_framing_and_no_others() {
    if !crate::requires::requires(&["curl"]) {
        return;
    }
    for (fault, path, code) in [
        (r#"{"truncate": "10B"}"#, "/page", Some(18)),
        (r#"{"wrong_length": 5}"#, "/page", Some(18)),
        (r#"{"no_last_chunk": true}"#, "/chunked", Some(18)),
        (r#"{"wrong_length": -6}"#, "/page", Some(0)),
        (r#"{"replace": "other"}"#, "/chunked", Some(0)),
        (r#"{"drip": {"size": "9B", "every": "1ms"}}"#, "/page", Some(0)),
        (r#"{"corrupt": "10%"}"#, "/chunked", Some(0)),
    ] {
        let (rig, at) = Rig::with_route(Protocol::Http, shop().0);
        rig.fault(&format!(r#"{{"id": "f", "fault": {{"http_body": {fault}}}}}"#));
        let url = format!("http://{at}{path}");
        let curl = std::process::Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--noproxy",
                "*",
                "--max-time",
                "20",
                "--output",
                "/dev/null",
                &url,
            ])
            .output()
            .unwrap();
        assert_eq!(curl.status.code(), code, "{fault}: {}", String::from_utf8_lossy(&curl.stderr));
        rig.counted("f", 1, 1);
    }
}
