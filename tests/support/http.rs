//! A blocking HTTP request, small enough to see through: the tests do not use the product's client.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a silent server is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server said.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header lines as they came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Its body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Asks for a path.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    request(address, "GET", path, "")
}

/// Puts a JSON body.
pub fn put(address: SocketAddr, path: &str, body: &str) -> io::Result<Answer> {
    request(address, "PUT", path, body)
}

/// Sends a JSON body by HTTP/1.1 on a connection of its own, and reads to its end.
pub fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let headers = [("connection", "close"), ("content-type", "application/json")];
    exchange(address, &format!("{method} {path} HTTP/1.1"), &headers, body)
}

/// The same with exactly these headers beside the length, and `Host` where they do not name one. By HTTP/1.0, so that a
/// long answer comes in one piece.
pub fn tell(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    exchange(address, &format!("{method} {path} HTTP/1.0"), headers, body)
}

fn exchange(address: SocketAddr, first: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let mut stream = connect(address)?;
    // Who is refused early may be hung up on before all of it is sent; the answer is there all the same.
    let sent = stream.write_all(format!("{}{body}", head(address, first, headers, body.len())).as_bytes());
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

/// Connects to a server that may be silent for a while.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The head of a request whose body has this length.
pub fn head(address: SocketAddr, first: &str, headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("{first}\r\ncontent-length: {length}\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

/// The status that the head of an answer says.
pub fn status(head: &str) -> Option<u16> {
    head.split(' ').nth(1)?.parse().ok()
}
