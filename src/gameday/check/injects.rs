//! What is injected: each scenario read with its playbook, as it is different here.

use super::{File, Files, overrides};
use crate::gameday::checked::{Inject, InjectWhat};
use crate::gameday::written;
use crate::playbook::{Exercise, check_exercise};
use crate::scenario::Checked;
use crate::scenario::check::{Checker, given, key_span};
use crate::scenario::plan::Control;
use crate::text::{Field, Form, Problems, Source, Span, quote};

/// A day with more drills is none that anybody stays for.
const RUNS_MAX: u32 = 200;

type Entry = Field<Form<String, written::Inject>>;

pub(super) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Entry>>,
    file: &File<'_>,
    files: &mut Files,
    top: Span,
) -> Option<Vec<Inject>> {
    let (list, list_at) = checker.need(field, "injects", top, "[{scenario: payments-slow}]")?;
    if list.is_empty() {
        checker
            .problems
            .error("no-inject", list_at, "nothing happens on this game day")
            .help("add one: `- {scenario: payments-slow}`");
    }
    let (mut injects, mut good, mut runs) = (Vec::new(), true, 0_u32);
    for (place, entry) in list.iter().enumerate() {
        let inject = one(checker, (place, entry), file, files);
        good &= inject.is_some() || file.skip_scenarios;
        runs = runs.saturating_add(inject.as_ref().map_or(1, |inject| inject.repeat));
        injects.extend(inject);
    }
    if runs > RUNS_MAX {
        checker
            .problems
            .error("too-many", list_at, format!("{runs} injects; the most is {RUNS_MAX}"))
            .help("make several game days of it");
    }
    good.then_some(injects)
}

fn one(
    checker: &mut Checker<'_>,
    (place, entry): (usize, &Entry),
    file: &File<'_>,
    files: &mut Files,
) -> Option<Inject> {
    let (form, at) = given(entry)?;
    let map = match form {
        Form::Word(name) => {
            let field = Field::Given { key: at, span: at, value: name.clone() };
            let exercise = scenario(checker, &field, None, file, files)?;
            let what = InjectWhat::Drill { exercise: Box::new(exercise), control: None };
            return Some(Inject { repeat: 1, what });
        }
        Form::Map(map) => map,
        Form::List(never) => match *never {},
    };
    let keys = [("scenario", key_span(&map.scenario)), ("ask", key_span(&map.ask))];
    if checker.exactly_one(&keys, at, "what is injected", ("no-inject", "two-injects"))? == "ask" {
        return ask(checker, map, at);
    }
    let repeat = repeat(checker, &map.repeat)?;
    let different =
        map.different.get().and_then(|different| key_span(&different.faults)).map(|at| (place, at));
    let exercise = scenario(checker, &map.scenario, different, file, files);
    let control = match given(&map.control) {
        Some((Control::SubThreshold, at)) => {
            checker
                .problems
                .error("bad-value", at, "this version cannot make a fault too weak to be felt by itself")
                .help("write `control: sham`, or a small share: `override: {faults: {ID: {scope: 1%}}}`");
            return None;
        }
        Some((Control::Sham, _)) => Some(Control::Sham),
        None if map.control.is_bad() => return None,
        None => None,
    };
    Some(Inject { repeat, what: InjectWhat::Drill { exercise: Box::new(exercise?), control } })
}

fn ask(checker: &mut Checker<'_>, map: &written::Inject, at: Span) -> Option<Inject> {
    let others = [
        ("override", key_span(&map.different)),
        ("control", key_span(&map.control)),
        ("repeat", key_span(&map.repeat)),
    ];
    for (key, at) in others {
        if let Some(at) = at {
            checker
                .problems
                .error("bad-inject", at, format!("a question has no `{key}`"))
                .help("leave it out");
        }
    }
    let text = checker.text(&map.ask)?;
    if text.trim().is_empty() {
        checker.problems.error("bad-text", at, "nothing is asked").help("write a question");
        return None;
    }
    Some(Inject { repeat: 1, what: InjectWhat::Ask { text } })
}

fn repeat(checker: &mut Checker<'_>, field: &Field<u32>) -> Option<u32> {
    match given(field) {
        None => field.is_absent().then_some(1),
        Some((0, at)) => {
            checker
                .problems
                .error("bad-number", at, "`repeat: 0` is no inject")
                .help("write 1 or more, or leave the entry out");
            None
        }
        Some((count, _)) => Some(*count),
    }
}

fn scenario(
    checker: &mut Checker<'_>,
    name: &Field<String>,
    different: Option<(usize, Span)>,
    file: &File<'_>,
    files: &mut Files,
) -> Option<Exercise> {
    let (name, at) = checker.name(name, "scenario")?;
    let Some(source) = file.context.catalog.read("scenarios", name) else {
        checker
            .problems
            .error("unknown-file", at, format!("there is no file for the scenario {}", quote(name)))
            .help(format!("write scenarios/{name}.yaml, or give its folder with `--catalog DIR`"));
        return None;
    };
    if file.skip_scenarios {
        return None;
    }
    let Checked { files: found, value } = match different {
        None => check_exercise(source, file.context, None),
        Some(different) => overrides::check(checker, source, different, file),
    };
    if value.is_none() {
        checker
            .problems
            .error("broken-file", at, format!("the scenario {} cannot be used as it is", quote(name)))
            .help("its own problems stand with its file, and those of `override` here");
    }
    for (source, problems) in found {
        put(files, source, problems);
    }
    value
}

/// One entry for each file, whoever uses it.
fn put(files: &mut Files, source: Source, problems: Problems) {
    match files.iter_mut().find(|(known, _)| known.path == source.path) {
        Some((_, known)) => known.append(problems),
        None => files.push((source, problems)),
    }
}
