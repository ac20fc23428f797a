//! A playbook in words: what starts it, and each step with who does it, what it does, and what becomes of that.

use super::words;
use crate::playbook::plan::{
    Action, Answer, Capture, Check, Contact, Next, OnFailure, Playbook, QuestionKind, Retry, Step, Verify,
};
use crate::scenario::expectation::AlarmMatch;
use crate::scenario::plan::{People, PlaybookStart, PlaybookUse};

/// All of a playbook, for people: one entry for each step, and what stands above them.
pub(super) fn head(book: &Playbook, used: Option<&PlaybookUse>) -> Vec<String> {
    let title = book.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    let mut lines = vec![format!("{}{title}", book.name)];
    lines.extend(book.owner.as_ref().map(|owner| format!("owner    {owner}")));
    lines.push(format!("starts   {}", starts(book, used)));
    let promises = [("back within", book.objectives.rto), ("data lost at most", book.objectives.rpo)];
    let promises: Vec<String> = promises
        .into_iter()
        .filter_map(|(what, period)| period.map(|period| format!("{what} {period}")))
        .collect();
    if !promises.is_empty() {
        lines.push(format!("promises {}", promises.join(", ")));
    }
    let inputs: Vec<String> =
        book.inputs.iter().map(|(name, value)| format!("{name} = {}", value_words(value))).collect();
    if !inputs.is_empty() {
        lines.push(format!("inputs   {}", inputs.join(", ")));
    }
    if !book.secrets.is_empty() {
        let names: Vec<&str> = book.secrets.keys().map(String::as_str).collect();
        lines.push(format!("secrets  {}, by name only", names.join(", ")));
    }
    lines.extend(book.contacts.iter().map(|contact| format!("call     {}", call(contact))));
    lines
}

fn value_words(value: &Answer) -> String {
    match value {
        Answer::Boolean(value) => value.to_string(),
        Answer::Number(value) => value.to_string(),
        Answer::Text(value) => value.clone(),
    }
}

fn starts(book: &Playbook, used: Option<&PlaybookUse>) -> String {
    let triggers: Vec<String> =
        book.triggers.iter().map(|trigger| format!("`{}`", labels(trigger))).collect();
    let alarms = match (triggers.is_empty(), used) {
        (true, None) => "nothing by itself: it names no alarm".to_owned(),
        (true, Some(_)) => "at any alarm that the scenario expects".to_owned(),
        (false, None) => format!("at an alarm that fits {}", triggers.join(" or ")),
        (false, Some(_)) => {
            format!("at an alarm that fits {}, or that the scenario expects", triggers.join(" or "))
        }
    };
    match used.map(|used| used.start) {
        None | Some(PlaybookStart::Alarm) => alarms,
        Some(PlaybookStart::Impact) => "at the impact".to_owned(),
        Some(PlaybookStart::Manual) => "by hand".to_owned(),
        Some(PlaybookStart::AtOnce) => "at once".to_owned(),
    }
}

fn labels(matching: &AlarmMatch) -> String {
    let labels: Vec<String> = matching.0.iter().map(|(name, pattern)| format!("{name}={pattern}")).collect();
    labels.join(", ")
}

fn call(contact: &Contact) -> String {
    let by = match (&contact.via, &contact.reference) {
        (None, None) => String::new(),
        (Some(via), None) => format!(" by {via}"),
        (None, Some(reference)) => format!(" at {reference}"),
        (Some(via), Some(reference)) => format!(" by {via} at {reference}"),
    };
    let within = contact.reach_within.map(|within| format!(", answers within {within}")).unwrap_or_default();
    format!("{}{by}{within}", contact.name)
}

/// One step, its lines below each other.
pub(super) fn step(step: &Step, used: Option<&PlaybookUse>) -> String {
    let title = step.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    let mut lines = vec![format!("{}  {}{title}", step.id, step.action.kind())];
    lines.extend(step.when.as_ref().map(|when| format!("only if  {when}")));
    lines.push(format!("who      {}", who(step, used)));
    lines.push(format!("does     {}", action(&step.action)));
    lines.extend(step.links.iter().map(|link| format!("look at  {link}")));
    if let Action::Manual { questions, .. } = &step.action {
        lines.extend(questions.iter().map(|question| {
            format!("asks     {} ({}): {}", question.id, answer(&question.kind), question.title)
        }));
    }
    lines.push(format!("time     {}", times(step)));
    if step.mutates {
        lines.push("changes  the system".to_owned());
    }
    let kept: Vec<String> =
        step.outputs.iter().map(|(name, from)| format!("{name} ({})", capture(from))).collect();
    if !kept.is_empty() {
        lines.push(format!("keeps    {}", kept.join(", ")));
    }
    lines.extend(step.verify.as_ref().map(|verify| format!("verify   {}", verified(verify))));
    if let Some(undo) = &step.undo {
        let again = again(undo.retry);
        let line = format!("undo     {}, given up after {}{again}", action(&undo.action), undo.timeout);
        lines.push(line);
    } else if step.mutates {
        lines.push("undo     none: what it changes stays".to_owned());
    }
    lines.push(format!("then     {}", then(step)));
    lines.join("\n    ")
}

