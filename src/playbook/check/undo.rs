//! The way back of a step: something that the machine can do by itself.

use super::{action, step, wait};
use crate::fault::Period;
use crate::playbook::plan::Undo;
use crate::playbook::written::Undo as Written;
use crate::scenario::check::{Checker, given, key_span};
use crate::text::Field;

/// A halted drill waits for what is taken back, so nothing may take long.
const WAIT_MAX: Period = Period::from_secs(10 * 60);

pub(super) fn check(checker: &mut Checker<'_>, field: &Field<Written>) -> Option<Undo> {
    let (written, at) = given(field)?;
    let keys = [
        ("http", key_span(&written.http)),
        ("run", key_span(&written.run)),
        ("host", key_span(&written.host)),
    ];
    let kind = checker.exactly_one(&keys, at, "the action of an undo", ("no-action", "two-actions"));
    step::fits(
        checker,
        kind,
        &[("env", key_span(&written.env)), ("tolerance", key_span(&written.tolerance))],
    );
    let action = match kind {
        Some("http") => action::http(checker, &written.http, &written.tolerance),
        Some("run") => action::run(checker, &written.run, &written.env, &written.tolerance),
        Some(_) => action::host(checker, &written.host),
        None => None,
    };
    let timeout = wait(checker, &written.timeout, "timeout", WAIT_MAX);
    let retry = step::retry(checker, &written.retry);
    let timeout = if written.timeout.is_absent() { Some(step::TIMEOUT) } else { timeout };
    Some(Undo { action: action?, timeout: timeout?, retry: retry? })
}
