//! The bodies of Toxiproxy's API: whatever is sent is answered in its form, and what is refused changes nothing.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::server::{self, Server, ServerOptions};
use firedrill_proxy::engine::Options;
use serde_json::Value;

use crate::run::{Target, fuzz, ours};

/// A proxy in this process; it ends with it.
static RUNNING: LazyLock<(Control, Server)> = LazyLock::new(|| {
    let control = Control::start(Options::default()).unwrap();
    let listener = server::listen("127.0.0.1:0", ServerOptions::default()).unwrap();
    let server = Server::start(listener, control.clone(), ServerOptions::default()).unwrap();
    (control, server)
});

const CORPUS: [&str; 16] = [
    r#"{"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "enabled": true}"#,
    r#"{"name": "q", "upstream": "redis:6379", "enabled": false, "toxics": []}"#,
    r#"{"listen": "localhost:0", "upstream": "[::1]:2"}"#,
    r#"{"enabled": false}"#,
    r#"{"type": "latency", "attributes": {"latency": 100, "jitter": 20}, "toxicity": 0.5}"#,
    r#"{"type": "latency", "name": "l", "attributes": {"latency": -20, "jitter": 40}}"#,
    r#"{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 0}}"#,
    r#"{"type": "slicer", "attributes": {"average_size": 64, "size_variation": 99, "delay": 10}}"#,
    r#"{"type": "timeout", "name": "t", "stream": "both", "attributes": {"timeout": 9223372036854775807}}"#,
    r#"{"type": "reset_peer", "attributes": {"timeout": 1}, "toxicity": -1e3}"#,
    r#"{"type": "limit_data", "attributes": {"bytes": 1}}"#,
    r#"{"type": "slow_close", "attributes": {"delay": 1}}"#,
    r#"{"attributes": {"LATENCY": 99}, "toxicity": 2.5} {}"#,
    r#"[{"name": "p", "listen": "127.0.0.1:0", "upstream": "x:1", "toxics": [{"type": "noop"}]}]"#,
    r#"[{"name": "a"}, {"upstream": "x:1"}]"#,
    "null",
];

/// Each body goes to all of these.
const REQUESTS: [&str; 8] = [
    "POST /proxies",
    "PATCH /proxies/p",
    "POST /proxies/p/toxics",
    "PATCH /proxies/p/toxics/l",
    "PATCH /proxies/nobody",
    "POST /proxies/p/toxics?strict=true",
    "POST /populate",
    "PUT /v1/routes/p/faults/f",
];

#[test]
fn any_body_is_answered() {
    fuzz(&Target {
        name: "toxiproxy",
        corpus: CORPUS.map(|body| body.as_bytes().to_vec()).to_vec(),
        bytes_max: 4_000,
        short: 150,
        reached: &["201", "200", "400", "404", "409"],
        read,
    });
}

fn read(body: &[u8]) -> BTreeSet<String> {
    let (control, server) = &*RUNNING;
    for route in control.routes() {
        control.remove_route(&route.spec.name).unwrap();
    }
    let mut api = Api::connect(server.address());
    let proxy = br#"{"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}"#;
    assert_eq!(api.ask("POST /proxies", proxy).0, 201);
    assert_eq!(api.ask("POST /proxies/p/toxics", br#"{"type": "latency", "name": "l"}"#).0, 200);
    let mut said = BTreeSet::new();
    for request in REQUESTS {
        let before = api.ask("GET /proxies", b"").1;
        let (status, answer) = api.ask(request, body);
        said.insert(status.to_string());
        let answer: Value =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        if status >= 400 {
            let is_native = request.contains("/v1/");
            let message = answer[if is_native { "detail" } else { "error" }].as_str().expect("a message");
            said.insert(ours(message));
            assert_eq!(answer["status"], status, "{request}");
            let is_half = request.contains("populate") && !answer["proxies"].is_null();
            let after = api.ask("GET /proxies", b"").1;
            assert!(is_half || after == before, "{request} was refused and changed something");
        }
    }
    assert_eq!(api.ask("GET /version", b"").0, 200);
    said
}

/// One connection for all requests about a body.
struct Api(TcpStream);

impl Api {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Status and body of an answer.
    fn ask(&mut self, request: &str, body: &[u8]) -> (u16, String) {
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        self.0.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let (mut said, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.0.read(&mut piece).unwrap();
            assert!(read > 0, "closed in the middle: {}", said.escape_ascii());
            said.extend_from_slice(&piece[..read]);
            let text = std::str::from_utf8(&said).unwrap_or_default();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.map_or(0, |length| length.parse().unwrap()) {
                return (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned());
            }
        }
    }
}
