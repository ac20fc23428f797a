//! Live events (server-sent events): the lines of a journal as they are, each with its number, resumable.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, stream};
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::Api;
use super::problem::{Refused, shown};
use super::sent::Asked;
use super::wire::{EventsAfter, Problem};
use crate::drill::journal::RawLine;

/// A comment after so long a silence, so that both ends see that the other is there.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// Whoever does not read for so long is hung up on; they resume where they were.
const SLOW_AFTER: Duration = Duration::from_secs(30);
/// Pieces on their way to one reader.
const PIECES_MAX: usize = 8;
/// A piece is handed on when it is as large as this.
const PIECE_BYTES: usize = 64 * 1024;
/// How soon a reader whose connection broke is to come back.
const RETRY_MS: u32 = 1_000;

/// What is followed.
pub(super) enum Stream {
    /// A journal, from a line on.
    Lines { id: String, from: u64, changed: watch::Receiver<u64> },
    /// Whatever lists show.
    Changes(watch::Receiver<u64>),
}

/// The first line that is wanted: the one after that which was seen last.
fn from(headers: &HeaderMap, asked: EventsAfter) -> Result<u64, Refused> {
    let Some(said) = headers.get("last-event-id") else {
        return Ok(asked.after.map_or(0, next));
    };
    let said = String::from_utf8_lossy(said.as_bytes());
    match said.trim().parse::<u64>() {
        Ok(last) => Ok(next(last)),
        Err(_) => {
            let why =
                format!("`Last-Event-ID` is `{}`; it is the number of the line seen last", shown(&said));
            Err(Refused::new(400, "no event id", why))
        }
    }
}

/// No journal is as long as a signed number can count, and a store need not count further.
fn next(last: u64) -> u64 {
    last.saturating_add(1).min(i64::MAX.unsigned_abs())
}

/// Follows a journal that `exists` tells of: what was asked is looked at first, then whether there is such a journal.
pub(super) async fn follow<T>(
    api: &Api,
    id: &str,
    headers: &HeaderMap,
    Asked(asked): Asked<EventsAfter>,
    exists: impl Future<Output = Result<T, Problem>>,
) -> Result<Response, Refused> {
    let from = from(headers, asked)?;
    exists.await?;
    let changed = api.office.changed(id).await?;
    answer(api, Stream::Lines { id: id.to_owned(), from, changed })
}

/// Begins a stream.
pub(super) fn answer(api: &Api, of: Stream) -> Result<Response, Refused> {
    let Ok(turn) = api.streams().try_acquire_owned() else {
        let why = "as many streams are open as the server holds; close one, or ask again later";
        return Err(Refused::new(503, "too many streams", why).header(header::RETRY_AFTER, 5));
    };
    let (pieces, sent) = mpsc::channel::<Bytes>(PIECES_MAX);
    let (office, ended) = (api.office.clone(), api.ended());
    tokio::spawn(async move {
        let _turn: OwnedSemaphorePermit = turn;
        let told = async {
            let pieces = Pieces { to: pieces };
            match of {
                Stream::Lines { id, from, changed } => {
                    let read = move |next| {
                        let (office, id) = (office.clone(), id.clone());
                        async move { office.lines(&id, next).await }.boxed()
                    };
                    lines(read, from, changed, &pieces).await
                }
                Stream::Changes(changes) => self::changes(changes, &pieces).await,
            }
        };
        // A stream never ends by itself while a drill runs; when the server does, it must.
        let _ = ended.run_until_cancelled(told).await;
    });
    let pieces = stream::unfold(sent, |mut sent| async {
        sent.recv().await.map(|piece| (Ok::<_, Infallible>(piece), sent))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold events back until its buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The reader is gone, or too slow.
struct Gone;

struct Pieces {
    to: mpsc::Sender<Bytes>,
}

impl Pieces {
    async fn send(&self, piece: impl Into<Bytes>) -> Result<(), Gone> {
        self.to.send_timeout(piece.into(), SLOW_AFTER).await.map_err(|_| Gone)
    }
}

/// Waits for a change, or for the news that none will follow; says what keeps the connection alive meanwhile.
async fn wait(changed: &mut watch::Receiver<u64>, pieces: &Pieces) -> Result<ControlFlow<()>, Gone> {
    loop {
        tokio::select! {
            biased;
            () = pieces.to.closed() => return Err(Gone),
            change = changed.changed() => {
                return Ok(if change.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) });
            }
            () = tokio::time::sleep(HEARTBEAT_EVERY) => pieces.send(&b": still here\n\n"[..]).await?,
        }
    }
}

/// Lines from one on, a few at a time.
type Read = Result<Vec<Vec<u8>>, Problem>;

/// Hands on each line once, in order, until no line will follow.
async fn lines(
    read: impl Fn(u64) -> BoxFuture<'static, Read>,
    mut next: u64,
    mut changed: watch::Receiver<u64>,
    pieces: &Pieces,
) -> Result<(), Gone> {
    pieces.send(format!("retry: {RETRY_MS}\n\n")).await?;
    loop {
        // Looked at before the lines are read: what comes meanwhile is a change.
        changed.mark_unchanged();
        // A journal that is over has no writer any more: what is there now is all.
        let is_over = changed.has_changed().is_err();
        loop {
            let lines = match read(next).await {
                Ok(lines) if lines.is_empty() => break,
                Ok(lines) => lines,
                Err(problem) => {
                    tracing::warn!(%problem, "events cannot be read; whoever follows them comes back");
                    return Ok(());
                }
            };
            let mut piece = Vec::new();
            for line in lines {
                event(&mut piece, next, &line);
                next += 1;
                if piece.len() >= PIECE_BYTES {
                    pieces.send(std::mem::take(&mut piece)).await?;
                }
            }
            if !piece.is_empty() {
                pieces.send(piece).await?;
            }
        }
        if is_over {
            return Ok(());
        }
        // Whether it was the end is seen above.
        let _ = wait(&mut changed, pieces).await?;
    }
}

/// A line as an event. A line holds no line end, so that one `data` is enough.
fn event(piece: &mut Vec<u8>, seq: u64, line: &[u8]) {
    let kind = serde_json::from_slice::<RawLine<'_>>(line)
        .map_or_else(|_| "line".into(), |line| line.kind.into_owned());
    piece.extend_from_slice(format!("id: {seq}\nevent: {kind}\ndata: ").as_bytes());
    piece.extend_from_slice(line);
    piece.extend_from_slice(b"\n\n");
}

async fn changes(mut changes: watch::Receiver<u64>, pieces: &Pieces) -> Result<(), Gone> {
    pieces.send(format!("retry: {RETRY_MS}\n\n")).await?;
    loop {
        let now = *changes.borrow_and_update();
        pieces.send(format!("event: change\ndata: {now}\n\n")).await?;
        if wait(&mut changes, pieces).await?.is_break() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
