use std::collections::{BTreeMap, BTreeSet};

use firedrill::fault::Seed;
use firedrill::gameday::plan::DayPlan;
use firedrill::gameday::schedule::calendar;
use firedrill::gameday::{self, GameDay};
use firedrill::scenario::{self, Catalog, Context};
use firedrill::text::{Problems, Source, kind_of};

use crate::run::{Target, files, fuzz};
use crate::scenario::told;

#[test]
fn any_game_day_or_service_is_read_or_refused() {
    fuzz(&Target {
        name: "gameday",
        corpus: files(&["tests/files/gameday", "docs/examples/gamedays", "docs/examples/services"], ".yaml"),
        bytes_max: 16 << 10,
        short: 400,
        reached: &["good", "good service"],
        read,
    });
}

#[test]
fn any_calendar_is_read_or_refused() {
    fuzz(&Target {
        name: "calendar",
        corpus: files(&["tests/files/gameday/holidays"], ".ics"),
        bytes_max: 16 << 10,
        short: 2_000,
        reached: &["blackout", "left out", "refused"],
        read: |input| {
            let mut said = BTreeSet::new();
            match calendar::read(&String::from_utf8_lossy(input)) {
                Err(_) => drop(said.insert("refused".to_owned())),
                Ok(read) => {
                    assert!(read.blackouts.iter().all(|blackout| blackout.from <= blackout.to));
                    said.extend((!read.blackouts.is_empty()).then(|| "blackout".to_owned()));
                    said.extend((!read.not_acted_on.is_empty()).then(|| "left out".to_owned()));
                }
            }
            said
        },
    });
}

const SCENARIO: &str = "firedrill: v1
kind: Scenario
name: slow
routes: {payments: {listen: \"127.0.0.1:9001\", upstream: \"127.0.0.1:9000\", protocol: http}}
load: {http: \"http://127.0.0.1:8080/\", rate: 5/s}
steady_state: [{http: \"http://127.0.0.1:8080/\"}]
faults: [{id: slow, latency: 2s, target: route/payments, scope: 5%, until: 1m, max: 2m}]
";

/// One scenario, one environment and one calendar, whatever they are called.
struct One;

impl Catalog for One {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        let text = match folder {
            "scenarios" => SCENARIO,
            "environments" => include_str!("../files/scenario/environments/staging.yaml"),
            _ => return None,
        };
        Some(Source::new(format!("{folder}/{name}.yaml"), text))
    }

    fn file(&self, path: &str) -> Option<Source> {
        Some(Source::new(path, include_str!("../files/gameday/holidays/dk.ics")))
    }
}

fn read(input: &[u8]) -> BTreeSet<String> {
    let nothing = BTreeMap::new();
    let context =
        Context { catalog: &One, sets: &nothing, process_env: &nothing, inputs: &nothing, environment: None };
    let source = || Source::new("fuzz.yaml", input);
    let mut said = BTreeSet::new();
    let kind = kind_of(&source(), &mut Problems::new());
    if kind.is_some_and(|(kind, _)| kind == "Service") {
        if told(scenario::check_service(source(), &context), &mut said).is_some() {
            said.insert("good service".to_owned());
        }
    } else if let Some(day) = told(gameday::check(source(), &context), &mut said) {
        said.insert("good".to_owned());
        planned(&day);
    }
    said
}

fn planned(day: &GameDay) {
    let plan = day.plan(Seed(1), None);
    assert_eq!(plan, day.plan(Seed(1), None));
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<DayPlan>(&json).unwrap(), plan);
    for run in &plan.runs {
        assert_eq!(day.drill(run).is_none(), run.what.name() == "question");
    }
    // What was found good can begin some day, and never at a time that is forbidden.
    if let Some(schedule) = &plan.schedule {
        let said = schedule.duration.map(|length| length.duration());
        for about in [std::time::Duration::ZERO, plan.estimate()] {
            let due = schedule.next(jiff::Timestamp::UNIX_EPOCH, about);
            // That its injects take too long is only a warning: they may take less.
            assert!(due.is_some() || (said.is_none() && !about.is_zero()), "it can begin");
            assert!(due.is_none_or(|due| schedule.may_run(due.at, said.unwrap_or(about)).is_ok()));
        }
    }
}
