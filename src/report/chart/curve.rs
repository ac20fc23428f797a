//! One probe: its samples as a curve, its tolerance as a line, the times out of tolerance shaded, failures as crosses.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::Lane;
use super::scale::{GUTTER, Scale, fitted, nice_above, round};
use crate::report::timeline::{Curve, Point, Unit};

const HEIGHT: f64 = 118.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 14.0;
/// How many failures are drawn as crosses; more would be a bar of ink.
const CROSSES_MAX: usize = 150;

pub(super) fn panel(number: usize, curve: &Curve, scale: Scale) -> Lane {
    let curve = curve.clone();
    Lane { height: HEIGHT, draw: Box::new(move |top| draw(number, &curve, scale, top)) }
}

fn draw(number: usize, curve: &Curve, scale: Scale, top: f64) -> Markup {
    let (floor, ceiling) = (top + HEIGHT - BOTTOM, top + TOP);
    let highest = highest(curve);
    let y = |value: f64| round(floor - (value / highest).clamp(0.0, 1.0) * (floor - ceiling));
    let unit = match curve.unit {
        Unit::Milliseconds => "ms",
        Unit::Number => "",
    };
    let role = match (curve.is_invariant, curve.is_impact) {
        (true, _) => "invariant",
        (false, true) => "impact probe",
        (false, false) => "bystander",
    };
    html! {
        g.panel data-panel=(number) {
            text.name x="0" y=(top + TOP + 6.0) { (fitted(&curve.probe, GUTTER - 58.0)) title { (curve.probe) } }
            text.small x="0" y=(top + TOP + 22.0) { (role) }
            text.small x=(GUTTER - 6.0) y=(ceiling + 4.0) text-anchor="end" { (number_text(highest)) (unit) }
            text.small x=(GUTTER - 6.0) y=(floor + 4.0) text-anchor="end" { "0" }
            rect.ground x=(GUTTER) y=(ceiling) width=(scale.right() - GUTTER) height=(floor - ceiling) {}
            @for violation in &curve.violations {
                @let (from, to) = (scale.x(violation.from), scale.x(violation.to));
                g.violation tabindex="0" data-tip=(format!("{} out of tolerance: {}", curve.probe, violation.name)) {
                    rect.shade x=(from) y=(ceiling) width=(round((to - from).max(1.0))) height=(floor - ceiling) {}
                    rect x=(from) y=(ceiling) width=(round((to - from).max(1.0))) height=(floor - ceiling) fill="url(#hatch)" {}
                    title { (format!("out of tolerance: {}", violation.name)) }
                }
            }
            @if curve.load.len() > 1 { path.load d=(path(&curve.load, scale, &y)) {} }
            @if curve.points.len() > 1 { path.curve d=(path(&curve.points, scale, &y)) {} }
            @for bound in &curve.bounds {
                @let at = y(bound.value);
                line.bound x1=(GUTTER) x2=(scale.right()) y1=(at) y2=(at) {}
            }
            @for (at, words) in bound_names(curve, &y, unit) {
                text.small.bound-name x=(scale.right()) y=(at) text-anchor="end" { (words) }
            }
            (crosses(curve, scale, floor))
        }
    }
}

/// The names of the bounds, each just above its line, or above the name below it where the lines are close.
fn bound_names(curve: &Curve, y: &dyn Fn(f64) -> f64, unit: &str) -> Vec<(f64, String)> {
    const LINE: f64 = 13.0;
    let mut names: Vec<(f64, String)> = curve
        .bounds
        .iter()
        .map(|bound| {
            let sign = if bound.is_upper { "≤" } else { "≥" };
            (y(bound.value) - 3.0, format!("{} {sign} {}{unit}", bound.name, number_text(bound.value)))
        })
        .collect();
    names.sort_by(|a, b| b.0.total_cmp(&a.0));
    for n in 1..names.len() {
        names[n].0 = round(names[n].0.min(names[n - 1].0 - LINE));
    }
    names
}

/// Failures stand at the foot, so that one sees them whatever the value was.
fn crosses(curve: &Curve, scale: Scale, floor: f64) -> Markup {
    let failed = || curve.points.iter().chain(&curve.load).filter(|point| point.failures > 0);
    let every = failed().count().div_ceil(CROSSES_MAX).max(1);
    let mut d = String::new();
    for point in failed().step_by(every) {
        let (x, y) = (scale.x(point.at), floor - 4.0);
        let _ = write!(d, "M{} {}l6 6m-6 0l6 -6", round(x - 3.0), round(y - 3.0));
    }
    html! { @if !d.is_empty() { path.failures d=(d) { title { "failed samples" } } } }
}

fn path(points: &[Point], scale: Scale, y: &dyn Fn(f64) -> f64) -> String {
    let mut d = String::with_capacity(points.len() * 12);
    for (n, point) in points.iter().enumerate() {
        let command = if n == 0 { 'M' } else { 'L' };
        let _ = write!(d, "{command}{} {}", scale.x(point.at), y(point.value));
    }
    d
}

/// The top of the scale: all of the curve, and its bounds with some air.
fn highest(curve: &Curve) -> f64 {
    let values = curve.points.iter().chain(&curve.load).map(|point| point.value);
    let bounds = curve.bounds.iter().map(|bound| bound.value * 1.15);
    nice_above(values.chain(bounds).filter(|value| value.is_finite()).fold(0.0, f64::max))
}

fn number_text(value: f64) -> String {
    if value >= 10.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
