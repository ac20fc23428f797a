//! The loop: whatever happens is journalled, decided on, and what was decided is journalled and obeyed.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, Interval, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::operator::Order;
use super::preflight::{self, Prepared};
use super::record::{RecordError, Recorder};
use super::takedown::Running;
use super::{Outcome, RENEW_EVERY, Setup, Watcher};
use crate::coordinator::alarms::AlarmInput;
use crate::coordinator::clock::DrillClock;
use crate::coordinator::control::Request;
use crate::coordinator::lever::Lever;
use crate::drill::board::Board;
use crate::drill::event::{Phase, Record, Sample};
use crate::drill::summary::Validity;
use crate::drill::{Command, Drill, Event, Summary, Timed};

/// Whom the engine itself speaks as.
pub(super) const OURSELVES: &str = "firedrill";

/// How often the loop looks around: who looks on, the HALT file, the agent.
const TICK: Duration = Duration::from_millis(100);

/// What wakes the loop.
enum Input {
    Event(Event),
    Prepared(Box<Result<Prepared, Vec<String>>>),
    Request(Request),
    Alarm(AlarmInput),
    Tick,
    Renew,
}

/// A drill and all that it acts with.
pub(super) struct Driver<'w> {
    pub(super) setup: Setup,
    pub(super) clock: DrillClock,
    pub(super) drill: Drill,
    pub(super) board: Board,
    recorder: Recorder,
    watcher: Option<&'w mut dyn Watcher>,
    pub(super) running: Running,
    pub(super) operators: BTreeMap<String, mpsc::Sender<Order>>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) probes: mpsc::Sender<(String, Sample)>,
    pub(super) load: mpsc::Sender<Vec<Sample>>,
    pub(super) alarms: mpsc::Sender<AlarmInput>,
    prepared: mpsc::Sender<Result<Prepared, Vec<String>>>,
    pub(super) renew: Arc<Notify>,
    pub(super) lever: Lever,
    pub(super) end_command: CancellationToken,
    wake: Option<Duration>,
    last: Duration,
    /// What happened while the drill's commands were being obeyed: decided on once all of these are.
    meanwhile: VecDeque<Event>,
    closed: bool,
    /// The record cannot be written any more; the drill stops and says so.
    record_error: Option<RecordError>,
    panics: u32,
}

/// The receiving ends of everything that wakes the loop.
struct Inbox {
    events: mpsc::Receiver<Event>,
    probes: mpsc::Receiver<(String, Sample)>,
    load: mpsc::Receiver<Vec<Sample>>,
    alarms: mpsc::Receiver<AlarmInput>,
    prepared: mpsc::Receiver<Result<Prepared, Vec<String>>>,
    requests: mpsc::Receiver<Request>,
    signals: mpsc::Receiver<&'static str>,
    ticks: Interval,
    renewals: Interval,
}

