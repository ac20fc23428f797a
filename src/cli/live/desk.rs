//! The people at the terminal: their keys go in, their answers go the same way as those from other terminals.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::dialog::{Dialog, Order, Pressed};
use super::keys::Keys;
use super::layout::{Line, tail, width};
use crate::coordinator::control::Request;
use crate::coordinator::control::client::ourselves;
use crate::coordinator::control::playbook::{PlaybookState, PlaybookStatus};
use crate::drill::words::Tone;

/// How long it is said what became of an answer.
const SAID_FOR: Duration = Duration::from_secs(6);
/// How many keys are taken in at once.
const KEYS_AT_ONCE: usize = 64;

/// One terminal with people at it.
#[derive(Debug)]
pub(super) struct Desk {
    keys: Keys,
    requests: mpsc::Sender<Request>,
    who: String,
    dialog: Dialog,
    /// What was asked of the drill and not answered, and what to say once it is.
    waits: Option<(String, Waits)>,
    said: Option<(Duration, Tone, String)>,
}

#[derive(Debug)]
enum Waits {
    Noted(oneshot::Receiver<()>),
    Answered(oneshot::Receiver<Result<(), String>>),
}

impl Desk {
    pub(super) fn new(keys: Keys, requests: mpsc::Sender<Request>) -> Self {
        Self { keys, requests, who: ourselves(), dialog: Dialog::default(), waits: None, said: None }
    }

    /// Takes in what was pressed; says whether something changed that should be seen at once.
    pub(super) fn serve(&mut self, playbook: Option<&PlaybookStatus>, now: Duration) -> bool {
        let mut news = self.hear(now);
        if let Some(why) = self.dialog.follow(playbook) {
            self.say(now, Tone::Bad, why);
            news = true;
        }
        for _ in 0..KEYS_AT_ONCE {
            // What is pressed while an answer is on its way waits for what becomes of it.
            if self.waits.is_some() {
                break;
            }
            let Some(key) = self.keys.next() else { break };
            news = true;
            self.said = None;
            match self.dialog.press(key, playbook) {
                Pressed::Nothing => {}
                Pressed::Refused(why) => self.say(now, Tone::Bad, why),
                Pressed::Order(order) => self.send(order, now),
            }
        }
        news
    }

    /// The last line of the screen.
    pub(super) fn line(&self, playbook: Option<&PlaybookStatus>, now: Duration, columns: usize) -> Line {
        if let Some((prompt, typed)) = self.dialog.prompt() {
            const CANCEL: &str = "   Esc cancels";
            // The end of what was typed stays in sight, and the way out where there is room.
            let line = |room: usize| {
                Line::new(Tone::Notice, &prompt).and(Tone::Plain, format!("{}_", tail(&typed, room)))
            };
            let room = columns.saturating_sub(width(&prompt) + 1);
            let whole = line(room.max(8));
            return if whole.width() + width(CANCEL) <= columns {
                whole.and(Tone::Plain, CANCEL)
            } else {
                whole
            };
        }
        if let Some((until, tone, text)) = &self.said
            && now < *until
        {
            return Line::new(*tone, text);
        }
        Line::new(Tone::Plain, hint(playbook))
    }

    /// Whether something is being typed, so that the last line must be seen.
    pub(super) const fn is_typing(&self) -> bool {
        self.dialog.is_open()
    }

    fn say(&mut self, now: Duration, tone: Tone, text: String) {
        self.said = Some((now + SAID_FOR, tone, text));
    }

    fn send(&mut self, order: Order, now: Duration) {
        let who = self.who.clone();
        let (request, waits) = match order {
            Order::Note { text } => {
                let (reply, noted) = oneshot::channel();
                let waits = ("noted".to_owned(), Waits::Noted(noted));
                (Request::Note { who, text, action: false, reply }, waits)
            }
            Order::Start => {
                let (reply, answered) = oneshot::channel();
                let waits = ("the playbook is started".to_owned(), Waits::Answered(answered));
                (Request::StartPlaybook { who, reply }, waits)
            }
            Order::Answer { step, role, answer } => {
                let (reply, answered) = oneshot::channel();
                let waits = (format!("step {step}: noted"), Waits::Answered(answered));
                (Request::Answer { who, step, role, answer, reply }, waits)
            }
        };
        match self.requests.try_send(request) {
            Ok(()) => self.waits = Some(waits),
            Err(_) => self.say(now, Tone::Bad, "the drill takes no more answers".into()),
        }
    }

    /// Looks whether what was asked of the drill is answered; says whether it is.
    fn hear(&mut self, now: Duration) -> bool {
        use oneshot::error::TryRecvError::{Closed, Empty};
        let Some((words, waits)) = &mut self.waits else { return false };
        let answer = match waits {
            Waits::Noted(noted) => noted.try_recv().map(Ok),
            Waits::Answered(answered) => answered.try_recv(),
        };
        let (tone, text) = match answer {
            Err(Empty) => return false,
            Err(Closed) => (Tone::Bad, "the drill takes no more answers".to_owned()),
            Ok(Ok(())) => (Tone::Good, std::mem::take(words)),
            Ok(Err(why)) => (Tone::Bad, why),
        };
        self.waits = None;
        self.say(now, tone, text);
        true
    }
}

/// What can be pressed now.
fn hint(playbook: Option<&PlaybookStatus>) -> &'static str {
    match playbook {
        Some(playbook) if playbook.asks.as_ref().is_some_and(|ask| ask.is_approval) => {
            "d agree  f refuse  t take it  ? stuck  n note     Ctrl-C stops the drill"
        }
        Some(playbook) if playbook.asks.is_some() => {
            "d done  s skip  f fail  t take it  ? stuck  n note     Ctrl-C stops the drill"
        }
        Some(playbook) if playbook.state == PlaybookState::Waiting => {
            "p start the playbook  n note     Ctrl-C stops the drill"
        }
        _ => "n note     Ctrl-C stops the drill; elsewhere: firedrill status, fault set, halt",
    }
}