fn who(step: &Step, used: Option<&PlaybookUse>) -> String {
    let people = match used.map(|used| used.people) {
        _ if !step.action.needs_people() => "",
        None | Some(People::Ask) => "",
        Some(People::Skip) => "; skipped in this run",
        Some(People::Fail) => "; fails in this run",
    };
    let who = match (&step.action, &step.role) {
        (Action::Approve { from, count: 1 }, _) => format!("one person of {}", from.join(", ")),
        (Action::Approve { from, count }, _) => format!("{count} people of {}", from.join(", ")),
        (Action::Manual { .. }, Some(role)) => format!("a person, as {role}"),
        (Action::Manual { .. }, None) => "a person".to_owned(),
        (_, Some(role)) => format!("firedrill, for {role}"),
        (_, None) => "firedrill".to_owned(),
    };
    format!("{who}{people}")
}

fn action(action: &Action) -> String {
    match action {
        Action::Manual { text, .. } => text.trim().replace('\n', "\n             "),
        Action::Approve { .. } => "agrees, or refuses".to_owned(),
        Action::Http { request, tolerance } => {
            let status = if tolerance.status.is_empty() {
                "200 to 299".to_owned()
            } else {
                tolerance.status.iter().map(words::statuses).collect::<Vec<_>>().join(", ")
            };
            format!("{}, expects status {status}", words::request(request))
        }
        Action::Run { argv, env, exit } => {
            let names: Vec<&str> = env.keys().map(String::as_str).collect();
            let env = if names.is_empty() { String::new() } else { format!(" with {}", names.join(", ")) };
            format!("runs {}{env}, expects exit {exit}", argv.join(" "))
        }
        Action::Probe(check) => format!("waits until {} good", good(check)),
        Action::Notify { audience, text } => format!("tells {audience}: {text}"),
        Action::Host { target, deed } => format!("on {target}: {}", words::host_deed(deed)),
    }
}

fn good(check: &Check) -> String {
    match check {
        Check::SteadyState => "the steady state is".to_owned(),
        Check::Named(name) => format!("the probe {name} is"),
        Check::Own(probe) => format!("{} is", words::measures(probe)),
    }
}

fn verified(verify: &Verify) -> String {
    format!("{} good within {}", good(&verify.check), verify.within)
}

fn answer(kind: &QuestionKind) -> String {
    match kind {
        QuestionKind::Boolean => "true or false".to_owned(),
        QuestionKind::Number => "a number".to_owned(),
        QuestionKind::Text => "a text".to_owned(),
        QuestionKind::Choice(choices) => choices.join(" | "),
    }
}

fn capture(capture: &Capture) -> String {
    match capture {
        Capture::Stdout(pattern) => format!("from its output, {pattern}"),
        Capture::Json(path) => format!("from its answer, {path}"),
        Capture::Header(name) => format!("from the header {name}"),
    }
}

fn times(step: &Step) -> String {
    let budget = step.budget.map(|budget| format!("should take {budget}, ")).unwrap_or_default();
    format!("{budget}given up after {}{}", step.timeout, again(step.retry))
}

fn again(retry: Retry) -> String {
    match retry.attempts {
        1 => String::new(),
        attempts => format!(", {attempts} attempts, {} apart", retry.delay),
    }
}

fn then(step: &Step) -> String {
    let ways: Vec<String> = step.next.iter().map(next).collect();
    let onward = match (step.end, ways.is_empty()) {
        (true, _) => "the end".to_owned(),
        (false, true) => "the next step".to_owned(),
        (false, false) => {
            let always = step.next.iter().any(|next| next.when.is_none());
            format!("{}{}", ways.join("; "), if always { "" } else { "; else the next step" })
        }
    };
    let failed = match &step.on_failure {
        OnFailure::Stop => "the playbook has failed".to_owned(),
        OnFailure::Continue if step.end => "the playbook has failed".to_owned(),
        OnFailure::Continue => "the next step all the same".to_owned(),
        OnFailure::Go(id) => id.clone(),
    };
    format!("{onward}; on failure {failed}")
}

fn next(next: &Next) -> String {
    match &next.when {
        Some(when) => format!("{} if {when}", next.go),
        None => next.go.clone(),
    }
}
