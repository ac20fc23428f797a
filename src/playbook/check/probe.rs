//! What a step waits for or is verified by: the steady state, one of its probes, or a probe of the playbook's own.

use super::Around;
use crate::fault::is_name;
use crate::playbook::plan::Check;
use crate::playbook::written::ProbeForm;
use crate::scenario::check::substitute::Later;
use crate::scenario::check::{Checker, given, probes};
use crate::text::{Field, Form, Span, nearest, quote};

/// The word for all probes of the steady state.
const STEADY_STATE: &str = "steady_state";

/// A probe of the playbook's own that has no name is named after the step.
pub(super) fn check(
    checker: &mut Checker<'_>,
    field: &Field<ProbeForm>,
    step: &str,
    around: Option<&Around>,
) -> Option<Check> {
    let (form, at) = given(field)?;
    match form {
        Form::Word(word) => named(checker, word, at, around),
        Form::Map(map) => {
            // It measures for itself; what the running playbook knows is not put into it.
            let later =
                checker.playbook.as_mut().map(|book| std::mem::replace(&mut book.later, Later::Nowhere));
            let probe = probes::alone(checker, map, at, step);
            if let (Some(book), Some(later)) = (checker.playbook.as_mut(), later) {
                book.later = later;
            }
            probe.map(|probe| Check::Own(Box::new(probe)))
        }
        Form::List(never) => match *never {},
    }
}

/// A word: all of the steady state, or one probe of it.
pub(super) fn named(
    checker: &mut Checker<'_>,
    word: &str,
    at: Span,
    around: Option<&Around>,
) -> Option<Check> {
    if word == STEADY_STATE {
        return Some(Check::SteadyState);
    }
    let known = || around.into_iter().flat_map(|around| &around.probes).map(String::as_str);
    let good = match around {
        Some(_) => known().any(|name| name == word),
        // Written as names are, the word for all of them is still that word.
        None => is_name(word) && word.replace('-', "_") != STEADY_STATE,
    };
    if good {
        return Some(Check::Named(word.to_owned()));
    }
    let message = if around.is_some() {
        format!("the scenario's steady state has no probe {}", quote(word))
    } else {
        format!("{} is no name of a probe", quote(word))
    };
    let help = nearest(word, known().chain([STEADY_STATE])).map_or_else(
        || "name a probe of the steady state, write `steady_state` for all of them, or a probe: `{http: URL}`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    checker.problems.error("unknown-probe", at, message).help(help);
    None
}
