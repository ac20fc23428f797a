//! An answer that is read while it comes: server-sent events.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::connect::{Connection, DialTimes, FirstByte};
use super::failure::{HttpFailure, Phase};
use super::request::PreparedRequest;

/// An answer whose head has come and whose body is still coming. Dropping it closes the connection.
pub struct Streaming {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    _connection: Connection,
}

impl Streaming {
    /// Sends a request over a connection of its own and waits for the answer's head, all within `within`.
    ///
    /// # Errors
    /// How far it came, and why no further.
    pub async fn open(request: &PreparedRequest, within: Duration) -> Result<Self, HttpFailure> {
        let mut phase = Phase::Resolving;
        let opened = tokio::time::timeout(within, Self::begin(request, within, &mut phase)).await;
        opened.unwrap_or(Err(HttpFailure::TimedOut { after: within, phase }))
    }

    async fn begin(
        request: &PreparedRequest,
        within: Duration,
        phase: &mut Phase,
    ) -> Result<Self, HttpFailure> {
        let (mut times, first_byte) = (DialTimes::default(), FirstByte::default());
        let mut connection = Connection::open(request, within, phase, &mut times, first_byte).await?;
        *phase = Phase::Waiting;
        let sent = connection.sender.send_request(request.build()).await;
        let response = sent.map_err(|error| HttpFailure::from_hyper(&error, Phase::Waiting))?;
        let (head, body) = response.into_parts();
        Ok(Self { status: head.status.as_u16(), headers: head.headers, body, _connection: connection })
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// The connection broke, or nothing came for `idle`.
    pub async fn next(&mut self, idle: Duration) -> Result<Option<Bytes>, HttpFailure> {
        loop {
            let frame = tokio::time::timeout(idle, self.body.frame()).await;
            let Some(frame) =
                frame.map_err(|_| HttpFailure::TimedOut { after: idle, phase: Phase::Reading })?
            else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| HttpFailure::from_hyper(&error, Phase::Reading))?;
            // Trailers say nothing about the body.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}
