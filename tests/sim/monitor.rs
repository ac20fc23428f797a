//! The monitoring of the simulated service: alarms that come, come late, repeat, flap, or never come.

use std::collections::BTreeMap;
use std::time::Duration;

use firedrill::coordinator::alarms::AlarmInput;
use firedrill::coordinator::engine::Outside as _;
use firedrill::drill::alarm::{Alarm, AlarmKind, MissCause};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::interval;

use crate::fate::AlarmFate;
use crate::ledger::Deed;
use crate::world::World;

/// How often monitoring looks.
const EVERY: Duration = Duration::from_millis(250);

/// One alarm as monitoring sees it.
#[derive(Default)]
struct Watched {
    bad_since: Option<Duration>,
    good_since: Option<Duration>,
    fires: bool,
    said: Duration,
}

/// Tells of alarms until it is dropped.
pub async fn tell(world: &World, to_engine: mpsc::Sender<AlarmInput>, watching: watch::Receiver<bool>) {
    let mut looks = interval(EVERY);
    let mut alarms: Vec<Watched> = world.fate.alarms.iter().map(|_| Watched::default()).collect();
    let mut asked = false;
    loop {
        looks.tick().await;
        let (now, bad) = (world.ledger.now(), world.is_bad());
        for (watched, fate) in alarms.iter_mut().zip(&world.fate.alarms) {
            if let Some((kind, repeat)) = watched.look(fate, now, bad)
                && !say(world, fate, kind, repeat, &to_engine).await
            {
                return;
            }
        }
        let ask = world.fate.asks_causes && *watching.borrow();
        if let Some(expected) = world.plan.alarms.expected.first().filter(|_| ask && !asked) {
            asked = true;
            let (expectation, evidence) = (expected.id.clone(), "no rule names it".to_owned());
            let cause = MissCause::NoSuchRule;
            if to_engine.send(AlarmInput::Asked { expectation, cause, evidence }).await.is_err() {
                return;
            }
        }
    }
}

impl Watched {
    fn look(&mut self, fate: &AlarmFate, now: Duration, bad: bool) -> Option<(AlarmKind, bool)> {
        let anyway = fate.anyway.is_some_and(|at| now >= at && now < at + Duration::from_secs(3));
        let bad = bad || anyway;
        if bad {
            self.bad_since.get_or_insert(now);
            self.good_since = None;
        } else {
            self.good_since.get_or_insert(now);
            self.bad_since = None;
        }
        let fires = anyway
            || match (self.bad_since, fate.fires) {
                (Some(since), Some(after)) => now >= since + after,
                _ => false,
            };
        let over = self.good_since.zip(fate.resolves).is_some_and(|(since, after)| now >= since + after);
        let flaps = fate.flaps && self.fires && now >= self.said + Duration::from_secs(1);
        if !self.fires && fires {
            (self.fires, self.said) = (true, now);
            Some((AlarmKind::Fired, false))
        } else if self.fires && (over || flaps) {
            (self.fires, self.said) = (false, now);
            Some((AlarmKind::Resolved, false))
        } else if self.fires && fate.repeats.is_some_and(|every| now >= self.said + every) {
            self.said = now;
            Some((AlarmKind::Fired, true))
        } else {
            None
        }
    }
}

/// False when nobody hears any more.
async fn say(
    world: &World,
    fate: &AlarmFate,
    kind: AlarmKind,
    repeat: bool,
    to_engine: &mpsc::Sender<AlarmInput>,
) -> bool {
    let alarm = Alarm {
        source: "simulated".into(),
        kind,
        key: fate.name.clone(),
        group_key: None,
        labels: BTreeMap::from([("alertname".to_owned(), fate.name.clone())]),
        annotations: BTreeMap::new(),
        receiver: Some("team".into()),
        claimed_at: None,
        ends_at: None,
        received_at: world.wall(),
        repeat,
        polled_every: None,
        body_sha256: String::new(),
    };
    let (journalled, on_record) = oneshot::channel();
    let doing = fate.waits.then(|| world.ledger.doing(Deed::Alarms(vec![fate.name.clone()])));
    let input = AlarmInput::Alarms { alarms: vec![alarm], journalled: fate.waits.then_some(journalled) };
    if to_engine.send(input).await.is_err() {
        return false;
    }
    if let Some(doing) = doing
        && on_record.await.is_ok()
    {
        doing.end();
    }
    true
}
