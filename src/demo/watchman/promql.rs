//! The part of PromQL that the watchman reads: selectors, `rate`, `increase`, `histogram_quantile`, `sum`, `min`, `max`,
//! `avg` and `count` with `by`, arithmetic, and comparisons. Anything else is refused in words, never guessed at.

use std::time::Duration;

use super::lengths;

const TEXT_MAX_BYTES: usize = 2_000;
const DEPTH_MAX: usize = 16;
/// Longer than samples are kept there is nothing to look at.
pub(super) const WINDOW_MAX: Duration = Duration::from_secs(600);

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Number(f64),
    /// The newest value of each series.
    Newest(Selector),
    /// How much counters grew in a window: in all, or by the second.
    Growth {
        of: Selector,
        window: Duration,
        by_second: bool,
    },
    /// A quantile of histograms, from the growth of their buckets.
    Quantile(f64, Box<Expr>),
    Aggregate {
        how: Aggregate,
        by: Vec<String>,
        of: Box<Expr>,
    },
    Binary(Box<Expr>, Operator, Box<Expr>),
}

/// A metric, and what its labels have to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selector {
    pub(super) name: String,
    pub(super) matchers: Vec<Matcher>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matcher {
    pub(super) label: String,
    pub(super) is: bool,
    pub(super) value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Min,
    Max,
    Avg,
    Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Equal,
    NotEqual,
    GreaterOrEqual,
    LessOrEqual,
    Greater,
    Less,
}

impl Operator {
    pub(super) const fn compares(self) -> bool {
        !matches!(self, Self::Add | Self::Subtract | Self::Multiply | Self::Divide)
    }
}

impl Expr {
    /// Whether it is one number and no series.
    pub(super) fn is_scalar(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Binary(left, _, right) => left.is_scalar() && right.is_scalar(),
            _ => false,
        }
    }
}

/// Reads an expression.
pub(super) fn read(text: &str) -> Result<Expr, String> {
    if text.len() > TEXT_MAX_BYTES {
        return Err(format!("an expression has at most {TEXT_MAX_BYTES} bytes"));
    }
    let mut reader = Reader { whole: text, rest: text, depth: 0 };
    let expr = reader.comparison()?;
    reader.space();
    if reader.rest.is_empty() {
        return Ok(expr);
    }
    Err(reader.not_read())
}

const COMPARISONS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
];
const SUMS: [(&str, Operator); 2] = [("+", Operator::Add), ("-", Operator::Subtract)];
const PRODUCTS: [(&str, Operator); 2] = [("*", Operator::Multiply), ("/", Operator::Divide)];
const AGGREGATES: [(&str, Aggregate); 5] = [
    ("sum", Aggregate::Sum),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("avg", Aggregate::Avg),
    ("count", Aggregate::Count),
];

struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a sign, if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(self.at(&format!("`{sign}` is missing"))) }
    }

    fn one_of(&mut self, signs: &[(&str, Operator)]) -> Option<Operator> {
        signs.iter().find(|(sign, _)| self.take(sign)).map(|(_, operator)| *operator)
    }

    fn at(&self, what: &str) -> String {
        let rest: String = self.rest.chars().take(20).collect();
        let place = if rest.is_empty() { "at its end".to_owned() } else { format!("before `{rest}`") };
        format!("{what} {place} in `{}`", self.whole)
    }

    fn not_read(&self) -> String {
        self.at("the watchman of the demo does not read what comes").replace("comes before", "comes at")
            + "; it reads selectors, rate, increase, histogram_quantile, sum, min, max, avg and count (by), arithmetic \
               and comparisons. Prometheus reads all of PromQL"
    }

    fn comparison(&mut self) -> Result<Expr, String> {
        let left = self.sum()?;
        let Some(operator) = self.one_of(&COMPARISONS) else { return Ok(left) };
        let right = self.sum()?;
        if left.is_scalar() && right.is_scalar() {
            return Err(self.at("two numbers are compared"));
        }
        Ok(Expr::Binary(Box::new(left), operator, Box::new(right)))
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        while let Some(operator) = self.one_of(&SUMS) {
            left = Expr::Binary(Box::new(left), operator, Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.one()?;
        while let Some(operator) = self.one_of(&PRODUCTS) {
            left = Expr::Binary(Box::new(left), operator, Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("an expression is nested at most {DEPTH_MAX} deep"));
        }
        let expr = self.one_inside();
        self.depth -= 1;
        expr
    }

    fn one_inside(&mut self) -> Result<Expr, String> {
        if self.take("(") {
            let inside = self.comparison()?;
            self.expect(")")?;
            return Ok(inside);
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '-') {
            return self.number().map(Expr::Number);
        }
        let before = self.rest;
        let name = self.name()?;
        if let Some((_, how)) = AGGREGATES.iter().find(|(word, _)| *word == name) {
            return self.aggregate(*how);
        }
        match name {
            "rate" | "increase" => self.growth(name == "rate"),
            "histogram_quantile" => {
                self.expect("(")?;
                self.space();
                let quantile = self.number()?;
                self.expect(",")?;
                let of = self.comparison()?;
                self.expect(")")?;
                Ok(Expr::Quantile(quantile, Box::new(of)))
            }
            _ if self.rest.trim_start().starts_with('(') => {
                self.rest = before;
                Err(self.not_read())
            }
            _ => {
                let of = self.selector(name)?;
                self.space();
                if self.rest.starts_with('[') {
                    return Err(self.at("a window stands only inside of `rate` or `increase`; it stands"));
                }
                Ok(Expr::Newest(of))
            }
        }
    }

    fn growth(&mut self, by_second: bool) -> Result<Expr, String> {
        self.expect("(")?;
        self.space();
        let name = self.name()?;
        let of = self.selector(name)?;
        self.expect("[")?;
        let (text, rest) = self.rest.split_once(']').ok_or_else(|| self.at("`]` is missing"))?;
        let window = lengths::read(text.trim())
            .filter(|window| (1..=WINDOW_MAX.as_millis()).contains(&window.as_millis()));
        let window = window.ok_or_else(|| {
            self.at(&format!(
                "a window is a length of time up to {}, for example `5s`;",
                lengths::write(WINDOW_MAX)
            ))
        })?;
        self.rest = rest;
        self.expect(")")?;
        Ok(Expr::Growth { of, window, by_second })
    }

    fn aggregate(&mut self, how: Aggregate) -> Result<Expr, String> {
        let mut by = self.by()?;
        self.expect("(")?;
        let of = Box::new(self.comparison()?);
        self.expect(")")?;
        if by.is_none() {
            by = self.by()?;
        }
        if of.is_scalar() {
            return Err(self.at("a number is summed up"));
        }
        Ok(Expr::Aggregate { how, by: by.unwrap_or_default(), of })
    }

    fn by(&mut self) -> Result<Option<Vec<String>>, String> {
        self.space();
        let after = self.rest.strip_prefix("by").filter(|rest| rest.trim_start().starts_with('('));
        let Some(after) = after else { return Ok(None) };
        self.rest = after;
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.take(")") {
            labels.push(self.name()?.to_owned());
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(Some(labels))
    }

    fn selector(&mut self, name: &str) -> Result<Selector, String> {
        let mut matchers = Vec::new();
        if self.take("{") {
            while !self.take("}") {
                let label = self.name()?.to_owned();
                let is = match (self.take("=~"), self.take("!~")) {
                    (false, false) if self.take("!=") => false,
                    (false, false) => {
                        self.expect("=")?;
                        true
                    }
                    _ => return Err(self.at("the watchman of the demo reads `=` and `!=`, no patterns, as")),
                };
                matchers.push(Matcher { label, is, value: self.text()? });
                if !self.take(",") {
                    self.expect("}")?;
                    break;
                }
            }
        }
        Ok(Selector { name: name.to_owned(), matchers })
    }

    fn name(&mut self) -> Result<&'a str, String> {
        self.space();
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.at("a name is missing"));
        }
        self.rest = rest;
        Ok(name)
    }

    fn number(&mut self) -> Result<f64, String> {
        let is_part = |(at, c): (usize, char), before: Option<char>| {
            c.is_ascii_alphanumeric()
                || c == '.'
                || (matches!(c, '-' | '+') && (at == 0 || matches!(before, Some('e' | 'E'))))
        };
        let mut before = None;
        let end = self.rest.char_indices().find(|(at, c)| {
            let part = is_part((*at, *c), before);
            before = Some(*c);
            !part
        });
        let (text, rest) = self.rest.split_at(end.map_or(self.rest.len(), |(at, _)| at));
        let number = text.parse().map_err(|_| self.at("a number is missing"))?;
        self.rest = rest;
        Ok(number)
    }

    fn text(&mut self) -> Result<String, String> {
        self.space();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or_else(|| self.at("a text in quotes is missing"))?;
        let (mut text, mut escaped) = (String::new(), false);
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if escaped => {
                    text.push(if c == 'n' { '\n' } else { c });
                    escaped = false;
                }
                '\\' => escaped = true,
                _ if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
        Err(self.at("the end of a text in quotes is missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(name: &str) -> Box<Expr> {
        Box::new(Expr::Newest(Selector { name: name.to_owned(), matchers: Vec::new() }))
    }

    #[test]
    fn the_rules_that_people_write_are_read() {
        let ratio = read("rate(e{role=\"front\", a!='b'}[10s]) / rate(r[1m]) > 0.05").unwrap();
        let Expr::Binary(left, Operator::Greater, right) = ratio else { panic!("{ratio:?}") };
        assert_eq!(*right, Expr::Number(0.05));
        let Expr::Binary(errors, Operator::Divide, _) = *left else { panic!("{left:?}") };
        let Expr::Growth { of, window, by_second: true } = *errors else { panic!("{errors:?}") };
        assert_eq!((of.name.as_str(), window, of.matchers.len()), ("e", Duration::from_secs(10), 2));
        assert!(!of.matchers[1].is);

        let quantile = read("histogram_quantile(0.95, sum by (le) (rate(b[5s]))) >= 8e-1").unwrap();
        let Expr::Binary(left, Operator::GreaterOrEqual, _) = quantile else { panic!("{quantile:?}") };
        let Expr::Quantile(q, of) = *left else { panic!("{left:?}") };
        assert_eq!(q, 0.95);
        assert!(
            matches!(*of, Expr::Aggregate { how: Aggregate::Sum, ref by, .. } if by == &["le"]),
            "{of:?}"
        );
        assert_eq!(read("sum(a) by (le,)"), read("sum by(le) (a)"));
    }

    #[test]
    fn products_bind_before_sums_and_sums_before_comparisons() {
        let expected = Expr::Binary(
            Box::new(Expr::Binary(
                newest("a"),
                Operator::Add,
                Box::new(Expr::Binary(newest("b"), Operator::Multiply, Box::new(Expr::Number(-2.0)))),
            )),
            Operator::Less,
            newest("c"),
        );
        assert_eq!(read("a + b * -2 < c").unwrap(), expected);
        assert_ne!(read("(a + b) * -2 < c").unwrap(), expected);
    }

    #[test]
    fn what_is_not_read_is_refused_in_words() {
        for (text, word) in [
            ("", "a name is missing"),
            ("a and b", "does not read"),
            ("absent(a)", "does not read"),
            ("a{b=~\"c\"}", "no patterns"),
            ("a[5s] > 1", "only inside"),
            ("rate(a) > 1", "`[` is missing"),
            ("rate(a[1w]) > 1", "up to 10m"),
            ("rate(a[0s]) > 1", "up to 10m"),
            ("1 > 2", "two numbers"),
            ("sum(1)", "summed"),
            ("a{b=\"c", "quotes"),
            ("(a", "`)` is missing"),
            ("a > 1x", "number"),
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
        assert!(read(&"(".repeat(200)).unwrap_err().contains("deep"));
        assert!(read(&" ".repeat(3_000)).unwrap_err().contains("bytes"));
    }
}
