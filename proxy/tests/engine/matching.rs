//! Who is hit: counts, statuses, signed headers, keys that stick, shares, and what requests ask for themselves.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use firedrill_proxy::control::wire::Protocol;
use firedrill_proxy::engine::EngineError;
use firedrill_proxy::fault::{OptIn, Secret};

use crate::rig::{Rig, connect, echo, end_of_new, eventually, fault, ms, round_trip, route_spec, upstream};

/// Answers with the status that the path begins with, and tells in a header how many headers of Envoy's came.
fn server() -> SocketAddr {
    upstream(|stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(head) = read_head(&mut reader) {
            let status = head.split(['/', ' ']).nth(2).filter(|status| status.len() == 3).unwrap_or("200");
            let asked = head.matches("x-envoy-fault").count();
            let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 2\r\nx-asked: {asked}\r\n\r\nok");
            if out.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    })
}

fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

struct Client {
    out: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    fn new(at: SocketAddr) -> Self {
        let out = connect(at);
        Self { reader: BufReader::new(out.try_clone().unwrap()), out }
    }

    /// The head of the answer.
    fn ask(&mut self, path: &str, headers: &[(&str, &str)]) -> String {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(self.out, "GET {path} HTTP/1.1\r\nhost: shop.test\r\n{headers}\r\n").unwrap();
        let head = read_head(&mut self.reader).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.reader.read_exact(&mut body).unwrap();
        head
    }

    fn status(&mut self, path: &str, headers: &[(&str, &str)]) -> u16 {
        self.ask(path, headers).split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[test]
fn the_first_every_nth_or_all_after_some_are_hit_counted_over_what_matches() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = Client::new(at);
    for (requests, expected) in
        [(r#"{"first": 3}"#, "xxx......"), (r#"{"every": 4}"#, "...x...x."), (r#"{"after": 7}"#, ".......xx")]
    {
        rig.fault(&format!(
            r#"{{"id": "f", "match": {{"path": "/a"}}, "scope": {{"requests": {requests}}}, "fault": {{"http_error": {{"status": 503}}}}}}"#
        ));
        let mut hits = String::new();
        for _ in 0..9 {
            assert_eq!(client.status("/b", &[]), 200, "what does not match is not counted");
            hits.push(if client.status("/a", &[]) == 503 { 'x' } else { '.' });
        }
        assert_eq!(hits, expected, "{requests}");
        rig.counted("f", 9, expected.matches('x').count() as u64);
        rig.remove("f");
    }
}

#[test]
fn a_change_goes_on_counting_and_a_new_fault_begins_at_one() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = Client::new(at);
    let put = |status: u16| {
        rig.fault(&format!(
            r#"{{"id": "f", "scope": {{"requests": {{"first": 2}}}}, "fault": {{"http_error": {{"status": {status}}}}}}}"#
        ));
    };
    put(503);
    assert_eq!(client.status("/", &[]), 503);
    put(502);
    assert_eq!((client.status("/", &[]), client.status("/", &[])), (502, 200));
    rig.remove("f");
    put(501);
    assert_eq!(client.status("/", &[]), 501);
}

#[test]
fn connections_are_counted_once_each_also_when_the_fault_changes() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let put = |delay: &str| {
        rig.fault(&format!(
            r#"{{"id": "f", "scope": {{"requests": {{"every": 2}}}}, "fault": {{"latency": {{"delay": "{delay}"}}}}}}"#
        ));
    };
    put("50ms");
    let mut clients: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = connect(at);
            let late = round_trip(&mut stream) >= ms(50);
            (stream, late)
        })
        .collect();
    assert_eq!(clients.iter().map(|(_, late)| *late).collect::<Vec<_>>(), [false, true, false, true]);
    put("60ms");
    for (stream, was_late) in &mut clients {
        eventually("the change is felt where the fault was", || (round_trip(stream) >= ms(60)) == *was_late);
    }
    assert_eq!(rig.evidence("f").matched, 4);
}

#[test]
fn a_status_is_matched_when_the_upstream_has_answered() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(
        r#"{"id": "slow", "match": {"status": [404, "5xx"]}, "scope": {"requests": {"every": 2}}, "fault": {"latency": {"delay": "60ms"}}}"#,
    );
    let mut client = Client::new(at);
    let mut late = Vec::new();
    for path in ["/200", "/500", "/404", "/200", "/503", "/403", "/404"] {
        let began = Instant::now();
        assert_eq!(client.status(path, &[]).to_string(), path[1..]);
        late.push(began.elapsed() >= ms(60));
    }
    assert_eq!(late, [false, false, true, false, false, false, true], "each second one of those that fit");
    rig.counted("slow", 4, 2);
    assert_eq!(rig.engine.ledger("r", "slow").unwrap().len(), 4);
}

