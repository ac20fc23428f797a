//! The lines of a journal as a server sends them (server-sent events); goes on where it was when a connection breaks.

use std::time::Duration;

use anyhow::bail;
use tokio::sync::mpsc;

use super::call::{Opened, Server};
use crate::coordinator::clock;
use crate::coordinator::http::Streaming;

/// Longer than the server's heartbeat: a stream so silent is broken.
const IDLE_MAX: Duration = Duration::from_secs(45);
/// How long a server that is away is waited for.
const AWAY_MAX: Duration = Duration::from_secs(120);
/// How often it is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The longest line; line 0 holds the text of every file.
const LINE_MAX_BYTES: usize = 64 * 1024 * 1024;

/// How often a stream may end without a new line before it is over.
const EMPTY_MAX: u32 = 3;
/// Lines on their way to whoever shows them.
const LINES_MAX: usize = 256;

/// Follows a journal from its first line until the line of kind `closing`. The lines come on a channel, so that whoever
/// shows them can do something else meanwhile; it ends with the journal, or with an error.
pub(in crate::cli) fn follow(
    server: &Server,
    path: String,
    closing: &'static str,
) -> mpsc::Receiver<anyhow::Result<String>> {
    let (lines, received) = mpsc::channel(LINES_MAX);
    let mut follower = Follower {
        server: server.clone(),
        path,
        closing: format!("\"kind\":\"{closing}\""),
        last: None,
        lines,
    };
    tokio::spawn(async move {
        if let Err(why) = follower.run().await {
            let _ = follower.lines.send(Err(why)).await;
        }
    });
    received
}

struct Follower {
    server: Server,
    path: String,
    /// What stands in the line that ends the journal.
    closing: String,
    /// The number of the line seen last.
    last: Option<u64>,
    lines: mpsc::Sender<anyhow::Result<String>>,
}

/// How a stream ended.
enum End {
    /// The journal is over, or nobody reads the lines any more.
    Over,
    /// The connection broke or the server ended it; so many lines had come.
    Broke { lines: u64 },
}

impl Follower {
    async fn run(&mut self) -> anyhow::Result<()> {
        let (mut away_since, mut empty) = (None, 0);
        loop {
            let last = self.last.map(|last| last.to_string());
            let headers: Vec<(&str, &str)> =
                last.iter().map(|last| ("last-event-id", last.as_str())).collect();
            match self.server.stream(&self.path, &headers).await? {
                Opened::Open(stream) => {
                    away_since = None;
                    match self.read(stream).await? {
                        End::Over => return Ok(()),
                        End::Broke { lines: 0 } => empty += 1,
                        End::Broke { .. } => empty = 0,
                    }
                    if empty >= EMPTY_MAX {
                        return Ok(());
                    }
                }
                // At the first call nobody is away: the address or the token is wrong.
                Opened::Refused { again, why } if !again || self.last.is_none() => return Err(why),
                Opened::Refused { why, .. } => {
                    let since = away_since.get_or_insert_with(clock::instant);
                    if since.elapsed() > AWAY_MAX {
                        let away = AWAY_MAX.as_secs();
                        return Err(why.context(format!("the server has been away for {away} s")));
                    }
                }
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    async fn read(&mut self, mut stream: Streaming) -> anyhow::Result<End> {
        let (mut parser, mut lines) = (Parser::default(), 0);
        loop {
            while let Some(event) = parser.event() {
                let Some(seq) = event.id.filter(|seq| self.last.is_none_or(|last| *seq > last)) else {
                    continue;
                };
                (self.last, lines) = (Some(seq), lines + 1);
                let is_last = event.data.contains(&self.closing);
                if self.lines.send(Ok(event.data)).await.is_err() || is_last {
                    return Ok(End::Over);
                }
            }
            let Ok(Some(bytes)) = stream.next(IDLE_MAX).await else { return Ok(End::Broke { lines }) };
            parser.take(&bytes);
            if parser.pending.len() > LINE_MAX_BYTES {
                bail!("{} sends a line of more than {LINE_MAX_BYTES} bytes", self.server.url());
            }
        }
    }
}

/// Takes a stream of events apart.
#[derive(Default)]
struct Parser {
    pending: Vec<u8>,
    /// Where the next look for a line's end begins.
    searched: usize,
    id: Option<u64>,
    data: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    id: Option<u64>,
    data: String,
}

impl Parser {
    fn take(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole event; one without data is none.
    fn event(&mut self) -> Option<Event> {
        let mut begin = 0;
        let mut found = None;
        while let Some(end) = self.pending[self.searched..].iter().position(|byte| *byte == b'\n') {
            let end = self.searched + end;
            let line = String::from_utf8_lossy(&self.pending[begin..end]).into_owned();
            (begin, self.searched) = (end + 1, end + 1);
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                let event = Event { id: self.id.take(), data: std::mem::take(&mut self.data) };
                if !event.data.is_empty() {
                    found = Some(event);
                    break;
                }
                continue;
            }
            match line.split_once(':') {
                Some(("id", id)) => self.id = id.trim().parse().ok(),
                Some(("data", data)) => {
                    if !self.data.is_empty() {
                        self.data.push('\n');
                    }
                    self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
                }
                // Comments keep the connection alive; names of events stand in the data too.
                _ => {}
            }
        }
        self.pending.drain(..begin);
        self.searched = if found.is_some() { 0 } else { self.pending.len() };
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_wherever_the_network_cuts_them() {
        let text = "retry: 1000\n\nid: 0\nevent: a\ndata: {\"x\":1}\n\n: still here\n\nid: 1\r\ndata: one\r\ndata: two\r\n\r\nid: 2\ndata: unfinished";
        let whole = |piece: usize| {
            let mut parser = Parser::default();
            let mut found = Vec::new();
            for bytes in text.as_bytes().chunks(piece) {
                parser.take(bytes);
                found.extend(std::iter::from_fn(|| parser.event()));
            }
            found
        };
        let wanted =
            [Event { id: Some(0), data: "{\"x\":1}".into() }, Event { id: Some(1), data: "one\ntwo".into() }];
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(whole(piece), wanted, "{piece}");
        }
    }
}
