//! The way of alarms into one drill: posted to it, polled by it, or handed in by a server that many drills share.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::memory::Memory;
use super::routes::Takes;
use super::{AlarmInput, Wall};
use crate::drill::alarm::Alarm;
use crate::scenario::expectation::GenericSource;

/// How long the engine may take to record a message.
const JOURNALLED_WITHIN: Duration = Duration::from_secs(5);
/// Messages that may wait to be handed in.
const MESSAGES_MAX: usize = 16;

/// The way of alarms to the engine.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) to_engine: mpsc::Sender<AlarmInput>,
    pub(super) memory: Arc<Memory>,
    pub(super) wall: Wall,
    /// Forms of their own, by the name of the intake.
    pub(super) generic: Arc<[GenericSource]>,
}

impl Takes for Way {
    fn generic(&self, name: &str) -> Option<GenericSource> {
        self.generic.iter().find(|source| source.name == name).cloned()
    }

    fn take(&self, alarms: Vec<Alarm>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.record(alarms))
    }

    fn wall(&self) -> Timestamp {
        (self.wall)()
    }
}

impl Way {
    /// Done once the alarms are on record; otherwise they count as never said.
    async fn record(&self, mut alarms: Vec<Alarm>) -> Result<(), String> {
        let marks = self.memory.mark(&mut alarms);
        self.memory.heard(&alarms);
        let (done, journalled) = oneshot::channel();
        let recorded = async {
            let input = AlarmInput::Alarms { alarms, journalled: Some(done) };
            self.to_engine.send(input).await.is_ok() && journalled.await.is_ok()
        };
        let why = match tokio::time::timeout(JOURNALLED_WITHIN, recorded).await {
            Ok(true) => return Ok(()),
            Ok(false) => "the drill takes no more alarms; see its report".to_owned(),
            Err(_) => format!("not recorded within {} s; send it again", JOURNALLED_WITHIN.as_secs()),
        };
        self.memory.forget(&marks);
        Err(why)
    }
}

/// A message on its way, and whom to tell what became of it.
#[derive(Debug)]
struct Message {
    alarms: Vec<Alarm>,
    recorded: oneshot::Sender<Result<(), String>>,
}

/// The end that hands in: cheap to clone.
#[derive(Clone, Debug)]
pub struct HandIn(mpsc::Sender<Message>);

/// The end that a drill takes from.
#[derive(Debug)]
pub struct Feed(mpsc::Receiver<Message>);

/// A way to hand alarms to one drill.
pub fn hand_in() -> (HandIn, Feed) {
    let (to, from) = mpsc::channel(MESSAGES_MAX);
    (HandIn(to), Feed(from))
}

impl HandIn {
    /// Hands in the alarms of one message; done once they are on record. A drill that hears no alarms, or none yet, or
    /// none any more, has nothing to do with them: `Ok(false)`.
    ///
    /// # Errors
    /// Why they could not be recorded; whoever sent them is to send them again.
    pub async fn alarms(&self, alarms: Vec<Alarm>) -> Result<bool, String> {
        let (recorded, told) = oneshot::channel();
        let handed = async {
            match self.0.send(Message { alarms, recorded }).await {
                Ok(()) => told.await.map_or(Ok(false), |recorded| recorded.map(|()| true)),
                Err(_) => Ok(false),
            }
        };
        // While a drill is being prepared nobody takes them yet.
        let late = Duration::from_secs(2);
        tokio::time::timeout(JOURNALLED_WITHIN + late, handed)
            .await
            .unwrap_or_else(|_| Err("the drill does not take alarms yet; send it again".to_owned()))
    }
}

/// Takes what is handed in, one message after the other.
pub(super) async fn take_all(feed: Feed, way: Way) {
    let Feed(mut messages) = feed;
    while let Some(Message { alarms, recorded }) = messages.recv().await {
        // Whoever handed it in may have given up; it is on record all the same.
        let _ = recorded.send(way.record(alarms).await);
    }
}
