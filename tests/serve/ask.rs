//! Asking a server over HTTP with a token. The tests do not use the product's client.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

pub use crate::support::{Answer, tell};
use crate::support::{connect, head, status};

/// Sends a JSON body with a token, and reads the answer to its end.
pub fn ask(server: SocketAddr, token: &str, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let token = format!("Bearer {token}");
    tell(server, method, path, &[("authorization", &token), ("content-type", "application/json")], body)
}

/// A stream of events as it comes.
pub struct Events {
    /// How it began.
    pub began: Answer,
    lines: io::Lines<BufReader<TcpStream>>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The number of its line; absent: it has none.
    pub id: Option<u64>,
    pub kind: String,
    pub data: String,
}

impl Events {
    /// Begins to follow.
    pub fn follow(server: SocketAddr, path: &str, headers: &[(&str, &str)]) -> io::Result<Self> {
        let mut stream = connect(server)?;
        stream.write_all(head(server, &format!("GET {path} HTTP/1.0"), headers, 0).as_bytes())?;
        let mut lines = BufReader::new(stream).lines();
        let mut began = Vec::new();
        for line in lines.by_ref() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            began.push(line);
        }
        let head = began.join("\r\n");
        let status = status(&head).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, head.clone()))?;
        Ok(Self { began: Answer { status, head, body: String::new() }, lines })
    }
}

impl Iterator for Events {
    type Item = Event;

    /// The next event; none when the server has ended the stream.
    fn next(&mut self) -> Option<Event> {
        let (mut id, mut kind, mut data) = (None, None, String::new());
        for line in self.lines.by_ref() {
            let line = line.unwrap_or_else(|error| panic!("the stream broke: {error}"));
            match line.split_once(": ") {
                Some(("id", number)) => id = Some(number.parse().unwrap()),
                Some(("event", word)) => kind = Some(word.to_owned()),
                Some(("data", text)) => data = text.to_owned(),
                _ => {}
            }
            if line.is_empty() {
                // Comments and wishes have no kind, and are no events.
                let Some(kind) = kind.take() else { continue };
                return Some(Event { id, kind, data });
            }
        }
        None
    }
}
