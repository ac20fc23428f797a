use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firedrill::playbook::event::{Attempt, Ending, Job, Noted, StartedBy, StepAnswer, Wish};
use firedrill::playbook::plan::{Action, Answer, Playbook, Question, QuestionKind, VISITS_MAX};
use firedrill::playbook::progress::{Progress, Spoken, Surroundings};
use firedrill::playbook::{self, Around};
use firedrill::scenario::plan::{People, PlaybookStart, PlaybookUse};
use firedrill::scenario::{Context, NoCatalog};
use firedrill::text::Source;

use crate::change::Chance;
use crate::run::{Target, files, fuzz};
use crate::scenario::told;

#[test]
fn any_playbook_is_read_or_refused_and_one_that_is_read_ends() {
    let folders = ["playbooks", "tests/files/playbooks", "tests/files/yaml"];
    fuzz(&Target {
        name: "playbook",
        corpus: files(&folders, ".yaml"),
        bytes_max: 16 << 10,
        short: 500,
        reached: &["completed", "failed", "cut short"],
        read,
    });
}

fn read(input: &[u8]) -> BTreeSet<String> {
    let sets = BTreeMap::from(
        ["SHOP".to_owned(), "FLAGS".to_owned()].map(|name| (name, "http://127.0.0.1:1".to_owned())),
    );
    let nothing = BTreeMap::new();
    let context = Context {
        catalog: &NoCatalog,
        sets: &sets,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    };
    let around = Around {
        probes: ["checkout-http", "checkout", "browsing"].map(str::to_owned).to_vec(),
        start: PlaybookStart::Alarm,
        expects_alarms: false,
    };
    let mut said = BTreeSet::new();
    for around in [None, Some(&around)] {
        let source = Source::new("fuzz.yaml", input);
        let Some(book) = told(playbook::check(source, &context, around), &mut said) else { continue };
        let json = serde_json::to_string(&book).unwrap();
        assert_eq!(serde_json::from_str::<Playbook>(&json).unwrap(), book);
        for luck in 0..8 {
            said.insert(Course::new(book.clone(), input, luck).play());
        }
    }
    said
}

/// A playbook that is played by chance: attempts succeed, fail or are never answered, people say anything or nothing.
struct Course {
    progress: Progress,
    chance: Chance,
    now: Duration,
    jobs: Vec<Job>,
    verifying: Option<String>,
    entered: usize,
    finished: usize,
}

/// What the steps see changes from one look to the next.
struct Weather(bool);

impl Surroundings for Weather {
    fn impact(&self) -> Option<Duration> {
        self.0.then_some(Duration::ZERO)
    }

    fn is_good(&self, probe: Option<&str>, _: Duration) -> Result<(), String> {
        if self.0 { Ok(()) } else { Err(probe.unwrap_or("all").to_owned()) }
    }
}

