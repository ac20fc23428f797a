//! HTTP/1.1 through a route: what arrives, and what faults do to requests.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, connect, eventually, is_silent, ms, read_to_end, upstream};

/// A message as it stood on the wire.
#[derive(Debug)]
pub struct Message {
    pub first_line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<String>,
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Reads one message; nothing at the end of the stream.
pub fn read_message(reader: &mut BufReader<TcpStream>) -> Option<Message> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0).map(|_| line.trim_end().to_owned())
    };
    let first_line = line()?;
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut message = Message { first_line, headers, body: Vec::new(), trailers: Vec::new() };
    let find = |name: &str| message.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    if let Some((_, length)) = find("content-length") {
        message.body.resize(length.parse().unwrap(), 0);
        reader.read_exact(&mut message.body).ok()?;
    } else if find("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            if size == 0 {
                break;
            }
            let at = message.body.len();
            message.body.resize(at + size + 2, 0);
            reader.read_exact(&mut message.body[at..]).ok()?;
            message.body.truncate(at + size);
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if line.trim().is_empty() {
                break;
            }
            message.trailers.push(line.trim().to_owned());
        }
    }
    Some(message)
}

#[test]
fn the_trace_context_reaches_the_upstream_as_it_came() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let kept = std::sync::Arc::clone(&seen);
    let server = upstream(move |stream| {
        let mut out = stream.try_clone().unwrap();
        let request = read_message(&mut BufReader::new(stream)).unwrap();
        *kept.lock().unwrap() = Some(request);
        let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTraceparent: 00-b-c-01\r\n\r\n");
    });
    let (rig, at) = Rig::with_route(Protocol::Http, server);
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1ms"}}}"#);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut stream = connect(at);
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: a\r\ntraceparent: {parent}\r\nTraceState: b=1, c = x\r\ntracestate: d=2\r\nbaggage: k=v;p\r\n\r\n"
    )
    .unwrap();
    let answer = read_message(&mut BufReader::new(stream)).unwrap();
    assert_eq!(answer.header("Traceparent"), Some("00-b-c-01"));
    let request = seen.lock().unwrap().take().unwrap();
    let context: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| ["traceparent", "tracestate", "baggage"].contains(&name.to_lowercase().as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let expected =
        [("traceparent", parent), ("TraceState", "b=1, c = x"), ("tracestate", "d=2"), ("baggage", "k=v;p")];
    assert_eq!(context, expected);
}

/// Answers every request by what its path asks for; `/echo` sends the body back, all else says what arrived.
fn server() -> SocketAddr {
    upstream(|stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_message(&mut reader) {
            let path = request.first_line.split(' ').nth(1).unwrap();
            let sent = match path {
                "/echo" => {
                    write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len())
                        .and_then(|()| out.write_all(&request.body))
                }
                "/chunked" => out.write_all(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n",
                ),
                "/big" => {
                    let body = vec![7; 3_000_000];
                    write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())
                        .and_then(|()| out.write_all(&body))
                }
                "/cut" => {
                    let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
                    std::thread::sleep(ms(30));
                    socket2::SockRef::from(&out).set_linger(Some(Duration::ZERO)).unwrap();
                    return;
                }
                "/close" => {
                    let _ = out.write_all(b"HTTP/1.1 204 No Content\r\nX-Case: kept\r\n\r\n");
                    return;
                }
                _ => {
                    let seen = format!("{request:?}");
                    write!(
                        out,
                        "HTTP/1.1 200 Fine\r\nX-Odd-Case: Yes\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nContent-Length: {}\r\n\r\n{seen}",
                        seen.len()
                    )
                }
            };
            if sent.is_err() {
                return;
            }
        }
    })
}

pub struct Client {
    pub out: TcpStream,
    pub reader: BufReader<TcpStream>,
}

impl Client {
    pub fn new(at: SocketAddr) -> Self {
        let out = connect(at);
        Self { reader: BufReader::new(out.try_clone().unwrap()), out }
    }

    pub fn send(&mut self, request: &str) {
        self.out.write_all(request.as_bytes()).unwrap();
    }

    pub fn get(&mut self, path: &str) -> Message {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n"));
        read_message(&mut self.reader).unwrap()
    }

