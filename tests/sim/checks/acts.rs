//! What the engine does, held against what it may do.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Finding;
use crate::course::{Course, bound};
use crate::fate::Answer;
use crate::ledger::{Deed, What};
use crate::people::{Act, Came};

/// A lease lives this long without a renewal.
const LEASE: Duration = Duration::from_secs(15);

pub fn it_ends(course: &Course) -> Finding {
    match course.ended {
        Some(_) => Ok(()),
        None => Err(format!("it had not ended after {:?}", bound(&course.world.plan))),
    }
}

/// Nothing that the drill began is under way when it has ended. Only what never answers may be, and is told.
pub fn nothing_still_runs(course: &Course) -> Finding {
    let mut open: BTreeMap<&Deed, i64> = BTreeMap::new();
    for entry in &course.entries {
        match &entry.what {
            What::Begun(deed) => *open.entry(deed).or_default() += 1,
            What::Ended(deed) | What::Dropped(deed) => *open.entry(deed).or_default() -= 1,
            What::Line(_) | What::LineFailed | What::Synced => {}
        }
    }
    open.retain(|deed, count| {
        *count != 0 && !(**deed == Deed::PutAway && course.world.fate.put_away == Answer::Never)
    });
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?}")) }
}

/// Whatever was ordered to be applied is ordered back, once; only one that was refused is not.
pub fn applied_once_and_taken_back_once(course: &Course) -> Finding {
    if course.is_torn() {
        return Ok(());
    }
    let lines = &course.lines;
    for fault in &course.world.plan.faults {
        let count = |kind: &str| {
            let is_it = |line: &firedrill::drill::journal::Line| {
                line.kind == kind && line.data["fault"].as_str() == Some(&fault.id)
            };
            lines.iter().filter(|(_, line)| is_it(line)).count()
        };
        let (applies, removes) = (count("fault.apply"), count("fault.remove"));
        let refused = count("fault.refused") > 0;
        let well = applies <= 1 && removes <= applies && (removes == applies || refused);
        if !well {
            return Err(format!(
                "`{}` is ordered {applies} times and back {removes} times; refused: {refused}",
                fault.id
            ));
        }
        let deeds = course.begun(|deed| *deed == Deed::Apply(fault.id.clone())).count();
        if deeds > applies {
            return Err(format!("`{}` was applied {deeds} times", fault.id));
        }
    }
    Ok(())
}

/// From the moment of a stop on nothing is injected and nothing changed.
pub fn nothing_after_the_stop(course: &Course) -> Finding {
    let lines = &course.lines;
    let Some(stop) = course.first_line("drill.stopping", None) else { return Ok(()) };
    for kind in ["fault.apply", "command.start", "probes.start"] {
        if let Some((_, line)) = lines.iter().find(|(at, line)| *at > stop && line.kind == kind) {
            return Err(format!("line {} is `{kind}`, after the stop", line.seq));
        }
    }
    let begins = |deed: &Deed| matches!(deed, Deed::Apply(_) | Deed::Change(_) | Deed::Step(_, _, false));
    match course.begun(begins).find(|(at, _)| *at > stop) {
        Some((at, deed)) => Err(format!(
            "{deed:?} begins at {:?}, after the stop at {:?}",
            course.entries[at].at, course.entries[stop].at
        )),
        None => Ok(()),
    }
}

/// The closing line is the last thing that happens.
pub fn nothing_after_the_close(course: &Course) -> Finding {
    let Some(closed) = course.first_line("drill.closed", None) else {
        let broken = course.is_torn() || !matches!(course.ended, Some(Ok(_)));
        return if broken { Ok(()) } else { Err("it is not closed".into()) };
    };
    // Told as residue, and so nobody's surprise.
    let put_away_late = course
        .summary()
        .is_some_and(|summary| summary.residue.iter().any(|what| what.contains("look for residue did not")));
    let is_news = |what: &What| match what {
        What::Line(_) | What::LineFailed | What::Begun(_) => true,
        What::Synced => false,
        What::Ended(Deed::PutAway) | What::Dropped(Deed::PutAway) => !put_away_late,
        What::Ended(_) | What::Dropped(_) => true,
    };
    match course.entries.iter().skip(closed + 1).find(|entry| is_news(&entry.what)) {
        Some(entry) => Err(format!("{entry:?} comes after it")),
        None => Ok(()),
    }
}

