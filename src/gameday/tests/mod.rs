//! Game days, their files and their course.

mod course;
mod files;
mod walk;

use jiff::{SignedDuration, Timestamp};

use super::event::{DayCommand, DayEvent, DrillEnded, DrillWords, PhaseTook};
use super::plan::{Approvals, DayPlan, Review, Run, RunWhat};
use super::preflight::{Automatic, LookedAt, PreflightItem};
use super::schedule::{Due, Schedule, When, Zone};
use super::{Day, DayState};
use crate::drill::journal::Chain;
use crate::fault::{Period, Seed};

/// When everything begins here: a Thursday.
pub(super) fn at(minutes: i64) -> Timestamp {
    "2026-12-03T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

pub(super) fn who() -> String {
    "ana".to_owned()
}

/// A day with two drills around a question, ten minutes apart, with a window that closes after eight hours.
pub(super) fn plan() -> DayPlan {
    let drill = |number: u32, gap: u64| Run {
        number,
        inject: number,
        gap: Period::from_secs(gap * 60),
        what: RunWhat::Drill {
            scenario: format!("slow-{number}"),
            title: None,
            control: None,
            seed: Seed(1),
            estimate: Period::from_secs(300),
        },
    };
    let ask = Run {
        number: 2,
        inject: 2,
        gap: Period::from_secs(600),
        what: RunWhat::Ask { text: "Who tells the customers?".to_owned() },
    };
    DayPlan {
        gameday: "checkout".to_owned(),
        title: None,
        goal: None,
        purpose: None,
        environment: None,
        seed: Seed(1),
        schedule: Some(Schedule {
            when: When::At("2026-12-03T09:00".parse().unwrap()),
            timezone: Zone::UTC,
            duration: None,
            windows: vec!["Thu 09:00-17:00".parse().unwrap()],
            blackouts: Vec::new(),
            start_deadline: Period::from_secs(1_800),
        }),
        due: Some(Due { at: at(0), deadline: at(30) }),
        facilitator: None,
        approvals: Approvals { count: 2, from: Vec::new(), expires: Some(Period::from_secs(24 * 3_600)) },
        preflight: vec![
            PreflightItem {
                id: "playbooks".to_owned(),
                text: String::new(),
                looked_at: LookedAt::Itself { at: Automatic::Playbooks {} },
            },
            PreflightItem {
                id: "ask-1".to_owned(),
                text: "Told?".to_owned(),
                looked_at: LookedAt::People {},
            },
        ],
        runs: vec![drill(1, 0), ask, drill(3, 10)],
        review: Review { questions: vec!["What surprised you?".to_owned()], ..Review::default() },
        report: Default::default(),
        not_acted_on: Vec::new(),
    }
}

pub(super) fn approved(who: &str) -> DayEvent {
    DayEvent::Approved { who: "admin".to_owned(), in_stead_of: Some(who.to_owned()) }
}

pub(super) fn good(item: &str) -> DayEvent {
    DayEvent::PreflightAnswered { item: item.to_owned(), who: who(), ok: true, note: None }
}

pub(super) fn passed(item: &str) -> DayEvent {
    let result = super::preflight::Checked::Passed {};
    DayEvent::PreflightChecked { item: item.to_owned(), result }
}

pub(super) fn began(run: u32) -> DayEvent {
    let drill = (run != 2).then(|| format!("slow-{run}-20261203-090000-0a1b"));
    DayEvent::InjectBegan { run, drill }
}

pub(super) fn words(valid: bool) -> DrillWords {
    DrillWords {
        effect: "confirmed".to_owned(),
        impact: "seen".to_owned(),
        steady_state: "lost".to_owned(),
        hypothesis: "confirmed".to_owned(),
        restored_by: "playbook".to_owned(),
        contained: "held".to_owned(),
        clean: true,
        valid,
        phases: vec![
            PhaseTook { phase: "noticing".to_owned(), seconds: 60.0 },
            PhaseTook { phase: "restoring".to_owned(), seconds: 180.0 },
        ],
        pages: 2,
        ..DrillWords::default()
    }
}

pub(super) fn ended(run: u32, exit: u8) -> DayEvent {
    let drill = Some(format!("slow-{run}-20261203-090000-0a1b"));
    let ended = DrillEnded { drill, exit, words: Some(words(exit != 6)), why: Vec::new() };
    DayEvent::InjectEnded { run, ended: Box::new(ended) }
}

/// A day with the journal that would be kept of it.
pub(super) struct Kept {
    pub(super) day: Day,
    chain: Chain,
    bytes: Vec<u8>,
    pub(super) said: Vec<DayCommand>,
}

impl Kept {
    pub(super) fn new(plan: DayPlan) -> Self {
        let planned = super::Planned { id: "checkout-1".to_owned(), plan: plan.clone(), files: Vec::new() };
        let mut kept = Self {
            day: Day::start(plan.clone(), at(-60)).0,
            chain: Chain::default(),
            bytes: Vec::new(),
            said: vec![],
        };
        kept.write(at(-60), super::PLANNED, &serde_json::to_value(&planned).unwrap());
        let (day, commands) = Day::start(plan, at(-60));
        kept.day = day;
        kept.obey(at(-60), commands);
        kept
    }

    fn write(&mut self, at: Timestamp, kind: &str, data: &serde_json::Value) {
        let line = self.chain.seal(at, Default::default(), kind, data);
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    fn write_tagged(&mut self, at: Timestamp, value: &serde_json::Value) {
        self.write(at, value["kind"].as_str().unwrap(), &value["data"]);
    }

    fn obey(&mut self, now: Timestamp, commands: Vec<DayCommand>) {
        for command in commands {
            let value = match &command {
                DayCommand::Record(record) => serde_json::to_value(record).unwrap(),
                other => serde_json::to_value(other).unwrap(),
            };
            // A wish to be woken is no line.
            if !matches!(command, DayCommand::WakeAt { .. }) {
                self.write_tagged(now, &value);
            }
            self.said.push(command);
        }
    }

    /// The event as the coordinator would take it; what follows from it.
    pub(super) fn take(&mut self, minutes: i64, event: DayEvent) -> Vec<DayCommand> {
        self.take_at(at(minutes), event)
    }

    pub(super) fn take_at(&mut self, now: Timestamp, event: DayEvent) -> Vec<DayCommand> {
        self.write_tagged(now, &serde_json::to_value(&event).unwrap());
        let commands = self.day.next(now, event);
        self.obey(now, commands.clone());
        commands
    }

    pub(super) fn journal(&self) -> &[u8] {
        &self.bytes
    }

    #[track_caller]
    pub(super) fn is(&self, state: DayState) {
        assert_eq!(self.day.state(), state, "{:?}", self.day.why());
    }
}
