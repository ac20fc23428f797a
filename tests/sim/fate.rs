//! What will go right and wrong in a simulated drill, drawn before it begins.

use std::collections::BTreeMap;
use std::time::Duration;

use firedrill::scenario::plan::Plan;

use crate::dice::Dice;

/// All of it.
#[derive(Debug)]
pub struct Fate {
    pub prepare: Answer,
    pub warns: bool,
    pub notes: bool,
    pub faults: BTreeMap<String, FaultFate>,
    pub service: Service,
    /// For each probe: whether it feels the faults, and from when on it never answers.
    pub probes: Vec<(bool, Option<Duration>)>,
    pub probes_outlast: bool,
    pub load_fails: bool,
    pub alarms: Vec<AlarmFate>,
    pub asks_causes: bool,
    pub command: CommandFate,
    pub put_away: Answer,
    pub dies_at: Option<Duration>,
    pub halt_file_at: Option<Duration>,
    pub record: RecordFate,
    pub panics_at: Option<u64>,
}

/// How something that is asked answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Well(Duration),
    Badly(Duration),
    Never,
}

/// What becomes of one fault.
#[derive(Debug)]
pub struct FaultFate {
    pub apply: Answer,
    /// How long after it is on it acts; never: it has no effect.
    pub acts_after: Option<Duration>,
    /// How long what was done in an instant is felt.
    pub outage: Duration,
    /// How long after it is on nobody can say any more what it does.
    pub blind_after: Option<Duration>,
    /// How long after it is on it ends by itself, and whether its executor tells, or only whoever looks sees it.
    pub lost_after: Option<(Duration, bool)>,
    pub look: Duration,
    pub remove: RemoveFate,
    pub change: Duration,
}

/// How a removal goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RemoveFate {
    Well(Duration),
    Residue(Duration),
    /// Fails so many times first.
    After(u32),
    /// Fails until everything is put away, which takes it back.
    UntilTheEnd,
    /// Fails, and nothing ever takes it back.
    NeverAtAll,
    /// Does not answer.
    Hangs,
    /// What held it has died, and it with that.
    NobodyThere,
}

/// What the service under test does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    Withstands,
    /// Suffers from so long after the first fault acts, until so long after the last.
    Suffers {
        after: Duration,
        back: Duration,
    },
    /// Suffers, and helps itself so long after.
    Heals {
        after: Duration,
        within: Duration,
    },
    NeverBack {
        after: Duration,
    },
    Flaps {
        every: Duration,
    },
    /// Is bad from the beginning.
    SickUntil(Duration),
    /// Breaks by itself.
    BreaksAt(Duration),
}

/// What monitoring says about one alarm.
#[derive(Debug)]
pub struct AlarmFate {
    pub name: String,
    /// How long after the service suffers it fires, and how long after the end it resolves.
    pub fires: Option<Duration>,
    pub resolves: Option<Duration>,
    pub repeats: Option<Duration>,
    /// Fires at this time, whatever happens.
    pub anyway: Option<Duration>,
    pub flaps: bool,
    /// Whether the sender waits for it to be on record.
    pub waits: bool,
}

/// What the command under test does.
#[derive(Clone, Copy, Debug)]
pub struct CommandFate {
    /// How long it runs; absent: until it is ended.
    pub runs: Option<Duration>,
    pub status: Option<i32>,
    /// How long it takes to end when it is told to; absent: it does not.
    pub grace: Option<Duration>,
}

/// How the record breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RecordFate {
    Whole,
    /// The n-th line fails; whether half of it is written, and whether later ones fail too.
    FailsAt {
        line: u64,
        torn: bool,
        lasting: bool,
    },
    /// Lines can be written and not be synced.
    NeverSynced,
    /// The journal is whole, but nothing can be kept beside it.
    NothingKept,
}

