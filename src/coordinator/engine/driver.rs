//! The loop: whatever happens is journalled, decided on, and what was decided is journalled and obeyed.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::inbox::{Inbox, Input, Ways};
use super::operator::{Operator, Order};
use super::outside::{Outside, World};
use super::record::{RecordError, Recorder};
use super::running::Running;
use super::{Outcome, Setup, Watcher};
use crate::coordinator::clock::DrillClock;
use crate::coordinator::control::Request;
use crate::drill::board::Board;
use crate::drill::event::{Phase, Record};
use crate::drill::{Command, Drill, Event, Timed};

/// Whom the engine itself speaks as.
pub(super) const OURSELVES: &str = "firedrill";

/// A drill and all that it acts with.
pub(super) struct Driver<'w> {
    pub(super) setup: Setup,
    pub(super) clock: DrillClock,
    pub(super) drill: Drill,
    pub(super) board: Board,
    pub(super) outside: Arc<dyn Outside>,
    pub(super) recorder: Recorder,
    watcher: Option<&'w mut dyn Watcher>,
    pub(super) running: Running,
    pub(super) operators: BTreeMap<String, Operator>,
    /// What goes on for steps of the playbook.
    pub(super) steps: BTreeMap<String, AbortHandle>,
    pub(super) ways: Ways,
    pub(super) renew: Arc<Notify>,
    /// Whether the causes of alarms that stay away are asked for.
    pub(super) watching: watch::Sender<bool>,
    pub(super) end_command: CancellationToken,
    wake: Option<Duration>,
    last: Duration,
    /// What happened while the drill's commands were being obeyed: decided on once all of these are.
    meanwhile: VecDeque<Event>,
    closed: bool,
    /// The take-down at the end: a task of its own, for it waits for all the others.
    ending: JoinSet<()>,
    /// The record cannot be written any more; the drill stops and says so.
    pub(super) record_error: Option<RecordError>,
    panics: u32,
}

/// Runs a drill from preflight to its closed journal. `requests` comes from the control socket.
pub async fn run(
    setup: Setup,
    requests: mpsc::Receiver<Request>,
    signals: mpsc::Receiver<&'static str>,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RecordError> {
    let world = World::live(&setup)?;
    run_in(world, setup, requests, signals, watcher).await
}

/// The same in any world. All that it waits for is the world's and tokio's clock, so that a simulated drill runs on
/// paused time.
pub async fn run_in(
    world: World,
    setup: Setup,
    requests: mpsc::Receiver<Request>,
    signals: mpsc::Receiver<&'static str>,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, RecordError> {
    let World { outside, paper } = world;
    let recorder = Recorder::open(&setup, paper, outside.wall())?;
    let (drill, commands) = Drill::start(setup.plan.clone(), setup.playbook.clone());
    let board = Board::new(&setup.plan, setup.playbook.as_ref()).began(outside.wall());
    let (ways, inbox) = Inbox::open(requests, signals);
    let at = At { clock: DrillClock::start(), drill, board, last: Duration::ZERO };
    let mut driver = Driver::new(setup, at, outside, recorder, watcher, ways);
    driver.obey_all(commands);
    driver.settle();
    driver.drive(inbox).await
}

/// Where a drill is, and its clock.
pub(super) struct At {
    pub(super) clock: DrillClock,
    pub(super) drill: Drill,
    pub(super) board: Board,
    /// The time of the last line.
    pub(super) last: Duration,
}

impl<'w> Driver<'w> {
    pub(super) fn new(
        setup: Setup,
        at: At,
        outside: Arc<dyn Outside>,
        recorder: Recorder,
        watcher: &'w mut dyn Watcher,
        ways: Ways,
    ) -> Self {
        let At { clock, drill, board, last } = at;
        Self {
            clock,
            board,
            setup,
            drill,
            outside,
            recorder,
            watcher: Some(watcher),
            running: Running::default(),
            operators: BTreeMap::new(),
            steps: BTreeMap::new(),
            ways,
            renew: Arc::new(Notify::new()),
            watching: watch::channel(false).0,
            end_command: CancellationToken::new(),
            wake: None,
            last,
            meanwhile: VecDeque::new(),
            closed: false,
            ending: JoinSet::new(),
            record_error: None,
            panics: 0,
        }
    }

    /// Goes on until the drill is over, and closes its record.
    pub(super) async fn drive(mut self, mut inbox: Inbox) -> Result<Outcome, RecordError> {
        self.closed |= self.drill.phase() == Phase::Scored;
        while !self.closed {
            let wake = self
                .wake
                .map_or_else(|| self.clock.at(self.last + Duration::from_secs(3600)), |at| self.clock.at(at));
            let input = inbox.next(wake).await;
            self.on_input(input);
        }
        self.finish().await
    }
}

