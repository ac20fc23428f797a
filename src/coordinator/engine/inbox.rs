//! Everything that wakes the loop, and in which order.

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval, sleep_until};

use super::{RENEW_EVERY, TICK};
use crate::coordinator::alarms::{ALARM_QUEUE, AlarmInput};
use crate::coordinator::control::Request;
use crate::coordinator::load::LOAD_QUEUE;
use crate::coordinator::probe::PROBE_QUEUE;
use crate::drill::Event;
use crate::drill::event::Sample;

/// What the preflight came to: its warnings, or every reason to refuse.
pub(super) type Prepared = Result<Vec<String>, Vec<String>>;

/// What wakes the loop.
pub(super) enum Input {
    Event(Event),
    Prepared(Prepared),
    Request(Request),
    Alarm(AlarmInput),
    Tick,
    Renew,
}

/// The sending ends of what wakes the loop.
pub(super) struct Ways {
    pub(super) events: mpsc::Sender<Event>,
    pub(super) probes: mpsc::Sender<(String, Sample)>,
    pub(super) load: mpsc::Sender<Vec<Sample>>,
    pub(super) alarms: mpsc::Sender<AlarmInput>,
    pub(super) prepared: mpsc::Sender<Prepared>,
}

/// The receiving ends of everything that wakes the loop.
pub(super) struct Inbox {
    events: mpsc::Receiver<Event>,
    probes: mpsc::Receiver<(String, Sample)>,
    load: mpsc::Receiver<Vec<Sample>>,
    alarms: mpsc::Receiver<AlarmInput>,
    prepared: mpsc::Receiver<Prepared>,
    requests: mpsc::Receiver<Request>,
    signals: mpsc::Receiver<&'static str>,
    ticks: Interval,
    renewals: Interval,
}

impl Inbox {
    /// Opens every way into the loop.
    pub(super) fn open(
        requests: mpsc::Receiver<Request>,
        signals: mpsc::Receiver<&'static str>,
    ) -> (Ways, Self) {
        let (events, events_in) = mpsc::channel(1024);
        let (probes, probes_in) = mpsc::channel(PROBE_QUEUE);
        let (load, load_in) = mpsc::channel(LOAD_QUEUE);
        let (alarms, alarms_in) = mpsc::channel(ALARM_QUEUE);
        let (prepared, prepared_in) = mpsc::channel(1);
        let inbox = Self {
            events: events_in,
            probes: probes_in,
            load: load_in,
            alarms: alarms_in,
            prepared: prepared_in,
            requests,
            signals,
            ticks: interval(TICK),
            renewals: interval(RENEW_EVERY),
        };
        (Ways { events, probes, load, alarms, prepared }, inbox)
    }

    /// What comes next, in this order: whoever wants to stop first, and the load, which could fill every turn, last.
    pub(super) async fn next(&mut self, wake: Instant) -> Input {
        tokio::select! {
            biased;
            Some(name) = self.signals.recv() => {
                Input::Event(Event::HaltRequested { who: name.into(), reason: String::new() })
            }
            Some(request) = self.requests.recv() => Input::Request(request),
            Some(prepared) = self.prepared.recv() => Input::Prepared(prepared),
            Some(event) = self.events.recv() => Input::Event(event),
            Some(alarm) = self.alarms.recv() => Input::Alarm(alarm),
            () = sleep_until(wake) => Input::Event(Event::TimePassed {}),
            _ = self.renewals.tick() => Input::Renew,
            _ = self.ticks.tick() => Input::Tick,
            Some((probe, sample)) = self.probes.recv() => Input::Event(Event::ProbeSampled { probe, sample }),
            Some(samples) = self.load.recv() => Input::Event(Event::LoadAnswered { samples }),
        }
    }
}
