//! Alarms of a drill: told by webhook, found by polling, and, when an expected one stays away, asked after.

mod ask;
mod causes;
mod listener;
mod memory;
mod poll;
mod routes;
mod way;

pub use listener::{BindError, bind};
pub use routes::{Takes, routes};
use way::Way;
pub use way::{Feed, HandIn, hand_in};

use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::drill::alarm::{Alarm, MissCause};
use crate::scenario::expectation::Alarms;

/// How many inputs may wait for the engine; a good size of the channel that is given to [`Intake::start`].
pub const ALARM_QUEUE: usize = 256;

/// What the intake tells the engine.
#[derive(Debug)]
pub enum AlarmInput {
    /// Monitoring said something.
    Alarms {
        /// What; all of one message.
        alarms: Vec<Alarm>,
        /// To be told once it is in the record: the sender is answered only then. Absent: nobody waits.
        journalled: Option<oneshot::Sender<()>>,
    },
    /// Monitoring was asked why an expected alarm has not come, and the answer is not the one of before.
    Asked {
        /// The expectation's id.
        expectation: String,
        /// The first cause that holds.
        cause: MissCause,
        /// What was seen.
        evidence: String,
    },
}

/// Reads the wall clock, for the arrival of messages.
pub type Wall = fn() -> Timestamp;

/// Where what is posted comes from.
#[derive(Debug)]
pub enum Source {
    /// Monitoring posts it to the drill itself.
    Listener(TcpListener),
    /// A server hands it in.
    Feed(Feed),
}

/// Everything that takes in alarms; ends with `stop`, and at once when it is dropped.
#[derive(Debug)]
pub struct Intake {
    watching: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Intake {
    /// Starts to listen or to take what is handed in, to poll what is to be polled, and to ask while it is
    /// [watching](Self::set_watching).
    pub fn start(
        source: Option<Source>,
        alarms: &Alarms,
        wall: Wall,
        to_engine: mpsc::Sender<AlarmInput>,
        stop: CancellationToken,
    ) -> Self {
        let (watching, watched) = watch::channel(false);
        let memory = Arc::new(memory::Memory::new(&alarms.expected));
        let mut tasks = JoinSet::new();
        let way = Way { to_engine, memory, wall, generic: alarms.generic.clone().into() };
        match source {
            None => {}
            Some(Source::Listener(listener)) => {
                tasks.spawn(listener::serve(listener, way.clone(), stop.clone()));
            }
            Some(Source::Feed(feed)) => {
                let (fed, stop) = (way::take_all(feed, way.clone()), stop.clone());
                tasks.spawn(async move {
                    let _ = stop.run_until_cancelled(fed).await;
                });
            }
        }
        for source in alarms.sources.iter().filter(|source| source.poll) {
            let (poll, stop) = (poll::poll(source.clone(), way.clone()), stop.clone());
            tasks.spawn(async move {
                let _ = stop.run_until_cancelled(poll).await;
            });
        }
        if !alarms.expected.is_empty() && !alarms.sources.is_empty() {
            let causes = causes::ask(alarms.clone(), way, watched);
            tasks.spawn(async move {
                let _ = stop.run_until_cancelled(causes).await;
            });
        }
        Self { watching, tasks }
    }

    /// Whether faults are on: only then is asked why an expected alarm stays away, and only what comes from then on
    /// counts as having come.
    pub fn set_watching(&self, on: bool) {
        self.watching.send_if_modified(|now| std::mem::replace(now, on) != on);
    }

    /// Waits until everything has ended; call it after `stop` was cancelled.
    pub async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests;