impl Driver<'_> {
    /// A mistake of ours must not keep faults on: the first panic stops the drill in order, the second at once.
    fn on_input(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.handle(input))) {
                self.panics += 1;
                let reason = failure(panic.as_ref());
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
            Input::Prepared(Ok(warnings)) => {
                // One that comes too late is put away as it stands.
                if self.drill.phase() == Phase::Preflight {
                    self.start_operators();
                    self.start_intake();
                }
                self.happen(Event::PreflightFinished { refusals: vec![], warnings });
            }
            Input::Prepared(Err(refusals)) => {
                self.happen(Event::PreflightFinished { refusals, warnings: vec![] });
            }
        }
    }

    fn on_tick(&mut self) {
        let now = self.now();
        self.show(|watcher| watcher.tick(now));
        // While things are being prepared the preflight itself refuses.
        let begun = !matches!(self.drill.phase(), Phase::Planned | Phase::Preflight);
        if let Some(asked) = self.outside.halt_asked()
            && begun
            && self.drill.stopped().is_none()
        {
            self.halt(asked.who, asked.why);
        }
        self.look_at_outside();
        self.watch_for_causes();
        self.settle();
    }

    /// Shows something to whoever looks on. Should that fail, the drill stops in order, and misses nothing by it.
    fn show(&mut self, look: impl FnOnce(&mut dyn Watcher)) {
        let Some(watcher) = &mut self.watcher else { return };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| look(*watcher))) {
            self.watcher = None;
            self.happen_next(Event::HaltRequested { who: OURSELVES.into(), reason: failure(panic.as_ref()) });
        }
    }

    pub(super) fn now(&mut self) -> Duration {
        self.last = self.last.max(self.clock.now());
        self.last
    }

    /// Takes in an event, and whatever came of obeying what was decided on it.
    pub(super) fn happen(&mut self, event: Event) {
        self.decide(event);
        self.settle();
    }

    /// Decides on what came of obeying: a bounded number of events, for a fault is refused once, and the record breaks
    /// once.
    fn settle(&mut self) {
        while let Some(event) = self.meanwhile.pop_front() {
            self.decide(event);
        }
    }

    /// Takes in an event that arises while commands are being obeyed. The drill sees it only after the last of them:
    /// what it decides then must not overtake what it decided before, or a removal would come before its apply.
    pub(super) fn happen_next(&mut self, event: Event) {
        self.meanwhile.push_back(event);
    }

    /// Puts onto the record what was decided when the process before died, and is not obeyed any more.
    pub(super) fn write_down(&mut self, unwritten: Vec<Command>) {
        for command in unwritten {
            let value = match &command {
                Command::Record(record) => serde_json::to_value(record),
                command => serde_json::to_value(command),
            };
            self.journal(self.last, &value.unwrap_or_default());
        }
        self.settle();
    }

    /// Journals an event, lets the drill decide, and obeys.
    fn decide(&mut self, event: Event) {
        let timed = Timed { mono: self.now(), event };
        self.journal(timed.mono, &serde_json::to_value(&timed.event).unwrap_or_default());
        self.board.event(&timed);
        self.show(|watcher| watcher.event(&timed));
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
            self.show(|watcher| watcher.command(&timed));
            self.obey(timed.event);
        }
    }

    /// Writes `{"kind": …, "data": …}` as a line.
    fn journal(&mut self, mono: Duration, value: &Value) {
        let kind = value["kind"].as_str().unwrap_or("unknown");
        let written = self.recorder.line(self.outside.wall(), mono, kind, &value["data"]);
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

    pub(super) fn sync_record(&mut self) {
        let synced = self.recorder.sync();
        self.note_record(synced);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Preflight {} => self.start_preflight(),
            Command::StartProbes {} => self.start_probes(),
            Command::Apply { fault } => {
                // The record of the intent is on the disk before the deed, or there is no deed.
                self.sync_record();
                match &self.record_error {
                    None => self.order(&fault, Order::Apply),
                    Some(error) => {
                        let why = error.to_string();
                        self.happen_next(Event::FaultRefused { fault, why });
                    }
                }
            }
            Command::Remove { fault, reason: _ } => self.order(&fault, Order::Remove),
            Command::RunStep(job) => self.run_step(*job),
            Command::VerifyStep { step, probe } => self.verify_step(step, *probe),
            Command::StopStep { step } => self.stop_step(&step),
            Command::StartCommand {} => self.start_command(),
            Command::StopCommand {} => self.end_command.cancel(),
            Command::Record(Record::PhaseEntered { phase: Phase::Active }) => self.note_before_faults(),
            Command::Record(_) | Command::WakeAt { .. } => {}
            Command::Verify {} => self.take_down(),
            Command::Close {} => self.closed = true,
        }
    }

    /// Ends everything in a task of its own and answers with what is left.
    fn take_down(&mut self) {
        self.operators.clear();
        let running = std::mem::take(&mut self.running);
        let (outside, events) = (Arc::clone(&self.outside), self.ways.events.clone());
        self.ending.spawn(async move {
            let residue = running.take_down(outside.as_ref()).await;
            let _ = events.send(Event::VerifyFinished { residue }).await;
        });
    }
}

/// What failed, in words, which go to the log as well.
fn failure(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let reason = format!("internal failure: {}", text.as_deref().unwrap_or("unknown"));
    tracing::error!(reason, "stopping");
    reason
}