/// Each deed has its line before it, and a fault's line is on the disk by then.
pub fn written_before_it_is_done(course: &Course) -> Finding {
    if course.is_torn() {
        return Ok(());
    }
    for (at, deed) in course.begun(|_| true) {
        let (kind, fault) = match deed {
            Deed::Prepare => ("preflight.start", None),
            Deed::Apply(fault) => ("fault.apply", Some(fault.as_str())),
            Deed::Remove(fault) => ("fault.remove", Some(fault.as_str())),
            Deed::Probe | Deed::Load => ("probes.start", None),
            Deed::Command => ("command.start", None),
            Deed::PutAway => ("verify.start", None),
            Deed::Step(step, attempt, undo) => {
                let on_record = course.lines.iter().any(|(line, is)| {
                    let data = &is.data;
                    *line < at
                        && is.kind == "step.run"
                        && (&data["step"], &data["attempt"], &data["undo"])
                            == (&step.as_str().into(), &(*attempt).into(), &(*undo).into())
                });
                if !on_record {
                    return Err(format!("{deed:?} begins without `step.run` on record"));
                }
                continue;
            }
            Deed::Verify(_) => ("step.verify", None),
            Deed::Change(_) | Deed::Renew | Deed::Hear | Deed::EngageLever | Deed::Alarms(_) => continue,
        };
        let line = course.first_line(kind, fault).filter(|line| *line < at);
        let Some(line) = line else { return Err(format!("{deed:?} begins without `{kind}` on record")) };
        let synced = course.entries[line..at].iter().any(|entry| entry.what == What::Synced);
        if matches!(deed, Deed::Apply(_)) && !synced {
            return Err(format!("{deed:?} begins before its line is on the disk"));
        }
    }
    Ok(())
}

/// While a fault is on, its lease never runs out for want of a renewal.
pub fn leases_are_renewed(course: &Course) -> Finding {
    let Some(first) = course.begun(|deed| matches!(deed, Deed::Apply(_))).next() else { return Ok(()) };
    let Some(last) = course.first_line("verify.start", None) else { return Ok(()) };
    let mut renewed = course.entries[first.0].at;
    for entry in &course.entries[first.0..last.max(first.0)] {
        if entry.at > renewed + LEASE {
            return Err(format!("no renewal between {renewed:?} and {:?}", entry.at));
        }
        if entry.what == What::Ended(Deed::Renew) {
            renewed = entry.at;
        }
    }
    Ok(())
}

/// Who asks is answered; only when the drill takes everything down may one be told that it is over.
pub fn everybody_is_answered(course: &Course) -> Finding {
    let over = course.first_line("verify.start", None).map(|at| course.entries[at].at);
    for asked in &course.acts {
        let fair = match asked.came {
            Came::Answered | Came::Left => true,
            Came::Waiting => course.ended.is_none(),
            Came::NobodyThere | Came::Dropped => {
                course.is_torn() || over.is_some_and(|over| asked.then >= over)
            }
        };
        if !fair {
            return Err(format!("{asked:?}, and the end begins at {over:?}"));
        }
        let slow = asked.came == Came::Answered && asked.then > asked.at + Duration::from_secs(1);
        if slow && !matches!(asked.act, Act::Change(_)) {
            return Err(format!("{asked:?} waited for its answer"));
        }
    }
    Ok(())
}

/// A sender that waits hears only when what it told is on record.
pub fn alarms_are_on_record_before_the_answer(course: &Course) -> Finding {
    if course.is_torn() {
        return Ok(());
    }
    let (mut told, mut written) = (0_usize, 0_usize);
    for entry in &course.entries {
        match &entry.what {
            What::Ended(Deed::Alarms(_)) => told += 1,
            What::Line(line) if line.contains(r#""kind":"alarm.received""#) => written += 1,
            _ => {}
        }
        if told > written {
            return Err(format!(
                "{told} senders were answered by {:?}, and {written} alarms written",
                entry.at
            ));
        }
    }
    Ok(())
}
