//! From a playbook as written to one that cannot be wrong: every problem of the file, none that follows from another.

mod action;
mod conditions;
mod flow;
mod heading;
mod inputs;
mod lint;
mod outputs;
mod place;
mod probe;
mod step;
mod steps;
mod undo;

use std::collections::BTreeMap;

use super::plan::Playbook;
use super::written::Playbook as Written;
use crate::fault::Period;
use crate::scenario::check::substitute::{OfPlaybook, Variables};
use crate::scenario::check::{Checker, header, references, secrets};
use crate::scenario::plan::PlaybookStart;
use crate::scenario::{self, Checked, Context, Environment};
use crate::text::{Field, Problems, Source, Span, quote, read};

/// The longest that any wait of a playbook may be.
const WAIT_MAX: Period = Period::from_secs(24 * 60 * 60);

/// What the scenario that uses a playbook brings.
#[derive(Clone, Debug)]
pub struct Around {
    /// The names of the probes of its steady state.
    pub probes: Vec<String>,
    /// What starts the playbook.
    pub start: PlaybookStart,
    /// Whether it expects alarms, each of which starts the playbook too.
    pub expects_alarms: bool,
}

/// Reads and checks a playbook. Without a scenario around it the probes that it names are taken for good; whoever runs
/// it asks [`Playbook::borrowed_probes`].
pub fn check(source: Source, context: &Context<'_>, around: Option<&Around>) -> Checked<Playbook> {
    let mut problems = Problems::new();
    let Some(written) = read::<Written>(&source, &mut problems) else {
        return Checked { files: vec![(source, problems)], value: None };
    };
    let environment = scenario::environment(context).and_then(|checked| checked.value);
    let nothing = BTreeMap::new();
    let variables = Variables {
        sets: context.sets,
        environment: environment.as_ref().map_or(&nothing, |environment| &environment.variables),
        process: context.process_env,
    };
    let mut checker = Checker::new(problems, variables);
    let file = File { source: &source, context, around, environment: environment.as_ref() };
    let book = whole(&mut checker, &written, &file);
    let problems = checker.problems;
    let value = book.filter(|_| !problems.has_errors());
    Checked { files: vec![(source, problems)], value }
}

/// Whether a file says `review_after`.
pub(super) fn says_review_after(source: &Source) -> bool {
    read::<Written>(source, &mut Problems::new()).is_some_and(|written| written.review_after.is_given())
}

/// What the check thinks that conditions may ask of each step of a file.
#[cfg(test)]
pub(super) fn shapes_of(source: &Source) -> Vec<super::names::Shape> {
    let written: Option<Written> = read(source, &mut Problems::new());
    written.iter().flat_map(steps::shapes).collect()
}

/// What a file is checked against.
struct File<'a> {
    source: &'a Source,
    context: &'a Context<'a>,
    around: Option<&'a Around>,
    environment: Option<&'a Environment>,
}

fn whole(checker: &mut Checker<'_>, written: &Written, file: &File<'_>) -> Option<Playbook> {
    let top = Span::new(0, file.source.text.lines().next().map_or(0, str::len));
    let head = (&written.firedrill, &written.kind, &written.name);
    let name = header::check(checker, file.source, "Playbook", head);
    missing_environment(checker, file, top);
    checker.secrets = secrets::check(checker, &written.secrets);
    let declared = inputs::check(checker, &written.inputs, file.context.inputs, top);
    checker.playbook = Some(OfPlaybook { inputs: inputs::texts(&declared), ..OfPlaybook::default() });
    let title = heading::words(checker, &written.title);
    let owner = heading::words(checker, &written.owner);
    if let Some((name, at)) = checker.name(&written.service, "service") {
        references::exists(checker, file.context.catalog, "services", (name, at));
    }
    let triggers = heading::triggers(checker, &written.triggers);
    let objectives = heading::objectives(checker, &written.objectives);
    let contacts = heading::contacts(checker, &written.contacts);
    wait(checker, &written.review_after, "review_after", Period::MAX);
    let steps = steps::check(checker, written, &declared, file, top);
    lint::unused(checker, &written.inputs, &written.secrets);
    lint::never_begins(checker, file.around, &written.triggers, top);
    Some(Playbook {
        name: name?,
        title,
        owner,
        triggers: triggers?,
        objectives: objectives?,
        inputs: declared.into_iter().map(|(name, input)| (name, input.value)).collect(),
        secrets: checker.secrets.clone(),
        contacts: contacts?,
        steps: steps?,
    })
}

fn missing_environment(checker: &mut Checker<'_>, file: &File<'_>, top: Span) {
    let Some(name) = file.context.environment else { return };
    // A scenario that is checked with it says this itself, and what is wrong inside the environment's file.
    if file.environment.is_none() && file.around.is_none() {
        checker
            .problems
            .error("unknown-environment", top, format!("there is no usable environment {}", quote(name)))
            .help(format!(
                "write environments/{name}.yaml, or give its folder with `--catalog DIR`; `firedrill check` \
                 says what is wrong with it"
            ));
    }
}

/// A length of time that is more than none and no more than `most`.
fn wait(checker: &mut Checker<'_>, field: &Field<Period>, key: &str, most: Period) -> Option<Period> {
    let period = crate::scenario::check::probes::positive(checker, field, key)?;
    if period > most {
        checker
            .problems
            .error("bad-number", field.span()?, format!("`{key}` is {period}; the most is {most}"))
            .help(format!("write at most `{key}: {most}`"));
        return None;
    }
    Some(period)
}
