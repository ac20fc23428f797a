//! What is claimed, and what the builders owe to those who operate.

use super::{Checker, given};
use crate::scenario::plan::Hypothesis as Planned;
use crate::scenario::written::{Hypothesis, Premortem};
use crate::text::{Field, nearest, quote};

/// The results that a hypothesis can rest on, and whether this version finds them.
const RESULTS: [(&str, bool); 10] = [
    ("effect", true),
    ("impact", true),
    ("steady_state", true),
    ("alarms", true),
    ("playbook", true),
    ("restored_by", true),
    ("contained", true),
    ("command", true),
    ("clean", true),
    ("drill", true),
];

pub(in crate::scenario) fn check(checker: &mut Checker<'_>, field: &Field<Hypothesis>) -> Option<Planned> {
    let (written, _) = given(field)?;
    let mut hypothesis = Planned {
        believe: checker.text(&written.believe),
        result: checker.text(&written.result),
        confident_when: Vec::new(),
    };
    for entry in written.confident_when.get().into_iter().flatten() {
        let Some((word, at)) = given(entry) else { continue };
        match RESULTS.iter().find(|(name, _)| name == word) {
            Some((name, judged)) => {
                if !judged {
                    checker.not_acted_on(format!("hypothesis.confident_when: `{name}` is not judged"));
                }
                hypothesis.confident_when.push((*name).to_owned());
            }
            None => {
                let names = RESULTS.map(|(name, _)| name);
                let help = nearest(word, names).map_or_else(
                    || format!("use {}", names.map(|name| format!("`{name}`")).join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                checker
                    .problems
                    .error("unknown-result", at, format!("{} is no result of a drill", quote(word)))
                    .help(help);
            }
        }
    }
    Some(hypothesis)
}

/// For readers only; its texts are resolved, so that what is wrong in them is said.
pub(in crate::scenario) fn premortem(checker: &mut Checker<'_>, field: &Field<Premortem>) {
    let Some((written, _)) = given(field) else { return };
    for list in [&written.metrics, &written.risks, &written.signs, &written.contingencies] {
        checker.texts(list);
    }
}
