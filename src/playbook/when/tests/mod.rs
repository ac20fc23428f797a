mod accepted;
mod evaluated;
mod kinds;
mod properties;
mod refused;

use super::{Expression, ExpressionError, Kind, Names, Value, Values};

/// A few paths of each kind, with the values that they have; without one, the step has not run.
struct Known;

const KNOWN: [(&str, Sort, Option<Worth>); 11] = [
    ("slow", Sort::Boolean, Some(Worth::Boolean(false))),
    ("count", Sort::Number, Some(Worth::Number(3.0))),
    ("steps.confirm.answers.slow", Sort::Boolean, Some(Worth::Boolean(true))),
    ("steps.confirm.outcome", OUTCOME, Some(Worth::Text("done"))),
    ("steps.pay_later.verify", VERIFY, Some(Worth::Text("failed"))),
    ("steps.later.verify", VERIFY, None),
    ("steps.later.count", Sort::Number, None),
    ("steps.may_fail_over.approved", Sort::Boolean, None),
    ("steps.fail_over.outputs.ticket", Sort::Text, Some(Worth::Text("INC-1"))),
    ("inputs.region", Sort::Choice(&["eu-1", "eu-2"]), Some(Worth::Text("eu-1"))),
    ("inputs.broken", Sort::Number, Some(Worth::Number(f64::NAN))),
];

#[derive(Clone, Copy)]
enum Sort {
    Boolean,
    Number,
    Text,
    Choice(&'static [&'static str]),
}

#[derive(Clone, Copy)]
enum Worth {
    Boolean(bool),
    Number(f64),
    Text(&'static str),
}

const OUTCOME: Sort = Sort::Choice(&["done", "failed", "skipped"]);
const VERIFY: Sort = Sort::Choice(&["good", "failed"]);

fn find(path: &[&str]) -> Option<(Sort, Option<Worth>)> {
    let path = path.join(".");
    KNOWN.into_iter().find(|(name, ..)| *name == path).map(|(_, kind, value)| (kind, value))
}

impl Names for Known {
    fn kind(&self, path: &[&str]) -> Option<Kind> {
        Some(match find(path)?.0 {
            Sort::Boolean => Kind::Boolean,
            Sort::Number => Kind::Number,
            Sort::Text => Kind::Text,
            Sort::Choice(values) => Kind::Choice(values.iter().map(ToString::to_string).collect()),
        })
    }

    fn known(&self) -> Vec<String> {
        KNOWN.iter().map(|(name, ..)| (*name).to_owned()).collect()
    }
}

impl Values for Known {
    fn value(&self, path: &[&str]) -> Option<Value> {
        Some(match find(path)?.1? {
            Worth::Boolean(truth) => Value::Boolean(truth),
            Worth::Number(number) => Value::Number(number),
            Worth::Text(text) => Value::Text(text.to_owned()),
        })
    }
}

#[track_caller]
fn good(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|refusals| panic!("{text}: {refusals:#?}"))
}

/// What is marked in the text, the message and the way out.
fn said<'a>(text: &'a str, refusals: &'a [ExpressionError]) -> Vec<(&'a str, &'a str, &'a str)> {
    let one = |refusal: &'a ExpressionError| {
        (&text[refusal.at.clone()], refusal.message.as_str(), refusal.help.as_str())
    };
    refusals.iter().map(one).collect()
}
