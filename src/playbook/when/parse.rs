//! Tokens as a tree: one function for each rule of the grammar.

use std::ops::Range;

use super::refusal::ExpressionError;
use super::token::{Token, Tokens, tokens};
use super::tree::{Node, Part, Path, Place};
use super::{DEPTH_MAX, LENGTH_MAX};
use crate::text::quote;

type Parsed = Result<Node, ExpressionError>;

pub(super) fn parse(text: &str) -> Result<Node, Vec<ExpressionError>> {
    if let Some(refusal) = too_long(text, text.len(), "") {
        return Err(vec![refusal]);
    }
    let Tokens { list, mut refusals, torn } = tokens(text);
    if torn {
        return Err(refusals);
    }
    let mut parser = Parser { text, tokens: &list, next: 0, depth: 0 };
    match parser.whole() {
        Ok(node) if refusals.is_empty() => {
            let canonical = node.to_string();
            too_long(&canonical, text.len(), " with single spaces")
                .map_or(Ok(node), |refusal| Err(vec![refusal]))
        }
        Ok(_) => Err(refusals),
        Err(refusal) => {
            refusals.push(refusal);
            refusals.sort_by_key(|refusal| refusal.at.start);
            Err(refusals)
        }
    }
}

fn too_long(text: &str, end: usize, how: &str) -> Option<ExpressionError> {
    let count = text.chars().count();
    (count > LENGTH_MAX).then(|| {
        let message = format!("the expression has {count} characters{how}, at most {LENGTH_MAX} are allowed");
        ExpressionError::new(0..end, message, "ask one thing in a step of its own, and use its answer")
    })
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [(Token, Range<usize>)],
    next: usize,
    /// Parentheses and `not`s that are open.
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    /// Where the next token stands; at the end, where the last one stood.
    fn place(&self) -> Range<usize> {
        let place = self.tokens.get(self.next).or_else(|| self.tokens.last());
        place.map_or(0..self.text.len(), |(_, place)| place.clone())
    }

    fn takes(&mut self, token: &Token) -> bool {
        let there = self.peek() == Some(token);
        self.next += usize::from(there);
        there
    }

    fn written(&self, place: Range<usize>) -> String {
        quote(&self.text[place])
    }

    fn whole(&mut self) -> Parsed {
        if self.tokens.is_empty() {
            let help = "write for example `slow == false`, or leave `when` out";
            return Err(ExpressionError::new(self.place(), "the expression is empty", help));
        }
        let node = self.disjunction()?;
        if self.peek().is_some() { Err(self.leftover("")) } else { Ok(node) }
    }

    fn disjunction(&mut self) -> Parsed {
        self.joined(Self::conjunction, &Token::Or, Part::Or, |part| match part {
            Part::Or(parts) => Ok(parts),
            part => Err(part),
        })
    }

    fn conjunction(&mut self) -> Parsed {
        self.joined(Self::negation, &Token::And, Part::And, |part| match part {
            Part::And(parts) => Ok(parts),
            part => Err(part),
        })
    }

    /// One or more, with a word between them. What parentheses made the same again is opened, so that what means the
    /// same is the same.
    fn joined(
        &mut self,
        one: fn(&mut Self) -> Parsed,
        word: &Token,
        join: fn(Vec<Node>) -> Part,
        open: fn(Part) -> Result<Vec<Node>, Part>,
    ) -> Parsed {
        let first = one(self)?;
        if self.peek() != Some(word) {
            return Ok(first);
        }
        let start = first.at().start;
        let (mut parts, mut end) = (Vec::new(), first.at().end);
        let mut next = Some(first);
        while let Some(Node { part, place }) = next {
            end = place.0.end.max(end);
            match open(part) {
                Ok(inner) => parts.extend(inner),
                Err(part) => parts.push(Node { part, place }),
            }
            next = if self.takes(word) { Some(one(self)?) } else { None };
        }
        Ok(Node::new(join(parts), start..end))
    }

    fn negation(&mut self) -> Parsed {
        let place = self.place();
        if !self.takes(&Token::Not) {
            return self.comparison();
        }
        let inner = self.deeper(&place, Self::negation)?;
        let at = place.start..inner.at().end;
        Ok(Node::new(Part::Not(Box::new(inner)), at))
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.operand()?;
        let Some(&Token::Operator(operator)) = self.peek() else { return Ok(left) };
        self.next += 1;
        let right = self.operand()?;
        if let Some(Token::Operator(_)) = self.peek() {
            let place = self.place();
            let message = format!("{} compares what is already compared", self.written(place.clone()));
            return Err(ExpressionError::new(place, message, "join two comparisons: `a < b and b < c`"));
        }
        let at = left.at().start..right.at().end;
        Ok(Node::new(Part::Compare(Box::new(left), operator, Box::new(right)), at))
    }

    fn operand(&mut self) -> Parsed {
        let place = self.place();
        let part = match self.peek() {
            Some(Token::Path(names)) => {
                Part::Path(Path { names: names.clone(), place: Place(place.clone()) })
            }
            Some(Token::Literal(literal)) => Part::Literal(literal.clone()),
            Some(Token::Open) => {
                self.next += 1;
                return self.enclosed(place);
            }
            Some(Token::Not) => {
                let help = "put what it turns round in parentheses: `a == (not b)`";
                return Err(ExpressionError::new(place, "`not` stands before a whole comparison", help));
            }
            Some(Token::Operator(_) | Token::And | Token::Or | Token::Close) => {
                let message = format!("a value is missing before {}", self.written(place.clone()));
                return Err(ExpressionError::new(place, message, VALUES));
            }
            None => {
                let message = format!("a value is missing after {}", self.written(place.clone()));
                return Err(ExpressionError::new(place, message, VALUES));
            }
        };
        self.next += 1;
        Ok(Node::new(part, place))
    }

    /// What stands after an opening parenthesis, and its end.
    fn enclosed(&mut self, open: Range<usize>) -> Parsed {
        let node = self.deeper(&open, Self::disjunction)?;
        let close = self.place();
        if self.takes(&Token::Close) {
            return Ok(Node::new(node.part, open.start..close.end));
        }
        if self.peek().is_some() {
            return Err(self.leftover(" or `)`"));
        }
        Err(ExpressionError::new(open, "this `(` is not closed", "add `)` where it ends"))
    }

    fn deeper(&mut self, place: &Range<usize>, rule: fn(&mut Self) -> Parsed) -> Parsed {
        if self.depth == DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} parentheses and `not`s inside each other");
            let help = "take out those that change nothing";
            return Err(ExpressionError::new(place.clone(), message, help));
        }
        self.depth += 1;
        let node = rule(self);
        self.depth -= 1;
        node
    }

    /// Something stands where an operator should.
    fn leftover(&self, or: &str) -> ExpressionError {
        let place = self.place();
        if self.peek() == Some(&Token::Close) {
            return ExpressionError::new(place, "this `)` closes nothing", "take it out, or add `(` before");
        }
        let help = match &self.text[place.clone()] {
            "is" | "eq" | "equals" => "did you mean `==`?",
            "ne" | "isnt" => "did you mean `!=`?",
            "in" => "compare with each: `region == 'eu-1' or region == 'eu-2'`",
            "xor" => "write `!=` between two values that are true or false",
            "not" => "did you mean `!=` or `and not`?",
            _ => "between two values stands `==`, `!=`, `<`, `<=`, `>`, `>=`, `and` or `or`",
        };
        let message = format!("expected an operator{or}, found {}", self.written(place.clone()));
        ExpressionError::new(place, message, help)
    }
}

const VALUES: &str = "a value is a path, `true`, `false`, a number, or a text in quotes";
