//! What is looked at before the first inject, and by whom.

use crate::fault::Period;
use crate::gameday::preflight::{Automatic, LookedAt, PreflightItem};
use crate::gameday::written::{Clocks, ErrorBudget, Hosts, PagerHeartbeat, PreflightEntry, Steady};
use crate::scenario::check::{Checker, given, key_span, probes};
use crate::text::{Field, Form, Span};

/// More are not kept in mind by anybody.
const ITEMS_MAX: usize = 100;

pub(super) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<PreflightEntry>>>,
) -> Vec<PreflightItem> {
    let mut items: Vec<PreflightItem> = Vec::new();
    let Some((list, list_at)) = given(field) else { return items };
    if list.len() > ITEMS_MAX {
        let message = format!("{} things to look at; the most is {ITEMS_MAX}", list.len());
        checker.problems.error("too-many", list_at, message).help("leave out what nobody would miss");
        return items;
    }
    for (entry, at) in list.iter().filter_map(given) {
        let rules = ("no-preflight", "two-preflights");
        let Some(kind) = checker.exactly_one(&keys(entry), at, "what is looked at", rules) else { continue };
        let Some((text, looked_at)) = one(checker, entry, kind, at) else { continue };
        let same = |item: &&PreflightItem| item.id == kind || item.id.starts_with(&format!("{kind}-"));
        let number = items.iter().filter(same).count() + 1;
        let id = match (kind, number) {
            ("ask", number) => format!("ask-{number}"),
            (kind, 1) => kind.to_owned(),
            (kind, number) => format!("{kind}-{number}"),
        };
        items.push(PreflightItem { id, text, looked_at });
    }
    items
}

fn keys(entry: &PreflightEntry) -> [(&'static str, Option<Span>); 9] {
    [
        ("pager_heartbeat", key_span(&entry.pager_heartbeat)),
        ("steady_state", key_span(&entry.steady_state)),
        ("clocks", key_span(&entry.clocks)),
        ("hosts", key_span(&entry.hosts)),
        ("no_deploy_within", key_span(&entry.no_deploy_within)),
        ("no_open_incident", key_span(&entry.no_open_incident)),
        ("error_budget", key_span(&entry.error_budget)),
        ("playbooks", key_span(&entry.playbooks)),
        ("ask", key_span(&entry.ask)),
    ]
}

fn one(
    checker: &mut Checker<'_>,
    entry: &PreflightEntry,
    kind: &str,
    at: Span,
) -> Option<(String, LookedAt)> {
    let itself = |text: String, at: Automatic| Some((text, LookedAt::Itself { at }));
    match kind {
        "pager_heartbeat" => {
            let (receiver, within) = heartbeat(checker, &entry.pager_heartbeat)?;
            let text = format!("an alarm to {receiver} arrives within {within}");
            itself(text, Automatic::PagerHeartbeat { receiver, within })
        }
        "steady_state" => {
            let lasting = steady(checker, &entry.steady_state)?;
            let text = format!("the probes of all injects are good for {lasting}");
            itself(text, Automatic::SteadyState { lasting })
        }
        "clocks" => {
            let skew = clocks(checker, &entry.clocks)?;
            itself(format!("clocks agree to within {skew}"), Automatic::Clocks { skew })
        }
        "hosts" => {
            hosts(checker, &entry.hosts)?;
            itself("every host that an inject names is there".to_owned(), Automatic::Hosts {})
        }
        "playbooks" => {
            entry.playbooks.get()?;
            itself(
                "the playbooks of all injects have nothing wrong with them".to_owned(),
                Automatic::Playbooks {},
            )
        }
        "ask" => {
            let text = checker.text(&entry.ask)?;
            if text.trim().is_empty() {
                checker.problems.error("bad-text", at, "nothing is asked").help("write a question");
                return None;
            }
            Some((text, LookedAt::People {}))
        }
        _ => question(checker, entry, kind, at),
    }
}

/// What this version cannot look at, as a question to people.
fn question(
    checker: &mut Checker<'_>,
    entry: &PreflightEntry,
    kind: &str,
    at: Span,
) -> Option<(String, LookedAt)> {
    let what = match kind {
        "no_deploy_within" => {
            let period = probes::positive(checker, &entry.no_deploy_within, "no_deploy_within")?;
            format!("was nothing deployed for {period}?")
        }
        "no_open_incident" => {
            entry.no_open_incident.get()?;
            "is no incident open?".to_owned()
        }
        _ => budget(checker, &entry.error_budget, at)?,
    };
    super::later(checker, at, &format!("preflight.{kind}: people are asked instead"));
    let text = format!("cannot be looked at by itself in this version: {what}");
    Some((text, LookedAt::People {}))
}

fn budget(checker: &mut Checker<'_>, field: &Field<ErrorBudget>, at: Span) -> Option<String> {
    let (budget, _) = given(field)?;
    checker.need(&budget.slo, "slo", at, "checkout");
    checker.need(&budget.left, "left", at, "30%");
    let (slo, _) = checker.name(&budget.slo, "slo")?;
    Some(format!("is {} of the error budget of {slo} left?", budget.left.get()?))
}

fn heartbeat(checker: &mut Checker<'_>, field: &Field<PagerHeartbeat>) -> Option<(String, Period)> {
    let (heartbeat, at) = given(field)?;
    checker.need(&heartbeat.receiver, "receiver", at, "team-checkout");
    let receiver = checker.text(&heartbeat.receiver)?;
    Some((receiver, or(checker, &heartbeat.within, "within", Period::from_secs(120))?))
}

fn steady(checker: &mut Checker<'_>, field: &Field<Form<Period, Steady>>) -> Option<Period> {
    match given(field)?.0 {
        Form::Word(_) => probes::positive(checker, &word(field), "steady_state"),
        Form::Map(map) => or(checker, &map.lasting, "for", Period::from_secs(60)),
        Form::List(never) => match *never {},
    }
}

fn clocks(checker: &mut Checker<'_>, field: &Field<Form<Period, Clocks>>) -> Option<Period> {
    match given(field)?.0 {
        Form::Word(_) => probes::positive(checker, &word(field), "clocks"),
        Form::Map(map) => or(checker, &map.skew, "skew", Period::from_millis(250)),
        Form::List(never) => match *never {},
    }
}

/// The short form as a field of its own.
fn word<T>(field: &Field<Form<Period, T>>) -> Field<Period> {
    match field {
        Field::Given { key, span, value: Form::Word(period) } => {
            Field::Given { key: *key, span: *span, value: *period }
        }
        _ => Field::Absent,
    }
}

fn hosts(checker: &mut Checker<'_>, field: &Field<Hosts>) -> Option<()> {
    let (hosts, at) = given(field)?;
    match given(&hosts.all) {
        Some((true, _)) => Some(()),
        Some((false, at)) => {
            checker.problems.error("bad-value", at, "no host would be looked at").help("write `all: true`");
            None
        }
        None => {
            checker.need(&hosts.all, "all", at, "true");
            None
        }
    }
}

/// A length of time that may be left out; nothing when it is there and wrong.
fn or(checker: &mut Checker<'_>, field: &Field<Period>, key: &str, absent: Period) -> Option<Period> {
    if field.is_absent() { Some(absent) } else { probes::positive(checker, field, key) }
}
