//! One request and its answer, measured.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::connect::{Connection, DialTimes, FirstByte};
use super::failure::{HttpFailure, Phase};
use super::request::PreparedRequest;

/// So much of a body is kept; the rest is counted and thrown away.
pub const BODY_KEPT_MAX: usize = 1 << 20;

/// When each phase was over, since the request began. Absent: not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Name, connection, TLS.
    pub dial: DialTimes,
    /// The first byte of the answer arrived.
    pub first_byte: Option<Duration>,
    /// Everything was over, well or not.
    pub total: Duration,
}

/// The head of an answer, and what was read of its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its headers; the library takes no more than a few hundred KiB of them.
    pub headers: HeaderMap,
    /// The first bytes of the body: [`BODY_KEPT_MAX`] unless more were asked for.
    pub body: Vec<u8>,
    /// How many bytes the body had, kept or not.
    pub body_bytes: u64,
}

impl Answer {
    /// The header `content-type`.
    pub fn content_type(&self) -> Option<String> {
        let value = self.headers.get(CONTENT_TYPE);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

/// What a request brought.
#[derive(Debug, Default)]
pub struct Exchange {
    /// The times.
    pub times: Times,
    /// The answer as far as it came; absent: its head never was complete.
    pub answer: Option<Answer>,
    /// Why it is not complete.
    pub failure: Option<HttpFailure>,
}

/// Sends a request over a connection of its own and reads the answer to its end, within `timeout`.
pub async fn measure(request: &PreparedRequest, timeout: Duration) -> Exchange {
    measure_keeping(request, timeout, BODY_KEPT_MAX).await
}

/// The same for answers that are read and not only looked at: keeps up to `kept_max` bytes of the body.
pub async fn measure_keeping(request: &PreparedRequest, timeout: Duration, kept_max: usize) -> Exchange {
    let began = Instant::now();
    let mut phase = Phase::Resolving;
    let mut exchange = Exchange::default();
    let first_byte = FirstByte::default();
    let talk = talk(request, timeout, kept_max, &first_byte, &mut phase, &mut exchange);
    let outcome = tokio::time::timeout(timeout, talk).await;
    exchange.times.total = began.elapsed();
    exchange.times.first_byte = first_byte.get().map(|at| at.duration_since(began));
    exchange.failure = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(_) => Some(HttpFailure::TimedOut { after: timeout, phase: reached(phase, &first_byte) }),
    };
    exchange
}

/// The head of an answer may be arriving while the library still waits for all of it.
fn reached(phase: Phase, first_byte: &FirstByte) -> Phase {
    if phase == Phase::Waiting && first_byte.get().is_some() { Phase::Reading } else { phase }
}

async fn talk(
    request: &PreparedRequest,
    timeout: Duration,
    kept_max: usize,
    first_byte: &FirstByte,
    phase: &mut Phase,
    exchange: &mut Exchange,
) -> Result<(), HttpFailure> {
    let dial = &mut exchange.times.dial;
    let mut connection = Connection::open(request, timeout, phase, dial, Arc::clone(first_byte)).await?;
    *phase = Phase::Waiting;
    let sent = connection.sender.send_request(request.build()).await;
    let response =
        sent.map_err(|error| HttpFailure::from_hyper(&error, reached(Phase::Waiting, first_byte)))?;
    *phase = Phase::Reading;
    let answer = exchange.answer.insert(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        ..Answer::default()
    });
    read_body(response.into_body(), |data| {
        answer.body_bytes += data.len() as u64;
        let room = kept_max - answer.body.len();
        answer.body.extend_from_slice(&data[..data.len().min(room)]);
    })
    .await
}

/// Reads a body to its end and hands over every piece.
pub(super) async fn read_body(mut body: Incoming, mut take: impl FnMut(Bytes)) -> Result<(), HttpFailure> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| HttpFailure::from_hyper(&error, Phase::Reading))?;
        if let Ok(data) = frame.into_data() {
            take(data);
        }
    }
    Ok(())
}
