//! Asking a server over HTTP with a token. The tests do not use the product's client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a silent server is waited for. Streams of events are not silent for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server said.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The header lines as they came.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Sends a JSON body with a token, and reads the answer to its end.
pub fn ask(server: SocketAddr, token: &str, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let token = format!("Bearer {token}");
    tell(server, method, path, &[("authorization", &token), ("content-type", "application/json")], body)
}

/// Sends exactly these headers beside the length, and `Host` where they do not name one.
pub fn tell(
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let mut stream = connect(server)?;
    // Who is refused early may be hung up on before all of it is sent; the answer is there all the same.
    let sent = stream.write_all(request(server, method, path, headers, body).as_bytes());
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    if bytes.is_empty() {
        sent.and(read)?;
    }
    let text = String::from_utf8_lossy(&bytes);
    let no_answer = || io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(no_answer)?;
    let status = status(head).ok_or_else(no_answer)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// HTTP/1.0, so that the end of the answer is the connection's, and a stream has no chunks.
fn request(server: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut head = format!("{method} {path} HTTP/1.0\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {server}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}\r\n{body}")
}

fn status(head: &str) -> Option<u16> {
    head.split(' ').nth(1)?.parse().ok()
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
        stream.write_all(request(server, "GET", path, headers, "").as_bytes())?;
        let mut lines = BufReader::new(stream).lines();
        let mut head = Vec::new();
        for line in lines.by_ref() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let head = head.join("\r\n");
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