    fn timed(&mut self, path: &str) -> Duration {
        let began = Instant::now();
        assert_eq!(self.get(path).status(), 200);
        began.elapsed()
    }

    /// Reads a head, and nothing behind it.
    pub fn get_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.reader.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// How the connection ends.
    pub fn end(&mut self) -> (Vec<u8>, Result<(), ErrorKind>) {
        let mut all = self.reader.buffer().to_vec();
        let (rest, end) = read_to_end(&mut self.out);
        all.extend(rest);
        (all, end)
    }
}

#[test]
fn requests_and_answers_arrive_as_they_were_sent() {
    for protocol in [Protocol::Http, Protocol::Auto] {
        let (rig, at) = Rig::with_route(protocol, server());
        let mut client = Client::new(at);
        client.send(
            "PUT /x%20y?a=1&b HTTP/1.1\r\nHost: Shop.test\r\nX-Custom-CASE: v\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\nContent-Length: 3\r\n\r\nabc",
        );
        let answer = read_message(&mut client.reader).unwrap();
        assert_eq!(answer.first_line, "HTTP/1.1 200 Fine");
        assert_eq!((answer.header("X-Odd-Case"), answer.header("X-Hop")), (Some("Yes"), None));
        assert_eq!(answer.header("date"), None, "nothing is added: {answer:?}");
        let seen = String::from_utf8(answer.body).unwrap();
        assert!(seen.contains("PUT /x%20y?a=1&b HTTP/1.1") && seen.contains("X-Custom-CASE"), "{seen}");
        assert!(seen.contains("Shop.test") && seen.contains("[97, 98, 99]"), "{seen}");
        assert!(!seen.contains("X-Mine") && seen.contains("trailers"), "{seen}");

        client.send("GET /chunked HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
        let answer = read_message(&mut client.reader).unwrap();
        assert_eq!((answer.body.as_slice(), answer.trailers.len()), (&b"abcdefg"[..], 1), "{answer:?}");
        assert_eq!(client.get("/big").body, vec![7; 3_000_000]);

        client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        );
        assert_eq!(read_message(&mut client.reader).unwrap().body, b"hello");
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        assert_eq!(read_message(&mut client.reader).unwrap().status(), 100);
        client.send("hi");
        assert_eq!(read_message(&mut client.reader).unwrap().body, b"hi");
        let traffic = rig.view().traffic;
        assert_eq!((traffic.connections, traffic.requests), (1, 5), "{protocol:?}: kept alive");
        drop(client);
        eventually("closed", || rig.view().traffic.connections_open == 0);
        assert!(traffic.bytes_response > 3_000_000 && traffic.bytes_request > 100);
    }
}

