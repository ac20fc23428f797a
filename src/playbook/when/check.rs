//! Whether the paths exist and the kinds fit.

use super::kind::{Kind, Names};
use super::refusal::ExpressionError;
use super::tree::{Literal, Node, Operator, Part, Path};
use crate::text::{nearest, quote};

/// More than these are not listed in a message.
const LISTED_MAX: usize = 8;
/// A longer example, in bytes, would not be read.
const EXAMPLE_MAX: usize = 80;

pub(super) fn check(node: &Node, names: &dyn Names) -> Vec<ExpressionError> {
    let mut checker = Checker { names, refusals: Vec::new() };
    checker.truth(node);
    checker.refusals
}

struct Checker<'n> {
    names: &'n dyn Names,
    refusals: Vec<ExpressionError>,
}

impl Checker<'_> {
    fn refuse(&mut self, node: &Node, message: String, help: impl Into<String>) {
        self.refusals.push(ExpressionError::new(node.at(), message, help));
    }

    /// What must be true or false.
    fn truth(&mut self, node: &Node) {
        let kind = match self.kind(node) {
            None | Some(Kind::Boolean) => return,
            Some(kind) => kind,
        };
        let example = match &kind {
            Kind::Number => format!("{node} > 0"),
            Kind::Choice(values) if !values.is_empty() => format!("{node} == {}", text(&values[0])),
            _ => format!("{node} == 'value'"),
        };
        let help = match &node.part {
            Part::Path(_) if example.len() <= EXAMPLE_MAX => format!("compare it: `{example}`"),
            Part::Path(_) => "compare it with a value".to_owned(),
            _ => "compare it with a path".to_owned(),
        };
        self.refuse(node, format!("{} is {kind}, not true or false", quote(&node.to_string())), help);
    }

    /// The kind of a part; nothing when that has been refused.
    fn kind(&mut self, node: &Node) -> Option<Kind> {
        match &node.part {
            Part::Path(path) => self.path(node, path),
            Part::Literal(literal) => Some(match literal {
                Literal::Boolean(_) => Kind::Boolean,
                Literal::Number(_) => Kind::Number,
                Literal::Text(_) => Kind::Text,
            }),
            Part::Compare(left, operator, right) => {
                self.compare(node, left, *operator, right);
                Some(Kind::Boolean)
            }
            Part::And(parts) | Part::Or(parts) => {
                parts.iter().for_each(|part| self.truth(part));
                Some(Kind::Boolean)
            }
            Part::Not(inner) => {
                self.truth(inner);
                Some(Kind::Boolean)
            }
        }
    }

    fn path(&mut self, node: &Node, path: &Path) -> Option<Kind> {
        let kind = self.names.kind(&path.names());
        if kind.is_none() {
            let help = self.instead_of(&path.to_string());
            self.refuse(node, format!("there is no {}", quote(&path.to_string())), help);
        }
        kind
    }

    fn instead_of(&self, path: &str) -> String {
        let known = self.names.known();
        let inside: Vec<&String> = known
            .iter()
            .filter(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
            .collect();
        if !inside.is_empty() {
            return format!("it has {}", listed(&inside));
        }
        if let Some(near) = nearest(path, known.iter().map(String::as_str)) {
            return format!("did you mean `{near}`?");
        }
        // The last name alone is often right: `answers.slow` for `steps.confirm.answers.slow`.
        let ending: Vec<&String> = known
            .iter()
            .filter(|name| name.strip_suffix(path).is_some_and(|rest| rest.ends_with('.')))
            .collect();
        if !ending.is_empty() {
            return format!("did you mean {}?", listed(&ending));
        }
        if known.is_empty() {
            return "nothing is known here".to_owned();
        }
        let text = format!("if it is a text, put it in quotes: {}", quote(&text(path)));
        format!("known here: {}; {text}", listed(&known.iter().collect::<Vec<_>>()))
    }

    fn compare(&mut self, node: &Node, left: &Node, operator: Operator, right: &Node) {
        let (Some(one), Some(other)) = (self.kind(left), self.kind(right)) else { return };
        if is_text(&one) != is_text(&other) || !is_text(&one) && one != other {
            let message =
                format!("{} is {one}, {} is {other}", quote(&left.to_string()), quote(&right.to_string()));
            let help = as_kind(right, &one).or_else(|| as_kind(left, &other));
            return self.refuse(
                node,
                message,
                help.unwrap_or_else(|| "compare values of one kind".to_owned()),
            );
        }
        if operator.orders() && one != Kind::Number {
            let message =
                format!("`{}` orders numbers, and {} is {one}", operator.sign(), quote(&left.to_string()));
            return self.refuse(node, message, "use `==` or `!=`");
        }
        match (&one, &other) {
            (Kind::Choice(values), Kind::Choice(others))
                if !values.iter().any(|value| others.contains(value)) =>
            {
                let (left, right) = (quote(&left.to_string()), quote(&right.to_string()));
                let help = format!("the first is one of {}, the second one of {}", set(values), set(others));
                self.refuse(node, format!("{left} and {right} have no value in common"), help);
            }
            (Kind::Choice(values), Kind::Text) => self.chosen(left, values, right),
            (Kind::Text, Kind::Choice(values)) => self.chosen(right, values, left),
            _ => {}
        }
    }

    /// Whether a text that is written down is one of the values that a path can have.
    fn chosen(&mut self, path: &Node, values: &[String], written: &Node) {
        let Part::Literal(Literal::Text(value)) = &written.part else { return };
        if values.contains(value) {
            return;
        }
        let near = nearest(value, values.iter().map(String::as_str));
        let help = near.map(|near| format!("did you mean {}? ", text(near))).unwrap_or_default();
        let message = format!("{} is never {}", quote(&path.to_string()), quote(value));
        self.refuse(written, message, format!("{help}It is one of {}", set(values)));
    }
}

const fn is_text(kind: &Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Choice(_))
}

/// How a written value would have to be written to be of the kind.
fn as_kind(node: &Node, kind: &Kind) -> Option<String> {
    let Part::Literal(literal) = &node.part else { return None };
    match (literal, kind) {
        (Literal::Text(value), Kind::Boolean) if value == "true" || value == "false" => {
            Some(format!("write `{value}` without quotes"))
        }
        (Literal::Text(value), Kind::Number) if value.parse::<f64>().is_ok_and(f64::is_finite) => {
            Some(format!("write {} without quotes", quote(value)))
        }
        (Literal::Boolean(_) | Literal::Number(_), Kind::Text | Kind::Choice(_)) => {
            Some(format!("write `'{literal}'`, with quotes"))
        }
        (_, Kind::Boolean) => Some("compare it with `true` or `false`".to_owned()),
        _ => None,
    }
}

fn text(value: &str) -> String {
    Literal::Text(value.to_owned()).to_string()
}

fn set(values: &[String]) -> String {
    cut(values.iter().map(|value| text(value)))
}

fn listed(names: &[&String]) -> String {
    cut(names.iter().map(|name| format!("`{name}`")))
}

fn cut(words: impl ExactSizeIterator<Item = String>) -> String {
    let more = words.len().saturating_sub(LISTED_MAX);
    let mut shown: Vec<String> = words.take(LISTED_MAX).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}
