//! What stops a drill.

use super::probes::{self, NamedProbe};
use super::tolerance::{self, Kind};
use super::{Checker, alarms, given, key_span, optional};
use crate::fault::Period;
use crate::scenario::plan::AbortRule;
use crate::scenario::written::Abort;
use crate::text::{Field, Span, nearest, quote};

pub(in crate::scenario) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<Abort>>>,
    known: &[NamedProbe],
) -> Vec<AbortRule> {
    let mut rules = Vec::new();
    for (n, entry) in field.get().into_iter().flatten().enumerate() {
        let Some((written, at)) = given(entry) else { continue };
        let keys = [
            ("probe", key_span(&written.probe)),
            ("budget", key_span(&written.budget)),
            ("alarm", key_span(&written.alarm)),
        ];
        let kind = checker.exactly_one(&keys, at, "what stops the drill", ("bad-abort", "bad-abort"));
        fits(checker, written, kind);
        match kind {
            Some("probe") => rules.extend(probe(checker, written, known, n + 1)),
            Some("budget") => {
                checker.name(&written.budget, "budget");
                checker.need(&written.spent, "spent", at, "5%");
                checker.not_acted_on(format!("abort {}: no error budget is watched", n + 1));
            }
            Some(_) => {
                alarms::matcher(checker, &written.alarm);
                checker.not_acted_on(format!("abort {}: no alarm is received", n + 1));
            }
            None => {}
        }
    }
    rules
}

/// The other keys of an entry belong to one of its kinds.
fn fits(checker: &mut Checker<'_>, written: &Abort, kind: Option<&str>) {
    let Some(kind) = kind else { return };
    let keys = [
        ("tolerance", key_span(&written.tolerance), "probe"),
        ("for", key_span(&written.lasting), "probe"),
        ("spent", key_span(&written.spent), "budget"),
    ];
    for (key, at, belongs) in keys {
        if let Some(at) = at
            && belongs != kind
        {
            checker
                .problems
                .error("unfit-key", at, format!("`{key}` belongs to `{belongs}`, not to `{kind}`"))
                .help("leave it out");
        }
    }
}

fn probe(checker: &mut Checker<'_>, written: &Abort, known: &[NamedProbe], n: usize) -> Option<AbortRule> {
    let (name, at) = given(&written.probe)?;
    let found = known.iter().find(|probe| probe.name == *name);
    if found.is_none() {
        unknown(checker, name, at, known);
    }
    let kind = found.map_or(Kind::Broken, |probe| probe.kind);
    let tolerance = if written.tolerance.is_absent() {
        Some(None)
    } else {
        tolerance::check(checker, &written.tolerance, kind).map(Some)
    };
    let lasting = optional(&written.lasting)?.unwrap_or(Period::ZERO);
    probes::positive(checker, &written.lasting, "for");
    if kind == Kind::Prometheus {
        checker.not_acted_on(format!("abort {n}: the probe `{name}` asks Prometheus and is left out"));
        return None;
    }
    found?;
    Some(AbortRule { probe: name.clone(), tolerance: tolerance?, lasting })
}

fn unknown(checker: &mut Checker<'_>, name: &str, at: Span, known: &[NamedProbe]) {
    let help = nearest(name, known.iter().map(|probe| probe.name.as_str())).map_or_else(
        || "name a probe of the steady state".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    checker.problems.error("unknown-probe", at, format!("there is no probe {}", quote(name))).help(help);
}
