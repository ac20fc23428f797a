//! Connections kept alive between requests to one address.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::connect::{Connection, DialTimes};
use super::exchange::read_body;
use super::failure::{HttpFailure, Phase};
use super::request::PreparedRequest;

/// A bounded number of idle connections for one request that is sent again and again.
pub struct Pool {
    request: PreparedRequest,
    idle: Mutex<Vec<Connection>>,
    idle_max: usize,
}

impl Pool {
    /// Keeps at most `idle_max` connections that nobody uses.
    pub fn new(request: PreparedRequest, idle_max: usize) -> Self {
        Self { request, idle: Mutex::new(Vec::new()), idle_max }
    }

    /// Sends the request once and reads its answer to the end, within `timeout`: the status, or why there is none.
    pub async fn ask(&self, timeout: Duration) -> Result<u16, HttpFailure> {
        let mut phase = Phase::Connecting;
        let asked = tokio::time::timeout(timeout, self.talk(timeout, &mut phase)).await;
        asked.unwrap_or(Err(HttpFailure::TimedOut { after: timeout, phase }))
    }

    async fn talk(&self, timeout: Duration, phase: &mut Phase) -> Result<u16, HttpFailure> {
        let mut message = self.request.build();
        while let Some(mut connection) = self.take() {
            *phase = Phase::Waiting;
            match connection.sender.try_send_request(message).await {
                Ok(response) => return self.finish(connection, response, phase).await,
                // The connection had been closed while it was idle and nothing was sent: no answer was lost.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => message = unsent,
                    None => return Err(HttpFailure::from_hyper(error.error(), *phase)),
                },
            }
        }
        let mut connection =
            Connection::open(&self.request, timeout, phase, &mut DialTimes::default(), Arc::default())
                .await?;
        *phase = Phase::Waiting;
        let sent = connection.sender.send_request(message).await;
        let response = sent.map_err(|error| HttpFailure::from_hyper(&error, *phase))?;
        self.finish(connection, response, phase).await
    }

    async fn finish(
        &self,
        connection: Connection,
        response: http::Response<hyper::body::Incoming>,
        phase: &mut Phase,
    ) -> Result<u16, HttpFailure> {
        *phase = Phase::Reading;
        let status = response.status().as_u16();
        read_body(response.into_body(), drop).await?;
        self.keep(connection);
        Ok(status)
    }

    /// The connection used last that is ready: the fewest stay warm. One that has just been used may need a moment
    /// more; it stays for the next request, unless it is closing.
    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            if idle[at].sender.is_closed() {
                idle.swap_remove(at);
            } else if idle[at].sender.is_ready() {
                return Some(idle.swap_remove(at));
            }
        }
        None
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max {
            idle.push(connection);
        }
    }
}
