//! A blocking HTTP/1.1 request, small enough to see through: the tests do not use the product's client.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

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

/// Asks for a path.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    request(address, "GET", path, "")
}

/// Puts a JSON body.
pub fn put(address: SocketAddr, path: &str, body: &str) -> io::Result<Answer> {
    request(address, "PUT", path, body)
}

/// Sends one request on a connection of its own and reads to its end, at most 10 s.
pub fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let patience = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    let head = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let no_answer = || io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(no_answer)?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(no_answer)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
