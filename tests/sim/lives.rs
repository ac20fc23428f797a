//! Drills whose process dies, once or several times, and is followed by another that ends them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firedrill::coordinator::engine::{self, EndError};
use firedrill::drill::Command;
use firedrill::drill::journal::CLOSED;
use firedrill::drill::replay::take_up;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::checks;
use crate::course::{self, Course, bound, bound_of, lines, setup};
use crate::dice::Dice;
use crate::fate::{Fate, RecordFate};
use crate::ledger::{Deed, Ledger, Memory};
use crate::onlooker::Onlooker;
use crate::people;
use crate::scenario;
use crate::world::World;

/// How many drills die.
const SEEDS: u64 = 240;
const SEEDS_FULL: u64 = 10_000;
/// A drill dies so many times at most.
const DEATHS_MAX: u64 = 3;

/// The checks that must hold however often its process died. An order that nobody answered is given once more, so that
/// removals may be ordered more than once; and whoever asked the dead gets no answer.
const HOLD: [&str; 10] = [
    "it-ends",
    "nothing-after-the-stop",
    "nothing-after-the-close",
    "written-before-it-is-done",
    "the-journal-verifies",
    "a-replay-decides-the-same",
    "a-rescore-is-byte-equal",
    "what-is-left-is-told",
    "the-exit-status-follows",
    "a-stop-is-for-the-first-reason",
];

/// A drill that dies, and how many times it did.
struct Lives {
    course: Course,
    deaths: u64,
    /// What was applied in the life of another process than the first.
    applied_later: Vec<Deed>,
}

fn live(seed: u64) -> Lives {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(live_and_die(seed))
}

async fn live_and_die(seed: u64) -> Lives {
    let mut dice = Dice::of(seed, "deaths");
    let (text, plan, playbook) = scenario::draw(seed);
    let fate = Fate { record: RecordFate::Whole, panics_at: None, ..Fate::draw(seed, &plan) };
    let (ledger, began) = (Ledger::begin(), Instant::now());
    let (paper, written) = Memory::new(&ledger, fate.record);
    let mut onlooker = Onlooker { shown: 0, panics_at: None };
    let world = World::new(seed, &plan, fate, &ledger);
    let acts = Arc::new(Mutex::new(people::draw(seed, &plan, playbook.as_ref())));
    let (requests, requests_in) = mpsc::channel(16);
    let (signals, signals_in) = mpsc::channel(4);
    let asking = tokio::spawn(people::act(Arc::clone(&acts), ledger.clone(), began, requests, signals));
    let bound = bound(&plan) + playbook.as_ref().map_or(Duration::ZERO, |book| bound_of(book, &plan));
    let setup = setup(plan, playbook);
    let outside = || world.clone() as Arc<dyn engine::Outside>;
    // Most of it happens early; a drill that never dies is in it as well.
    let lasts = |dice: &mut Dice| {
        let most = [500, 20_000, 300_000][usize::try_from(dice.below(3)).unwrap()];
        Duration::from_millis(dice.below(most))
    };
    let first = engine::World { outside: outside(), paper: Box::new(paper) };
    let life = engine::run_in(first, setup.clone(), requests_in, signals_in, &mut onlooker);
    let mut ended = timeout(lasts(&mut dice), life).await.ok();
    asking.abort();
    let (mut deaths, first_death) = (0, ledger.entries().len());
    while ended.is_none() {
        deaths += 1;
        sleep(Duration::from_millis(dice.below(100_000))).await;
        let journal = written.lock().unwrap().journal.clone();
        if journal.is_empty() {
            break;
        }
        let again = engine::World { outside: outside(), paper: Box::new(Memory::on(&ledger, &written)) };
        let (_people, nobody) = mpsc::channel(1);
        let life = engine::end_interrupted_in(again, setup.clone(), &journal, nobody, &mut onlooker);
        let within = if deaths < DEATHS_MAX { lasts(&mut dice) } else { bound };
        ended = match timeout(within, life).await {
            Ok(Ok(outcome)) => Some(Ok(outcome)),
            Ok(Err(EndError::Record(error))) => Some(Err(error)),
            Ok(Err(error)) => panic!("seed {seed}: {error}"),
            Err(_) if deaths >= DEATHS_MAX => break,
            Err(_) => None,
        };
    }
    sleep(Duration::from_secs(120)).await;
    let entries = ledger.entries().clone();
    let (written, acts) = (written.lock().unwrap().clone(), acts.lock().unwrap().clone());
    let lines = lines(&entries);
    let course = Course { text, world, ended, entries, lines, written, acts };
    let applied = course.begun(|deed| matches!(deed, Deed::Apply(_)));
    let applied_later = applied.filter(|(at, _)| *at >= first_death).map(|(_, deed)| deed.clone()).collect();
    Lives { course, deaths, applied_later }
}

