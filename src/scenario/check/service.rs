//! Service files: the catalog entry of a thing under test.

use super::{Checker, given, header, probes, references};
use crate::fault::Period;
use crate::scenario::Catalog;
use crate::scenario::written::{FailureMode, Service as Written};
use crate::text::{Field, Source, Span, quote};

/// A service that nothing is wrong with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// One sentence for people.
    pub title: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// How urgent it is, from 1 to 3.
    pub tier: Option<u32>,
    /// The services that it needs.
    pub depends_on: Vec<String>,
    /// The names of its playbooks.
    pub playbooks: Vec<String>,
    /// Who is told when it fails, and how soon they answer.
    pub paging: Option<(String, Option<Period>)>,
    /// What its file asks for and this version does not act on.
    pub not_acted_on: Vec<String>,
}

/// Checks a service that was read. It is usable as far as it is right: the caller looks at the problems.
pub(in crate::scenario) fn check(
    checker: &mut Checker<'_>,
    source: &Source,
    written: &Written,
    catalog: &dyn Catalog,
) -> Service {
    let top = Span::new(0, source.text.lines().next().map_or(0, str::len));
    let head = (&written.firedrill, &written.kind, &written.name);
    let name = header::check(checker, source, "Service", head).unwrap_or_default();
    let depends_on = named(checker, &written.depends_on, "depends_on", "services", catalog);
    for (other, at) in written.depends_on.get().into_iter().flatten().filter_map(given) {
        if *other == name {
            checker
                .problems
                .error("depends-on-itself", at, "a service does not need itself")
                .help("leave it out");
        }
    }
    let playbooks = named(checker, &written.playbooks, "playbooks", "playbooks", catalog);
    if let Some((links, _)) = given(&written.links) {
        checker.text(&links.diagram);
        checker.texts(&links.dashboards);
    }
    if written.steady_state.is_given() {
        probes::check(checker, &written.steady_state, top);
        later(
            checker,
            &written.steady_state,
            "steady_state: a service's own probes are measured by nobody yet",
        );
    }
    failure_modes(checker, &written.failure_modes, catalog);
    if let Some((slo, _)) = checker.name(&written.slo, "slo") {
        let what = format!("slo `{slo}`: no error budget is watched");
        later(checker, &written.slo, &what);
    }
    if let Some(list) = checker.text(&written.checklist) {
        let what = format!("checklist {}: nothing is held against it", quote(&list));
        later(checker, &written.checklist, &what);
    }
    Service {
        title: checker.text(&written.title),
        owner: checker.text(&written.owner),
        tier: tier(checker, &written.tier),
        depends_on,
        playbooks,
        paging: paging(checker, written),
        not_acted_on: std::mem::take(&mut checker.not_acted_on),
        name,
    }
}

/// Names that lead to files; one that leads nowhere is worth a warning.
fn named(
    checker: &mut Checker<'_>,
    list: &Field<Vec<Field<String>>>,
    key: &str,
    folder: &str,
    catalog: &dyn Catalog,
) -> Vec<String> {
    let names = checker.names(list, key);
    for (name, at) in &names {
        references::exists(checker, catalog, folder, (name, *at));
    }
    names.into_iter().map(|(name, _)| name).collect()
}

fn tier(checker: &mut Checker<'_>, field: &Field<u32>) -> Option<u32> {
    let (tier, at) = given(field)?;
    if !(1..=3).contains(tier) {
        checker
            .problems
            .error("bad-number", at, format!("there is no tier {tier}"))
            .help("1 wakes someone, 2 pages in business hours, 3 makes tickets");
        return None;
    }
    Some(*tier)
}

fn paging(checker: &mut Checker<'_>, written: &Written) -> Option<(String, Option<Period>)> {
    let (paging, at) = given(&written.paging)?;
    checker.need(&paging.receiver, "receiver", at, "team-checkout");
    let receiver = checker.text(&paging.receiver)?;
    Some((receiver, probes::positive(checker, &paging.ack_within, "ack_within")))
}

fn failure_modes(checker: &mut Checker<'_>, field: &Field<Vec<Field<FailureMode>>>, catalog: &dyn Catalog) {
    let mut ids: Vec<(&str, Span)> = Vec::new();
    for (mode, at) in field.get().into_iter().flatten().filter_map(given) {
        if let Some((id, id_at)) = checker.need(&mode.id, "id", at, "FM-012") {
            if let Some((_, first)) = ids.iter().find(|(other, _)| other == id) {
                checker
                    .problems
                    .error("duplicate-name", id_at, format!("two failure modes have the id {}", quote(id)))
                    .other(*first, "the first one")
                    .help("give each its own");
            }
            ids.push((id, id_at));
        }
        checker.text(&mode.title);
        if let Some((name, at)) = checker.name(&mode.scenario, "scenario") {
            references::exists(checker, catalog, "scenarios", (name, at));
        }
    }
}

/// Says what is read and not acted on, in check and for whoever shows the service.
fn later<T>(checker: &mut Checker<'_>, field: &Field<T>, what: &str) {
    let at = super::key_span(field).unwrap_or_default();
    checker.problems.warning("not-acted-on", at, format!("{what} (in this version)"));
    checker.not_acted_on(what);
}