impl Fate {
    pub fn draw(seed: u64, plan: &Plan) -> Self {
        let mut dice = Dice::of(seed, "fate");
        let dice = &mut dice;
        let feels = |dice: &mut Dice| (dice.chance(85), dice.odd(20).then(|| dice.ms(0, 30_000)));
        Self {
            prepare: answer(dice, 25, 20),
            warns: dice.chance(20),
            notes: dice.chance(20),
            faults: plan.faults.iter().map(|fault| (fault.id.clone(), fault_fate(dice))).collect(),
            service: service(dice),
            probes: plan.steady_state.probes.iter().map(|_| feels(dice)).collect(),
            probes_outlast: dice.odd(15),
            load_fails: dice.odd(30),
            alarms: (0..4).map(|n| alarm(dice, n)).collect(),
            asks_causes: dice.chance(50),
            command: CommandFate {
                runs: dice.chance(75).then(|| dice.ms(500, 20_000)),
                status: *dice.pick(&[Some(0), Some(0), Some(0), Some(1), None]),
                grace: (!dice.odd(60)).then(|| dice.ms(0, 5_000)),
            },
            put_away: answer(dice, 25, 15),
            dies_at: dice.odd(25).then(|| dice.ms(0, 40_000)),
            halt_file_at: dice.odd(25).then(|| dice.ms(0, 40_000)),
            record: record(dice),
            panics_at: dice.odd(50).then(|| dice.below(400)),
        }
    }
}

fn answer(dice: &mut Dice, badly: u64, never: u64) -> Answer {
    let after = if dice.odd(60) { dice.ms(5_000, 45_000) } else { dice.ms(0, 1_500) };
    if dice.odd(badly) {
        Answer::Badly(after)
    } else if dice.odd(never) {
        Answer::Never
    } else {
        Answer::Well(after)
    }
}

fn fault_fate(dice: &mut Dice) -> FaultFate {
    let quick = |dice: &mut Dice| if dice.odd(60) { dice.ms(1_000, 20_000) } else { dice.ms(0, 800) };
    let after = quick(dice);
    let remove = match dice.below(7) {
        0 if dice.odd(150) => RemoveFate::Residue(after),
        1 if dice.odd(200) => RemoveFate::After(1 + u32::try_from(dice.below(6)).unwrap()),
        2 if dice.odd(100) => RemoveFate::UntilTheEnd,
        3 if dice.odd(100) => RemoveFate::NeverAtAll,
        4 if dice.odd(100) => RemoveFate::Hangs,
        5 if dice.odd(150) => RemoveFate::NobodyThere,
        _ => RemoveFate::Well(after),
    };
    FaultFate {
        apply: answer(dice, 35, 20),
        acts_after: (!dice.odd(60)).then(|| dice.ms(0, 1_500)),
        outage: dice.ms(500, 15_000),
        blind_after: dice.odd(40).then(|| dice.ms(0, 10_000)),
        lost_after: dice.odd(40).then(|| (dice.ms(0, 12_000), dice.chance(50))),
        look: if dice.odd(40) { dice.ms(500, 5_000) } else { dice.ms(0, 50) },
        remove,
        change: if dice.chance(20) { dice.ms(500, 8_000) } else { dice.ms(0, 50) },
    }
}

fn service(dice: &mut Dice) -> Service {
    let after = dice.ms(0, 3_000);
    match dice.below(100) {
        0..22 => Service::Withstands,
        22..55 => Service::Suffers { after, back: dice.ms(0, 6_000) },
        55..75 => Service::Heals { after, within: dice.ms(500, 8_000) },
        75..82 => Service::NeverBack { after },
        82..88 => Service::Flaps { every: dice.ms(700, 5_000) },
        88..93 => Service::SickUntil(dice.ms(1_000, 40_000)),
        _ => Service::BreaksAt(dice.ms(0, 40_000)),
    }
}

fn alarm(dice: &mut Dice, n: u64) -> AlarmFate {
    let name = if n == 3 { "Forbidden".to_owned() } else { format!("Alarm{n}") };
    let fires = if n == 3 { dice.chance(5) } else { dice.chance(80) };
    AlarmFate {
        name,
        fires: fires.then(|| if dice.chance(20) { dice.ms(5_000, 20_000) } else { dice.ms(0, 3_000) }),
        resolves: dice.chance(85).then(|| dice.ms(0, 6_000)),
        repeats: dice.chance(20).then(|| dice.ms(1_000, 4_000)),
        anyway: dice.chance(4).then(|| dice.ms(0, 20_000)),
        flaps: dice.chance(10),
        waits: dice.chance(60),
    }
}

fn record(dice: &mut Dice) -> RecordFate {
    if !dice.odd(60) {
        return RecordFate::Whole;
    }
    match dice.below(6) {
        0 => RecordFate::NeverSynced,
        1 => RecordFate::NothingKept,
        _ => {
            let line = if dice.chance(10) { dice.below(5) } else { dice.below(250) };
            RecordFate::FailsAt { line, torn: dice.chance(50), lasting: dice.chance(60) }
        }
    }
}
