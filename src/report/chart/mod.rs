//! The picture of a drill: one time axis, and on it faults, probes, alarms, steps and moments. SVG made here, coloured by
//! the page's style sheet; nothing in it depends on colour alone.

mod curve;
mod rows;
mod scale;

use maud::{Markup, html};

use scale::{AXIS_HEIGHT, GUTTER, Scale, WIDTH};

use super::story::span;
use super::timeline::{MarkKind, Timeline};

/// What is drawn, from top to bottom, with its height known before it is drawn.
struct Lane {
    height: f64,
    draw: Box<dyn Fn(f64) -> Markup>,
}

/// The whole picture. `more` says to those who do not see it where the rest is told.
pub(super) fn chart(timeline: &Timeline, more: &str) -> Markup {
    let scale = Scale::new(timeline.length);
    let mut lanes: Vec<Lane> = vec![rows::phases(timeline, scale)];
    lanes.extend(rows::faults(timeline, scale));
    lanes.extend(timeline.curves.iter().enumerate().map(|(n, curve)| curve::panel(n, curve, scale)));
    lanes.extend(rows::alarms(timeline, scale));
    lanes.extend(rows::steps(timeline, scale));
    lanes.extend(rows::people(timeline, scale));
    lanes.extend(rows::recovery(timeline, scale));
    let body: f64 = lanes.iter().map(|lane| lane.height).sum();
    let height = body + AXIS_HEIGHT;
    let mut at = 0.0;
    let drawn: Vec<Markup> = lanes
        .iter()
        .map(|lane| {
            let drawn = (lane.draw)(at);
            at += lane.height;
            drawn
        })
        .collect();
    let summary = described(timeline, more);
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby="chart-title chart-text" {
            title #chart-title { "Timeline of the drill" }
            desc #chart-text { (summary) }
            defs {
                pattern #hatch width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    line x1="0" y1="0" x2="0" y2="6" class="hatch" {}
                }
            }
            (moments(timeline, scale, body))
            @for lane in &drawn { (lane) }
            (axis(scale, body))
        }
    }
}

/// The picture in words, for those who do not see it.
fn described(timeline: &Timeline, more: &str) -> String {
    let mut text = format!("{} long. ", span(timeline.length));
    for mark in timeline.marks.iter().filter(|mark| is_moment(mark.kind)) {
        text.push_str(&format!("At {}: {}. ", span(mark.at), mark.text));
    }
    text.push_str(more);
    text
}

const fn is_moment(kind: MarkKind) -> bool {
    matches!(kind, MarkKind::Impact | MarkKind::Recovered | MarkKind::Stop | MarkKind::Withstood)
}

/// Impact and recovery as lines through everything.
fn moments(timeline: &Timeline, scale: Scale, bottom: f64) -> Markup {
    let marks = timeline.marks.iter().filter(|mark| is_moment(mark.kind));
    html! {
        @for mark in marks {
            @let x = scale.x(mark.at);
            line .moment .{ (kind_class(mark.kind)) } x1=(x) x2=(x) y1="0" y2=(bottom) {}
        }
    }
}

const fn kind_class(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Impact | MarkKind::Stop => "bad",
        MarkKind::Recovered | MarkKind::Withstood => "good",
        MarkKind::Note | MarkKind::Action | MarkKind::Change | MarkKind::Playbook | MarkKind::Command => {
            "plain"
        }
    }
}

fn axis(scale: Scale, top: f64) -> Markup {
    html! {
        g.axis {
            line x1=(GUTTER) x2=(scale.right()) y1=(top + 4.0) y2=(top + 4.0) {}
            @for (at, label) in scale.ticks() {
                @let x = scale.x(at);
                line x1=(x) x2=(x) y1=(top + 4.0) y2=(top + 9.0) {}
                text x=(x) y=(top + 22.0) text-anchor="middle" { (label) }
            }
        }
    }
}
