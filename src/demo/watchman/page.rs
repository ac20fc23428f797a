//! The watchman's page, for people who play with the shop: each rule, and how it stands.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Watchman;
use super::lengths;
use super::rules::Rule;
use super::standing::Standing;
use super::state::State;

/// How often the page is drawn anew, in seconds.
const AGAIN_AFTER: &str = "2";

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
code { font: .85rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.state { font-weight: 600; padding: 0 .5rem; border: 1px solid; border-radius: .25rem; }
.firing { background: #b3261e; color: #fff; } .pending { background: #8a5a00; color: #fff; }
p { margin: .25rem 0; }
";

pub(super) fn draw(watchman: &Watchman, state: &State) -> String {
    let rules = state.watched.iter().flat_map(|watched| watched.rules());
    let counts = state.pager.counts;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta http-equiv="refresh" content=(AGAIN_AFTER);
                title { "The watchman" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "The watchman" }
                p {
                    "Rules from " code { (watchman.watch.rules.display()) }
                    ", read again when the file changes. Messages go to " code { (watchman.watch.webhook) } ": "
                    (counts.taken) " taken, " (counts.failed) " not taken."
                }
                @if let Some(why) = &state.file_error {
                    p role="alert" { "The file could not be read, and the rules of before stand: " (why) }
                }
                @if let Some(why) = &state.post_error {
                    p { "The last message was not taken (" (why) "); a drill that hears alarms takes it." }
                }
                @for (rule, standing) in rules { (drawn(watchman, rule, standing)) }
                h2 { "Watched" }
                @for target in &state.targets {
                    p {
                        code { (target.address) } " "
                        @match &target.asked {
                            None => { "not asked yet" }
                            Some((_, None)) => { "answers" }
                            Some((_, Some(why))) => { "does not answer: " (why) }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn drawn(watchman: &Watchman, rule: &Rule, standing: &Standing) -> Markup {
    let word = standing.word();
    html! {
        h2 { (rule.name) " " span class={ "state " (word) } { (word) } }
        p { code { (rule.query) } " for " (lengths::write(rule.pending)) }
        @if let Some(why) = &standing.error { p role="alert" { "It cannot be evaluated: " (why) } }
        @for alarm in standing.active() {
            p {
                "true since " (watchman.clock.text(alarm.active_at)) ", value "
                (format!("{:.3}", alarm.value))
            }
        }
    }
}
