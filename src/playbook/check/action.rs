//! What a step does: one function for each action.

use std::collections::{BTreeMap, BTreeSet};

use super::inputs;
use super::steps::is_value_name;
use crate::fault::{HostFault, HostSelector, LOCAL_HOST, Target};
use crate::playbook::plan::{Action, Question, QuestionKind};
use crate::playbook::written::{Approve, Host, Notify, Question as WrittenQuestion, ValueKind};
use crate::scenario::check::substitute::Later;
use crate::scenario::check::tolerance::{self, Kind};
use crate::scenario::check::{Checker, given, key_span, optional, processes, request};
use crate::scenario::plan::Tolerance;
use crate::scenario::written::{HttpForm, Tolerance as WrittenTolerance};
use crate::text::{Field, Form, Never, Pairs, Scalar, Span, nearest, quote};

/// The most people that an approval may wait for.
const APPROVALS_MAX: u32 = 20;

/// Reads something while what only the running playbook knows may be named in it.
pub(super) fn with_later<T>(
    checker: &mut Checker<'_>,
    later: Later,
    read: impl FnOnce(&mut Checker<'_>) -> T,
) -> T {
    let before = checker.playbook.as_mut().map(|book| std::mem::replace(&mut book.later, later));
    let value = read(checker);
    if let (Some(book), Some(before)) = (checker.playbook.as_mut(), before) {
        book.later = before;
    }
    value
}

/// A text that people read while the playbook runs.
fn shown(checker: &mut Checker<'_>, raw: &str, at: Span, key: &str, example: &str) -> Option<String> {
    let text = with_later(checker, Later::Everywhere, |checker| checker.resolve(raw, at, false))?;
    if text.trim().is_empty() {
        checker
            .problems
            .error("no-text", at, format!("`{key}` says nothing"))
            .help(format!("say what is done: `{key}: {example}`"));
        return None;
    }
    Some(text)
}

pub(super) fn manual(
    checker: &mut Checker<'_>,
    field: &Field<String>,
    questions: &Field<Vec<Field<WrittenQuestion>>>,
) -> Option<Action> {
    let text =
        given(field).and_then(|(raw, at)| shown(checker, raw, at, "manual", "Open the dashboard. Look at …"));
    let questions = self::questions(checker, questions);
    Some(Action::Manual { text: text?, questions: questions? })
}

fn questions(checker: &mut Checker<'_>, field: &Field<Vec<Field<WrittenQuestion>>>) -> Option<Vec<Question>> {
    let (mut questions, mut good) = (Vec::<Question>::new(), !field.is_bad());
    for entry in field.get().into_iter().flatten() {
        let question = given(entry).and_then(|(written, at)| question(checker, written, at));
        match question {
            Some((question, at)) if questions.iter().any(|other| same_name(&other.id, &question.id)) => {
                checker
                    .problems
                    .error("duplicate-name", at, format!("two questions are named `{}`", question.id))
                    .help("give each its own `id`");
                good = false;
            }
            Some((question, _)) => questions.push(question),
            None => good = false,
        }
    }
    good.then_some(questions)
}

/// Whether two ids are one and the same in expressions.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    one.replace('-', "_") == other.replace('-', "_")
}

fn question(checker: &mut Checker<'_>, written: &WrittenQuestion, at: Span) -> Option<(Question, Span)> {
    let id = checker.need(&written.id, "id", at, "slow");
    let id = id.filter(|(id, at)| is_value_name(checker, id, *at, "a question"));
    let title = checker.text(&written.title);
    let kind = optional(&written.kind)?.unwrap_or_default();
    let choices = inputs::choices(checker, &written.choices, kind);
    if let (true, Some(at)) = (kind != ValueKind::String, key_span(&written.choices)) {
        checker
            .problems
            .error("unfit-key", at, "only an answer of `type: string` has choices")
            .help("leave out `choices`, or `type`");
        return None;
    }
    let kind = match kind {
        ValueKind::Boolean => QuestionKind::Boolean,
        ValueKind::Number => QuestionKind::Number,
        ValueKind::String if choices.is_empty() => QuestionKind::Text,
        ValueKind::String => QuestionKind::Choice(choices),
    };
    let (id, id_at) = id?;
    let good = !(written.title.is_bad() || written.choices.is_bad());
    let title = title.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| id.clone());
    good.then(|| (Question { id: id.clone(), title, kind }, id_at))
}

type ApproveForm = Form<Never, Approve, Vec<Field<String>>>;

