//! A service under test, and its users: both small enough to see through, neither uses the product.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// An HTTP server that answers 200 `ok`, or 500 while it is broken. It ends with the test.
pub struct Service {
    pub address: SocketAddr,
    pub broken: Arc<AtomicBool>,
    /// The first line of every request that reached it.
    pub seen: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl Service {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (broken, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (flag, end, log) = (Arc::clone(&broken), Arc::clone(&ended), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (flag, log) = (Arc::clone(&flag), Arc::clone(&log));
                std::thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
                    let Ok(writer) = stream.try_clone() else { return };
                    serve(stream, writer, |first| {
                        log.lock().unwrap().push(first.to_owned());
                        if flag.load(Ordering::Relaxed) { (500, "broken".into()) } else { (200, "ok".into()) }
                    });
                });
            }
        });
        Self { address, broken, seen, ended }
    }

    /// How many requests with this in their first line reached it.
    pub fn count(&self, text: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|line| line.contains(text)).count()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the accept, so that the listener goes away.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers requests without bodies on one connection until it ends; `answer` gets the first line, and the header
/// lines after it.
pub fn serve(from: impl Read, mut to: impl Write, mut answer: impl FnMut(&str) -> (u16, String)) {
    let mut head = String::new();
    let mut reader = BufReader::new(from);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        if line.trim_end().is_empty() {
            let (status, body) = answer(head.trim_end());
            head.clear();
            let length = body.len();
            let text = format!("HTTP/1.1 {status} Answer\r\ncontent-length: {length}\r\n\r\n{body}");
            if to.write_all(text.as_bytes()).and_then(|()| to.flush()).is_err() {
                return;
            }
        } else {
            head.push_str(&line);
        }
    }
}

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
