//! A service that answers, and nothing more.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a connection may be silent.
const SILENT_MAX: Duration = Duration::from_secs(60);
/// So many requests are remembered.
const SEEN_MAX: usize = 100_000;

/// An HTTP server that answers 200 `ok`, or 500 while it is broken. It ends with the test.
pub struct Upstream {
    pub address: SocketAddr,
    pub broken: Arc<AtomicBool>,
    /// The heads of the requests that reached it.
    pub seen: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (broken, ended, seen) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default(), Arc::default());
        let (flag, end, log) = (Arc::clone(&broken), Arc::clone(&ended), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (flag, log) = (Arc::clone(&flag), Arc::clone(&log));
                std::thread::spawn(move || answer(stream, &flag, &log));
            }
        });
        Self { address, broken, seen, ended }
    }

    /// How many requests with this in their head reached it.
    pub fn count(&self, text: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|head| head.contains(text)).count()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the accept, so that the listener goes away.
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(stream: TcpStream, broken: &AtomicBool, seen: &Mutex<Vec<String>>) {
    let _ = stream.set_read_timeout(Some(SILENT_MAX));
    let Ok(writer) = stream.try_clone() else { return };
    serve(stream, writer, |head| {
        let mut seen = seen.lock().unwrap();
        if seen.len() < SEEN_MAX {
            seen.push(head.to_owned());
        }
        if broken.load(Ordering::Relaxed) { (500, "broken".into()) } else { (200, "ok".into()) }
    });
}

/// Answers requests without bodies on one connection until it ends; `answer` gets the first line, and the header lines
/// after it.
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
