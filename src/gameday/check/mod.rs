//! From a game day as written to one that cannot be wrong: every problem of the file, and of all that it names.

mod around;
mod blackouts;
mod fits;
mod injects;
mod overrides;
mod preflight;
mod review;
mod schedule;
mod settles;

use std::collections::BTreeMap;

use super::checked::GameDay;
use super::plan::Approvals;
use super::written::{self, GameDay as Written, Order};
use crate::fault::{Period, Seed};
use crate::scenario::check::substitute::Variables;
use crate::scenario::check::{Checker, given, header, key_span, probes};
use crate::scenario::{self, Checked, Context};
use crate::text::{Field, Form, Problems, Source, Span, quote, read};

/// The longest that a game day waits for anything between two injects.
const GAP_MAX: Period = Period::from_secs(24 * 60 * 60);

/// Files with their problems.
type Files = Vec<(Source, Problems)>;

/// Reads and checks a game day with all that it names: its environment, its scenarios and their playbooks, whose
/// problems stand in their own files.
pub fn check(source: Source, context: &Context<'_>) -> Checked<GameDay> {
    let mut problems = Problems::new();
    let Some(written) = read::<Written>(&source, &mut problems) else {
        return Checked { files: vec![(source, problems)], value: None };
    };
    let named = written.environment.get().map(String::as_str);
    let inner = Context { environment: context.environment.or(named), ..*context };
    let (mut files, environment) = match scenario::environment(&inner) {
        Some(Checked { files, value }) => (files, value),
        None => (Files::new(), None),
    };
    let nothing = BTreeMap::new();
    let variables = Variables {
        sets: context.sets,
        environment: environment.as_ref().map_or(&nothing, |environment| &environment.variables),
        process: context.process_env,
    };
    let mut checker = Checker::new(problems, variables);
    missing_environment(&mut checker, &written, &inner, files.is_empty());
    // With an environment that is broken, most of what is wrong with a scenario would be wrong only because of that.
    let broken = inner.environment.is_some() && environment.is_none();
    let file = File { source: &source, context: &inner, skip_scenarios: broken };
    let day = whole(&mut checker, &written, &file, &mut files);
    let mut all = vec![(source, checker.problems)];
    all.append(&mut files);
    let good = !all.iter().any(|(_, problems)| problems.has_errors());
    Checked { files: all, value: day.filter(|_| good) }
}

/// What a file is checked against.
struct File<'a> {
    source: &'a Source,
    context: &'a Context<'a>,
    /// Whether scenarios are not looked at, because their environment is not there.
    skip_scenarios: bool,
}

fn missing_environment(
    checker: &mut Checker<'_>,
    written: &Written,
    context: &Context<'_>,
    nothing_found: bool,
) {
    checker.name(&written.environment, "environment");
    let Some(name) = context.environment.filter(|_| nothing_found) else { return };
    let at = written.environment.span().unwrap_or_default();
    checker
        .problems
        .error("unknown-environment", at, format!("there is no environment {}", quote(name)))
        .help(format!("write environments/{name}.yaml, or give its folder with `--catalog DIR`"));
}

fn whole(
    checker: &mut Checker<'_>,
    written: &Written,
    file: &File<'_>,
    files: &mut Files,
) -> Option<GameDay> {
    let top = Span::new(0, file.source.text.lines().next().map_or(0, str::len));
    let head = (&written.firedrill, &written.kind, &written.name);
    let name = header::check(checker, file.source, "GameDay", head);
    let (title, goal) = (checker.text(&written.title), checker.text(&written.goal));
    let schedule = schedule::check(checker, &written.schedule, file.context.catalog);
    let facilitator = around::roles(checker, &written.roles);
    let approvals = approvals(checker, &written.approvals);
    let preflight = preflight::check(checker, &written.preflight);
    let gap = gap(checker, &written.gap);
    let injects = injects::check(checker, &written.injects, file, files, top);
    let review = review::check(checker, &written.review);
    let report = review::report(checker, &written.report);
    around::not_acted_on(checker, written);
    let day = GameDay {
        name: name?,
        title,
        goal,
        purpose: written.purpose.get().copied(),
        environment: file.context.environment.map(str::to_owned),
        schedule: schedule?,
        facilitator,
        approvals: approvals?,
        preflight,
        is_shuffled: written.order.get() == Some(&Order::Shuffled),
        gap: gap?,
        injects: injects?,
        review,
        report,
        seed: written.seed.get().copied().map(Seed),
        not_acted_on: std::mem::take(&mut checker.not_acted_on),
    };
    fits::check(checker, &written.schedule, &day);
    settles::check(checker, &written.preflight, &day);
    Some(day)
}

fn approvals(checker: &mut Checker<'_>, field: &Field<written::Approvals>) -> Option<Approvals> {
    let Some((written, at)) = given(field) else {
        return field.is_absent().then(Approvals::default);
    };
    let from = checker.names(&written.from, "from").into_iter().map(|(name, _)| name).collect();
    let expires = probes::positive(checker, &written.expires, "expires");
    let count = match given(&written.count) {
        Some((0, at)) => {
            checker
                .problems
                .error("bad-number", at, "no approval would be needed")
                .help("write 1 or more, or leave `approvals` out");
            return None;
        }
        Some((count, at)) if *count > 100 => {
            checker.problems.error("bad-number", at, format!("{count} approvals; the most is 100"));
            return None;
        }
        Some((count, _)) => *count,
        None => 1,
    };
    if written.from.is_given() {
        let what = "approvals.from: groups are not looked up; who agrees is taken at their word";
        later(checker, key_span(&written.from).unwrap_or(at), what);
    }
    Some(Approvals { count, from, expires })
}

fn gap(checker: &mut Checker<'_>, field: &Field<Form<Period, written::Gap>>) -> Option<(Period, Period)> {
    let Some((form, at)) = given(field) else {
        return field.is_absent().then_some((Period::ZERO, Period::ZERO));
    };
    let (from, to) = match form {
        Form::Word(both) => (*both, *both),
        Form::Map(map) => {
            let from = checker.need(&map.from, "from", at, "10m").map(|(period, _)| *period);
            let to = checker.need(&map.to, "to", at, "20m").map(|(period, _)| *period);
            (from?, to?)
        }
        Form::List(never) => match *never {},
    };
    if from > to {
        checker
            .problems
            .error("bad-number", at, format!("the gap is from {from} to {to}: it ends before it begins"))
            .help(format!("write `gap: {{from: {to}, to: {from}}}`"));
        return None;
    }
    if to > GAP_MAX {
        checker
            .problems
            .error("bad-number", at, format!("a gap of {to}; the most is {GAP_MAX}"))
            .help("make two game days of it");
        return None;
    }
    Some((from, to))
}

/// Says what is read and not acted on: in check, and for whoever shows the day.
fn later(checker: &mut Checker<'_>, at: Span, what: &str) {
    checker.problems.warning("not-acted-on", at, format!("{what} (in this version)"));
    checker.not_acted_on(what);
}