impl Course {
    fn new(book: Playbook, input: &[u8], luck: u64) -> Self {
        let used = PlaybookUse {
            name: book.name.clone(),
            start: PlaybookStart::Manual,
            people: People::Ask,
            undo: true,
        };
        let seed = input.iter().fold(luck, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        Self {
            progress: Progress::new(book, used),
            chance: Chance::new(seed),
            now: Duration::ZERO,
            jobs: Vec::new(),
            verifying: None,
            entered: 0,
            finished: 0,
        }
    }

    /// How it ended, in one word.
    fn play(mut self) -> String {
        let weather = self.weather();
        let wishes = self.progress.start(self.now, StartedBy::Command {}, &weather);
        self.hear(wishes);
        // Each visit makes at most 20 attempts, and each attempt waits at most twice.
        let turns_max = VISITS_MAX * 20 * 8;
        let mut turns = 0;
        while self.progress.is_running() || self.progress.taken_back().is_going() {
            turns += 1;
            assert!(turns < turns_max, "it does not end: {:?}", self.progress.state());
            self.turn();
            if !self.progress.is_running() {
                let weather = self.weather();
                let wishes = self.progress.take_back(self.now, &weather);
                self.hear(wishes);
            }
        }
        assert_eq!(self.entered, self.finished, "every step that was entered is over");
        assert_eq!(self.entered, self.progress.visits().len());
        assert!(self.entered <= VISITS_MAX);
        match self.progress.ending() {
            Some(Ending::Completed {}) => "completed",
            Some(Ending::Failed { .. }) => "failed",
            Some(Ending::CutShort { .. }) => "cut short",
            None => panic!("it has no end"),
        }
        .to_owned()
    }

    fn weather(&mut self) -> Weather {
        Weather(self.chance.below(2) == 0)
    }

    fn turn(&mut self) {
        let weather = self.weather();
        let lucky = self.chance.below(4) > 0;
        let wishes = if self.progress.current().is_some_and(|visit| visit.waits_for_people()) && lucky {
            self.answer(&weather)
        } else if let (true, Some(step)) = (lucky, self.verifying.take()) {
            self.progress.on_verified(self.now, &step, &weather)
        } else if let (true, Some(job)) = (lucky, self.jobs.pop()) {
            let attempt = self.attempt(&job);
            self.progress.on_attempt(self.now, (&job.step, job.attempt, job.undo), attempt, &weather)
        } else {
            self.now = self.progress.wake().unwrap_or(self.now).max(self.now);
            self.progress.advance(self.now, &weather)
        };
        self.hear(wishes);
        if self.chance.below(60) == 0 {
            let wishes = self.progress.cut_short(self.now, "the drill stopped");
            self.hear(wishes);
        }
    }

    fn hear(&mut self, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Run(job) => self.jobs.push(*job),
                Wish::Verify { step, probe: _ } => self.verifying = Some(step),
                Wish::Stop { step } => {
                    self.jobs.retain(|job| job.step != step);
                    self.verifying = self.verifying.take().filter(|verified| *verified != step);
                }
                Wish::Note(Noted::Entered { .. }) => self.entered += 1,
                Wish::Note(Noted::Finished { .. }) => self.finished += 1,
                Wish::Note(
                    Noted::Started { .. }
                    | Noted::Ended { .. }
                    | Noted::Undoing { .. }
                    | Noted::Undone { .. },
                ) => {}
            }
        }
    }

    fn attempt(&mut self, job: &Job) -> Attempt {
        match self.chance.below(8) {
            0 => Attempt::Failed { why: "by chance".to_owned() },
            1 => Attempt::TimedOut { why: "by chance".to_owned() },
            _ => {
                let outputs = job.outputs.keys().map(|name| (name.clone(), "kept".to_owned())).collect();
                Attempt::Ok { outputs, detail: String::new() }
            }
        }
    }

    fn answer(&mut self, weather: &Weather) -> Vec<Wish> {
        let Some(visit) = self.progress.current() else { return Vec::new() };
        let step = self.progress.step(visit).clone();
        let (roles, questions) = match &step.action {
            Action::Approve { from, .. } => (from.clone(), Vec::new()),
            Action::Manual { questions, .. } => (step.role.iter().cloned().collect(), questions.clone()),
            _ => panic!("{} waits for people", step.id),
        };
        let why = String::new();
        let answer = match self.chance.below(12) {
            0 => StepAnswer::Taken {},
            1 => StepAnswer::Stuck { why },
            2 => StepAnswer::Skipped { why },
            3 => StepAnswer::Failed { why },
            _ => StepAnswer::Done { answers: questions.iter().map(|asked| self.reply(asked)).collect() },
        };
        let who = format!("person-{}", self.chance.below(30));
        let spoken =
            Spoken { step: &step.id, who: &who, role: roles.first().map(String::as_str), answer: &answer };
        if let Err(why) = self.progress.may_answer(spoken) {
            let right = ["another person must", "cannot be skipped"].iter().any(|words| why.contains(words));
            assert!(right, "{}: {why}", step.id);
        }
        self.progress.on_answer(self.now, spoken, weather)
    }

    fn reply(&mut self, question: &Question) -> (String, Answer) {
        let answer = match &question.kind {
            QuestionKind::Boolean => Answer::Boolean(self.chance.below(2) == 0),
            QuestionKind::Number => Answer::Number(1.5),
            QuestionKind::Text => Answer::Text("text".to_owned()),
            QuestionKind::Choice(choices) => Answer::Text(choices[self.chance.below(choices.len())].clone()),
        };
        (question.id.clone(), answer)
    }
}
