//! What lasts or happens: phases, faults, alarms, steps, people, and the phases of recovery.

use std::time::Duration;

use maud::{Markup, html};

use super::scale::{GUTTER, Scale, fitted, round};
use super::{Lane, kind_class};
use crate::report::story::span;
use crate::report::timeline::{AlarmLine, Bar, MarkKind, StepLine, Timeline};

const ROW: f64 = 26.0;
const BAR: f64 = 16.0;
/// How many alarms and how many steps have a row of their own; the others stand in the lists below the picture.
const ROWS_MAX: usize = 24;

/// A row with a name and something drawn on it.
fn row(name: String, draw: impl Fn(f64) -> Markup + 'static) -> Lane {
    let draw = move |top: f64| {
        html! {
            g.row {
                text.name x="0" y=(top + 16.0) { (fitted(&name, GUTTER - 14.0)) title { (name) } }
                (draw(top))
            }
        }
    };
    Lane { height: ROW, draw: Box::new(draw) }
}

/// A bar with its words inside where they fit, else beside it.
fn bar((x, width): (f64, f64), top: f64, class: &str, (words, tip): (&str, &str), right: f64) -> Markup {
    let inside = fitted(words, width - 8.0);
    let fits = inside == words;
    let room = right - (x + width);
    html! {
        g.{ "bar " (class) } tabindex="0" data-tip=(tip) {
            rect x=(x) y=(top + 4.0) width=(round(width.max(3.0))) height=(BAR) rx="3" {}
            @if fits {
                text.inside x=(x + 5.0) y=(top + 16.0) { (words) }
            } @else if room > 60.0 {
                text.beside x=(x + width.max(3.0) + 5.0) y=(top + 16.0) { (fitted(words, room - 8.0)) }
            }
            title { (tip) }
        }
    }
}

fn stretch(scale: Scale, from: Duration, to: Duration) -> (f64, f64) {
    let (from, to) = (scale.x(from), scale.x(to));
    (from, round(to - from))
}

/// Where the drill was, as a quiet line of words.
pub(super) fn phases(timeline: &Timeline, scale: Scale) -> Lane {
    let phases = timeline.phases.clone();
    row("phase".into(), move |top| {
        html! {
            @for phase in &phases {
                @let (x, width) = stretch(scale, phase.from, phase.to);
                line.tick x1=(x) x2=(x) y1=(top + 4.0) y2=(top + 20.0) {}
                @if width > 40.0 { text.small x=(x + 4.0) y=(top + 16.0) { (fitted(&phase.name, width - 6.0)) } }
            }
        }
    })
}

pub(super) fn faults(timeline: &Timeline, scale: Scale) -> Vec<Lane> {
    let end = timeline.length;
    timeline.bars.iter().take(ROWS_MAX).map(|bar| fault(bar.clone(), end, scale)).collect()
}

fn fault(fault: Bar, end: Duration, scale: Scale) -> Lane {
    row(format!("fault {}", fault.fault), move |top| {
        let Some(applied) = fault.applied else {
            return html! { text.small x=(GUTTER + 4.0) y=(top + 16.0) { "never applied" } };
        };
        let until = if fault.is_instant { applied } else { fault.removed.unwrap_or(end) };
        let (x, width) = stretch(scale, applied, until);
        let words = if fault.words.is_empty() {
            fault.kind.clone()
        } else {
            format!("{} {}", fault.kind, fault.words)
        };
        let effective = fault.effective.map_or("no effect was seen".to_owned(), |at| {
            format!("its effect was seen {} later", span(at.saturating_sub(applied)))
        });
        let lasted = span(until.saturating_sub(applied));
        let tip = format!(
            "{}: {words} on {}, from {} for {lasted}; {effective}",
            fault.fault,
            fault.target,
            span(applied)
        );
        html! {
            (bar((x, width), top, "fault", (&words, &tip), scale.right()))
            @if let Some(at) = fault.effective {
                @let at = scale.x(at);
                path.effect d=(format!("M{at} {}v5", top + 2.0)) { title { (effective) } }
            }
        }
    })
}

pub(super) fn alarms(timeline: &Timeline, scale: Scale) -> Vec<Lane> {
    let end = timeline.length;
    timeline.alarms.iter().take(ROWS_MAX).map(|alarm| alarm_row(alarm.clone(), end, scale)).collect()
}

