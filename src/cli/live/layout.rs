//! What stands where on the screen. Pure: a board, a time and a size in; lines out, none wider than the size.

use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

use super::{block, spark};
use crate::cli::playbook_lines::whole_seconds;
use crate::coordinator::control::playbook::PlaybookStatus;
use crate::drill::board::{Board, FaultLine, FaultState, LoadLine, ProbeLine};
use crate::drill::event::{Judgement, Phase};
use crate::drill::words::{self, Tone};
use crate::scenario::plan::Plan;

/// The most lines for what happened last.
const EVENTS_MAX: usize = 16;
/// The fewest, when space is short.
const EVENTS_MIN: usize = 3;
/// The fewest lines for a playbook, before probes and faults give way.
const BLOCK_MIN: usize = 6;
/// The widest column for names.
const NAME_MAX: usize = 24;
const HINT: &str = "Ctrl-C stops it; elsewhere: firedrill status, note, fault set, halt";

/// How much fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// What never changes: which drill it is.
#[derive(Clone, Debug)]
pub(super) struct Head {
    title: String,
    drill: String,
    seed: String,
}

/// A piece of a line in one tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// One line; grows to the right and is cut at the width.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line(pub(super) Vec<Piece>);

impl Head {
    pub(super) fn new(plan: &Plan, drill_id: &str) -> Self {
        let title = plan.title.as_deref().map_or_else(
            || plan.scenario.clone(),
            |title| format!("{} ({})", words::one_line(title), plan.scenario),
        );
        Self { title, drill: drill_id.to_owned(), seed: plan.seed.0.to_string() }
    }

    pub(super) fn line(&self) -> String {
        format!("{}  {}", self.which(), self.title)
    }

    fn which(&self) -> String {
        format!("drill {}  seed {}", self.drill, self.seed)
    }
}

impl Line {
    /// A line in one tone.
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self::default().and(tone, text)
    }

    /// With this behind it.
    pub(super) fn and(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push(Piece { tone, text: text.into() });
        self
    }

    /// How many columns it takes.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|piece| width(&piece.text)).sum()
    }

    /// Cut to the width.
    fn cropped(self, columns: usize) -> Self {
        let mut left = columns;
        let mut pieces = Vec::new();
        for piece in self.0 {
            let text = crop(&piece.text, left);
            left -= width(&text);
            let whole = text == piece.text;
            pieces.push(Piece { tone: piece.tone, text });
            if !whole {
                break;
            }
        }
        Self(pieces)
    }
}

/// When a picture is made, how large, and what stands below it.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) size: Size,
    pub(super) now: Duration,
    pub(super) unicode: bool,
    /// The last line, where people answer; absent: nobody can, here.
    pub(super) bottom: Option<Line>,
    /// Whether the last line must be seen.
    pub(super) typing: bool,
}

/// The whole picture. What gives way where space is short: first old events, then steps that are over or far ahead,
/// then probes and faults; what people must answer, and the newest events, stay.
pub(super) fn picture(board: &Board, head: &Head, frame: &Frame) -> Vec<Line> {
    let Size { width, height } = frame.size;
    let hint = height >= 16;
    let mut lines = vec![Line::new(Tone::Plain, head.title.as_str())];
    if hint {
        lines.push(Line::new(Tone::Plain, head.which()));
    }
    lines.push(phase(board, frame.now));
    let below = usize::from(hint || frame.typing);
    let spare = height.saturating_sub(lines.len() + below);
    let state = state(board, width, frame.unicode);
    // What happened last is never pushed out entirely by many probes: its newest lines tell why something is wrong.
    let events = board.recent.len().min(EVENTS_MAX);
    let block = block(board, frame, spare, state.len());
    // The block does not move when the first events come.
    let kept = if block.is_empty() { events.min(EVENTS_MIN) } else { EVENTS_MIN };
    let for_state = spare.saturating_sub(kept + 1 + block.len());
    lines.extend(cut(state, for_state));
    lines.extend(block);
    let for_events = height.saturating_sub(below + lines.len() + 1).min(EVENTS_MAX);
    if for_events > 0 && events > 0 {
        lines.push(Line::new(Tone::Plain, "EVENTS"));
        let skip = board.recent.len().saturating_sub(for_events);
        lines.extend(board.recent.iter().skip(skip).map(|(at, said)| {
            Line::new(Tone::Plain, format!("  {:>8}  ", words::stamp(*at))).and(said.tone, said.text.clone())
        }));
    }
    if below > 0 && height > 0 {
        lines.resize(height - 1, Line::default());
        lines.push(frame.bottom.clone().unwrap_or_else(|| Line::new(Tone::Plain, HINT)));
    }
    lines.truncate(height);
    lines.into_iter().map(|line| line.cropped(width)).collect()
}

/// Probes, faults and load.
fn state(board: &Board, columns: usize, unicode: bool) -> Vec<Line> {
    let mut state: Vec<Line> = Vec::new();
    if !board.probes.is_empty() {
        state.push(Line::new(Tone::Plain, "PROBES"));
        state.extend(probes(&board.probes, columns, unicode));
    }
    if !board.faults.is_empty() {
        state.push(Line::new(Tone::Plain, "FAULTS"));
        state.extend(faults(&board.faults));
    }
    state.extend(board.load.as_ref().map(load));
    state
}

fn cut(mut lines: Vec<Line>, rows: usize) -> Vec<Line> {
    if lines.len() > rows {
        let hidden = lines.len() - rows.saturating_sub(1);
        lines.truncate(rows.saturating_sub(1));
        if rows > 0 {
            lines.push(Line::new(Tone::Plain, format!("  and {hidden} more lines: see firedrill status")));
        }
    }
    lines
}

