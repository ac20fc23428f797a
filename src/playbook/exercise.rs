//! A scenario and the playbook that it exercises, read together.

use super::check::{Around, check, says_review_after};
use super::plan::Playbook;
use crate::scenario::{self, Checked, Context, Monitoring, Scenario, changes::FaultChange, named_playbook};
use crate::text::Source;

/// A scenario, and the playbook that it names.
#[derive(Debug)]
pub struct Exercise {
    /// What goes wrong.
    pub scenario: Scenario,
    /// What is done about it.
    pub playbook: Option<Playbook>,
}

/// Reads and checks a scenario with all that it names: its environment and its playbook, whose problems stand in their
/// own files. With a `monitoring` what it expects of alarms is held against its rules.
pub fn check_exercise(
    source: Source,
    context: &Context<'_>,
    monitoring: Option<&mut Monitoring>,
) -> Checked<Exercise> {
    exercise(source, context, |source| match monitoring {
        None => scenario::check(source, context),
        Some(monitoring) => scenario::check_against(source, context, monitoring),
    })
}

/// The same of a scenario in which some keys are different; what is wrong with those stands with the scenario's
/// problems, at places that are not of its file.
pub(crate) fn check_changed_exercise(
    source: Source,
    context: &Context<'_>,
    different: Vec<FaultChange>,
) -> Checked<Exercise> {
    exercise(source, context, |source| scenario::check_changed(source, context, different))
}

fn exercise(
    source: Source,
    context: &Context<'_>,
    check_scenario: impl FnOnce(Source) -> Checked<Scenario>,
) -> Checked<Exercise> {
    // The catalog is asked even when the scenario is broken: all problems are said at once.
    let named = named_playbook(&source).and_then(|name| context.catalog.read("playbooks", &name));
    let Checked { mut files, value: scenario } = check_scenario(source);
    let Some(book) = named else {
        return Checked { files, value: scenario.map(|scenario| Exercise { scenario, playbook: None }) };
    };
    let around = scenario.as_ref().and_then(|scenario| {
        Some(Around {
            probes: scenario.probes().map(str::to_owned).collect(),
            start: scenario.playbook()?.start,
            expects_alarms: scenario.expects_alarms(),
        })
    });
    let stale_after = says_review_after(&book);
    let book = check(book, context, around.as_ref());
    files.extend(book.files);
    let both = scenario.zip(book.value).map(|(mut scenario, book)| {
        if stale_after {
            let what = "review_after: earlier drills are not looked at, so nothing calls it stale";
            scenario.not_acted_on(format!("playbook `{}`: {what}", book.name));
        }
        Exercise { scenario, playbook: Some(book) }
    });
    Checked { files, value: both }
}
