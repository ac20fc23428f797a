//! The playbook of a drill in words, for `status`, `step list` and the live view.

use std::fmt::Write as _;
use std::time::Duration;

use crate::coordinator::control::playbook::{AskStatus, PlaybookState, PlaybookStatus, StepStatus};
use crate::drill::board::{StepState, WayBack};
use crate::drill::words::{Tone, one_line, short};
use crate::fault::Period;
use crate::playbook::plan::{Question, QuestionKind};
use crate::scenario::plan::PlaybookStart;

/// A time whose text does not jump ten times a second: `42s`, `2m05s`.
pub(super) fn whole_seconds(time: Duration) -> String {
    match time.as_secs() {
        secs @ 0..60 => format!("{secs}s"),
        secs @ 60..3600 => format!("{}m{:02}s", secs / 60, secs % 60),
        secs => format!("{}h{:02}m", secs / 3600, secs % 3600 / 60),
    }
}

fn seconds(time: Period) -> String {
    whole_seconds(time.duration())
}

/// What it is called: `Restore payments (payments-degraded)`.
pub(super) fn title(playbook: &PlaybookStatus) -> String {
    match &playbook.title {
        Some(title) => one_line(&format!("{title} ({})", playbook.name)),
        None => playbook.name.clone(),
    }
}

/// Where it is: `running for 12s, started by alarm HighLatency`.
pub(super) fn standing(playbook: &PlaybookStatus, now: Duration) -> (Tone, String) {
    let since = playbook.started_at.map_or(Duration::ZERO, Period::duration);
    let by = playbook.started_by.as_deref().map_or(String::new(), |by| format!(", started by {by}"));
    let (tone, text) = match (playbook.state, playbook.ended_at) {
        (PlaybookState::Waiting, _) => (Tone::Plain, format!("waits for {}", waits_for(playbook.start))),
        (PlaybookState::Running, _) => {
            (Tone::Notice, format!("running for {}{by}", whole_seconds(now.saturating_sub(since))))
        }
        (PlaybookState::Over, at) => {
            let took = at.map_or(Duration::ZERO, Period::duration).saturating_sub(since);
            let ending = playbook.ending.as_deref().unwrap_or("over");
            let tone = if ending == "completed" { Tone::Good } else { Tone::Bad };
            (tone, format!("{ending} (took {}{by})", short(took)))
        }
    };
    (tone, one_line(&text))
}

const fn waits_for(start: PlaybookStart) -> &'static str {
    match start {
        PlaybookStart::Alarm => "an alarm that calls for it",
        PlaybookStart::Impact => "the impact",
        PlaybookStart::Manual => "somebody to start it",
        PlaybookStart::AtOnce => "nothing",
    }
}

/// What is worth saying about a step beside its id and its state, in one line.
pub(super) fn detail(step: &StepStatus) -> String {
    let left = step.left.map(|left| format!("{} left", seconds(left)));
    let took = step.entered_at.zip(step.ended_at).map(|(from, to)| {
        let took = to.duration().saturating_sub(from.duration());
        format!("took {}", short(took))
    });
    let attempt = (step.attempts_max > 1 && step.attempts > 0)
        .then(|| format!("attempt {} of {}", step.attempts, step.attempts_max));
    let attempts = (step.attempts > 1).then(|| format!("{} attempts", step.attempts));
    let why = step.why.clone().filter(|why| !why.is_empty());
    let who = step.who.clone();
    let parts: Vec<Option<String>> = match step.state {
        StepState::Pending => vec![step.title.clone()],
        StepState::Asking => {
            let on_it = who.map(|who| format!("{who} is on it"));
            vec![on_it.or_else(|| step.role.as_ref().map(|role| format!("for {role}"))), left]
        }
        StepState::Running | StepState::Watching | StepState::Verifying => vec![attempt, left],
        StepState::Retrying => {
            let at = step.left.map(seconds).unwrap_or_default();
            let next = format!("attempt {} of {} in {at}", step.attempts + 1, step.attempts_max);
            vec![Some(next), why]
        }
        StepState::Done | StepState::Verified => vec![took, attempts, who],
        StepState::Failed | StepState::NotVerified | StepState::TimedOut => vec![took, attempts, why],
        StepState::Skipped => vec![why],
    };
    let again = (step.visits > 1).then(|| format!("entered {} times", step.visits));
    let back = match &step.way_back {
        WayBack::NotTaken | WayBack::Planned => None,
        WayBack::Going => Some("is being taken back".to_owned()),
        WayBack::Done => Some("taken back".to_owned()),
        WayBack::Failed { why } => Some(format!("could not be taken back: {why}")),
    };
    let all: Vec<String> = parts.into_iter().flatten().chain(again).chain(back).collect();
    one_line(&all.join(", "))
}