fn findings(lives: &Lives) -> Vec<String> {
    let course = &lives.course;
    let held = checks::ALL.iter().filter(|(name, _)| HOLD.contains(name));
    let mut findings: Vec<String> =
        held.filter_map(|(name, check)| Some(format!("{name}: {}", check(course).err()?))).collect();
    if !lives.applied_later.is_empty() {
        findings.push(format!("applied after the death: {:?}", lives.applied_later));
    }
    for fault in &course.world.plan.faults {
        let said = course.lines.iter().filter(|(_, line)| {
            line.kind == "fault.applied" && line.data["fault"].as_str() == Some(&fault.id)
        });
        let deeds = course.begun(|deed| *deed == Deed::Apply(fault.id.clone()));
        let (said, deeds) = (said.count(), deeds.count());
        if said > 1 || deeds > 1 {
            findings.push(format!("`{}` was applied {deeds} times, and {said} are on record", fault.id));
        }
    }
    let restarts = course.lines.iter().filter(|(_, line)| line.kind == "coordinator.restarted").count();
    let closed = course.lines.last().is_some_and(|(_, line)| line.kind == CLOSED);
    if lives.deaths > 0 && (restarts == 0 || !closed) && !unbegun(course) {
        findings.push(format!("{} deaths, {restarts} restarts on record, closed: {closed}", lives.deaths));
    }
    findings
}

/// Over when it died, or never begun: there is nothing to restart.
fn unbegun(course: &Course) -> bool {
    course.lines.is_empty() || course.lines.iter().any(|(_, line)| line.kind == "drill.close")
}

#[test]
fn a_drill_whose_process_dies_is_ended_by_the_next() {
    let full = std::env::var_os("FIREDRILL_TEST_FULL").is_some();
    let (mut bad, mut died, mut on) = (Vec::new(), 0_u32, 0_u32);
    for seed in 0..if full { SEEDS_FULL } else { SEEDS } {
        let lives = live(seed);
        died += u32::from(lives.deaths > 0);
        on += u32::from(
            lives.deaths > 0 && lives.course.begun(|deed| matches!(deed, Deed::Apply(_))).count() > 0,
        );
        let findings = findings(&lives);
        if !findings.is_empty() {
            bad.push(format!("seed {seed}:\n  {}", findings.join("\n  ")));
        }
    }
    println!("{died} drills died, {on} of them with a fault ordered");
    assert!(bad.is_empty(), "{} bad drills\n{}", bad.len(), bad[..bad.len().min(10)].join("\n"));
    assert!(died > SEEDS as u32 / 2 && on > SEEDS as u32 / 20, "{died} died, {on} of them with a fault");
}

/// Wherever a journal is cut, what was decided and is not on it is what stands next in it.
#[test]
fn a_journal_that_is_cut_anywhere_knows_what_was_decided() {
    for seed in 0..24 {
        let course = course::run(seed);
        if course.is_torn() {
            continue;
        }
        let journal = &course.written.journal;
        let ends: Vec<usize> =
            journal.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        for (n, end) in ends.iter().enumerate() {
            // Torn in the middle of the next line.
            let torn = ends.get(n + 1).map_or(*end, |next| end + (next - end) / 2);
            let left = take_up(&journal[..torn], |_| {}).unwrap();
            let next = course.lines.iter().skip(n + 1).map(|(_, line)| line);
            let next: Vec<&str> = next
                .map(|line| line.kind.as_str())
                .take_while(|kind| *kind != CLOSED)
                .take(left.unwritten.len())
                .collect();
            let unwritten: Vec<String> = left.unwritten.iter().map(kind).collect();
            assert_eq!(unwritten, next, "seed {seed}, cut after line {n}");
        }
    }
}

fn kind(command: &Command) -> String {
    let value = match command {
        Command::Record(record) => serde_json::to_value(record),
        command => serde_json::to_value(command),
    };
    value.unwrap()["kind"].as_str().unwrap().to_owned()
}
