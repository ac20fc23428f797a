//! What was learnt: a game's scorecard in sentences. Nothing is said that the scorecard does not say.

use std::time::Duration;

use super::game::{Game, Shows};
use crate::drill::summary::{Contained, Effect, Impact};
use crate::drill::words::short;
use crate::playbook::event::StartedBy;
use crate::score::{ExpectationScore, Scorecard};

/// What a game showed that it was not meant to show; empty: it went as it was meant to.
pub(super) fn deviations(shows: &Shows, card: &Scorecard) -> Vec<String> {
    let summary = &card.summary;
    let mut found = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    expect(summary.effect == Effect::Confirmed, "no effect of the fault was measured".to_owned());
    expect(summary.impact == Impact::Seen, "no probe saw any harm".to_owned());
    let (meant, had) = (shows.restored_by, summary.restored_by);
    expect(had == meant, format!("restored by `{}`, not `{}`", had.word(), meant.word()));
    match expected(card) {
        None => expect(false, "no alarm was expected".to_owned()),
        Some(alarm) => {
            let (meant, had) = (shows.alarm.word(), alarm.outcome.word());
            expect(had == meant, format!("the alarm was {had}, not {meant}"));
            let cause = alarm.cause.as_ref();
            let why = cause.map_or("nobody knows why", |cause| cause.cause.word());
            let is_meant = shows.cause.is_none() || cause.map(|cause| cause.cause) == shows.cause;
            expect(is_meant, format!("the alarm stayed away: {why}"));
        }
    }
    let playbook = card.playbook.as_ref();
    let had = playbook.map(|playbook| playbook.result);
    let word = had.map_or("none", |result| result.word());
    expect(had == shows.playbook, format!("the playbook's word is `{word}`"));
    let by_alarm = |started: &Option<StartedBy>| matches!(started, Some(StartedBy::Alarm { .. }));
    let paged = playbook.is_none_or(|playbook| by_alarm(&playbook.started_by));
    expect(paged, "no page started the playbook".to_owned());
    expect(summary.clean, format!("something was left behind: {}", summary.residue.join("; ")));
    found
}

/// What one game teaches, in two or three lines.
pub(super) fn learnt(number: usize, game: &Game, card: &Scorecard) -> Vec<String> {
    let wrong = deviations(&game.shows, card);
    let lines = if wrong.is_empty() { told(number, card) } else { None };
    lines.unwrap_or_else(|| {
        let why = if wrong.is_empty() { "its scorecard lacks a time".to_owned() } else { wrong.join("; ") };
        vec![format!("{number}. This game did not show what it is meant to show: {why}.")]
    })
}

/// The lines of a game that went as it was meant to; none when a time is missing.
fn told(number: usize, card: &Scorecard) -> Option<Vec<String>> {
    let times = &card.summary.times;
    let (impact, recovered, removed) = (times.impact?, times.recovered?, times.removed?);
    let alarm = expected(card)?;
    let name = alarm.alarm.as_deref().unwrap_or(&alarm.id);
    Some(match number {
        1 => {
            let paged = alarm.detection?;
            vec![
                format!(
                    "1. Payments was late. {name} paged {} after the first harm and started the playbook.",
                    short(paged)
                ),
                format!(
                    "   {} later the shop was well, with payments still late: RESTORED BY PLAYBOOK.",
                    since(impact + paged, recovered)
                ),
            ]
        }
        2 => {
            // What most shops measure is a probe that is not meant to be hit.
            let held = card.summary.contained == Contained::Held;
            let beside = if held { " Nothing failed and nothing was slow." } else { "" };
            vec![
                format!("2. For {} customers saw empty shelves.{beside}", since(impact, recovered)),
                format!(
                    "   Nobody was told: SILENT FAILURE. The rules were asked why: {}.",
                    alarm.cause.as_ref()?.cause.word()
                ),
                "   It can be known before: firedrill check scenarios/ --rules rules/".to_owned(),
            ]
        }
        _ => {
            let steps = &card.playbook.as_ref()?.step_success;
            vec![
                format!(
                    "3. Payments refused. {name} paged {} after the first harm; {} of {} playbook steps OK.",
                    short(alarm.detection?),
                    steps.numerator,
                    steps.denominator
                ),
                format!(
                    "   Yet the shop was well only {} after the fault had ended: RESTORED BY FAULT END.",
                    since(removed, recovered)
                ),
                "   It looked like success. In an incident nobody ends the fault.".to_owned(),
            ]
        }
    })
}

fn since(from: Duration, to: Duration) -> String {
    short(to.saturating_sub(from))
}

/// The one alarm that each game expects.
fn expected(card: &Scorecard) -> Option<&ExpectationScore> {
    card.alarms.expectations.first()
}

#[cfg(test)]
mod tests {
    use super::super::game::GAMES;
    use super::*;
    use crate::drill::alarm::MissCause;
    use crate::drill::summary::{PlaybookResult, RestoredBy};

    /// The scorecard of the third game as it was once played.
    fn card() -> Scorecard {
        serde_json::from_str(include_str!("../../../tests/files/demo/payments-refusing.scorecard.json"))
            .unwrap()
    }

    #[test]
    fn a_game_that_went_as_meant_is_told_from_its_scorecard() {
        let lines = learnt(3, &GAMES[2], &card()).join("\n");
        for part in [
            "CheckoutErrors paged 4.27s",
            "2 of 2 playbook steps",
            "only 2.85s after",
            "RESTORED BY FAULT END",
        ] {
            assert!(lines.contains(part), "no `{part}` in:\n{lines}");
        }
    }

    #[test]
    fn a_game_that_went_otherwise_says_so_and_claims_nothing() {
        type Change = fn(&mut Scorecard);
        let changes: [(Change, &str); 7] = [
            (|card| card.summary.effect = Effect::None, "no effect"),
            (|card| card.summary.impact = Impact::Withstood, "no probe saw any harm"),
            (
                |card| card.summary.restored_by = RestoredBy::Playbook,
                "restored by `playbook`, not `fault_end`",
            ),
            (|card| card.alarms.expectations[0].outcome = crate::score::Outcome::Late, "was LATE, not HIT"),
            (|card| card.alarms.expectations.clear(), "no alarm was expected"),
            (|card| card.summary.clean = false, "left behind"),
            (
                |card| {
                    if let Some(playbook) = &mut card.playbook {
                        (playbook.result, playbook.started_by) = (PlaybookResult::Restored, None);
                    }
                },
                "the playbook's word is `restored`; no page started the playbook",
            ),
        ];
        for (change, word) in changes {
            let mut card = card();
            change(&mut card);
            let lines = learnt(3, &GAMES[2], &card);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains("did not show") && lines[0].contains(word), "{word}: {lines:?}");
        }
    }

    #[test]
    fn a_silence_with_another_cause_is_not_the_one_that_is_meant() {
        let mut card = card();
        card.alarms.expectations[0].outcome = crate::score::Outcome::Miss;
        card.alarms.expectations[0].cause =
            Some(crate::score::Cause { cause: MissCause::Silenced, evidence: "a silence".to_owned() });
        let found = deviations(&GAMES[1].shows, &card).join("; ");
        assert!(found.contains("the alarm stayed away: silenced"), "{found}");
    }
}