/// How a question is answered: `yes or no`, `a number`, `1 gold, 2 silver`.
pub(super) fn kind(question: &Question) -> String {
    match &question.kind {
        QuestionKind::Boolean => "yes or no".to_owned(),
        QuestionKind::Number => "a number".to_owned(),
        QuestionKind::Text => "a text".to_owned(),
        QuestionKind::Choice(choices) => {
            let numbered = choices.iter().enumerate().map(|(n, choice)| format!("{} {choice}", n + 1));
            one_line(&numbered.collect::<Vec<_>>().join(", "))
        }
    }
}

/// How much time there is, who should answer, and who is on it.
pub(super) fn about(ask: &AskStatus) -> (Tone, String) {
    let mut parts = vec![format!("{} left", seconds(ask.left))];
    let late = ask.budget_left.is_some_and(|left| left.duration().is_zero());
    match ask.budget_left {
        _ if late => parts.push("longer than it should take".to_owned()),
        Some(left) => parts.push(format!("should take {} more", seconds(left))),
        None => {}
    }
    if !ask.roles.is_empty() {
        parts.push(format!("for {}", ask.roles.join(" or ")));
    }
    if ask.is_approval {
        let by = if ask.agreed.is_empty() { String::new() } else { format!(" ({})", ask.agreed.join(", ")) };
        parts.push(format!("{} of {} agreed{by}", ask.agreed.len(), ask.needed));
    } else if let Some(who) = &ask.who {
        parts.push(format!("{who} is on it"));
    }
    if ask.stuck > 0 {
        parts.push("somebody is stuck".to_owned());
    }
    let tone = if late || ask.stuck > 0 { Tone::Bad } else { Tone::Plain };
    (tone, one_line(&parts.join(", ")))
}

/// How the step is answered from another terminal.
pub(super) fn command(ask: &AskStatus) -> String {
    let role = if ask.is_approval && !ask.roles.is_empty() {
        format!(" --role {}", ask.roles[0])
    } else {
        String::new()
    };
    let answers: String =
        ask.questions.iter().map(|question| format!(" --answer {}=…", question.id)).collect();
    format!("firedrill step done {}{role}{answers}", ask.step)
}

/// All of it, for a terminal or a pipe.
pub(super) fn text(playbook: &PlaybookStatus, now: Duration) -> String {
    let (_, standing) = standing(playbook, now);
    let mut out = format!("PLAYBOOK  {}\n  {standing}\n", title(playbook));
    if playbook.state == PlaybookState::Waiting {
        out.push_str("  firedrill playbook start\n");
    }
    let widest = playbook.steps.iter().map(|step| step.id.chars().count()).max().unwrap_or(0);
    for step in &playbook.steps {
        let mark = if step.state.is_on() { '>' } else { ' ' };
        let (id, state) = (&step.id, step.state.word());
        let line = format!("{mark} {id:<widest$}  {state:<12}  {}", detail(step));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if let Some(ask) = &playbook.asks {
        let what = ask.title.as_deref().map_or(String::new(), |title| format!(": {}", one_line(title)));
        let _ = writeln!(out, "\nASKED OF PEOPLE  {}{what}", ask.step);
        for line in ask.text.lines() {
            let _ = writeln!(out, "  {}", one_line(line));
        }
        for link in &ask.links {
            let _ = writeln!(out, "  see {}", one_line(link));
        }
        for question in &ask.questions {
            let title = one_line(&question.title);
            let _ = writeln!(out, "  {}: {title} ({})", question.id, kind(question));
        }
        let _ = writeln!(out, "  {}", about(ask).1);
        let _ = writeln!(out, "  {}", command(ask));
    }
    out
}
/// How a step's state should look.
pub(super) const fn tone(state: StepState) -> Tone {
    match state {
        StepState::Pending | StepState::Skipped => Tone::Plain,
        StepState::Asking
        | StepState::Running
        | StepState::Retrying
        | StepState::Watching
        | StepState::Verifying => Tone::Notice,
        StepState::Done | StepState::Verified => Tone::Good,
        StepState::Failed | StepState::NotVerified | StepState::TimedOut => Tone::Bad,
    }
}