pub(super) fn approve(checker: &mut Checker<'_>, field: &Field<ApproveForm>) -> Option<Action> {
    let (form, at) = given(field)?;
    let (from, count) = match form {
        Form::Word(never) => match *never {},
        Form::List(list) => {
            let list = Field::Given { key: at, span: at, value: list.iter().map(copy).collect() };
            (checker.names(&list, "approve"), Some(1))
        }
        Form::Map(map) => {
            checker.need(&map.from, "from", at, "[commander]")?;
            let count = optional(&map.count)?.unwrap_or(1);
            if !(1..=APPROVALS_MAX).contains(&count) {
                checker
                    .problems
                    .error("bad-number", map.count.span()?, format!("{count} people cannot be asked"))
                    .help(format!("write 1 to {APPROVALS_MAX}"));
                return None;
            }
            (checker.names(&map.from, "from"), Some(count))
        }
    };
    if from.is_empty() {
        let empty = match form {
            Form::List(list) => list.is_empty(),
            Form::Map(map) => map.from.get().is_some_and(Vec::is_empty),
            Form::Word(never) => match *never {},
        };
        if empty {
            checker
                .problems
                .error("no-role", at, "nobody may approve")
                .help("name the roles that may: `approve: [commander]`");
        }
        return None;
    }
    Some(Action::Approve { from: from.into_iter().map(|(role, _)| role).collect(), count: count? })
}

fn copy(field: &Field<String>) -> Field<String> {
    field.as_ref().map(Clone::clone)
}

pub(super) fn http(
    checker: &mut Checker<'_>,
    field: &Field<HttpForm>,
    tolerance: &Field<WrittenTolerance>,
) -> Option<Action> {
    let request = with_later(checker, Later::WhereSecretsMay, |checker| request::check(checker, field));
    let tolerance = one_answer(checker, tolerance, Kind::Http);
    Some(Action::Http { request: request?, tolerance: tolerance? })
}

/// The tolerance of a single attempt: what needs many of them says nothing.
fn one_answer(checker: &mut Checker<'_>, field: &Field<WrittenTolerance>, kind: Kind) -> Option<Tolerance> {
    let mut good = true;
    if let Some((written, _)) = given(field) {
        let keys = [
            ("p50", written.p50.key()),
            ("p95", written.p95.key()),
            ("p99", written.p99.key()),
            ("errors", written.errors.key()),
            ("failures", written.failures.key()),
            ("over", written.over.key()),
        ];
        for (key, at) in keys {
            let Some(at) = at else { continue };
            let own = if kind == Kind::Http { "`status`, `body`, `json`" } else { "`exit`" };
            checker
                .problems
                .error("tolerance-unfit", at, format!("`{key}` is about many attempts, and a step makes one"))
                .help(format!("use {own}; `retry` makes a failed attempt again, `verify` waits for a probe"));
            good = false;
        }
    }
    let tolerance = tolerance::check(checker, field, kind);
    tolerance.filter(|_| good)
}

pub(super) fn run(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<Scalar>>>,
    env: &Field<Pairs<Scalar>>,
    tolerance: &Field<WrittenTolerance>,
) -> Option<Action> {
    let argv = with_later(checker, Later::WhereSecretsMay, |checker| argv(checker, field));
    let env = with_later(checker, Later::WhereSecretsMay, |checker| self::env(checker, env));
    let tolerance = one_answer(checker, tolerance, Kind::Run);
    Some(Action::Run { argv: argv?, env: env?, exit: tolerance?.exit.unwrap_or(0) })
}

fn argv(checker: &mut Checker<'_>, field: &Field<Vec<Field<Scalar>>>) -> Option<Vec<String>> {
    let (words, at) = given(field)?;
    let (mut argv, mut good) = (Vec::with_capacity(words.len()), true);
    for word in words {
        let Some((raw, at)) = given(word) else {
            good = false;
            continue;
        };
        if raw.0.contains("${secrets.") {
            checker
                .problems
                .warning(
                    "secret-in-argv",
                    at,
                    "every user of the host can read a secret among the arguments of a command",
                )
                .help("hand it over in the environment: `env: {TOKEN: \"${secrets.NAME}\"}`");
        }
        match checker.resolve(&raw.0, at, true) {
            Some(word) => argv.push(word),
            None => good = false,
        }
    }
    if good && argv.first().is_none_or(|program| program.trim().is_empty()) {
        checker.problems.error("no-command", at, "`run` names no program").help(
            "write the program and its arguments: `run: [./bin/failover, payments]`; there is no shell",
        );
        return None;
    }
    if let Some(word) = argv.iter().find(|word| word.contains('\0')) {
        checker
            .problems
            .error("no-command", at, format!("the argument {} cannot be handed over", quote(word)))
            .help("take the zero byte out");
        return None;
    }
    good.then_some(argv)
}

