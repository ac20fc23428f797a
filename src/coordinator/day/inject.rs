//! A run of a game day: a question is asked, a drill is run by the same engine as `firedrill run`.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};

use super::paper::StorePaper;
use super::words::{of_card, of_summary};
use super::{Current, Keeper, exercise, report, restart};
use crate::coordinator::alarms::hand_in;
use crate::coordinator::control::Request;
use crate::coordinator::engine::{self, Outcome, Setup, Watcher, World};
use crate::coordinator::office::books::drill_journal;
use crate::coordinator::office::{Desk, DrillLine, Running};
use crate::drill::{Command, Event, Timed};
use crate::gameday::{DayEvent, DrillEnded, RunWhat};

/// Requests that may wait for a drill.
const REQUESTS_MAX: usize = 16;

/// Runs one run to its end and tells the day.
pub(super) async fn run(desk: &Arc<Desk>, day: &Arc<Keeper>, run: u32, current: &Current) {
    let plan = &day.planned.plan;
    let Some(what) = plan.run(run).map(|run| run.what.clone()) else { return };
    let RunWhat::Drill { scenario, .. } = what else {
        desk.tell_or_log(day, DayEvent::InjectBegan { run, drill: None });
        return;
    };
    let ended =
        |ended: DrillEnded| desk.tell_or_log(day, DayEvent::InjectEnded { run, ended: Box::new(ended) });
    let refused = |exit: u8, why: String| DrillEnded { drill: None, exit, words: None, why: vec![why] };
    // One at a time in an environment; whoever comes second waits.
    let slot = desk.slot(plan.environment.as_deref());
    let slot = tokio::select! {
        biased;
        () = current.stop.cancelled() => {
            if day.is_current(current) {
                ended(refused(5, current.why()));
            }
            return;
        }
        slot = slot.lock_owned() => slot,
    };
    // While it waited the day may have been paused, or its turn given to another task.
    if desk.is_closing() || current.stop.is_cancelled() {
        return;
    }
    if let Some(engaged) = desk.lever().engaged() {
        ended(refused(5, engaged.refusal()));
        return;
    }
    let exercise = match exercise::of_run(day, run) {
        Ok(exercise) => exercise,
        Err(why) => return ended(refused(1, why)),
    };
    let drill = match desk.new_drill_id(&scenario) {
        Ok(drill) => drill,
        Err(why) => return ended(refused(1, why.to_string())),
    };
    let place = desk.place(report::drill_folder(desk, &day.id, run, &drill));
    let folder = place.folder.clone();
    let setup = Setup::at(place, drill.clone(), exercise.plan, exercise.playbook, exercise.inputs);
    // What is begun is on record first, and on the disk, so that nothing is ever begun twice.
    if let Err(refusal) = desk.tell(day, DayEvent::InjectBegan { run, drill: Some(drill.clone()) }) {
        // It is not this run's turn any more, or not the time for it: the day says which, and goes on when somebody
        // resumes it. A day that was paused already takes no second pause.
        let reason = format!("run {run} could not begin: {refusal}");
        let _ = desk.tell(day, DayEvent::PauseRequested { who: "firedrill".to_owned(), reason });
        return;
    }
    if desk.sync().is_err() {
        return ended(refused(1, "the beginning could not be written down".to_owned()));
    }
    desk.keep_drill(first_line(desk, day, run, &drill));
    let mut what_came = go(desk, setup, current).await;
    if let Err((why, _)) = &what_came
        && let Some(outcome) = restart::end_cut(desk, &drill, folder).await
    {
        tracing::error!(drill, why, "the drill failed and was ended from its journal");
        what_came = Ok(outcome);
    }
    ended(desk.drill_ended(&drill, what_came).await);
    // The next may begin once this one is over for its day too.
    drop(slot);
}

/// What lists show of a drill that begins.
fn first_line(desk: &Arc<Desk>, day: &Arc<Keeper>, run: u32, drill: &str) -> DrillLine {
    let plan = &day.planned.plan;
    let (scenario, control) = match plan.run(run).map(|run| &run.what) {
        Some(RunWhat::Drill { scenario, control, .. }) => (scenario.clone(), *control),
        Some(RunWhat::Ask { .. }) | None => (String::new(), None),
    };
    DrillLine {
        id: drill.to_owned(),
        scenario,
        gameday: Some(day.id.clone()),
        run: Some(run),
        control: control.map(|control| super::words::word(&control)),
        environment: plan.environment.clone(),
        state: "running".to_owned(),
        began: desk.now(),
        ended: None,
        exit: None,
        words: None,
        interrupted: false,
        lines: 0,
        head: None,
    }
}

/// What a drill came to, or why nobody knows.
pub(super) type Came = Result<Outcome, (String, Option<Box<crate::drill::Summary>>)>;

/// Runs a drill and lets people and alarms reach it meanwhile.
async fn go(desk: &Arc<Desk>, setup: Setup, current: &Current) -> Came {
    let drill = setup.drill.clone();
    let (requests, requests_in) = mpsc::channel(REQUESTS_MAX);
    let (signals, signals_in) = mpsc::channel(4);
    let (hand_in, feed) = hand_in();
    let generic = setup.plan.alarms.generic.clone();
    let paper = StorePaper::of(desk.books(), &drill).map_err(|error| (error.to_string(), None))?;
    let world = World::served(&setup, Box::new(paper), feed);
    let stop = signals.clone();
    let running = Running { requests: requests.clone(), signals, hand_in, generic };
    desk.drill_runs(&drill, running);
    let engine =
        tokio::spawn(async move { engine::run_in(world, setup, requests_in, signals_in, &mut Nobody).await });
    let engine = engine.map(|joined| match joined {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => Err((error.to_string(), error.came_to)),
        Err(failure) => Err((format!("firedrill itself failed: {failure}"), None)),
    });
    tokio::pin!(engine);
    let came = tokio::select! {
        biased;
        came = &mut engine => came,
        () = current.stop.cancelled() => {
            // Not a halt: that would engage the lever and keep other game days from starting.
            let (reply, _told) = oneshot::channel();
            let why = Request::Note { who: "firedrill".to_owned(), text: current.why(), action: false, reply };
            let _ = requests.try_send(why);
            let _ = stop.send("the game day").await;
            engine.await
        }
    };
    desk.drill_is_over(&drill);
    came
}

impl Desk {
    /// Writes down what a drill came to, and says it in the day's words.
    pub(super) async fn drill_ended(self: &Arc<Self>, drill: &str, came: Came) -> DrillEnded {
        let (summary, words, why) = match came {
            Ok(outcome) => {
                let words = outcome.card.as_ref().map_or_else(|| of_summary(&outcome.summary), of_card);
                (Some(outcome.summary), Some(words), Vec::new())
            }
            Err((why, summary)) => {
                let words = summary.as_deref().map(of_summary);
                (summary.map(|summary| *summary), words, vec![why])
            }
        };
        // One that nobody can tell about proves nothing; what it may have left ends with its leases.
        let exit = summary.as_ref().map_or(6, |summary| summary.exit);
        self.books().shut(&drill_journal(drill));
        self.end_drill(drill, exit, words.clone());
        report::of_drill(self, drill).await;
        DrillEnded { drill: Some(drill.to_owned()), exit, words, why }
    }
}

/// A drill of the office has its onlookers elsewhere: they read its journal.
pub(super) struct Nobody;

impl Watcher for Nobody {
    fn event(&mut self, _: &Timed<Event>) {}

    fn command(&mut self, _: &Timed<Command>) {}

    fn tick(&mut self, _: std::time::Duration) {}
}
