use std::collections::{BTreeMap, BTreeSet};

use firedrill::fault::Seed;
use firedrill::scenario::{self, Catalog, Checked, Context};
use firedrill::text::{Problem, Problems, Source, Style, kind_of, render, render_short};

use crate::run::{Target, files, fuzz, ours};

#[test]
fn any_file_is_read_or_refused() {
    let folders = [
        "scenarios",
        "tests/files/scenario",
        "tests/files/scenario/environments",
        "tests/files/check",
        "tests/files/yaml",
    ];
    fuzz(&Target {
        name: "scenario",
        corpus: files(&folders, ".yaml"),
        bytes_max: 16 << 10,
        short: 500,
        reached: &["good"],
        read,
    });
}

/// One environment, whatever it is called, and nothing else.
struct OneEnvironment;

impl Catalog for OneEnvironment {
    fn read(&self, folder: &str, _: &str) -> Option<Source> {
        let text = include_str!("../files/scenario/environments/staging.yaml");
        (folder == "environments").then(|| Source::new("environments/staging.yaml", text))
    }
}

fn read(input: &[u8]) -> BTreeSet<String> {
    let sets =
        ["SHOP", "PROM", "ALERTMANAGER"].map(|name| (name.to_owned(), "http://127.0.0.1:8080".to_owned()));
    let (sets, process_env) = (BTreeMap::from(sets), BTreeMap::new());
    let (catalog, inputs) = (&OneEnvironment, BTreeMap::new());
    let alone =
        Context { catalog, sets: &sets, process_env: &process_env, inputs: &inputs, environment: None };
    let shared = Context { environment: Some("staging"), ..alone };
    let source = || Source::new("fuzz.yaml", input);
    let kind = kind_of(&source(), &mut Problems::new());
    let mut said = BTreeSet::new();
    if kind.is_some_and(|(kind, _)| kind == "Environment") {
        told(scenario::check_environment(source(), &alone), &mut said);
    }
    for context in [alone, shared] {
        let Some(scenario) = told(scenario::check(source(), &context), &mut said) else { continue };
        said.insert("good".to_owned());
        let plan = scenario.plan(Seed(1), None);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<scenario::plan::Plan>(&json).unwrap(), plan);
        let long = scenario.expanded();
        let again = told(scenario::check(Source::new("fuzz.yaml", &long), &context), &mut BTreeSet::new());
        assert_eq!(again.expect(&long).plan(Seed(1), None), plan, "{long}");
    }
    said
}

/// The thing that was read, once all that was said about it has been looked at.
pub fn told<T>(checked: Checked<T>, said: &mut BTreeSet<String>) -> Option<T> {
    assert_eq!(checked.value.is_none(), checked.has_errors());
    for (source, problems) in checked.files {
        let problems = problems.into_sorted();
        for problem in &problems {
            said.insert(format!("{} {}", problem.rule, ours(&problem.message)));
            in_the_file(problem, &source);
        }
        let style = Style { unicode: problems.len() % 2 == 0, ..Style::default() };
        for words in [render(&problems, &source, style), render_short(&problems, &source)] {
            let strange = words.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(strange, None, "{words}");
        }
    }
    checked.value
}

fn in_the_file(problem: &Problem, source: &Source) {
    for span in problem.others.iter().map(|(span, _)| span).chain([&problem.span]) {
        assert!(source.text.get(span.start..span.end).is_some(), "{problem:?}");
    }
}
