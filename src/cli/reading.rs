//! Reading a scenario for a command: the options that say against what, and the problems for people.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::catalog::FileCatalog;
use super::files::{Tally, open, stderr_style};
use crate::gameday::{self, GameDay};
use crate::playbook::plan::Playbook;
use crate::playbook::{self, Exercise};
use crate::scenario::{Checked, Context};
use crate::text::{Problem, Problems, Source, kind_of, render};

/// What a file can hold that is planned.
#[derive(Debug)]
pub(super) enum Thing {
    /// A scenario with its playbook.
    Exercise(Box<Exercise>),
    /// A playbook alone.
    Playbook(Box<Playbook>),
    /// A game day with all that it names.
    GameDay(Box<GameDay>),
}

/// Against what a file is read.
#[derive(Debug, clap::Args)]
pub(super) struct Reading {
    /// The environment to run in, by the name of its file
    #[arg(long, value_name = "NAME")]
    pub(super) environment: Option<String>,
    /// A folder with more services, playbooks, environments and scenarios; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(super) catalog: Vec<PathBuf>,
    /// What `${NAME}` stands for; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(super) sets: Vec<(String, String)>,
    /// The value of an input of the playbook; may be given several times
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(super) inputs: Vec<(String, String)>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

impl Reading {
    /// Calls `f` with all that the file at `path` is read against.
    pub(super) fn with<T>(&self, path: &Path, f: impl FnOnce(&Context<'_>) -> T) -> T {
        let sets: BTreeMap<String, String> = self.sets.iter().cloned().collect();
        // A variable that is no text cannot be meant by a file, which is one.
        let process_env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let inputs: BTreeMap<String, String> = self.inputs.iter().cloned().collect();
        let catalog = FileCatalog::beside(path, &self.catalog);
        f(&Context {
            catalog: &catalog,
            sets: &sets,
            process_env: &process_env,
            inputs: &inputs,
            environment: self.environment.as_deref(),
        })
    }

    /// The scenario in a file with its playbook, and the text of every file that was read. What is wrong goes to
    /// standard error; `None` when that makes the scenario unusable.
    pub(super) fn exercise(&self, path: &Path) -> Option<(Exercise, Vec<Source>)> {
        match self.read(path, false)? {
            (Thing::Exercise(exercise), sources) => Some((*exercise, sources)),
            (Thing::Playbook(_) | Thing::GameDay(_), _) => None,
        }
    }

    /// The same of a file that may also be a playbook or a game day.
    pub(super) fn thing(&self, path: &Path) -> Option<(Thing, Vec<Source>)> {
        self.read(path, true)
    }

    fn read(&self, path: &Path, others_too: bool) -> Option<(Thing, Vec<Source>)> {
        let (source, problems) = open(path);
        if !problems.is_empty() {
            say_wrong(vec![(source, problems)]);
            return None;
        }
        let mut problems = Problems::new();
        let (files, value) = match kind_of(&source, &mut problems) {
            Some((kind, _)) if kind == "Playbook" && others_too => {
                let Checked { files, value } =
                    self.with(path, |context| playbook::check(source, context, None));
                (files, value.map(Box::new).map(Thing::Playbook))
            }
            Some((kind, _)) if kind == "GameDay" && others_too => {
                let Checked { files, value } = self.with(path, |context| gameday::check(source, context));
                (files, value.map(Box::new).map(Thing::GameDay))
            }
            Some((kind, at)) if kind != "Scenario" => {
                let message = format!("this is a file of kind {}, not a scenario", crate::text::quote(&kind));
                problems.error("wrong-kind", at, message).help("name a file with `kind: Scenario`");
                (vec![(source, problems)], None)
            }
            _ => {
                let Checked { files, value } =
                    self.with(path, |context| playbook::check_exercise(source, context, None));
                (files, value.map(Box::new).map(Thing::Exercise))
            }
        };
        let sources = files.iter().map(|(source, _)| source.clone()).collect();
        say_wrong(files);
        value.map(|thing| (thing, sources))
    }
}

/// Prints the problems of some files to standard error, and how many there are; nothing when there are none.
fn say_wrong(files: Vec<(Source, Problems)>) {
    let mut tally = Tally::default();
    for (source, problems) in files {
        let problems: Vec<Problem> = problems.into_sorted();
        tally.add(&problems, true);
        eprint!("{}", render(&problems, &source, stderr_style()));
    }
    if tally.errors + tally.warnings > 0 {
        eprintln!("{tally}");
    }
}
