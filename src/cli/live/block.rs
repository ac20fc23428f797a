//! The playbook in a live picture: a block whose height does not change while the drill runs, so that nothing jumps
//! while people read and type.

use super::layout::{Line, pad, width};
use crate::cli::playbook_lines as lines;
use crate::coordinator::control::playbook::{AskStatus, PlaybookStatus, StepStatus};
use crate::drill::words::{Tone, one_line};
use crate::playbook::plan::{Action, Playbook, Question, Step};

/// The most lines for what is asked.
const ASK_MAX: usize = 9;
/// The widest column for ids.
const ID_MAX: usize = 24;
/// What is asked stands so far from the edge.
const INDENT: usize = 4;

/// How many lines the block would fill in so many columns, whatever is asked.
pub(super) fn wanted(book: &Playbook, columns: usize) -> usize {
    let asks = book.steps.iter().map(|step| asked_lines(step, columns)).max().unwrap_or(0);
    1 + book.steps.len() + asks.min(ASK_MAX)
}

/// How many lines a step takes to ask.
fn asked_lines(step: &Step, columns: usize) -> usize {
    let room = columns.saturating_sub(INDENT);
    let head = usize::from(step.title.is_some()) + step.links.len();
    match &step.action {
        Action::Manual { text, questions } => head + wrapped(text, room).len() + questions.len(),
        Action::Approve { .. } => head,
        _ => 0,
    }
}

/// The block in exactly so many lines.
pub(super) fn block(
    playbook: &PlaybookStatus,
    now: std::time::Duration,
    rows: usize,
    columns: usize,
) -> Vec<Line> {
    let (tone, standing) = lines::standing(playbook, now);
    let title = format!("  {}", lines::title(playbook));
    let mut out = vec![Line::new(Tone::Plain, "PLAYBOOK  ").and(tone, standing).and(Tone::Plain, title)];
    let current = playbook.steps.iter().position(|step| step.state.is_on());
    let room = rows.saturating_sub(1);
    // Beside what is asked there is room for the step itself and one on each side of it.
    let for_ask = room.saturating_sub(playbook.steps.len().min(3)).clamp(1, ASK_MAX);
    let ask = playbook.asks.as_ref().map(|ask| asked(ask, for_ask, columns));
    let ask = ask.unwrap_or_default();
    let for_steps = room.saturating_sub(ask.len());
    let id_width = playbook.steps.iter().map(|step| width(&step.id)).max().unwrap_or(0).min(ID_MAX);
    for shown in window(playbook.steps.len(), current, for_steps, ended(playbook)) {
        match shown {
            Shown::Before(count) => {
                out.push(Line::new(Tone::Plain, format!("  {count} steps before")));
            }
            Shown::After(count) => out.push(Line::new(Tone::Plain, format!("  and {count} more steps"))),
            Shown::Step(place) => {
                let asks = playbook.asks.as_ref().filter(|_| Some(place) == current);
                out.push(step_line(&playbook.steps[place], id_width, asks));
                if Some(place) == current {
                    out.extend(ask.iter().cloned());
                }
            }
        }
    }
    out.resize(rows, Line::default());
    out
}

fn ended(playbook: &PlaybookStatus) -> bool {
    playbook.ended_at.is_some()
}

fn step_line(step: &StepStatus, id_width: usize, asks: Option<&AskStatus>) -> Line {
    let (about, detail) = asks.map_or_else(|| (Tone::Plain, lines::detail(step)), lines::about);
    let on = step.state.is_on();
    let tone = lines::tone(step.state);
    Line::new(if on { tone } else { Tone::Plain }, if on { "> " } else { "  " })
        .and(if on { tone } else { Tone::Plain }, pad(&step.id, id_width))
        .and(tone, format!("  {:<12}", step.state.word()))
        .and(about, format!("  {detail}"))
}

/// What is shown in a line of the list of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// So many steps are not shown here.
    Before(usize),
    /// This one.
    Step(usize),
    /// So many steps follow.
    After(usize),
}

/// Which of `count` steps stand in `rows` lines: the current one always, then those next to it.
fn window(count: usize, current: Option<usize>, rows: usize, ended: bool) -> Vec<Shown> {
    if rows == 0 {
        return Vec::new();
    }
    if count <= rows {
        return (0..count).map(Shown::Step).collect();
    }
    // Of a playbook that is over the last steps are news, of one that waits the first.
    let at = current.unwrap_or(if ended { count - 1 } else { 0 });
    let after_most = (count - 1 - at).min(rows.saturating_sub(1).div_ceil(2));
    let before = at.min(rows - 1 - after_most);
    let after = (count - 1 - at).min(rows - 1 - before);
    let mut shown: Vec<Shown> = (at - before..=at + after).map(Shown::Step).collect();
    if before > 0 && at > before {
        shown[0] = Shown::Before(at - before + 1);
    }
    if after > 0 && at + after + 1 < count {
        let last = shown.len() - 1;
        shown[last] = Shown::After(count - at - after);
    }
    shown
}

