//! One step: exactly one action, the keys that fit it, and times that can be.

use super::conditions::Leads;
use super::{File, WAIT_MAX, action, outputs, probe, undo, wait};
use crate::fault::Period;
use crate::playbook::plan::{Action, Check, Retry, Step, Verify};
use crate::playbook::written::{RetryForm, Step as Written, Verify as WrittenVerify};
use crate::scenario::check::{Checker, given, key_span, optional};
use crate::text::{Field, Form, Span};

/// When an attempt of the machine is given up, unless the step says otherwise.
pub(super) const TIMEOUT: Period = Period::from_secs(30);
/// When people are no longer waited for, unless the step says otherwise.
const PEOPLE_TIMEOUT: Period = Period::from_secs(10 * 60);
/// How soon a verification must turn good, unless it says otherwise.
const VERIFY_WITHIN: Period = Period::from_secs(60);
/// How long before a failed attempt is made again, unless the step says otherwise.
const RETRY_DELAY: Period = Period::from_secs(5);
/// The most attempts.
const ATTEMPTS_MAX: u32 = 20;

/// Which actions a key fits.
const FITS: [(&str, &[&str]); 7] = [
    ("questions", &["manual"]),
    ("env", &["run"]),
    ("tolerance", &["http", "run"]),
    ("outputs", &["http", "run"]),
    ("retry", &["http", "run", "notify", "host"]),
    ("undo", &["manual", "http", "run", "host"]),
    ("mutates", &["manual", "http", "run", "host"]),
];

