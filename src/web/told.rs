//! What came of drills and game days, in words that are read from afar.

use maud::{Markup, html};

use crate::coordinator::office::{DrillLine, Words};
use crate::report::story::{Tone, Verdict, known};

/// The results of a drill, the ones that people ask for first; what says nothing is left out.
pub(super) fn verdicts(words: &Words) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = words.alarms.iter().filter_map(|word| known("alarms", word)).collect();
    verdicts.extend(words.playbook.as_deref().and_then(|word| known("playbook", word)));
    let keyed = [
        ("restored_by", words.restored_by.as_str()),
        ("hypothesis", &words.hypothesis),
        ("contained", &words.contained),
        ("effect", &words.effect),
        ("clean", if words.clean { "yes" } else { "no" }),
        ("drill", &words.drill),
    ];
    verdicts.extend(keyed.into_iter().filter_map(|(key, word)| known(key, word)));
    verdicts
}

/// The results as words with their signs. What is as it should be anyway is not said,
/// nor that a placebo has no effect.
pub(super) fn words(words: &Words, is_placebo: bool) -> Markup {
    let is_told = |verdict: &Verdict| match verdict.key.as_str() {
        "effect" if is_placebo => false,
        "effect" | "clean" | "drill" | "contained" => verdict.tone != Tone::Good,
        _ => verdict.tone != Tone::Neutral,
    };
    let told: Vec<Verdict> = verdicts(words).into_iter().filter(is_told).collect();
    html! {
        ul.words {
            @for verdict in &told { li.word.{ (verdict.tone.class()) } { (verdict_text(verdict)) } }
            @if told.is_empty() { li.word.neutral { "nothing to tell" } }
        }
    }
}

fn verdict_text(verdict: &Verdict) -> Markup {
    html! {
        span.about { (verdict.about) } " "
        span.sign aria-hidden="true" { (verdict.tone.sign()) } " " strong { (verdict.word) }
    }
}

/// What came of a drill in a list.
pub(super) fn came(line: &DrillLine) -> Markup {
    html! {
        @if line.state == "running" { p.quiet { "runs now" } }
        @if line.interrupted { p.quiet { "The coordinator died while it ran; it was ended afterwards." } }
        @match &line.words {
            Some(found) => (words(found, line.control.is_some())),
            None if line.state != "running" => p.quiet { "It was refused before it had any result." },
            None => {}
        }
    }
}
