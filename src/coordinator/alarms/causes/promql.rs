//! So much of PromQL as it takes to ask after the parts of a rule: its selectors, and its outermost comparison.

/// A rule's expression, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Its selectors without ranges, offsets and repetitions.
    pub(super) selectors: Vec<String>,
    /// The outermost comparison, if it is the only one and no `and`, `or`, `unless` stands beside it: left side,
    /// operator, right side.
    pub(super) comparison: Option<(String, String, String)>,
}

/// More selectors of one rule are not asked after.
const SELECTORS_MAX: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'q> {
    Word(&'q str),
    Braces(&'q str),
    Comparison(&'q str),
    Open,
    Close,
    Other,
}

/// Takes an expression apart. What it does not understand it leaves out.
pub(super) fn take_apart(query: &str) -> Parts {
    let query = without_outer_parentheses(query.trim());
    let tokens = tokens(query);
    Parts { selectors: selectors(&tokens), comparison: comparison(query, &tokens) }
}

/// Tokens and where each begins.
fn tokens(query: &str) -> Vec<(usize, Token<'_>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = query[at..].chars().next() {
        let rest = &query[at..];
        let (token, length) = match first {
            '"' | '\'' | '`' => (Token::Other, quoted(rest)),
            '#' => (Token::Other, rest.find('\n').unwrap_or(rest.len())),
            '{' => {
                let length = braces(rest);
                (Token::Braces(&rest[..length]), length)
            }
            '[' => (Token::Other, rest.find(']').map_or(rest.len(), |end| end + 1)),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '=' | '!' | '<' | '>' => {
                let length = if rest[1..].starts_with(['=', '~']) { 2 } else { 1 };
                (Token::Comparison(&rest[..length]), length)
            }
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (Token::Word(&rest[..length]), length)
            }
            // A number or a duration; its letters are no words.
            c if c.is_ascii_digit() => {
                let is_number = |c: char| c.is_ascii_alphanumeric() || c == '.';
                (Token::Other, rest.find(|c| !is_number(c)).unwrap_or(rest.len()))
            }
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            c => (Token::Other, c.len_utf8()),
        };
        found.push((at, token));
        at += length;
    }
    found
}

/// The length of the quoted text at the beginning.
fn quoted(rest: &str) -> usize {
    let Some(quote) = rest.chars().next() else { return 0 };
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != '`' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// The length of `{…}` at the beginning; braces in quotes do not count.
fn braces(rest: &str) -> usize {
    let mut at = 1;
    while let Some(c) = rest[at..].chars().next() {
        match c {
            '}' => return at + 1,
            '"' | '\'' | '`' => at += quoted(&rest[at..]),
            c => at += c.len_utf8(),
        }
    }
    rest.len()
}

fn without_outer_parentheses(query: &str) -> &str {
    let mut depth = 0_usize;
    let tokens = tokens(query);
    for (index, (_, token)) in tokens.iter().enumerate() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Word(_) | Token::Braces(_) | Token::Comparison(_) | Token::Other => {}
        }
        if depth == 0 {
            let whole = index > 0 && index + 1 == tokens.len() && query.starts_with('(');
            return if whole { query[1..query.len() - 1].trim() } else { query };
        }
    }
    query
}

const LABEL_LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const KEYWORDS: [&str; 8] = ["and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"];

fn selectors(tokens: &[(usize, Token<'_>)]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut index = 0;
    while let Some((_, token)) = tokens.get(index) {
        let next = tokens.get(index + 1).map(|(_, token)| *token);
        index += 1;
        let selector = match (token, next) {
            (Token::Word(word), _) if LABEL_LISTS.contains(&word.to_lowercase().as_str()) => {
                if next == Some(Token::Open) {
                    // The names in the list are labels.
                    let end = tokens[index..].iter().position(|(_, token)| *token == Token::Close);
                    index = end.map_or(tokens.len(), |end| index + end + 1);
                }
                continue;
            }
            (Token::Word(word), _) if KEYWORDS.contains(&word.to_lowercase().as_str()) => continue,
            (Token::Word(name), Some(Token::Braces(braces))) => {
                index += 1;
                format!("{name}{braces}")
            }
            // A function, or an aggregation with its labels before its argument.
            (Token::Word(_), Some(Token::Open)) => continue,
            (Token::Word(_), Some(Token::Word("by" | "without"))) => continue,
            (Token::Word(name), _) => (*name).to_owned(),
            (Token::Braces(braces), _) => (*braces).to_owned(),
            (Token::Comparison(_) | Token::Open | Token::Close | Token::Other, _) => continue,
        };
        if !found.contains(&selector) && found.len() < SELECTORS_MAX {
            found.push(selector);
        }
    }
    found
}

fn comparison(query: &str, tokens: &[(usize, Token<'_>)]) -> Option<(String, String, String)> {
    let (mut depth, mut found) = (0_i32, None);
    for (at, token) in tokens {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            Token::Comparison(operator) if depth == 0 => {
                if found.replace((*at, *operator)).is_some() {
                    return None;
                }
            }
            Token::Word(word) if depth == 0 && matches!(*word, "and" | "or" | "unless" | "bool") => {
                return None;
            }
            Token::Word(_) | Token::Braces(_) | Token::Comparison(_) | Token::Other => {}
        }
    }
    let (at, operator) = found?;
    let (left, right) = (query[..at].trim(), query[at + operator.len()..].trim());
    (!left.is_empty() && !right.is_empty()).then(|| (left.into(), operator.into(), right.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn selectors_and_the_comparison_are_found() {
        for (query, selectors, comparison) in [
            ("svc_fault == 1", vec!["svc_fault"], Some(("svc_fault", "==", "1"))),
            ("(up{job=\"a } b\"} < 1)", vec!["up{job=\"a } b\"}"], Some(("up{job=\"a } b\"}", "<", "1"))),
            (
                "sum by (job) (rate(e_total{code=~\"5..\"}[5m])) / sum(rate(r_total[5m])) by (job) > 0.1",
                vec!["e_total{code=~\"5..\"}", "r_total"],
                Some((
                    "sum by (job) (rate(e_total{code=~\"5..\"}[5m])) / sum(rate(r_total[5m])) by (job)",
                    ">",
                    "0.1",
                )),
            ),
            (
                "histogram_quantile(0.9, rate(d_bucket[5s] offset 1m)) > on(a) group_left(b) limit",
                vec!["d_bucket", "limit"],
                Some((
                    "histogram_quantile(0.9, rate(d_bucket[5s] offset 1m))",
                    ">",
                    "on(a) group_left(b) limit",
                )),
            ),
            ("a > 1 and b > 2", vec!["a", "b"], None),
            ("absent(nothing)", vec!["nothing"], None),
            ("{__name__=\"x\"} > 1e3", vec!["{__name__=\"x\"}"], Some(("{__name__=\"x\"}", ">", "1e3"))),
            ("(a > 1) or (b > 1)", vec!["a", "b"], None),
            ("vector(1)", vec![], None),
        ] {
            let parts = take_apart(query);
            assert_eq!(parts.selectors, selectors, "{query}");
            let expected = comparison.map(|(l, o, r)| (l.to_owned(), o.to_owned(), r.to_owned()));
            assert_eq!(parts.comparison, expected, "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(query in "[a-z({\\[\"'`\\\\#=!<>~é 0-9)}\\]]{0,40}") {
            take_apart(&query);
        }
    }
}
