//! Whether an expression holds.

use std::cmp::Ordering;

use super::kind::{Kind, Value, Values};
use super::tree::{Literal, Node, Operator, Part};
use crate::text::quote;

/// A value is of another kind than its place asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} is {found}, and {expected} is needed there")]
pub struct WrongKind {
    /// The part of the expression, quoted.
    pub part: String,
    /// What its value is.
    pub found: Kind,
    /// What is needed.
    pub expected: Kind,
}

fn wrong(node: &Node, found: &Value, expected: Kind) -> WrongKind {
    WrongKind { part: quote(&node.to_string()), found: kind(found), expected }
}

const fn kind(value: &Value) -> Kind {
    match value {
        Value::Boolean(_) => Kind::Boolean,
        Value::Number(_) => Kind::Number,
        Value::Text(_) => Kind::Text,
    }
}

pub(super) fn truth(node: &Node, values: &dyn Values) -> Result<bool, WrongKind> {
    match &node.part {
        Part::Path(_) | Part::Literal(_) => match worth(node, values)? {
            None => Ok(false),
            Some(Value::Boolean(truth)) => Ok(truth),
            Some(other) => Err(wrong(node, &other, Kind::Boolean)),
        },
        Part::Compare(left, operator, right) => compare(left, *operator, right, values),
        Part::And(parts) => {
            for part in parts {
                if !truth(part, values)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Part::Or(parts) => {
            for part in parts {
                if truth(part, values)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Part::Not(inner) => truth(inner, values).map(|truth| !truth),
    }
}

fn is_finite(value: &Value) -> bool {
    !matches!(value, Value::Number(number) if !number.is_finite())
}

/// The value of a part; nothing while a path has none.
fn worth(node: &Node, values: &dyn Values) -> Result<Option<Value>, WrongKind> {
    match &node.part {
        Part::Path(path) => Ok(values.value(&path.names()).filter(is_finite)),
        Part::Literal(literal) => Ok(Some(match literal {
            Literal::Boolean(truth) => Value::Boolean(*truth),
            Literal::Number(number) => Value::Number(*number),
            Literal::Text(text) => Value::Text(text.clone()),
        })),
        Part::Compare(..) | Part::And(_) | Part::Or(_) | Part::Not(_) => {
            truth(node, values).map(|truth| Some(Value::Boolean(truth)))
        }
    }
}

fn compare(left: &Node, operator: Operator, right: &Node, values: &dyn Values) -> Result<bool, WrongKind> {
    let (Some(one), Some(other)) = (worth(left, values)?, worth(right, values)?) else {
        return Ok(operator == Operator::NotEqual);
    };
    if kind(&one) != kind(&other) {
        return Err(wrong(right, &other, kind(&one)));
    }
    let order = match (&one, &other) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        _ if operator.orders() => return Err(wrong(left, &one, Kind::Number)),
        _ => None,
    };
    Ok(match operator {
        Operator::Equal => one == other,
        Operator::NotEqual => one != other,
        Operator::Less => order.is_some_and(Ordering::is_lt),
        Operator::AtMost => order.is_some_and(Ordering::is_le),
        Operator::Greater => order.is_some_and(Ordering::is_gt),
        Operator::AtLeast => order.is_some_and(Ordering::is_ge),
    })
}