#[test]
fn a_new_upstream_connection_replaces_one_that_was_closed() {
    let (_rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = Client::new(at);
    for _ in 0..5 {
        let answer = client.get("/close");
        assert_eq!((answer.status(), answer.header("X-Case")), (204, Some("kept")));
    }
}

#[test]
fn many_clients_with_large_bodies_are_served_at_once() {
    let rig = Rig::new(2);
    let at = rig.route("r", Protocol::Http, server());
    let clients: Vec<_> = (0..8)
        .map(|n: u8| {
            std::thread::spawn(move || {
                let mut client = Client::new(at);
                let body = vec![n; 700_000];
                for _ in 0..3 {
                    client.send(&format!(
                        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    ));
                    let mut out = client.out.try_clone().unwrap();
                    let sending = body.clone();
                    let sender = std::thread::spawn(move || out.write_all(&sending).unwrap());
                    assert_eq!(read_message(&mut client.reader).unwrap().body, body);
                    sender.join().unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(rig.view().traffic.requests, 24);
    let red = rig.engine.red();
    eventually("counted", || rig.engine.red()[0].untouched.requests == 24);
    assert_eq!((red[0].untouched.errors, red[0].faulted.requests), (0, 0));
}

#[test]
fn an_upstream_that_is_down_is_a_502_that_says_so() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for protocol in [Protocol::Http, Protocol::Auto] {
        let (rig, at) = Rig::with_route(protocol, nobody);
        let answer = Client::new(at).get("/");
        assert_eq!((answer.status(), answer.header("x-firedrill-proxy-error")), (502, Some("upstream")));
        let body = String::from_utf8(answer.body).unwrap();
        assert!(body.contains("`r`") && body.contains(&nobody.to_string()), "{body}");
        assert!(rig.view().traffic.upstream_failures >= 1);
    }
}

#[test]
fn an_answer_cut_by_the_upstream_is_cut_for_the_client() {
    let (_rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = Client::new(at);
    client.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
    let (bytes, end) = client.end();
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
    assert!(bytes.ends_with(b"only this"), "{:?}", String::from_utf8_lossy(&bytes));
}

#[test]
fn latency_hits_the_requests_that_match_once_each_way() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = Client::new(at);
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "80ms"}}, "match": {"path": "/slow*"}}"#);
    assert!(client.timed("/fast") < ms(60));
    let slow = client.timed("/slow");
    assert!((ms(80)..ms(240)).contains(&slow), "{slow:?}");
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "40ms", "direction": "both"}}}"#);
    let both = client.timed("/fast");
    assert!((ms(80)..ms(240)).contains(&both), "{both:?}");
    eventually("each way is measured", || rig.evidence("slow").achieved.is_some_and(|all| all.count == 3));
    let evidence = rig.counted("slow", 2, 2);
    let (achieved, requested) = (evidence.achieved.unwrap(), evidence.requested.unwrap());
    assert_eq!((requested.count, requested.min, requested.max), (3, 40.0, 80.0));
    assert!(achieved.min >= 40.0 && achieved.max >= 80.0 && achieved.max < 240.0, "{achieved:?}");
    eventually("counted", || rig.engine.red()[0].faulted.requests == 2);
}

#[test]
fn a_request_held_by_a_latency_is_released_when_it_is_removed() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1h"}}}"#);
    let mut client = Client::new(at);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("it is held", || rig.evidence("slow").matched == 1);
    rig.remove("slow");
    assert_eq!(read_message(&mut client.reader).unwrap().status(), 200);
}

#[test]
fn http_error_answers_for_the_upstream() {
    let (rig, at) = Rig::with_route(Protocol::Auto, server());
    rig.fault(
        r#"{"id": "err", "fault": {"http_error": {"status": 503, "body": "no", "headers": {"Retry-After": "7"}}}, "scope": {"exclude": {"headers": {"x-vip": "*"}}}}"#,
    );
    let mut client = Client::new(at);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    let answer = read_message(&mut client.reader).unwrap();
    assert_eq!((answer.status(), answer.body.as_slice()), (503, &b"no"[..]));
    assert_eq!(
        answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after")).unwrap().1,
        "7"
    );
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-VIP: 1\r\n\r\n");
    assert_eq!(read_message(&mut client.reader).unwrap().status(), 200, "on the same connection");
    rig.counted("err", 1, 1);
    eventually("counted", || rig.engine.red()[0].faulted.errors == 1);
}

#[test]
fn faults_act_in_their_order_and_the_first_terminal_one_wins() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "50ms"}}}"#);
    rig.fault(r#"{"id": "err", "fault": {"http_error": {"status": 500}}}"#);
    rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    let began = Instant::now();
    assert_eq!(Client::new(at).get("/").status(), 500);
    assert!(began.elapsed() >= ms(50));
    for (id, faulted) in [("slow", 1), ("err", 1), ("cut", 0)] {
        rig.counted(id, 1, faulted);
    }
}