#[test]
fn what_replaces_an_answer_by_its_status_ends_the_call_for_the_faults_behind_it() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(
        r#"{"id": "hide", "match": {"status": 500}, "fault": {"http_error": {"status": 204, "when": "after"}}}"#,
    );
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1ms"}}}"#);
    let mut client = Client::new(at);
    assert_eq!(client.status("/200", &[]), 200);
    rig.counted("slow", 1, 1);
    assert_eq!(client.status("/500", &[]), 204);
    rig.counted("hide", 1, 1);
    assert_eq!((rig.evidence("slow").matched, rig.evidence("slow").faulted), (2, 1));
}

#[test]
fn an_answer_of_the_proxys_own_has_no_status_of_the_upstream() {
    let nobody = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let (rig, at) = Rig::with_route(Protocol::Http, nobody);
    rig.fault(r#"{"id": "f", "match": {"status": "5xx"}, "fault": {"latency": {"delay": "1ms"}}}"#);
    assert_eq!(Client::new(at).status("/", &[]), 502);
    assert_eq!(rig.evidence("f").matched, 0);
}

#[test]
fn only_requests_that_are_signed_are_hit() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(
        r#"{"id": "f", "match": {"opt_in": {"secret": "0123456789abcdef"}}, "fault": {"http_error": {"status": 503}}}"#,
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let sign = |secret: &str, fault, until| OptIn::signed(&Secret(secret.into()), "r", fault, until);
    let mut client = Client::new(at);
    let mut ask = |value: &str| client.status("/", &[("X-Firedrill-Opt-In", value)]);
    assert_eq!(ask(&sign("0123456789abcdef", "f", now + 600)), 503);
    assert_eq!(ask(&sign("0123456789abcdef", "f", now - 1)), 200, "expired");
    assert_eq!(ask(&sign("0123456789abcdef", "g", now + 600)), 200, "for another fault");
    assert_eq!(ask(&sign("another secret of mine", "f", now + 600)), 200);
    assert_eq!(ask(&"9".repeat(8_000)), 200);
    rig.counted("f", 1, 1);
    let shown = serde_json::to_string(&rig.view()).unwrap();
    assert!(!shown.contains("0123456789abcdef") && shown.contains(r#""secret":"***""#), "{shown}");
}

#[test]
fn what_a_request_opts_in_by_does_not_reach_the_upstream() {
    let (says, said) = std::sync::mpsc::sync_channel(9);
    let upstream = upstream(move |stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(head) = read_head(&mut reader) {
            says.send(head.to_lowercase()).unwrap();
            out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    let (rig, at) = Rig::with_route(Protocol::Http, upstream);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let secret = Secret("0123456789abcdef".into());
    let [good, late, endless] =
        [now + 600, now - 1, now + 25 * 60 * 60].map(|until| OptIn::signed(&secret, "r", "f", until));
    let mut client = Client::new(at);
    let asked = [("x-a", good.as_str()), ("x-a", "mine"), ("x-a", &late), ("x-a", "1.2"), ("x-b", &good)];
    let mut ask = |headers: &[(&str, &str)]| {
        assert_eq!(client.status("/", headers), 200);
        let head = said.recv().unwrap();
        let own = head.lines().filter(|line| line.starts_with("x-"));
        let mut own: Vec<_> = own.map(str::to_owned).collect();
        // Only within one name does the order mean something.
        own.sort_by_key(|line| line.split(':').next().map(str::to_owned));
        own
    };
    assert_eq!(ask(&asked).len(), 5, "nothing is taken out where nothing asks for it");
    rig.fault(
        r#"{"id": "f", "match": {"path": "/x", "opt_in": {"header": "X-A", "secret": "0123456789abcdef"}}, "fault": {"latency": {"delay": "1ms"}}}"#,
    );
    let rest = ["x-a: mine".to_owned(), "x-a: 1.2".to_owned(), format!("x-b: {good}")];
    assert_eq!(ask(&asked), rest, "also when it is not for this request");
    rig.fault(
        r#"{"id": "f", "match": {"opt_in": {"header": "X-A", "secret": "0123456789abcdef"}}, "fault": {"latency": {"delay": "1ms"}}}"#,
    );
    assert_eq!(ask(&asked), rest);
    rig.counted("f", 1, 1);
    assert!(ask(&[("x-a", &endless)]).is_empty());
    assert_eq!(rig.evidence("f").matched, 1, "one that is good for more than a day is good for nothing");
}

/// What each of 60 users gets, by what the fault sticks to.
fn sides(at: SocketAddr, header: &str) -> BTreeMap<u32, u16> {
    let mut client = Client::new(at);
    (0..60)
        .map(|user| {
            let value = if header == "cookie" { format!("a=1; user={user}; b=2") } else { user.to_string() };
            (user, client.status("/", &[(header, &value)]))
        })
        .collect()
}

#[test]
fn sticky_keys_never_change_side() {
    for (sticky, header) in [(r#"{"header": "x-user"}"#, "x-user"), (r#"{"cookie": "user"}"#, "cookie")] {
        let fault = format!(
            r#"{{"id": "f", "seed": 7, "scope": {{"percent": "50%", "sticky": {sticky}}}, "fault": {{"http_error": {{"status": 503}}}}}}"#
        );
        let (rig, at) = Rig::with_route(Protocol::Http, server());
        rig.fault(&fault);
        let first = sides(at, header);
        let hit = first.values().filter(|status| **status == 503).count();
        assert!((10..50).contains(&hit), "{hit} of 60 at 50 %");
        rig.fault(r#"{"id": "other", "seed": 1, "scope": {"percent": "20%"}, "fault": {"latency": {"delay": "1ms"}}}"#);
        assert_eq!(sides(at, header), first, "another fault came");
        rig.remove("other");
        rig.fault(&fault.replace("503", "503, \"body\": \"x\""));
        assert_eq!(sides(at, header), first, "it was changed");
        let rig = Rig::new(4);
        let at = rig.route("r", Protocol::Http, server());
        rig.fault(&fault);
        let clients: Vec<_> = (0..4).map(|_| thread::spawn(move || sides(at, header))).collect();
        for client in clients {
            assert_eq!(client.join().unwrap(), first, "four workers, four connections");
        }
    }
}

#[test]
fn a_client_that_sticks_gets_the_same_each_time() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    for (seed, id) in (0..6).map(|seed| (seed, format!("f{seed}"))) {
        rig.fault(&format!(
            r#"{{"id": "{id}", "seed": {seed}, "scope": {{"percent": "50%", "sticky": {{"client": {{}}}}}}, "fault": {{"reset": {{}}}}}}"#
        ));
        let ends: Vec<bool> = (0..5)
            .map(|_| {
                // A connection that is reset at once may be over before it is known to have begun.
                TcpStream::connect(at).map_or(true, |mut stream| {
                    stream.set_read_timeout(Some(ms(20_000))).unwrap();
                    let _ = stream.write_all(b"ping");
                    stream.read_exact(&mut [0; 4]).is_err()
                })
            })
            .collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "seed {seed}: {ends:?}");
        rig.remove(&id);
    }
    rig.fault(r#"{"id": "all", "scope": {"sticky": {"client": {}}}, "fault": {"reset": {}}}"#);
    assert!(end_of_new(at).is_err());
}

#[test]
fn ten_thousand_requests_at_one_percent_lie_within_the_interval() {
    let rig = Rig::new(2);
    let at = rig.route("r", Protocol::Http, server());
    rig.fault(
        r#"{"id": "f", "seed": 42, "scope": {"percent": "1%"}, "fault": {"http_error": {"status": 503}}}"#,
    );
    let clients: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::new(at);
                (0..1_250).filter(|_| client.status("/", &[]) == 503).count()
            })
        })
        .collect();
    let hits: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    // 100 expected, with a deviation of 9.95; 99.9 % lie within 3.29 of it.
    assert!((68..=132).contains(&hits), "{hits} of 10000");
    rig.counted("f", 10_000, hits as u64);
}

fn with_envoy_headers(limits: &str) -> (Rig, SocketAddr) {
    let rig = Rig::new(1);
    let mut spec = route_spec("r", Protocol::Http, server());
    spec.envoy_headers = Some(serde_json::from_str(limits).unwrap());
    let at = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    (rig, at)
}

#[test]
fn requests_ask_for_faults_by_envoys_headers_which_stay_here() {
    let (rig, at) = with_envoy_headers(r#"{"max_percent": "100%"}"#);
    let mut client = Client::new(at);
    let began = Instant::now();
    let answer = client.ask("/", &[("x-envoy-fault-delay-request", "70")]);
    assert!(began.elapsed() >= ms(70) && answer.contains("x-asked: 0"), "{answer}");
    let both = [
        ("x-envoy-fault-abort-request", "429"),
        ("x-envoy-fault-abort-request-percentage", "100"),
        ("x-envoy-fault-throughput-response", "1000"),
    ];
    assert_eq!(client.status("/", &both), 429);
    assert_eq!(client.status("/", &[]), 200);
    assert_eq!(client.status("/", &[("x-envoy-fault-abort-request", "1000")]), 200);
    let none = [("x-envoy-fault-abort-request", "503"), ("x-envoy-fault-abort-request-percentage", "0")];
    assert_eq!(client.status("/", &none), 200);
    // A delay, a throughput, an abort and one for nobody; the answer of an abort has nothing to throttle.
    rig.counted("envoy-headers", 4, 2);
    let view = rig.view();
    assert_eq!((view.faults.len(), view.faults[0].spec.owner.as_str()), (1, "manual"));
    assert_eq!(view.traffic.headers_ignored, 1);
}

#[test]
fn no_header_gets_more_than_the_route_allows_and_strangers_get_nothing() {
    let (rig, at) = with_envoy_headers(r#"{"max_percent": "10%"}"#);
    let mut client = Client::new(at);
    let asked = [("x-envoy-fault-abort-request", "503"), ("x-envoy-fault-abort-request-percentage", "100")];
    let hits = (0..1_000).filter(|_| client.status("/", &asked) == 503).count();
    assert!((68..=132).contains(&hits), "{hits} of 1000 at 10 %");
    rig.counted("envoy-headers", 1_000, hits as u64);

    let (rig, at) = with_envoy_headers(r#"{"max_percent": "100%", "clients": "10.0.0.0/8"}"#);
    let answer = Client::new(at).ask("/", &asked);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-asked: 0"), "{answer}");
    assert_eq!((rig.evidence("envoy-headers").matched, rig.view().traffic.headers_ignored), (0, 1));

    let (rig, at) = Rig::with_route(Protocol::Http, server());
    assert!(
        Client::new(at).ask("/", &asked).contains("x-asked: 2"),
        "a route that does not obey leaves them"
    );
    assert_eq!(rig.view().traffic.headers_ignored, 0);
}

#[test]
fn keys_that_cannot_be_are_refused_and_change_nothing() {
    let (rig, _) = Rig::with_route(Protocol::Http, server());
    for (keys, says) in [
        (r#""match": {"path": "~/v1/("}"#, "`match.path` `~/v1/(` is no regular expression"),
        (r#""match": {"path": "~(\\w{200}){200}"}"#, "more than 256 KiB"),
        (r#""match": {"client": "10.0.0.1/8"}"#, "`match.client`"),
        (r#""match": {"status": 500}"#, "`match.status` is known too late for this `http_error`"),
        (r#""match": {"opt_in": {"secret": "short"}}"#, "`match.opt_in.secret` has 5 bytes"),
        (r#""scope": {"requests": {"every": 0}}"#, "`scope.requests.every` 0"),
        (r#""scope": {"exclude": {"path": "~["}}"#, "`scope.exclude.path`"),
        (r#""scope": {"exclude": {"status": 500}}"#, "`scope.exclude.status` cannot be excluded"),
    ] {
        let json = format!(r#"{{"id": "f", {keys}, "fault": {{"http_error": {{"status": 503}}}}}}"#);
        let error = rig.engine.put_fault("r", fault(&json)).unwrap_err().to_string();
        assert!(error.contains(says), "{keys}: {error}");
    }
    let error =
        rig.engine.put_fault("r", fault(r#"{"id": "f", "fault": {"envoy_headers": {"max_percent": "1%"}}}"#));
    assert!(error.unwrap_err().to_string().contains("is no fault that can be set"));
    assert!(rig.view().faults.is_empty());
    let rig = Rig::new(1);
    for (limits, protocol, says) in [
        (r#"{"max_percent": "0%"}"#, Protocol::Http, "`envoy_headers.max_percent` 0%"),
        (r#"{"max_percent": "1%", "clients": "~x"}"#, Protocol::Http, "`envoy_headers.clients`"),
        (r#"{"max_percent": "1%"}"#, Protocol::Tcp, "needs HTTP requests"),
    ] {
        let mut spec = route_spec("r", protocol, echo());
        spec.envoy_headers = Some(serde_json::from_str(limits).unwrap());
        let error = rig.engine.add_route(spec).unwrap_err().to_string();
        assert!(error.contains(says), "{limits}: {error}");
    }
}

#[test]
fn regular_expressions_of_a_route_are_bounded() {
    let (rig, _) = Rig::with_route(Protocol::Http, server());
    let put = |id: &str, expressions: usize| {
        let headers: Vec<String> = (0..expressions).map(|n| format!(r#""x-{n}": "~a""#)).collect();
        rig.engine.put_fault(
            "r",
            fault(&format!(
                r#"{{"id": "{id}", "match": {{"headers": {{{}}}}}, "fault": {{"http_error": {{"status": 503}}}}}}"#,
                headers.join(",")
            )),
        )
    };
    for n in 0..62 {
        put(&format!("f{n}"), 32).unwrap();
    }
    let refused = put("more", 32).unwrap_err();
    assert!(matches!(refused, EngineError::TooManyPatterns { .. }) && refused.to_string().contains("2000"));
    put("f0", 1).unwrap();
    put("more", 32).unwrap();
}
