//! How steps hang together: which are never reached, where they go in circles, and what is asked too early.

use super::steps::Entry;
use crate::playbook::plan::VISITS_MAX;
use crate::scenario::check::Checker;
use crate::text::Span;

/// Where a step may lead.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// It has a `when`.
    pub(super) may_be_skipped: bool,
    /// Its `next`: whether on a condition, and to which step.
    pub(super) next: Vec<(bool, usize)>,
    pub(super) failure: Failure,
    pub(super) end: bool,
    /// Whether a person must answer it.
    pub(super) for_people: bool,
    /// Something in it leads nowhere, which is reported.
    pub(super) is_broken: bool,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Stops,
    Continues,
    Goes(usize),
}

/// A value of a step that another one asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// The place of the step that asks.
    pub(super) by: usize,
    /// The place of the one that is asked.
    pub(super) asks: usize,
    pub(super) at: Span,
    /// Asked when the step itself is over, so that it may ask itself.
    pub(super) when_over: bool,
}

/// The steps that may come right after each; one past the last is the end.
pub(super) fn edges(ways: &[Way]) -> Vec<Vec<usize>> {
    let mut all = Vec::with_capacity(ways.len());
    for (place, way) in ways.iter().enumerate() {
        let after = place + 1;
        let mut to = Vec::new();
        if way.may_be_skipped {
            to.push(after);
        }
        if !way.end {
            // What stands behind an entry without a condition is never looked at.
            let always = way.next.iter().position(|(on_condition, _)| !on_condition);
            let asked = always.map_or(way.next.len(), |always| always + 1);
            to.extend(way.next[..asked].iter().map(|(_, to)| *to));
            to.extend(always.is_none().then_some(after));
        }
        match way.failure {
            Failure::Stops => {}
            Failure::Continues => to.extend((!way.end).then_some(after)),
            Failure::Goes(step) => to.push(step),
        }
        to.retain(|step| *step < ways.len());
        to.sort_unstable();
        to.dedup();
        all.push(to);
    }
    all
}

/// Which steps may come after each, at once or later; itself only in a circle.
pub(super) fn reach(edges: &[Vec<usize>]) -> Vec<Vec<bool>> {
    edges.iter().map(|first| seen_from(edges, first)).collect()
}

fn seen_from(edges: &[Vec<usize>], first: &[usize]) -> Vec<bool> {
    let mut seen = vec![false; edges.len()];
    let mut left = first.to_vec();
    while let Some(step) = left.pop() {
        if !std::mem::replace(&mut seen[step], true) {
            left.extend(&edges[step]);
        }
    }
    seen
}

pub(super) fn unreachable(checker: &mut Checker<'_>, entries: &[Entry<'_>], edges: &[Vec<usize>]) {
    let seen = seen_from(edges, &[0]);
    for (entry, _) in entries.iter().zip(&seen).filter(|(_, seen)| !**seen) {
        checker
            .problems
            .warning("unreachable", entry.id_at, format!("nothing leads to the step `{}`", entry.id))
            .help("name it in a `next` or an `on_failure`, move it, or leave it out");
    }
}

/// Circles in which nobody must answer. Each is named once, at its first step.
pub(super) fn circles(checker: &mut Checker<'_>, entries: &[Entry<'_>], ways: &[Way], edges: &[Vec<usize>]) {
    let for_people = |place: usize| ways[place].for_people;
    // Without the steps of people; what still goes in circles does so by itself.
    let alone: Vec<Vec<usize>> = edges
        .iter()
        .enumerate()
        .map(|(place, to)| {
            if for_people(place) {
                Vec::new()
            } else {
                to.iter().copied().filter(|to| !for_people(*to)).collect()
            }
        })
        .collect();
    let reach = reach(&alone);
    let mut told = vec![false; entries.len()];
    for place in 0..entries.len() {
        if !reach[place][place] || told[place] {
            continue;
        }
        let circle: Vec<usize> =
            (0..entries.len()).filter(|other| reach[place][*other] && reach[*other][place]).collect();
        circle.iter().for_each(|step| told[*step] = true);
        let names: Vec<String> =
            circle.iter().take(8).map(|step| format!("`{}`", entries[*step].id)).collect();
        let message = if circle.len() == 1 {
            format!("the step {} leads back to itself, and nobody is asked", names[0])
        } else {
            format!("the steps {} go in a circle, and nobody is asked", names.join(", "))
        };
        checker.problems.warning("circle", entries[place].id_at, message).help(format!(
            "use `retry` to make an attempt again, or put a manual step into the circle; after {VISITS_MAX} steps \
             the playbook fails"
        ));
    }
}

/// Values of steps that cannot have run yet.
pub(super) fn too_early(
    checker: &mut Checker<'_>,
    entries: &[Entry<'_>],
    named: &[Named],
    reach: &[Vec<bool>],
) {
    for named in named {
        let own = named.by == named.asks;
        if reach[named.asks][named.by] && !own || own && named.when_over {
            continue;
        }
        let id = entries[named.asks].id;
        let message = if own {
            "the step has not run yet when this is asked".to_owned()
        } else {
            format!("the step `{id}` never runs before this is asked")
        };
        checker
            .problems
            .warning("too-early", named.at, message)
            .other(entries[named.asks].id_at, "the step that is asked")
            .help("ask a step that comes before");
    }
}