impl Inbox {
    /// What comes next, in this order: whoever wants to stop first, and the load, which could fill every turn, last.
    async fn next(&mut self, wake: Instant) -> Input {
        tokio::select! {
            biased;
            Some(name) = self.signals.recv() => {
                Input::Event(Event::HaltRequested { who: name.into(), reason: String::new() })
            }
            Some(request) = self.requests.recv() => Input::Request(request),
            Some(prepared) = self.prepared.recv() => Input::Prepared(Box::new(prepared)),
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

/// Runs a drill from preflight to its closed journal. `requests` comes from the control socket.
pub async fn run(
    setup: Setup,
    requests: mpsc::Receiver<Request>,
    signals: mpsc::Receiver<&'static str>,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RecordError> {
    let recorder = Recorder::open(&setup)?;
    run_on_record(setup, recorder, requests, signals, watcher).await
}

/// The same, on a record that was opened.
pub(super) async fn run_on_record(
    setup: Setup,
    recorder: Recorder,
    requests: mpsc::Receiver<Request>,
    signals: mpsc::Receiver<&'static str>,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RecordError> {
    let (drill, commands) = Drill::start(setup.plan.clone());
    let (events, events_in) = mpsc::channel(1024);
    let (probes, probes_in) = mpsc::channel(crate::coordinator::probe::PROBE_QUEUE);
    let (load, load_in) = mpsc::channel(crate::coordinator::load::LOAD_QUEUE);
    let (alarms, alarms_in) = mpsc::channel(crate::coordinator::alarms::ALARM_QUEUE);
    let (prepared, prepared_in) = mpsc::channel(1);
    let mut inbox = Inbox {
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
    let mut driver = Driver {
        clock: DrillClock::start(),
        board: Board::new(&setup.plan),
        lever: Lever::new(&setup.runtime_dir, &setup.state_dir),
        setup,
        drill,
        recorder,
        watcher: Some(watcher),
        running: Running::default(),
        operators: BTreeMap::new(),
        events,
        probes,
        load,
        alarms,
        prepared,
        renew: Arc::new(Notify::new()),
        end_command: CancellationToken::new(),
        wake: None,
        last: Duration::ZERO,
        meanwhile: VecDeque::new(),
        closed: false,
        record_error: None,
        panics: 0,
    };
    driver.obey_all(commands);
    while !driver.closed {
        let wake = driver.wake.map_or_else(
            || driver.clock.at(driver.last + Duration::from_secs(3600)),
            |at| driver.clock.at(at),
        );
        let input = inbox.next(wake).await;
        driver.on_input(input);
    }
    driver.finish().await
}

impl Driver<'_> {
    /// A mistake of ours must not keep faults on: the first panic stops the drill in order, the second at once.
    fn on_input(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.handle(input))) {
                self.panics += 1;
                // Whoever looks on may be the one that fails; the record and the undo go on without.
                self.watcher = None;
                let reason = format!("internal failure: {}", panic_words(panic.as_ref()));
                tracing::error!(reason, "stopping");
                if self.panics > 1 {
                    self.closed = true;
                } else {
                    next = Some(Input::Event(Event::HaltRequested { who: OURSELVES.into(), reason }));
                }
            }
        }
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Event(event) => self.happen(event),
            Input::Request(request) => self.on_request(request),
            Input::Alarm(alarm) => self.on_alarm(alarm),
            Input::Renew => self.renew.notify_one(),
            Input::Tick => self.on_tick(),
            Input::Prepared(prepared) => match *prepared {
                Ok(prepared) => {
                    let warnings = prepared.warnings.clone();
                    self.running.prepared = Some(prepared);
                    self.start_operators();
                    self.start_intake();
                    self.happen(Event::PreflightFinished { refusals: vec![], warnings });
                }
                Err(refusals) => self.happen(Event::PreflightFinished { refusals, warnings: vec![] }),
            },
        }
    }

    fn on_tick(&mut self) {
        let now = self.now();
        if let Some(watcher) = &mut self.watcher {
            watcher.tick(now);
        }
        if let Some(why) = self.lever.halt_asked()
            && self.drill.stopped().is_none()
        {
            let who = format!("the file {}", self.lever.halt_file().display());
            self.halt(who, why);
        }
        self.look_at_agent();
        self.watch_for_causes();
    }

    fn now(&mut self) -> Duration {
        self.last = self.last.max(self.clock.now());
        self.last
    }

    /// Takes in an event, and whatever came of obeying what was decided on it.
    pub(super) fn happen(&mut self, event: Event) {
        self.decide(event);
        // Obeying raises a bounded number of events: a fault is refused once, the record breaks once.
        while let Some(event) = self.meanwhile.pop_front() {
            self.decide(event);
        }
    }

    /// Takes in an event that arises while commands are being obeyed. The drill sees it only after the last of them:
    /// what it decides then must not overtake what it decided before, or a removal would come before its apply.
    pub(super) fn happen_next(&mut self, event: Event) {
        self.meanwhile.push_back(event);
    }

    /// Journals an event, lets the drill decide, and obeys.
    pub(super) fn decide(&mut self, event: Event) {
        let timed = Timed { mono: self.now(), event };
        self.journal(timed.mono, &serde_json::to_value(&timed.event).unwrap_or_default());
        self.board.event(&timed);
        if let Some(watcher) = &mut self.watcher {
            watcher.event(&timed);
        }
        let commands = self.drill.next(timed.mono, timed.event);
        self.obey_all(commands);
    }

    fn obey_all(&mut self, commands: Vec<Command>) {
        self.wake = self.wake.filter(|at| *at > self.last);
        for command in commands {
            let timed = Timed { mono: self.last, event: command };
            match &timed.event {
                // A wish to be woken is no news; the time that passes is.
                Command::WakeAt { at } => {
                    self.wake = Some(*at);
                    continue;
                }
                Command::Record(record) => {
                    self.journal(timed.mono, &serde_json::to_value(record).unwrap_or_default());
                }
                command => self.journal(timed.mono, &serde_json::to_value(command).unwrap_or_default()),
            }
            self.board.command(&timed);
            if let Some(watcher) = &mut self.watcher {
                watcher.command(&timed);
            }
            self.obey(timed.event);
        }
    }

    /// Writes `{"kind": …, "data": …}` as a line.
    fn journal(&mut self, mono: Duration, value: &Value) {
        let kind = value["kind"].as_str().unwrap_or("unknown");
        let written = self.recorder.line(mono, kind, &value["data"]);
        self.note_record(written);
    }

    /// When the record cannot be kept the drill is stopped: what is not on record has not been proven.
    fn note_record(&mut self, written: Result<(), RecordError>) {
        if let Err(error) = written
            && self.record_error.is_none()
        {
            let reason = error.to_string();
            self.record_error = Some(error);
            self.happen_next(Event::HaltRequested { who: OURSELVES.into(), reason });
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Preflight {} => {
                let (setup, prepared) = (self.setup.clone(), self.prepared.clone());
                let stop = self.running.stop.clone();
                self.running.tasks.spawn(async move {
                    let ready = tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        ready = preflight::prepare(&setup) => ready,
                    };
                    // Nobody takes it any more when the drill is over; it is dropped, and so put away.
                    let _ = prepared.send(ready).await;
                });
            }
            Command::StartProbes {} => self.start_probes(),
            Command::Apply { fault } => {
                // The record of the intent is on the disk before the deed, or there is no deed.
                let synced = self.recorder.sync();
                self.note_record(synced);
                match &self.record_error {
                    None => self.order(&fault, Order::Apply),
                    Some(error) => {
                        let why = error.to_string();
                        self.happen_next(Event::FaultRefused { fault, why });
                    }
                }
            }
            Command::Remove { fault, reason: _ } => self.order(&fault, Order::Remove),
            Command::StartCommand {} => self.start_command(),
            Command::StopCommand {} => self.end_command.cancel(),
            Command::Record(Record::PhaseEntered { phase: Phase::Active }) => self.warn_of_idle_routes(),
            Command::Record(_) | Command::WakeAt { .. } => {}
            Command::Verify {} => self.take_down(),
            Command::Close {} => self.closed = true,
        }
    }

    /// Ends everything in a task of its own and answers with what is left.
    fn take_down(&mut self) {
        self.operators.clear();
        let running = std::mem::take(&mut self.running);
        let (owner, events) = (self.setup.drill.clone(), self.events.clone());
        tokio::spawn(async move {
            let residue = running.take_down(&owner).await;
            let _ = events.send(Event::VerifyFinished { residue }).await;
        });
    }

    async fn finish(mut self) -> Result<Outcome, RecordError> {
        let mut summary = Summary::of(&self.drill);
        let mut scored = None;
        if self.drill.phase() != Phase::Scored {
            // The decider itself failed twice: no order can be trusted, so everything is taken back directly.
            for operator in self.operators.values() {
                let _ = operator.try_send(Order::Remove);
            }
            self.operators.clear();
            let residue = std::mem::take(&mut self.running).take_down(&self.setup.drill).await;
            summary.reasons.push("firedrill itself failed; every fault was taken back".into());
            summary.residue.extend(residue);
            summary.clean = summary.residue.is_empty();
            summary.exit = if summary.clean { 5 } else { 7 };
        } else if let Some(card) = self.recorder.score() {
            // The journal alone says what the drill came to, alarms included.
            summary = card.summary.clone();
            scored = Some(card);
        }
        let now = self.now();
        let kept = self.recorder.close(now, &summary).and_then(|head| {
            // The closing line adds nothing to a drill that was decided to its end; only another needs it to be scored.
            let card = scored.or_else(|| self.recorder.score());
            self.recorder.keep_scorecard(card.as_ref())?;
            Ok((head, card))
        });
        match (self.record_error.take(), kept) {
            (Some(mut error), _) | (None, Err(mut error)) => {
                // What is not on record is not proven, however well it went.
                summary.exit = if summary.clean { 5 } else { 7 };
                summary.drill = Validity::Invalid;
                let why = format!("what is told here is not whole on record: {error}");
                summary.reasons.insert(0, why);
                error.came_to = Some(Box::new(summary));
                Err(error)
            }
            (None, Ok((head, card))) => Ok(Outcome { summary, card, folder: self.setup.folder, head }),
        }
    }
}

fn panic_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown".into())
}