/// The action of a step, when it has exactly one.
pub(super) fn kind(checker: &mut Checker<'_>, written: &Written, at: Span) -> Option<&'static str> {
    checker.exactly_one(&keys(written), at, "the action of a step", ("no-action", "two-actions"))
}

/// The same without a word about it.
pub(super) fn keys(written: &Written) -> [(&'static str, Option<Span>); 7] {
    [
        ("manual", key_span(&written.manual)),
        ("approve", key_span(&written.approve)),
        ("http", key_span(&written.http)),
        ("run", key_span(&written.run)),
        ("probe", key_span(&written.probe)),
        ("notify", key_span(&written.notify)),
        ("host", key_span(&written.host)),
    ]
}

/// The step, when all of it is right; `leads` says where it goes.
pub(super) fn check(
    checker: &mut Checker<'_>,
    written: &Written,
    (id, at): (&str, Span),
    leads: Option<Leads>,
    file: &File<'_>,
) -> Option<Step> {
    let kind = kind(checker, written, at);
    fits(
        checker,
        kind,
        &[
            ("questions", key_span(&written.questions)),
            ("env", key_span(&written.env)),
            ("tolerance", key_span(&written.tolerance)),
            ("outputs", key_span(&written.outputs)),
            ("retry", key_span(&written.retry)),
            ("undo", key_span(&written.undo)),
            ("mutates", key_span(&written.mutates)),
        ],
    );
    let action = act(checker, written, (id, kind), file);
    let title = checker.text(&written.title);
    let role = checker.name(&written.role, "role").map(|(role, _)| role.to_owned());
    let links = links(checker, written);
    let retry = retry(checker, &written.retry);
    let timeout = timeout(checker, written, kind);
    let budget = wait(checker, &written.budget, "budget", WAIT_MAX);
    let verify = verify(checker, &written.verify, id, file);
    // Where outputs are out of place as a whole, none is out of place by itself.
    let keeps = kind.filter(|kind| matches!(*kind, "http" | "run"));
    let outputs = outputs::check(checker, &written.outputs, keeps);
    let undo = undo::check(checker, &written.undo);
    let good = !(written.title.is_bad() || written.role.is_bad() || written.budget.is_bad());
    let end = optional(&written.end)?.unwrap_or(false);
    let mutates = optional(&written.mutates)?;
    if (written.verify.is_given() && verify.is_none()) || (!written.undo.is_absent() && undo.is_none()) {
        return None;
    }
    let (action, leads) = (action?, leads?);
    // Said of an action that cannot change anything it is an error, and no reason for doubts that follow from it.
    let mutates = mutates.filter(|_| fits_action("mutates", action.kind()));
    let mutates = mutates.unwrap_or_else(|| action.mutates_by_itself());
    good.then_some(Step {
        id: id.to_owned(),
        title,
        role,
        links: links?,
        action,
        when: leads.when,
        next: leads.next,
        retry: retry?,
        timeout: timeout?,
        budget,
        verify,
        on_failure: leads.on_failure,
        outputs: outputs?,
        mutates,
        undo,
        end,
    })
}

fn fits_action(key: &str, kind: &str) -> bool {
    FITS.iter().any(|(name, kinds)| *name == key && kinds.contains(&kind))
}

/// Keys that say nothing about the action that they stand beside.
pub(super) fn fits(checker: &mut Checker<'_>, kind: Option<&str>, keys: &[(&str, Option<Span>)]) {
    let Some(kind) = kind else { return };
    for (key, at) in keys {
        let Some(at) = at else { continue };
        let fitting = FITS.iter().find(|(name, _)| name == key).map_or(&[][..], |(_, kinds)| kinds);
        if !fitting.contains(&kind) {
            let kinds: Vec<String> = fitting.iter().map(|kind| format!("`{kind}`")).collect();
            checker
                .problems
                .error("unfit-key", *at, format!("`{key}` says nothing about `{kind}`"))
                .help(format!("leave it out; it belongs to {}", kinds.join(", ")));
        }
    }
}

fn act(
    checker: &mut Checker<'_>,
    written: &Written,
    (id, kind): (&str, Option<&str>),
    file: &File<'_>,
) -> Option<Action> {
    match kind? {
        "manual" => action::manual(checker, &written.manual, &written.questions),
        "approve" => action::approve(checker, &written.approve),
        "http" => action::http(checker, &written.http, &written.tolerance),
        "run" => action::run(checker, &written.run, &written.env, &written.tolerance),
        "probe" => probe::check(checker, &written.probe, id, file.around).map(Action::Probe),
        "notify" => action::notify(checker, &written.notify),
        _ => action::host(checker, &written.host),
    }
}

fn links(checker: &mut Checker<'_>, written: &Written) -> Option<Vec<String>> {
    let (mut links, mut good) = (Vec::new(), !written.links.is_bad());
    for entry in written.links.get().into_iter().flatten() {
        let link = given(entry).and_then(|(raw, at)| {
            let text = checker.resolve(raw, at, false)?;
            checker.url(text, at)
        });
        good &= link.is_some();
        links.extend(link);
    }
    good.then_some(links)
}

/// How often a failed attempt is made again.
pub(super) fn retry(checker: &mut Checker<'_>, field: &Field<RetryForm>) -> Option<Retry> {
    if field.is_absent() {
        return Some(Retry { attempts: 1, delay: Period::ZERO });
    }
    let (form, at) = given(field)?;
    let (attempts, at, delay) = match form {
        Form::Word(attempts) => (*attempts, at, Some(RETRY_DELAY)),
        Form::Map(map) => {
            let (attempts, at) = checker.need(&map.attempts, "attempts", at, "3")?;
            // No pause between two attempts is a choice that one may make.
            let delay = optional(&map.delay)?.unwrap_or(RETRY_DELAY);
            if delay > WAIT_MAX {
                checker
                    .problems
                    .error(
                        "bad-number",
                        map.delay.span()?,
                        format!("`delay` is {delay}; the most is {WAIT_MAX}"),
                    )
                    .help("write for example `delay: 5s`");
                return None;
            }
            (*attempts, at, Some(delay))
        }
        Form::List(never) => match *never {},
    };
    if !(1..=ATTEMPTS_MAX).contains(&attempts) {
        checker
            .problems
            .error("bad-number", at, format!("{attempts} attempts are not possible"))
            .help(format!("write 1 to {ATTEMPTS_MAX}; the first attempt counts"));
        return None;
    }
    Some(Retry { attempts, delay: delay? })
}

fn timeout(checker: &mut Checker<'_>, written: &Written, kind: Option<&str>) -> Option<Period> {
    let own = wait(checker, &written.timeout, "timeout", WAIT_MAX);
    let expires = match given(&written.approve) {
        Some((Form::Map(map), _)) => {
            if let (Some(at), Some(first)) = (key_span(&written.timeout), map.expires.key()) {
                checker
                    .problems
                    .error("unfit-key", at, "`timeout` stands beside `expires`, which says the same")
                    .other(first, "the other one")
                    .help("keep one");
            }
            if map.expires.is_absent() {
                None
            } else {
                Some(wait(checker, &map.expires, "expires", WAIT_MAX))
            }
        }
        _ => None,
    };
    match (expires, written.timeout.is_absent()) {
        (Some(expires), _) => expires,
        (None, false) => own,
        (None, true) => {
            let people = matches!(kind, Some("manual" | "approve"));
            Some(if people { PEOPLE_TIMEOUT } else { TIMEOUT })
        }
    }
}

fn verify(
    checker: &mut Checker<'_>,
    field: &Field<Form<String, WrittenVerify>>,
    step: &str,
    file: &File<'_>,
) -> Option<Verify> {
    let (form, at) = given(field)?;
    let (check, within): (Option<Check>, _) = match form {
        Form::Word(word) => (probe::named(checker, word, at, file.around), Some(VERIFY_WITHIN)),
        Form::Map(map) => {
            checker.need(&map.probe, "probe", at, "steady_state");
            let check = probe::check(checker, &map.probe, step, file.around);
            let within = wait(checker, &map.within, "within", WAIT_MAX);
            (check, if map.within.is_absent() { Some(VERIFY_WITHIN) } else { within })
        }
        Form::List(never) => match *never {},
    };
    Some(Verify { check: check?, within: within? })
}