/// What is asked in at most so many lines: what is to be done first, then the questions, which are asked one by one when
/// somebody answers, then where to look.
fn asked(ask: &AskStatus, rows: usize, columns: usize) -> Vec<Line> {
    let room = columns.saturating_sub(INDENT);
    let indented = |tone: Tone, text: String| Line::new(Tone::Plain, " ".repeat(INDENT)).and(tone, text);
    let title = ask.title.iter().map(|title| (Tone::Notice, one_line(title)));
    let mut text: Vec<(Tone, String)> =
        title.chain(wrapped(&ask.text, room).into_iter().map(|line| (Tone::Plain, line))).collect();
    let for_text = rows.saturating_sub(ask.questions.len().min(1));
    if text.len() > for_text {
        text.truncate(for_text);
        if let Some((_, last)) = text.last_mut() {
            last.push_str(" …");
        }
    }
    let mut left = rows.saturating_sub(text.len());
    let question =
        |question: &Question| format!("? {} ({})", one_line(&question.title), lines::kind(question));
    let mut questions: Vec<String> = ask.questions.iter().map(question).collect();
    if questions.len() > left {
        let hidden = questions.len() - left.saturating_sub(1);
        questions.truncate(left.saturating_sub(1));
        questions.extend((left > 0).then(|| format!("? {hidden} questions more")));
    }
    left -= questions.len();
    let links =
        ask.links.iter().take(left).map(|link| indented(Tone::Plain, format!("see {}", one_line(link))));
    let mut out: Vec<Line> = text.into_iter().map(|(tone, line)| indented(tone, line)).collect();
    out.extend(links);
    out.extend(questions.into_iter().map(|question| indented(Tone::Notice, question)));
    out
}

/// A text in lines of so many columns, broken between words where that is possible.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut out = Vec::new();
    for paragraph in text.lines().map(one_line).filter(|line| !line.trim().is_empty()) {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && width(&line) + 1 + width(word) <= columns {
                line.push(' ');
            } else if !line.is_empty() {
                out.push(std::mem::take(&mut line));
            }
            line.push_str(word);
            while width(&line) > columns {
                let (head, tail) = split(&line, columns);
                out.push(head);
                line = tail;
            }
        }
        out.extend((!line.is_empty()).then_some(line));
    }
    out
}

/// The first columns of a text, at least one character, and the rest.
fn split(text: &str, columns: usize) -> (String, String) {
    let mut used = 0;
    let at = text.char_indices().find_map(|(at, c)| {
        used += width(c.encode_utf8(&mut [0; 4]));
        (used > columns && at > 0).then_some(at)
    });
    let (head, tail) = text.split_at(at.unwrap_or(text.len()));
    (head.to_owned(), tail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_break_between_words_and_long_words_break_anywhere() {
        assert_eq!(
            wrapped("switch the traffic over\n\nthen wait", 12),
            ["switch the", "traffic over", "then wait"]
        );
        assert_eq!(wrapped("https://wiki/a-long-one", 10), ["https://wi", "ki/a-long-", "one"]);
        assert_eq!(wrapped("支払い", 1), ["支", "払", "い"]);
        assert!(wrapped("", 10).is_empty());
    }

    #[test]
    fn the_current_step_stands_in_every_window_and_no_step_is_lost() {
        for count in 1..20 {
            for rows in 1..12 {
                for current in (0..count).map(Some).chain([None]) {
                    let shown = window(count, current, rows, false);
                    assert!(shown.len() <= rows, "{count} {rows} {current:?}: {shown:?}");
                    assert!(shown.contains(&Shown::Step(current.unwrap_or(0))), "{count} {rows} {current:?}");
                    if rows >= 3 {
                        let stands = |it: &Shown| match it {
                            Shown::Before(count) | Shown::After(count) => *count,
                            Shown::Step(_) => 1,
                        };
                        assert_eq!(
                            shown.iter().map(stands).sum::<usize>(),
                            count,
                            "{rows} {current:?}: {shown:?}"
                        );
                    }
                }
            }
        }
    }
}
