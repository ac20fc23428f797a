//! The users of a service under test: small enough to see through, and not the product's client.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What a user got.
#[derive(Clone, Debug)]
pub struct Got {
    pub status: u16,
    pub took: Duration,
}

/// One request of one user, on a connection of its own: `GET /path` and header lines.
#[expect(clippy::disallowed_methods, reason = "measures what a user of another process feels")]
pub fn ask(address: SocketAddr, first: &str, headers: &[&str]) -> std::io::Result<Got> {
    let began = Instant::now();
    let patience = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let mut text =
        format!("{first} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let took = began.elapsed();
    let no_answer = || std::io::Error::new(std::io::ErrorKind::InvalidData, format!("no answer: {line:?}"));
    Ok(Got { status: status.ok_or_else(no_answer)?, took })
}
