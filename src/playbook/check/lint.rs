//! What is allowed and yet probably not meant.

use std::collections::BTreeSet;

use super::Around;
use super::steps::Entry;
use crate::playbook::plan::Step;
use crate::playbook::written::Input;
use crate::scenario::check::Checker;
use crate::scenario::plan::PlaybookStart;
use crate::scenario::written::{AlarmMatch, Secret};
use crate::text::{Field, Form, Pairs, Scalar, Span};

/// Inputs and secrets that no text names.
pub(super) fn unused(
    checker: &mut Checker<'_>,
    inputs: &Field<Pairs<Form<Scalar, Input>>>,
    secrets: &Field<Pairs<Secret>>,
) {
    // A name that is mistyped where it is used is the same mistake.
    let mistyped: BTreeSet<&str> = checker.problems.iter().map(|problem| problem.rule).collect();
    let (no_input, no_secret) =
        (mistyped.contains("undeclared-input"), mistyped.contains("undeclared-secret"));
    let named = checker.playbook.as_ref().map(|book| book.used.clone()).unwrap_or_default();
    for pair in inputs.get().into_iter().flatten() {
        if no_input || named.contains(&pair.name) {
            continue;
        }
        checker
            .problems
            .warning("unused", pair.name_span, format!("the input `{}` is never used", pair.name))
            .help(format!("write `${{inputs.{}}}` where it belongs, or leave it out", pair.name));
    }
    for pair in secrets.get().into_iter().flatten() {
        if !no_secret && !checker.used_secrets.contains(&pair.name) {
            checker
                .problems
                .warning("unused", pair.name_span, format!("the secret `{}` is never used", pair.name))
                .help(format!("write `${{secrets.{}}}` where it belongs, or leave it out", pair.name));
        }
    }
}

/// A drill that waits for an alarm which nothing names.
pub(super) fn never_begins(
    checker: &mut Checker<'_>,
    around: Option<&Around>,
    triggers: &Field<Vec<Field<AlarmMatch>>>,
    top: Span,
) {
    let Some(around) = around else { return };
    let none = triggers.is_absent() || triggers.get().is_some_and(Vec::is_empty);
    if around.start == PlaybookStart::Alarm && none && !around.expects_alarms {
        checker
            .problems
            .warning("never-begins", triggers.key().unwrap_or(top), "no alarm would ever start this playbook")
            .help(
                "name its alarms: `triggers: [CheckoutSlow]`, expect one in the scenario, or let it begin at the \
                 impact: `playbook: {name: …, start: impact}`",
            );
    }
}

/// What a step that is right by itself leaves open.
pub(super) fn step(checker: &mut Checker<'_>, entry: &Entry<'_>, step: Option<&Step>) {
    let Some(step) = step else { return };
    if step.mutates && step.verify.is_none() {
        checker
            .problems
            .warning(
                "not-verified",
                entry.id_at,
                format!("`{}` changes the system and nothing verifies it", step.id),
            )
            .help(
                "add for example `verify: steady_state`; without it nobody can say that the playbook restored the \
                 service",
            );
    }
    if step.mutates && step.undo.is_none() {
        checker
            .problems
            .warning(
                "not-taken-back",
                entry.id_at,
                format!("`{}` changes the system and has no way back", step.id),
            )
            .help("add `undo:` with `http`, `run` or `host`; it is taken after recovery");
    }
    late_budget(checker, entry, step);
}

/// A budget that is never spent, because the step is given up before.
fn late_budget(checker: &mut Checker<'_>, entry: &Entry<'_>, step: &Step) {
    let (Some(budget), Some(at)) = (step.budget, entry.written.budget.span()) else { return };
    let waits = step.retry.delay.duration() * (step.retry.attempts - 1);
    let longest = step.timeout.duration() * step.retry.attempts + waits;
    let longest = longest + step.verify.as_ref().map_or_else(Default::default, |it| it.within.duration());
    if budget.duration() > longest {
        let given_up = crate::fault::Period::from(longest);
        checker
            .problems
            .warning(
                "loose-bound",
                at,
                format!("the budget {budget} is never spent: the step is given up after {given_up}"),
            )
            .help("lower the budget, or raise `timeout`");
    }
}

/// A playbook that only looks and talks.
pub(super) fn nothing_changes(checker: &mut Checker<'_>, steps: &[Option<Step>], at: Span) {
    if !steps.is_empty() && steps.iter().all(|step| step.as_ref().is_some_and(|step| !step.mutates)) {
        checker
            .problems
            .warning("changes-nothing", at, "no step changes anything, so this playbook cannot restore a service")
            .help("add a step that does (`http`, `run`, `host`), or say `mutates: true` of the manual step that does");
    }
}
