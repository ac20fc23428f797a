//! The bundle of a game day: the files that it was made from, and nothing else. What was approved is what runs.

use std::collections::BTreeMap;

use super::Keeper;
use crate::coordinator::engine::Input;
use crate::gameday::{self, FileText, GameDay};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;
use crate::scenario::{Catalog, Checked, Context};
use crate::text::Source;

/// Finds files in a bundle: `<folder>/<name>.yaml`, `.yml`, or `<folder>/<name>` of a name that brings its ending.
pub(in crate::coordinator) struct BundleCatalog<'a>(pub(in crate::coordinator) &'a [FileText]);

impl Catalog for BundleCatalog<'_> {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        let paths =
            [format!("{folder}/{name}.yaml"), format!("{folder}/{name}.yml"), format!("{folder}/{name}")];
        let found = paths.iter().find_map(|path| self.0.iter().find(|file| file.path == *path));
        found.map(|file| Source::new(file.path.clone(), &file.text))
    }

    fn file(&self, path: &str) -> Option<Source> {
        let found = self.0.iter().find(|file| file.path == path);
        found.map(|file| Source::new(file.path.clone(), &file.text))
    }
}

/// Reads and checks a bundle whose first file is the game day's. Nothing comes from this process's environment, or what
/// was approved would not be what runs.
pub(in crate::coordinator) fn read_bundle(files: &[FileText]) -> Checked<GameDay> {
    let nothing = BTreeMap::new();
    let catalog = BundleCatalog(files);
    let context = Context {
        catalog: &catalog,
        sets: &nothing,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    };
    let main = files
        .first()
        .map_or_else(|| Source::new("gameday.yaml", ""), |file| Source::new(file.path.clone(), &file.text));
    gameday::check(main, &context)
}

/// What a run executes.
pub(super) struct Exercise {
    pub(super) plan: Plan,
    pub(super) playbook: Option<Playbook>,
    pub(super) inputs: Vec<Input>,
}

/// What a run of a game day executes, from the files in its journal.
pub(super) fn of_run(day: &Keeper, run: u32) -> Result<Exercise, String> {
    let gameday = again(&day.planned.files)?;
    let planned = day.planned.plan.run(run).ok_or_else(|| format!("there is no run {run}"))?;
    let (plan, playbook) = gameday.drill(planned).ok_or_else(|| format!("run {run} is no drill"))?;
    // Only what has to do with this drill: the other scenarios of the day are none of it.
    let of_it = |file: &&FileText| {
        let other = |folder: &str| file.path.starts_with(folder);
        !other("scenarios/") && !other("playbooks/")
            || file.path.contains(&*plan.scenario)
            || playbook.as_ref().is_some_and(|book| file.path.contains(&*book.name))
    };
    let inputs = day.planned.files.iter().filter(of_it);
    let inputs = inputs.map(|file| Input { path: file.path.clone(), text: file.text.clone() }).collect();
    Ok(Exercise { plan, playbook, inputs })
}

/// The plans of all drills of a game day.
pub(super) fn plans(day: &Keeper) -> Result<Vec<(Plan, Option<Playbook>)>, String> {
    let gameday = again(&day.planned.files)?;
    Ok(day.planned.plan.runs.iter().filter_map(|run| gameday.drill(run)).collect())
}

/// The files were good when they were added; another version of firedrill may see them otherwise.
fn again(files: &[FileText]) -> Result<GameDay, String> {
    let Checked { files, value } = read_bundle(files);
    value.ok_or_else(|| {
        let first = files.into_iter().find_map(|(source, problems)| {
            let worst = problems
                .into_sorted()
                .into_iter()
                .find(|problem| problem.severity == crate::text::Severity::Error)?;
            Some(format!("{}: {}", source.path, worst.message))
        });
        let why = first.unwrap_or_else(|| "its files cannot be read".to_owned());
        format!("this version of firedrill does not take its files any more: {why}; add the game day anew")
    })
}
