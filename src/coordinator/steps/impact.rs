//! `${impact.at}`: the wall time of the impact, as people and other systems write it (RFC 3339).

use jiff::{SignedDuration, Timestamp, Unit};

use crate::coordinator::clock::{self, DrillClock};
use crate::playbook::event::Job;
use crate::playbook::plan::Action;

const NAME: &str = "${impact.at}";

/// The action of a job with the time of the impact put in.
///
/// # Errors
/// It is asked for, and there was none.
pub(super) fn put_in(job: &Job, clock: DrillClock) -> Result<Action, String> {
    let mut action = job.action.clone();
    let mut texts = texts(&mut action);
    if !texts.iter().any(|text| text.contains(NAME)) {
        return Ok(action);
    }
    let impact = job.impact.ok_or("`impact.at` has no value: no impact was seen")?;
    let ago = SignedDuration::try_from(clock.now().saturating_sub(impact)).unwrap_or(SignedDuration::MAX);
    let at = words(clock::wall().checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH));
    for text in &mut texts {
        **text = text.replace(NAME, &at);
    }
    Ok(action)
}

fn words(at: Timestamp) -> String {
    at.round(Unit::Millisecond).unwrap_or(at).to_string()
}

fn texts(action: &mut Action) -> Vec<&mut String> {
    match action {
        Action::Http { request, tolerance: _ } => [&mut request.url]
            .into_iter()
            .chain(request.headers.values_mut())
            .chain(&mut request.body)
            .collect(),
        Action::Run { argv, env, exit: _ } => argv.iter_mut().chain(env.values_mut()).collect(),
        Action::Notify { audience: _, text } | Action::Manual { text, questions: _ } => vec![text],
        Action::Approve { .. } | Action::Probe(_) | Action::Host { .. } => Vec::new(),
    }
}