fn env(checker: &mut Checker<'_>, field: &Field<Pairs<Scalar>>) -> Option<BTreeMap<String, String>> {
    let (mut env, mut good) = (BTreeMap::new(), !field.is_bad());
    for pair in field.get().into_iter().flatten() {
        let named = !pair.name.is_empty() && !pair.name.contains(['=', '\0']);
        if !named {
            checker
                .problems
                .error(
                    "bad-name",
                    pair.name_span,
                    format!("{} is no name of an environment variable", quote(&pair.name)),
                )
                .help("use letters, digits and `_`, for example `TOKEN`");
        }
        let value = given(&pair.value).and_then(|(raw, at)| checker.resolve(&raw.0, at, true));
        good &= named && value.is_some();
        env.extend(value.map(|value| (pair.name.clone(), value)));
    }
    good.then_some(env)
}

pub(super) fn notify(checker: &mut Checker<'_>, field: &Field<Form<String, Notify>>) -> Option<Action> {
    const EXAMPLE: &str = "{audience: internal, text: \"Checkout is degraded\"}";
    let (form, at) = given(field)?;
    match form {
        Form::Word(text) => {
            let text = shown(checker, text, at, "notify", EXAMPLE)?;
            Some(Action::Notify { audience: "internal".to_owned(), text })
        }
        Form::Map(map) => {
            let text = checker.need(&map.text, "text", at, "\"Checkout is degraded\"");
            let text = text.and_then(|(raw, at)| shown(checker, raw, at, "text", "Checkout is degraded"));
            let audience = if map.audience.is_absent() {
                Some("internal".to_owned())
            } else {
                checker.text(&map.audience)
            };
            if let (Some(""), Some((_, at))) = (audience.as_deref().map(str::trim), given(&map.audience)) {
                checker
                    .problems
                    .error("no-text", at, "`audience` is nobody")
                    .help("write for example `internal`");
                return None;
            }
            Some(Action::Notify { audience: audience?, text: text? })
        }
        Form::List(never) => match *never {},
    }
}

pub(super) fn host(checker: &mut Checker<'_>, field: &Field<Host>) -> Option<Action> {
    let (written, at) = given(field)?;
    let target = checker
        .need(&written.target, "target", at, "host/local")
        .and_then(|(raw, at)| self::target(checker, raw, at));
    let keys = [
        ("process_kill", key_span(&written.process_kill)),
        ("process_restart", key_span(&written.process_restart)),
    ];
    let deed: Option<HostFault> =
        match checker.exactly_one(&keys, at, "the deed on the host", ("no-deed", "two-deeds")) {
            Some("process_restart") => processes::restart(checker, &written.process_restart),
            Some(_) => processes::kill(checker, &written.process_kill),
            None => None,
        };
    Some(Action::Host { target: target?, deed: deed? })
}

fn target(checker: &mut Checker<'_>, raw: &str, at: Span) -> Option<Target> {
    let text = checker.resolve(raw, at, false)?;
    let here = format!("host/{LOCAL_HOST}");
    match text.parse::<Target>() {
        Ok(target @ Target::Host(HostSelector::Named(_))) if text == here => return Some(target),
        Ok(Target::Route(_)) => {
            checker
                .problems
                .error("bad-target", at, format!("{} is a route, and a step acts on a host", quote(&text)))
                .help(format!("write `{here}`"));
        }
        Ok(Target::Host(_)) => {
            checker
                .problems
                .error("unknown-target", at, format!("this version has no agent on {}", quote(&text)))
                .help(format!("`{here}` is the host that runs the drill"));
        }
        Err(why) => {
            let near = nearest(&text, [here.as_str(), "local", "localhost"]).is_some();
            let help = if near { format!("did you mean `{here}`?") } else { format!("write `{here}`") };
            checker.problems.error("bad-target", at, why).help(help);
        }
    }
    None
}

/// The answers that a step's questions will have, by id; those that are broken are left out.
pub(super) fn answers(questions: &Field<Vec<Field<WrittenQuestion>>>) -> Vec<(String, &WrittenQuestion)> {
    let all = questions.get().into_iter().flatten().filter_map(Field::get);
    let mut seen = BTreeSet::new();
    all.filter_map(|question| Some((question.id.get()?.clone(), question)))
        .filter(|(id, _)| seen.insert(id.clone()))
        .collect()
}
