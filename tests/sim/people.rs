//! The people of a simulated drill: they look, write notes, change faults and halt, whenever they like.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firedrill::coordinator::control::Request;
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
pub fn draw(seed: u64, plan: &Plan) -> Vec<Asked> {
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
    acts.sort_by_key(|(at, _)| *at);
    let asked = |(at, act)| Asked { at, act, came: Came::Waiting, then: Duration::ZERO };
    acts.into_iter().map(asked).collect()
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