/// The playbook, in as many lines as it would fill, or as there are beside the newest events and the state.
fn block(board: &Board, frame: &Frame, spare: usize, state: usize) -> Vec<Line> {
    let Some(playbook) = &board.playbook else { return Vec::new() };
    let free = spare.saturating_sub(EVENTS_MIN + 1);
    let least = BLOCK_MIN.min(free);
    let rows = block::wanted(playbook.book(), frame.size.width).min(free.saturating_sub(state).max(least));
    match rows {
        0 => Vec::new(),
        rows => {
            let status = PlaybookStatus::of(playbook, frame.now);
            block::block(&status, frame.now, rows, frame.size.width)
        }
    }
}

fn phase(board: &Board, now: Duration) -> Line {
    let tone = match board.phase {
        Phase::Active => Tone::Notice,
        Phase::Stopping => Tone::Bad,
        Phase::Planned
        | Phase::Preflight
        | Phase::Steady
        | Phase::Recovering
        | Phase::Verifying
        | Phase::Scored => Tone::Plain,
    };
    let mut line = Line::new(Tone::Plain, "phase ")
        .and(tone, board.phase.word())
        .and(Tone::Plain, format!("   {} elapsed", whole_seconds(now)));
    if let Some(left) = board.left(now).filter(|left| left.as_secs() > 0) {
        line = line.and(Tone::Plain, format!(", about {} left", whole_seconds(left)));
    }
    line
}

fn probes(probes: &[ProbeLine], columns: usize, unicode: bool) -> Vec<Line> {
    let name_width = probes.iter().map(|probe| width(&probe.name)).max().unwrap_or(0).min(NAME_MAX);
    let line = |probe: &ProbeLine| {
        let (tone, word) = judged(&probe.judgement);
        let last = match (probe.value, probe.curve.back()) {
            (Some(value), _) => words::number(value),
            (None, Some((took, _))) => words::short(*took),
            (None, None) => "-".to_owned(),
        };
        let line = Line::new(Tone::Plain, format!("  {}  ", pad(&probe.name, name_width)))
            .and(tone, format!("{word:<8}"))
            .and(Tone::Plain, format!("  {last:>7}  "));
        let room = columns.saturating_sub(line.width());
        let samples: Vec<(Duration, bool)> = probe.curve.iter().copied().collect();
        spark::curve(&samples, room, unicode)
            .into_iter()
            .fold(line, |line, (mark, failed)| line.and(if failed { Tone::Bad } else { Tone::Plain }, mark))
    };
    probes.iter().map(line).collect()
}

/// A judgement as a word that always has the same meaning.
const fn judged(judgement: &Judgement) -> (Tone, &'static str) {
    match judgement {
        Judgement::Good {} => (Tone::Good, "good"),
        Judgement::Violated { .. } => (Tone::Bad, "violated"),
        Judgement::Unknown { .. } => (Tone::Plain, "unknown"),
    }
}

fn faults(faults: &[FaultLine]) -> Vec<Line> {
    let widest = |of: &dyn Fn(&FaultLine) -> String| faults.iter().map(|fault| width(&of(fault))).max();
    let name_width = widest(&|fault| fault.id.clone()).unwrap_or(0).min(NAME_MAX);
    let done_width = widest(&done).unwrap_or(0);
    let line = |fault: &FaultLine| {
        // What was planned comes last: how far it is and what it does must stay in sight where the line is cut.
        Line::new(Tone::Plain, format!("  {}  ", pad(&fault.id, name_width)))
            .and(fault_tone(fault.state), format!("{:<9}", fault.state.word()))
            .and(
                Tone::Plain,
                format!("  {}  {}  {}", pad(&done(fault), done_width), fault.kind, fault.target),
            )
    };
    faults.iter().map(line).collect()
}

/// What a fault has done.
fn done(fault: &FaultLine) -> String {
    let measured = words::measured(&fault.evidence);
    match words::achieved(fault.kind, &fault.evidence) {
        Some(achieved) => format!("{measured}, {achieved}"),
        None => measured,
    }
}

const fn fault_tone(state: FaultState) -> Tone {
    match state {
        FaultState::Pending => Tone::Plain,
        FaultState::Applying | FaultState::Applied | FaultState::Effective | FaultState::Removing => {
            Tone::Notice
        }
        FaultState::Clean => Tone::Good,
        FaultState::Residue | FaultState::Refused | FaultState::Stuck | FaultState::Lost => Tone::Bad,
    }
}

fn load(load: &LoadLine) -> Line {
    let tone = if load.failures > 0 { Tone::Bad } else { Tone::Plain };
    let line = Line::new(Tone::Plain, format!("LOAD    {} answered, ", load.sent))
        .and(tone, format!("{} failed", load.failures));
    match load.p95() {
        Some(p95) => line.and(Tone::Plain, format!(", p95 {}", words::short(p95))),
        None => line,
    }
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text in at most so many columns; what is cut ends in `…`.
fn crop(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        let next = c.width().unwrap_or(0);
        if used + next > columns {
            break;
        }
        out.push(c);
        used += next;
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The end of the text in at most so many columns; what is cut begins with `…`.
pub(super) fn tail(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= columns
    };
    let mut end: Vec<char> = text.chars().rev().take_while(fits).collect();
    end.push('…');
    end.into_iter().rev().collect()
}

/// The text in exactly so many columns.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let mut text = crop(text, columns);
    text.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&text))));
    text
}
