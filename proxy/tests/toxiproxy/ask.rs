//! Requests as lines, answers as bytes.

use std::net::{SocketAddr, TcpListener};

use crate::raw::{self, Answer};
use crate::running::{Running, echo};

/// What refusals are sent as.
pub const PLAIN: &str = "text/plain; charset=utf-8";
pub const JSON: &str = "application/json";

impl Running {
    /// `POST /proxies` and a body.
    pub fn ask(&self, line: &str, body: &str) -> Answer {
        let agent = "User-Agent: toxiproxy-cli/2.12.0 (linux/amd64)\r\n";
        raw::send(self.address, &format!("{line} HTTP/1.1\r\nHost: {}\r\n{agent}", self.address), body)
    }

    /// Checks status, content type and every byte of the body.
    #[track_caller]
    pub fn exactly(&self, line: &str, body: &str, status: u16, kind: &str, says: &str) {
        let answer = self.ask(line, body);
        assert_eq!((answer.status, &*answer.body), (status, says), "{line} {body}");
        assert_eq!(answer.header("content-type"), kind, "{line} {body}: {answer:?}");
    }

    /// Checks a refusal, which is always written the same way.
    #[track_caller]
    pub fn refuses(&self, line: &str, body: &str, status: u16, message: &str) {
        let message = serde_json::to_string(message).unwrap();
        let says = format!("{{\"error\":{message},\"status\":{status}}}\n");
        self.exactly(line, body, status, PLAIN, &says);
        assert_eq!(self.ask(line, body).header("x-content-type-options"), "nosniff");
    }

    /// A proxy `p` before an echo; where it listens.
    pub fn proxy(&self) -> SocketAddr {
        let body = format!(r#"{{"name": "p", "listen": "localhost:0", "upstream": "{}"}}"#, echo());
        let answer = self.ask("POST /proxies", &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["listen"].as_str().unwrap().parse().unwrap()
    }

    /// A toxic on `p`.
    #[track_caller]
    pub fn toxic(&self, body: &str) {
        let answer = self.ask("POST /proxies/p/toxics", body);
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
    }
}

impl Answer {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(said, _)| said.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// An address where nobody listens.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