#[test]
fn a_reset_cuts_at_once_after_a_time_or_after_bytes() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    let mut client = Client::new(at);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.end(), (vec![], Err(ErrorKind::ConnectionReset)));
    rig.counted("cut", 1, 1);

    rig.fault(r#"{"id": "cut", "fault": {"reset": {"after_bytes": "50000B"}}}"#);
    let mut client = Client::new(at);
    assert_eq!(client.get("/").status(), 200, "small answers pass");
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    let (bytes, end) = client.end();
    assert_eq!((bytes.len(), end), (50_000, Err(ErrorKind::ConnectionReset)));
    rig.counted("cut", 3, 2);

    rig.fault(r#"{"id": "cut", "fault": {"reset": {"after": "100ms"}}}"#);
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "30s"}}, "match": {"path": "/slow"}}"#);
    let mut client = Client::new(at);
    assert_eq!(client.get("/").status(), 200, "quick answers pass");
    std::thread::sleep(ms(150));
    let began = Instant::now();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.end(), (vec![], Err(ErrorKind::ConnectionReset)));
    assert!((ms(100)..ms(400)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[test]
fn a_black_hole_never_answers_and_closes_when_it_is_removed() {
    for direction in ["request", "response"] {
        let (rig, at) = Rig::with_route(Protocol::Http, server());
        rig.fault(&format!(r#"{{"id": "hole", "fault": {{"blackhole": {{"direction": "{direction}"}}}}}}"#));
        let mut client = Client::new(at);
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        eventually("swallowed", || rig.evidence("hole").bytes == 3);
        assert!(is_silent(&mut client.out, ms(60)));
        rig.counted("hole", 1, 1);
        let mut gave_up = Client::new(at);
        gave_up.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.counted("hole", 2, 2);
        drop(gave_up);
        eventually("who gave up is gone", || rig.view().traffic.connections_open == 1);
        rig.remove("hole");
        assert!(client.end().0.is_empty());
    }
}

#[test]
fn bandwidth_slows_the_bodies_down() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(r#"{"id": "narrow", "fault": {"bandwidth": {"rate": "10MB/s"}}}"#);
    let mut client = Client::new(at);
    let took = client.timed("/big");
    // Never sooner. How much later, and how fast each stretch was, is the host's affair too: it may wake late, and then
    // the time that was lost is made up for. With the clock in hand the test of the bucket holds the rate itself.
    assert!((ms(285)..ms(3_000)).contains(&took), "{took:?}");
    let evidence = rig.counted("narrow", 1, 1);
    let (achieved, requested) = (evidence.achieved.unwrap(), evidence.requested.unwrap());
    assert_eq!((requested.min, requested.max, requested.count), (1e7, 1e7, achieved.count));
    assert!(achieved.min > 0.0, "{achieved:?}");
    assert!(evidence.bytes > 2_500_000, "{evidence:?}");
}

#[test]
fn decisions_do_not_depend_on_workers_and_may_stick_to_a_key() {
    let decide = |workers: usize| {
        let rig = Rig::new(workers);
        let at = rig.route("r", Protocol::Http, server());
        rig.fault(
            r#"{"id": "some", "fault": {"latency": {"delay": "3ms", "jitter": "2ms"}}, "scope": {"percent": "40%"}, "seed": 5}"#,
        );
        let clients: Vec<_> =
            (0..200).map(|_| std::thread::spawn(move || Client::new(at).timed("/"))).collect();
        for client in clients {
            client.join().unwrap();
        }
        rig.engine.ledger("r", "some").unwrap()
    };
    let one = decide(1);
    assert_eq!(one.len(), 200);
    assert_eq!(one, decide(4));

    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(
        r#"{"id": "some", "fault": {"http_error": {"status": 500}}, "scope": {"percent": "50%", "sticky": {"header": "X-User"}}, "seed": 5}"#,
    );
    let mut client = Client::new(at);
    let mut answers = std::collections::BTreeMap::<u32, Vec<u16>>::new();
    for n in 0..60 {
        client.send(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-User: {}\r\n\r\n", n % 12));
        answers.entry(n % 12).or_default().push(read_message(&mut client.reader).unwrap().status());
    }
    assert!(answers.values().all(|user| user.iter().all(|status| *status == user[0])), "{answers:?}");
    assert!(answers.values().any(|user| user[0] == 500) && answers.values().any(|user| user[0] == 200));
}

#[test]
fn a_client_that_gives_up_while_its_answer_is_held_has_felt_the_latency() {
    let (rig, address) = Rig::with_route(Protocol::Http, server());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "30s"}}}"#);
    let mut client = connect(address);
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(is_silent(&mut client, ms(100)));
    assert_eq!(rig.evidence("slow").faulted, 0, "nothing has left, and nobody has given up");
    drop(client);
    let evidence = rig.counted("slow", 1, 1);
    assert!(evidence.achieved.is_none(), "what never left has no lateness");
}
