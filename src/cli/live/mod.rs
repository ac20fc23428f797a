//! A running drill on the terminal, as lines, or as JSON.

mod block;
mod desk;
mod dialog;
mod json;
mod keys;
mod layout;
mod screen;
mod spark;
mod summary;
mod terminal;

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use crate::coordinator::clock;
use crate::coordinator::control::Request;
use crate::coordinator::control::playbook::PlaybookStatus;
use crate::drill::board::Board;
use crate::drill::words::{self, Said};
use crate::drill::{Command, Event, Summary, Timed};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;

use desk::Desk;
use keys::Keys;
use layout::{Frame, Head, Size};
use screen::{Screen, Style};

/// How a drill is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Redrawn in place, for a person at a terminal.
    Live,
    /// One line for each noteworthy thing, for pipes and logs.
    Lines,
    /// One JSON object per event.
    Json,
}

impl Output {
    /// JSON when asked for; else live on a terminal that can, else lines.
    pub fn choose(json: bool) -> Self {
        let can = io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        match (json, can) {
            (true, _) => Self::Json,
            (false, true) => Self::Live,
            (false, false) => Self::Lines,
        }
    }
}

/// What is shown: which drill, of what.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The drill's id.
    pub drill: &'a str,
    /// What will happen.
    pub plan: &'a Plan,
    /// The playbook that the plan uses.
    pub playbook: Option<&'a Playbook>,
}

/// What a drill came to, in lines for people. `place` is where its report is.
pub(super) fn came_to(summary: &Summary, place: &Path) -> Vec<String> {
    summary::lines(summary, place, None).into_iter().map(|(_, text)| text).collect()
}

/// Shows a drill. A reader that went away (a closed pipe) never disturbs the drill.
pub struct View {
    board: Board,
    head: Head,
    style: Style,
    out: Box<dyn Write + Send>,
    how: How,
    /// The people at this terminal; absent: nobody answers here.
    desk: Option<Desk>,
}

enum How {
    Live(Screen),
    Lines,
    Json(json::Lines),
}

impl View {
    /// A view on standard output.
    pub fn new(output: Output, shown: Shown<'_>) -> Self {
        let style = match output {
            Output::Live => Style::of_terminal(),
            Output::Lines | Output::Json => Style::PIPE,
        };
        Self::on(Box::new(io::stdout()), output, style, shown)
    }

    fn on(mut out: Box<dyn Write + Send>, output: Output, style: Style, shown: Shown<'_>) -> Self {
        let how = match output {
            Output::Live => How::Live(Screen::open(&mut out)),
            Output::Lines => How::Lines,
            Output::Json => How::Json(json::Lines::default()),
        };
        let board = Board::new(shown.plan, shown.playbook).began(clock::wall());
        let mut view = Self { board, head: Head::new(shown.plan, shown.drill), style, out, how, desk: None };
        if matches!(view.how, How::Lines) {
            let line = view.head.line();
            view.line(&line);
        }
        view
    }

    /// Lets people answer here, if this is a live view on a terminal that they can type at. What they say goes the way
    /// of all requests.
    ///
    /// # Errors
    /// The terminal cannot be watched.
    pub fn answering(mut self, requests: mpsc::Sender<Request>) -> io::Result<Self> {
        if matches!(self.how, How::Live(_)) {
            terminal::watch_stops()?;
            self.desk = Keys::open()?.map(|keys| Desk::new(keys, requests));
        }
        Ok(self)
    }

    /// Takes in what happened, in the order of the journal.
    pub fn event(&mut self, event: &Timed<Event>) {
        let said = self.board.event(event);
        self.show(event.mono, &said, || serde_json::to_value(&event.event));
    }

    /// Takes in what was decided, in the order of the journal.
    pub fn command(&mut self, command: &Timed<Command>) {
        let said = self.board.command(command);
        self.show(command.mono, &said, || match &command.event {
            // A record stands under its own kind.
            Command::Record(record) => serde_json::to_value(record),
            command => serde_json::to_value(command),
        });
    }

    fn show(&mut self, at: Duration, said: &Said, value: impl FnOnce() -> serde_json::Result<Value>) {
        match &mut self.how {
            How::Live(_) => self.tick(at),
            How::Lines if said.noteworthy => self.line(&words::stamped(at, said)),
            How::Lines => {}
            How::Json(lines) => {
                let line = lines.line(clock::wall(), at, value().unwrap_or_default());
                self.line(&line);
            }
        }
    }

    /// Time passed; takes in keys, and draws if it is time to. Call it about ten times a second.
    pub fn tick(&mut self, now: Duration) {
        let How::Live(screen) = &mut self.how else { return };
        let (board, head) = (&self.board, &self.head);
        let playbook = board.playbook.as_ref().map(|playbook| PlaybookStatus::of(playbook, now));
        let at_once = self.desk.as_mut().is_some_and(|desk| desk.serve(playbook.as_ref(), now));
        let (desk, unicode) = (self.desk.as_ref(), self.style.unicode);
        let mut picture = |size: Size| {
            let bottom = desk.map(|desk| desk.line(playbook.as_ref(), now, size.width));
            let typing = desk.is_some_and(Desk::is_typing);
            layout::picture(board, head, &Frame { size, now, unicode, bottom, typing })
        };
        screen.draw(&mut self.out, self.style, &mut screen::Shown { now, at_once, picture: &mut picture });
    }

    /// The drill is over: gives the terminal back and says what it came to. `head` is the journal's last hash.
    pub fn finish(&mut self, summary: &Summary, folder: &Path, head: Option<&str>) {
        self.desk = None;
        match &mut self.how {
            How::Live(screen) => {
                screen.close(&mut self.out);
                let recent: Vec<(Duration, Said)> = self.board.recent.iter().cloned().collect();
                for (at, said) in &recent {
                    self.line(&self.style.paint(said.tone, &words::stamped(*at, said)));
                }
            }
            How::Lines => {}
            How::Json(lines) => {
                let line = lines.summary(summary, folder, head);
                return self.line(&line);
            }
        }
        for (tone, text) in summary::lines(summary, folder, head) {
            self.line(&self.style.paint(tone, &text));
        }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}", self.style.plain(text)).and_then(|()| self.out.flush());
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.desk = None;
        if let How::Live(screen) = &mut self.how {
            screen.close(&mut self.out);
        }
    }
}

#[cfg(test)]
mod tests;
