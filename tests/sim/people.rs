//! The people of a simulated drill: they look, write notes, change faults and halt, whenever they like.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firedrill::coordinator::control::Request;
use firedrill::playbook::event::StepAnswer;
use firedrill::playbook::plan::Playbook;
use firedrill::scenario::plan::Plan;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

use crate::dice::Dice;
use crate::ledger::Ledger;

/// What somebody does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Status,
    Note,
    Change(String),
    Start,
    Answer(String, Option<String>, StepAnswer),
    Halt,
    Signal,
    /// Asks for a halt and goes before the answer.
    HaltAndLeave,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Came {
    /// Nothing yet.
    Waiting,
    Answered,
    /// The drill was over when it was asked.
    NobodyThere,
    /// It was taken, and dropped without an answer.
    Dropped,
    /// Nobody waits for an answer.
    Left,
}

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Duration,
    pub act: Act,
    pub came: Came,
    /// When it came.
    pub then: Duration,
}

pub type Acts = Arc<Mutex<Vec<Asked>>>;

/// What they will do.
pub fn draw(seed: u64, plan: &Plan, book: Option<&Playbook>) -> Vec<Asked> {
    let mut dice = Dice::of(seed, "people");
    let ids: Vec<String> =
        plan.faults.iter().map(|fault| fault.id.clone()).chain(["no-such-fault".to_owned()]).collect();
    let mut acts = Vec::new();
    for _ in 0..dice.below(6) {
        let act = match dice.below(10) {
            0..3 => Act::Status,
            3..6 => Act::Note,
            _ => Act::Change(dice.pick(&ids).clone()),
        };
        acts.push((dice.ms(0, 35_000), act));
    }
    if dice.odd(130) {
        let first = dice.ms(0, 35_000);
        for n in 0..1 + dice.below(3) {
            let act = dice.pick(&[Act::Halt, Act::Halt, Act::Signal, Act::HaltAndLeave]).clone();
            acts.push((first + dice.ms(0, 4_000) * u32::try_from(n).unwrap(), act));
        }
    }
    acts.extend(book.into_iter().flat_map(|book| words(seed, book)));
    acts.sort_by_key(|(at, _)| *at);
    let asked = |(at, act)| Asked { at, act, came: Came::Waiting, then: Duration::ZERO };
    acts.into_iter().map(asked).collect()
}

/// What they say about steps: in time, late, twice, as the wrong person, after the end, or nothing.
fn words(seed: u64, book: &Playbook) -> Vec<(Duration, Act)> {
    let mut dice = Dice::of(seed, "answers");
    let mut acts = Vec::new();
    if dice.chance(60) {
        acts.push((dice.ms(2_000, 25_000), Act::Start));
    }
    for _ in 0..dice.below(14) {
        let step = dice.pick(&book.steps).id.clone();
        let role = dice.pick(&[Some("commander"), Some("commander"), Some("cook"), None]).map(str::to_owned);
        let why = "so it is".to_owned();
        let answer = match dice.below(8) {
            0 => StepAnswer::Taken {},
            1 => StepAnswer::Skipped { why },
            2 => StepAnswer::Failed { why },
            3 => StepAnswer::Stuck { why },
            _ => StepAnswer::Done { answers: BTreeMap::new() },
        };
        acts.push((dice.ms(3_000, 45_000), Act::Answer(step, role, answer)));
    }
    acts
}

/// Does all of it.
pub async fn act(
    acts: Acts,
    ledger: Ledger,
    began: tokio::time::Instant,
    requests: mpsc::Sender<Request>,
    signals: mpsc::Sender<&'static str>,
) {
    let planned = acts.lock().unwrap().clone();
    for (n, asked) in planned.into_iter().enumerate() {
        sleep_until(began + asked.at).await;
        let note = {
            let (acts, ledger) = (Arc::clone(&acts), ledger.clone());
            move |came| {
                let mut acts = acts.lock().unwrap();
                (acts[n].came, acts[n].then) = (came, ledger.now());
            }
        };
        let who = || format!("person-{n}");
        match asked.act {
            Act::Signal => {
                let sent = signals.send("SIGTERM").await;
                note(if sent.is_ok() { Came::Left } else { Came::NobodyThere });
            }
            Act::HaltAndLeave => {
                let (reply, _) = oneshot::channel();
                let sent = requests.send(Request::Halt { who: who(), reason: "enough".into(), reply }).await;
                note(if sent.is_ok() { Came::Left } else { Came::NobodyThere });
            }
            Act::Status => ask(&requests, |reply| Request::Status { reply }, note).await,
            Act::Note => {
                let text = "it looks bad".to_owned();
                ask(&requests, |reply| Request::Note { who: who(), text, action: false, reply }, note).await;
            }
            Act::Start => ask(&requests, |reply| Request::StartPlaybook { who: who(), reply }, note).await,
            Act::Answer(step, role, answer) => {
                let request = |reply| Request::Answer { who: who(), step, role, answer, reply };
                ask(&requests, request, note).await;
            }
            Act::Halt => {
                let reason = "enough".to_owned();
                ask(&requests, |reply| Request::Halt { who: who(), reason, reply }, note).await;
            }
            Act::Change(fault) => {
                let changes = vec![("delay".to_owned(), "1s".to_owned())];
                ask(&requests, |reply| Request::SetFault { who: who(), fault, changes, reply }, note).await;
            }
        }
    }
}

/// Asks, and notes the answer whenever it comes, while others go on.
async fn ask<T: Send + 'static>(
    requests: &mpsc::Sender<Request>,
    request: impl FnOnce(oneshot::Sender<T>) -> Request,
    note: impl FnOnce(Came) + Send + 'static,
) {
    let (reply, answer) = oneshot::channel();
    if requests.send(request(reply)).await.is_err() {
        return note(Came::NobodyThere);
    }
    tokio::spawn(async move {
        note(if answer.await.is_ok() { Came::Answered } else { Came::Dropped });
    });
}
