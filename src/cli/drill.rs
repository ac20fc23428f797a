//! Running one plan to its end: shared by `run` and `demo`.

use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Exit;
use super::dead;
use super::live::{Output, Shown, View};
use super::say::say;
use crate::agent::{Directories, GuardianProgram, HealReport, Policy};
use crate::coordinator::clock;
use crate::coordinator::control;
use crate::coordinator::engine::{self, AlarmsAt, Alive, Input, Outcome, Setup, Watcher};
use crate::drill::{Command, Event, Timed};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;

/// How a plan is run.
#[derive(Debug)]
pub(super) struct HowTo {
    /// Where its record goes; absent: `firedrill-reports/<drill id>`.
    pub(super) out: Option<PathBuf>,
    /// Data threads of its proxy.
    pub(super) workers: usize,
    /// Where alarms are heard.
    pub(super) alarms: String,
    /// How it is shown.
    pub(super) output: Output,
    /// Whether what it came to is told by somebody else.
    pub(super) is_brief: bool,
}

/// A number that is different each time, for seeds and names that nobody chose.
pub(super) fn arbitrary() -> u64 {
    // The standard library keys each hasher from the system's randomness.
    std::hash::RandomState::new().build_hasher().finish()
}

/// Runs a plan on this thread until it is over and everything is taken back.
pub(super) fn run(
    plan: Plan,
    playbook: Option<Playbook>,
    inputs: Vec<Input>,
    how: &HowTo,
) -> anyhow::Result<(Exit, Outcome)> {
    let mut healed = HealReport::default();
    dead::end_all(&mut healed)?;
    for line in &healed.undone {
        eprintln!("an earlier run had died: {line}");
    }
    for line in &healed.residue {
        eprintln!("warning: an earlier run had died, and this is left behind: {line}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(drill(plan, playbook, inputs, how));
    // Whatever still hangs (a name look-up, say) must not keep the program: all faults are gone by now.
    runtime.shutdown_timeout(Duration::from_secs(2));
    result
}

async fn drill(
    plan: Plan,
    playbook: Option<Playbook>,
    inputs: Vec<Input>,
    how: &HowTo,
) -> anyhow::Result<(Exit, Outcome)> {
    let directories = Directories::here();
    let drill = drill_id(&plan.scenario);
    let setup = Setup {
        playbook,
        folder: how.out.clone().unwrap_or_else(|| PathBuf::from("firedrill-reports").join(&drill)),
        drill: drill.clone(),
        plan,
        inputs,
        runtime_dir: directories.runtime.clone(),
        state_dir: directories.state.clone(),
        workers: how.workers,
        json_on_stdout: how.output == Output::Json,
        guardian: guardian()?,
        policy: Policy::open(&directories.policy())?,
        alarms_at: AlarmsAt::Listen(how.alarms.clone()),
    };
    let (requests, requests_in) = mpsc::channel(16);
    let stop = CancellationToken::new();
    let (listener, socket) = control::bind(&directories.runtime, &drill)
        .context("people could not steer this drill from another terminal, so it is not started")?;
    let serving = tokio::spawn(control::serve(listener, requests.clone(), stop.clone()));
    let signals = signals()?;
    let folder = setup.folder.clone();
    let is_scored = setup.plan.hears_alarms() || setup.playbook.is_some();
    let mut view =
        View::new(how.output, Shown { drill: &drill, plan: &setup.plan, playbook: setup.playbook.as_ref() })
            .answering(requests)
            .context("cannot watch this terminal")?;
    let alive = sign(&setup)?;
    let outcome = engine::run(setup, requests_in, signals, &mut view).await;
    if let Some(Err(error)) = alive.map(Alive::over) {
        tracing::warn!(%error, "the sign of this run is left");
    }
    stop.cancel();
    // Those who asked last get their answer; nobody waits longer than that.
    let _ = tokio::time::timeout(Duration::from_secs(1), serving).await;
    drop(socket);
    if let Err(error) = &outcome
        && let Some(summary) = &error.came_to
    {
        // The record broke; what is known, above all what was left behind, is told all the same.
        view.finish(summary, &folder, None);
    }
    let outcome = outcome?;
    // The record stands; a report that cannot be written is made again with `firedrill report`.
    if let Err(error) = super::report::keep_all(&outcome.folder) {
        tracing::warn!(error = format!("{error:#}"), "the reports are not written");
    }
    if how.is_brief {
        drop(view);
        return Ok((Exit::of(outcome.summary.exit).unwrap_or(Exit::Unproven), outcome));
    }
    view.finish(&outcome.summary, &outcome.folder, Some(&outcome.head));
    if let Some(card) = outcome.card.as_ref().filter(|_| is_scored && how.output != Output::Json) {
        crate::score::table(card).iter().for_each(|line| say(line));
    }
    Ok((Exit::of(outcome.summary.exit).unwrap_or(Exit::Unproven), outcome))
}

/// How the guardian of host faults is started: by this very program.
pub(super) fn guardian() -> anyhow::Result<GuardianProgram> {
    Ok(GuardianProgram {
        program: std::env::current_exe().context("cannot find this program's own file")?,
        args: vec!["agent".into(), "guardian".into()],
    })
}

/// By its sign a run that is killed is found, and what its playbook changed is taken back.
fn sign(setup: &Setup) -> anyhow::Result<Option<Alive>> {
    let changes =
        setup.playbook.as_ref().is_some_and(|book| book.steps.iter().any(|step| step.undo.is_some()));
    if !changes {
        return Ok(None);
    }
    let signed = Alive::sign(&setup.state_dir, &setup.drill, &setup.folder);
    signed
        .map(Some)
        .context("what the playbook changes could be taken back by nobody else, so it is not started")
}

/// `<scenario>-<date>-<time>-<4 hex digits>`: sorts by scenario and time, and is an owner's name for every executor.
fn drill_id(scenario: &str) -> String {
    let short = scenario.get(..36).unwrap_or(scenario);
    let at = clock::wall().strftime("%Y%m%d-%H%M%S");
    format!("{short}-{at}-{:04x}", arbitrary() & 0xffff)
}

/// The signals that stop a drill in order. More of them change nothing: the undo is on its way already.
pub(super) fn signals() -> anyhow::Result<mpsc::Receiver<&'static str>> {
    let (sender, receiver) = mpsc::channel(4);
    let kinds = [
        (SignalKind::interrupt(), "Ctrl-C (SIGINT)"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
    ];
    for (kind, name) in kinds {
        let mut signals = signal(kind).with_context(|| format!("cannot listen for {name}"))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let _ = sender.try_send(name);
            }
        });
    }
    Ok(receiver)
}

impl Watcher for View {
    fn event(&mut self, event: &Timed<Event>) {
        View::event(self, event);
    }

    fn command(&mut self, command: &Timed<Command>) {
        View::command(self, command);
    }

    fn tick(&mut self, now: Duration) {
        View::tick(self, now);
    }
}
