//! The operator of one fault: obeys the drill's orders for it one after the other, and says what the fault does.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::hand::{Deed, Seen};
use crate::drill::Event;
use crate::fault::Evidence;

/// How often a fault is looked at until its effect is seen …
const LOOK_FIRST: Duration = Duration::from_millis(100);
/// … and every how many of these looks afterwards.
const LOOK_LATER: u32 = 5;
/// How long nobody may be able to say what a fault does before it counts as lost.
const BLIND_MAX: Duration = Duration::from_secs(15);
/// How long a removal that fails is tried again; shorter than the drill waits for an answer.
const REMOVE_WITHIN: Duration = Duration::from_secs(25);

/// What the drill or a person wants of a fault.
pub(super) enum Order {
    Apply,
    Remove,
    Change { who: String, changes: Vec<(String, String)>, reply: oneshot::Sender<Result<String, String>> },
}

/// Obeys until the orders end.
pub(super) async fn operate(deed: Deed, mut orders: mpsc::Receiver<Order>, events: mpsc::Sender<Event>) {
    let id = deed.fault.id.clone();
    let mut looks = interval(LOOK_FIRST);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watched: Option<Watched> = None;
    loop {
        let event = tokio::select! {
            biased;
            order = orders.recv() => match order {
                None => return,
                Some(Order::Apply) => match deed.apply().await {
                    Ok(detail) => {
                        watched = Some(Watched::default());
                        Some(Event::FaultApplied { fault: id.clone(), detail })
                    }
                    Err(why) => Some(Event::FaultRefused { fault: id.clone(), why }),
                },
                Some(Order::Remove) => {
                    let last = watched.take().map(|watched| watched.evidence).unwrap_or_default();
                    Some(remove(&deed, last).await)
                }
                Some(Order::Change { who, changes, reply }) => {
                    let changed = deed.change(&changes).await;
                    let event = changed.as_ref().ok().map(|change| {
                        Event::FaultChanged { fault: id.clone(), who, change: change.clone() }
                    });
                    // Journalled first, answered then.
                    if let Some(event) = event && events.send(event).await.is_err() {
                        return;
                    }
                    // Whoever asked may have gone; the change stands all the same.
                    let _ = reply.send(changed);
                    None
                }
            },
            _ = looks.tick(), if watched.is_some() => match &mut watched {
                Some(watched) => watched.look(&deed).await,
                None => None,
            },
        };
        if let Some(event) = event
            && events.send(event).await.is_err()
        {
            return;
        }
    }
}

/// `last` is what was last seen of it, for a fault that is gone already.
async fn remove(deed: &Deed, last: Evidence) -> Event {
    let fault = deed.fault.id.clone();
    let began = Instant::now();
    loop {
        match deed.remove().await {
            Ok(Some((evidence, residue))) => return Event::FaultRemoved { fault, evidence, residue },
            Ok(None) => return Event::FaultRemoved { fault, evidence: last, residue: Vec::new() },
            Err(why) if began.elapsed() > REMOVE_WITHIN => return Event::FaultStuck { fault, why },
            Err(why) => {
                tracing::warn!(fault, why, "cannot be removed yet");
                sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

/// What was last seen of a fault that is on.
#[derive(Default)]
struct Watched {
    evidence: Evidence,
    looks: u32,
    blind_since: Option<Instant>,
    lost: bool,
}

impl Watched {
    async fn look(&mut self, deed: &Deed) -> Option<Event> {
        self.looks += 1;
        if self.lost || (self.evidence.faulted > 0 && !self.looks.is_multiple_of(LOOK_LATER)) {
            return None;
        }
        let fault = deed.fault.id.clone();
        let why = match deed.look().await {
            Ok(Seen::On(evidence)) => {
                self.blind_since = None;
                if evidence == self.evidence {
                    return None;
                }
                self.evidence = evidence.clone();
                return Some(Event::FaultMeasured { fault, evidence });
            }
            Ok(Seen::Lost(why)) => why,
            Err(why) => {
                let since = *self.blind_since.get_or_insert_with(Instant::now);
                if since.elapsed() < BLIND_MAX {
                    return None;
                }
                format!("nobody can say what it does: {why}")
            }
        };
        self.lost = true;
        Some(Event::FaultLost { fault, why })
    }
}
