//! The canonical form.

use std::fmt;

use super::tree::{Literal, Node, Part};

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Path(path) => path.fmt(f),
            Part::Literal(literal) => literal.fmt(f),
            Part::Compare(left, operator, right) => {
                left.operand(f)?;
                write!(f, " {} ", operator.sign())?;
                right.operand(f)
            }
            Part::And(parts) => joined(parts, " and ", |part| matches!(part, Part::And(_) | Part::Or(_)), f),
            Part::Or(parts) => joined(parts, " or ", |part| matches!(part, Part::Or(_)), f),
            Part::Not(inner) => {
                f.write_str("not ")?;
                inner.enclosed_if(matches!(inner.part, Part::And(_) | Part::Or(_)), f)
            }
        }
    }
}

impl Node {
    fn operand(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.enclosed_if(!matches!(self.part, Part::Path(_) | Part::Literal(_)), f)
    }

    fn enclosed_if(&self, enclosed: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if enclosed { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

fn joined(
    parts: &[Node],
    word: &str,
    encloses: fn(&Part) -> bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (index, node) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        node.enclosed_if(encloses(&node.part), f)?;
    }
    Ok(())
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(truth) => truth.fmt(f),
            // The shortest decimal that reads back as the same number, never with an exponent.
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => {
                f.write_str("'")?;
                for c in text.chars() {
                    match c {
                        '\\' => f.write_str("\\\\"),
                        '\'' => f.write_str("\\'"),
                        '\n' => f.write_str("\\n"),
                        '\t' => f.write_str("\\t"),
                        c => write!(f, "{c}"),
                    }?;
                }
                f.write_str("'")
            }
        }
    }
}