fn alarm_row(alarm: AlarmLine, end: Duration, scale: Scale) -> Lane {
    row(format!("alarm {}", alarm.name), move |top| {
        let (x, width) = stretch(scale, alarm.fired, alarm.resolved.unwrap_or(end));
        let over = alarm.resolved.map_or("fired to the end".to_owned(), |at| {
            format!("over after {}", span(at.saturating_sub(alarm.fired)))
        });
        let words = if alarm.is_blind { "monitoring could not see".to_owned() } else { over.clone() };
        let taken = alarm.acknowledged.map_or(String::new(), |at| {
            format!(", acknowledged after {}", span(at.saturating_sub(alarm.fired)))
        });
        let again =
            if alarm.repeats > 0 { format!(", said {} times more", alarm.repeats) } else { String::new() };
        let tip =
            format!("{} {}: fired at {}{taken}, {over}{again}", alarm.name, alarm.labels, span(alarm.fired));
        html! {
            (bar((x, width), top, "alarm", (&words, &tip), scale.right()))
            path.fired d=(format!("M{x} {}l-5 -8h10z", top + 12.0)) {}
            @if let Some(at) = alarm.acknowledged {
                @let at = scale.x(at);
                circle.taken cx=(at) cy=(top + 12.0) r="4" {}
            }
        }
    })
}

pub(super) fn steps(timeline: &Timeline, scale: Scale) -> Vec<Lane> {
    let end = timeline.length;
    let entered = timeline.steps.iter().filter(|step| step.outcome != "skipped");
    entered.take(ROWS_MAX).map(|step| step_row(step.clone(), end, scale)).collect()
}

fn step_row(step: StepLine, end: Duration, scale: Scale) -> Lane {
    let name = if step.is_undo { format!("undo {}", step.step) } else { format!("step {}", step.step) };
    row(name, move |top| {
        let finished = step.finished.unwrap_or(end);
        let (x, width) = stretch(scale, step.entered, finished);
        let sign = match step.outcome.as_str() {
            "ok" => "✓",
            "" => "…",
            _ => "✗",
        };
        let words = format!("{sign} {}", step.title);
        let class = match (step.outcome.as_str(), step.mutates) {
            ("ok" | "", true) => "step mutates",
            ("ok" | "", false) => "step",
            _ => "step failed",
        };
        let why = if step.why.is_empty() { String::new() } else { format!(": {}", step.why) };
        let took = span(finished.saturating_sub(step.entered));
        let tip =
            format!("{} ({}): {} after {took}{why}", step.title, step.kind, step.outcome.replace('_', " "));
        bar((x, width), top, class, (&words, &tip), scale.right())
    })
}

/// Notes, actions and changes of people, the playbook's start and end, the command under test.
pub(super) fn people(timeline: &Timeline, scale: Scale) -> Option<Lane> {
    let shown = |kind: MarkKind| {
        matches!(
            kind,
            MarkKind::Note
                | MarkKind::Action
                | MarkKind::Change
                | MarkKind::Playbook
                | MarkKind::Command
                | MarkKind::Stop
        )
    };
    let marks: Vec<_> = timeline.marks.iter().filter(|mark| shown(mark.kind)).cloned().collect();
    if marks.is_empty() {
        return None;
    }
    Some(row("notes".into(), move |top| {
        html! {
            @for mark in &marks {
                @let x = scale.x(mark.at);
                g.{ "mark " (kind_class(mark.kind)) } tabindex="0" data-tip=(format!("{}: {}", span(mark.at), mark.text)) {
                    path d=(format!("M{x} {}l6 6l-6 6l-6 -6z", top + 6.0)) {}
                    title { (mark.text) }
                }
            }
        }
    }))
}

/// Where the time went.
pub(super) fn recovery(timeline: &Timeline, scale: Scale) -> Option<Lane> {
    if timeline.recovery.is_empty() {
        return None;
    }
    let spans = timeline.recovery.clone();
    Some(row("where the time went".into(), move |top| {
        html! {
            @for phase in &spans {
                @let place = stretch(scale, phase.from, phase.to);
                @let words = format!("{} {}", phase.name, span(phase.to.saturating_sub(phase.from)));
                (bar(place, top, &format!("recovery {}", phase.name), (&words, &words), place.0 + place.1))
            }
        }
    }))
}
