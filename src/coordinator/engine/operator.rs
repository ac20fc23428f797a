//! The operator of one fault: obeys the drill's orders for it one after the other, and says what the fault does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::LEASE;
use super::outside::{Outside, Removed, Seen};
use crate::drill::Event;
use crate::fault::Evidence;

/// How many orders may wait for one fault. The drill itself gives two; the rest are changes by people.
const ORDERS_MAX: usize = 16;
/// How often a fault is looked at until its effect is seen …
const LOOK_FIRST: Duration = Duration::from_millis(100);
/// … and every how many of these looks afterwards.
const LOOK_LATER: u32 = 5;
/// How long nobody may be able to say what a fault does before it counts as lost.
const BLIND_MAX: Duration = Duration::from_secs(15);
/// How long a removal that fails is tried again; shorter than the drill waits for an answer.
const REMOVE_WITHIN: Duration = Duration::from_secs(25);

/// The way to the operator of one fault.
pub(super) struct Operator {
    orders: mpsc::Sender<Order>,
    called_off: CancellationToken,
}

impl Operator {
    /// A way, and the operator's end of it.
    pub(super) fn new() -> (Self, mpsc::Receiver<Order>, CancellationToken) {
        let (orders, orders_in) = mpsc::channel(ORDERS_MAX);
        let called_off = CancellationToken::new();
        (Self { orders, called_off: called_off.clone() }, orders_in, called_off)
    }

    /// Hands over an order of the drill; false when it is not taken.
    pub(super) fn order(&self, order: Order) -> bool {
        if matches!(order, Order::Remove) {
            self.called_off.cancel();
        }
        self.orders.try_send(order).is_ok()
    }

    /// Whether a person's change would be taken: room is kept for the drill's own orders.
    pub(super) fn has_room(&self) -> bool {
        self.orders.capacity() > ORDERS_MAX / 2
    }
}

/// What the drill or a person wants of a fault.
pub(super) enum Order {
    Apply,
    Remove,
    Change { who: String, changes: Vec<(String, String)>, reply: oneshot::Sender<Result<String, String>> },
}

/// Obeys until the orders end. Once the fault is `called_off`, nothing but its removal is done any more.
pub(super) async fn operate(
    id: String,
    outside: Arc<dyn Outside>,
    mut orders: mpsc::Receiver<Order>,
    called_off: CancellationToken,
    events: mpsc::Sender<Event>,
) {
    let mut looks = interval(LOOK_FIRST);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watched: Option<Watched> = None;
    loop {
        let event = tokio::select! {
            biased;
            order = orders.recv() => match order {
                None => return,
                // The drill stopped before its turn; the removal behind it finds nothing.
                Some(Order::Apply) if called_off.is_cancelled() => None,
                Some(Order::Apply) => match outside.apply(&id).await {
                    Ok(detail) => {
                        watched = Some(Watched::begin());
                        Some(Event::FaultApplied { fault: id.clone(), detail })
                    }
                    Err(why) => Some(Event::FaultRefused { fault: id.clone(), why }),
                },
                Some(Order::Remove) => {
                    Some(remove(&id, outside.as_ref(), watched.take()).await)
                }
                Some(Order::Change { reply, .. }) if called_off.is_cancelled() => {
                    let _ = reply.send(Err(format!("fault `{id}` is being taken back")));
                    None
                }
                Some(Order::Change { who, changes, reply }) => {
                    let changed = outside.change(&id, &changes).await;
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
                // A place that does not answer must not keep the removal waiting.
                Some(watched) => {
                    called_off.run_until_cancelled(watched.look(&id, outside.as_ref())).await.flatten()
                }
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

async fn remove(id: &str, outside: &dyn Outside, watched: Option<Watched>) -> Event {
    let (began, fault) = (Instant::now(), id.to_owned());
    let (heard, evidence) = watched.map_or((began, Evidence::default()), |last| (last.heard, last.evidence));
    loop {
        match outside.remove(id).await {
            Ok(Some(Removed { evidence, residue })) => {
                return Event::FaultRemoved { fault, evidence, residue };
            }
            Ok(None) => return Event::FaultRemoved { fault, evidence, residue: Vec::new() },
            // A route and its faults die with their process; and should only its control plane have died, the
            // lease, which nobody could renew since, has run out as well.
            Err(problem) if problem.nobody_there && heard.elapsed() > LEASE.duration() => {
                tracing::warn!(fault, why = problem.why, "gone with its proxy");
                return Event::FaultRemoved { fault, evidence, residue: Vec::new() };
            }
            Err(problem) if began.elapsed() > REMOVE_WITHIN => {
                return Event::FaultStuck { fault, why: problem.why };
            }
            Err(problem) => {
                tracing::warn!(fault, why = problem.why, "cannot be removed yet");
                sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

/// What was last seen of a fault that is on.
struct Watched {
    evidence: Evidence,
    looks: u32,
    /// When its executor last answered.
    heard: Instant,
    lost: bool,
}

impl Watched {
    fn begin() -> Self {
        Self { evidence: Evidence::default(), looks: 0, heard: Instant::now(), lost: false }
    }

    async fn look(&mut self, id: &str, outside: &dyn Outside) -> Option<Event> {
        self.looks += 1;
        if self.lost || (self.evidence.faulted > 0 && !self.looks.is_multiple_of(LOOK_LATER)) {
            return None;
        }
        let fault = id.to_owned();
        let why = match outside.look(id).await {
            Ok(Seen::On(evidence)) => {
                self.heard = Instant::now();
                if evidence == self.evidence {
                    return None;
                }
                self.evidence = evidence.clone();
                return Some(Event::FaultMeasured { fault, evidence });
            }
            Ok(Seen::Lost(why)) => why,
            Err(why) => {
                if self.heard.elapsed() < BLIND_MAX {
                    return None;
                }
                format!("nobody can say what it does: {why}")
            }
        };
        self.lost = true;
        Some(Event::FaultLost { fault, why })
    }
}
