//! What a drill on the shop came to, for somebody who has never seen one.

use std::time::Duration;

use crate::drill::Summary;
use crate::drill::summary::{Effect, FaultSummary, Impact, RestoredBy};
use crate::drill::words::short;

/// The story in sentences, one to a line.
pub(super) fn tell(summary: &Summary) -> Vec<String> {
    let mut lines: Vec<String> = summary.faults.iter().map(was_real).collect();
    lines.push(was_felt(summary));
    if summary.impact == Impact::Seen {
        lines.push(came_back(summary));
    }
    lines.push(if summary.clean {
        "Nothing was left behind: no fault, no route, no process.".to_owned()
    } else {
        format!("Something was left behind: {}.", summary.residue.join("; "))
    });
    lines.extend(summary.reasons.iter().map(|why| format!("The drill does not pass: {why}.")));
    lines
}

/// What one drill teaches, in one sentence.
pub(super) fn learnt(summary: &Summary) -> String {
    let ill = summary.times.impact.zip(summary.times.recovered);
    let ill = ill.map_or_else(|| "an unknown time".to_owned(), |(from, to)| short(to.saturating_sub(from)));
    match summary.restored_by {
        RestoredBy::FaultEnd => format!(
            "Without help the shop was ill for {ill}, and well again only because the fault ended (restored by: \
             fault_end)."
        ),
        RestoredBy::Playbook => format!(
            "With the playbook it was ill for {ill}, and well again while payments was still slow (restored by: \
             playbook)."
        ),
        other => format!("In `{}` the shop was restored by: {}.", summary.scenario, other.word()),
    }
}

fn was_real(fault: &FaultSummary) -> String {
    let (id, evidence) = (&fault.id, &fault.evidence);
    if !fault.effective {
        return format!(
            "The fault `{id}` had no effect that could be measured, so the drill proves nothing."
        );
    }
    let hit = format!("it hit {} of {} requests to payments", evidence.faulted, evidence.matched);
    match evidence.achieved {
        Some(achieved) if fault.kind == "latency" => {
            let late = Duration::try_from_secs_f64(achieved.p50.max(0.0) / 1e3).unwrap_or_default();
            format!("The fault `{id}` was real: {hit}, which came {} late (median, measured).", short(late))
        }
        _ => format!("The fault `{id}` was real: {hit}."),
    }
}

fn was_felt(summary: &Summary) -> String {
    let after = |(from, to): (Duration, Duration)| short(to.saturating_sub(from));
    match (summary.impact, summary.times.applied.zip(summary.times.impact)) {
        (Impact::Seen, Some(times)) => {
            format!(
                "Customers felt it {} after it began: checkout left what the scenario calls well.",
                after(times)
            )
        }
        (Impact::Seen, None) => "Customers felt it: checkout left what the scenario calls well.".to_owned(),
        (Impact::Withstood, _) if summary.effect == Effect::Confirmed => {
            "Customers felt nothing: checkout stayed within what the scenario calls well.".to_owned()
        }
        _ => "Nothing can be said about customers.".to_owned(),
    }
}

fn came_back(summary: &Summary) -> String {
    match (summary.restored_by, summary.times.removed.zip(summary.times.recovered)) {
        (RestoredBy::FaultEnd, Some((removed, recovered))) => format!(
            "The shop did not help itself. It was well again {} after the fault was taken away (restored by: \
             fault_end). In an incident nobody takes the fault away.",
            short(recovered.saturating_sub(removed))
        ),
        (RestoredBy::Playbook, _) => {
            "The playbook made the shop well again while the fault was still on (restored by: playbook)."
                .to_owned()
        }
        (RestoredBy::Itself, _) => {
            "The shop was well again while the fault was still on (restored by: self).".to_owned()
        }
        (RestoredBy::Abort, _) => {
            "The drill was stopped before the shop could recover (restored by: abort).".to_owned()
        }
        _ => "The shop was not seen to be well again.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(change: impl FnOnce(&mut serde_json::Value)) -> Summary {
        let mut value = serde_json::json!({
            "scenario": "payments-slow", "seed": 7, "effect": "confirmed", "impact": "seen",
            "steady_state": "lost", "hypothesis": "untested", "restored_by": "fault_end",
            "command": {"is": "none"}, "clean": true, "drill": "valid", "exit": 0, "reasons": [], "stopped": null,
            "times": {
                "applied": {"secs": 4, "nanos": 0}, "effective": {"secs": 6, "nanos": 0},
                "impact": {"secs": 6, "nanos": 500_000_000}, "removed": {"secs": 16, "nanos": 0},
                "recovered": {"secs": 18, "nanos": 0}
            },
            "faults": [{
                "id": "slow-payments", "kind": "latency", "target": "route/payments", "state": "clean",
                "effective": true,
                "evidence": {
                    "matched": 240, "faulted": 239, "bytes": 9000,
                    "achieved": {"count": 239, "min": 2000.0, "p50": 2003.0, "p99": 2010.0, "max": 2011.0}
                }
            }],
            "residue": [], "not_acted_on": []
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_fault_that_was_felt_is_told_with_its_times() {
        let story = tell(&summary(|_| {})).join("\n");
        for part in [
            "239 of 240 requests",
            "came 2.00s late",
            "felt it 2.50s after",
            "well again 2.00s after",
            "Nothing was left",
        ] {
            assert!(story.contains(part), "no `{part}` in:\n{story}");
        }
    }

    #[test]
    fn a_fault_without_effect_is_no_success() {
        let story = tell(&summary(|value| {
            value["effect"] = "none".into();
            value["impact"] = "none".into();
            value["faults"][0]["effective"] = false.into();
            value["reasons"] = serde_json::json!(["no effect was measured of: slow-payments"]);
        }))
        .join("\n");
        assert!(story.contains("proves nothing") && story.contains("does not pass"), "{story}");
        assert!(!story.contains("was real"), "{story}");
    }

    #[test]
    fn residue_is_told() {
        let story = tell(&summary(|value| {
            value["clean"] = false.into();
            value["residue"] = serde_json::json!(["slow-payments: still on"]);
        }))
        .join("\n");
        assert!(story.contains("left behind: slow-payments: still on"), "{story}");
    }
}
