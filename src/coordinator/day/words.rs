//! What a drill came to, in the words that a game day takes.

use crate::drill::Summary;
use crate::drill::summary::Validity;
use crate::gameday::DrillWords;
use crate::gameday::event::PhaseTook;
use crate::score::{OtherClass, Outcome, Routing, Scorecard};

/// Of a drill that was scored.
pub(in crate::coordinator) fn of_card(card: &Scorecard) -> DrillWords {
    let expectations = &card.alarms.expectations;
    let named = |fits: &dyn Fn(&crate::score::ExpectationScore) -> bool| -> Vec<String> {
        expectations.iter().filter(|score| fits(score)).map(|score| score.id.clone()).collect()
    };
    let late = named(&|score| {
        score.outcome == Outcome::Late
            || (score.outcome == Outcome::Hit && score.receiver == Some(Routing::Wrong))
    });
    let came =
        expectations.iter().filter(|score| matches!(score.outcome, Outcome::Hit | Outcome::Late)).count();
    let paged = |class: OtherClass| !matches!(class, OtherClass::Standing | OtherClass::Blind);
    let others = card.alarms.others.iter().filter(|other| paged(other.class)).count();
    let phases = [
        ("noticing", card.phases.noticing),
        ("restoring", card.phases.restoring),
        ("resetting", card.phases.resetting),
    ];
    DrillWords {
        alarms: Some(card.alarms.word.word().to_owned()).filter(|_| !expectations.is_empty()),
        silent: named(&|score| score.outcome == Outcome::Miss),
        late,
        pages: u32::try_from(came + others).unwrap_or(u32::MAX),
        phases: phases
            .into_iter()
            .filter_map(|(phase, took)| {
                Some(PhaseTook { phase: phase.to_owned(), seconds: took?.as_secs_f64() })
            })
            .collect(),
        ..of_summary(&card.summary)
    }
}

/// Of a drill whose record broke off: what is known without its score.
pub(in crate::coordinator) fn of_summary(summary: &Summary) -> DrillWords {
    DrillWords {
        effect: word(&summary.effect),
        impact: word(&summary.impact),
        steady_state: word(&summary.steady_state),
        hypothesis: word(&summary.hypothesis),
        playbook: summary.playbook.as_ref().map(word),
        restored_by: word(&summary.restored_by),
        contained: word(&summary.contained),
        clean: summary.clean,
        valid: summary.drill == Validity::Valid,
        reasons: summary.reasons.clone(),
        residue: summary.residue.clone(),
        ..DrillWords::default()
    }
}

/// A verdict as it is written everywhere.
pub(super) fn word(verdict: &impl serde::Serialize) -> String {
    match serde_json::to_value(verdict) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
