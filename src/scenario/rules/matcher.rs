//! The matchers of Alertmanager's routes: `severity="page"`, `team=~"pay|shop"`.

use crate::fault::Glob;

/// Whether something holds, as far as files tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Yes,
    No,
    /// It depends on a label that the rule does not fix.
    Perhaps,
    /// It depends on a pattern that is not judged here.
    NotJudged,
}

impl Holds {
    /// Both.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::NotJudged, _) | (_, Self::NotJudged) => Self::NotJudged,
            (Self::Perhaps, _) | (_, Self::Perhaps) => Self::Perhaps,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// Its contrary.
    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Perhaps | Self::NotJudged => self,
        }
    }
}

/// What is asked of one label.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    name: String,
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Equals(String),
    /// Any of these, as a whole.
    AnyOf(Vec<Glob>),
    /// A regular expression that is more than words with `.*` and `|`, or something that was not read.
    NotJudged,
}

impl Matcher {
    pub(super) fn equals(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), negated: false, test: Test::Equals(value.to_owned()) }
    }

    pub(super) fn pattern(name: &str, pattern: &str) -> Self {
        let test = simple(pattern).map_or(Test::NotJudged, Test::AnyOf);
        Self { name: name.to_owned(), negated: false, test }
    }

    /// One that was not read, and so may hold or not.
    pub(super) fn unread() -> Self {
        Self { name: String::new(), negated: false, test: Test::NotJudged }
    }

    /// Reads `a="b"`, `a="b",c=~"d"` and `{a="b"}`; an error is the part that cannot be read.
    pub(super) fn parse(text: &str) -> Result<Vec<Self>, String> {
        let text = text.trim();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let parts = split(inner).into_iter().map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| Self::one(part).ok_or_else(|| part.to_owned())).collect()
    }

    fn one(text: &str) -> Option<Self> {
        let at = if text.starts_with('"') { end_of_quote(text)? } else { text.find(['=', '!'])? };
        let (name, rest) = text.split_at(at);
        let name = unquoted(name.trim())?;
        let rest = rest.trim_start();
        let (operator, value) = rest
            .split_at_checked(2)
            .filter(|(two, _)| ["=~", "!=", "!~"].contains(two))
            .or_else(|| rest.strip_prefix('=').map(|value| ("=", value)))?;
        let value = unquoted(value.trim())?;
        if name.is_empty() {
            return None;
        }
        let matcher =
            if operator.ends_with('~') { Self::pattern(&name, &value) } else { Self::equals(&name, &value) };
        Some(Self { negated: operator.starts_with('!'), ..matcher })
    }

    /// Whether it holds of the labels that are known. Absent: the label may be anything.
    pub(super) fn holds<'l>(&self, labels: &impl Fn(&str) -> Option<&'l str>) -> Holds {
        let fits = match (&self.test, labels(&self.name)) {
            (Test::NotJudged, _) => Holds::NotJudged,
            (Test::AnyOf(any), _) if any.iter().any(|glob| glob.0 == "*") => Holds::Yes,
            (_, None) => Holds::Perhaps,
            (Test::Equals(wanted), Some(value)) if wanted == value => Holds::Yes,
            (Test::AnyOf(any), Some(value)) if any.iter().any(|glob| glob.matches(value)) => Holds::Yes,
            (Test::Equals(_) | Test::AnyOf(_), Some(_)) => Holds::No,
        };
        if self.negated { fits.not() } else { fits }
    }
}

/// At the commas outside of quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// One past the quote that closes the first one.
fn end_of_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// A word, or what stands between two quotes.
fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else {
        return (!text.contains('"')).then(|| text.to_owned());
    };
    let inner = inner.strip_suffix('"').filter(|_| end_of_quote(text) == Some(text.len()))?;
    let (mut plain, mut escaped) = (String::new(), false);
    for c in inner.chars() {
        match (escaped, c) {
            (false, '\\') => escaped = true,
            (true, 'n') => (plain, escaped) = (plain + "\n", false),
            (_, c) => {
                plain.push(c);
                escaped = false;
            }
        }
    }
    Some(plain)
}

/// A regular expression of words, `.`, `.*`, `.+` and `|`, which is all that most routes use. It stands for the whole
/// value, as it does for Alertmanager. Anything else is none of ours to judge.
fn simple(pattern: &str) -> Option<Vec<Glob>> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = pattern.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(pattern);
    let group = pattern.strip_prefix("(?:").or_else(|| pattern.strip_prefix('('));
    let pattern = group.and_then(|group| group.strip_suffix(')')).unwrap_or(pattern);
    pattern.split('|').map(alternative).collect()
}

fn alternative(text: &str) -> Option<Glob> {
    let (mut glob, mut chars) = (String::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '.' => match chars.next_if(|next| "*+".contains(*next)) {
                Some('*') => glob.push('*'),
                Some(_) => glob.push_str("?*"),
                None => glob.push('?'),
            },
            '\\' => glob.push(chars.next().filter(|c| ".-/:_@".contains(*c))?),
            // After any other sign of a repetition the letter before it would not stand for itself.
            '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
            c => glob.push(c),
        }
    }
    Some(Glob(glob))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, label: Option<&str>, expected: Holds) {
        let matchers = Matcher::parse(text).unwrap_or_else(|part| panic!("{text}: {part}"));
        let known = |name: &str| if name == "team" { label } else { Some("page") };
        let holds = matchers.iter().fold(Holds::Yes, |all, one| all.and(one.holds(&known)));
        assert_eq!(holds, expected, "{text} of {label:?}");
    }

    #[test]
    fn matchers_hold_of_whole_values() {
        for (text, label, expected) in [
            (r#"team="pay""#, "pay", Holds::Yes),
            (r#"team="pay""#, "payments", Holds::No),
            ("team=pay", "pay", Holds::Yes),
            (r#" team != "pay" "#, "pay", Holds::No),
            (r#"team=~"pay|shop""#, "shop", Holds::Yes),
            (r#"team=~"pay|shop""#, "shopping", Holds::No),
            (r#"team=~"^(pay|shop)$""#, "shop", Holds::Yes),
            (r#"team=~"pay.*""#, "payments", Holds::Yes),
            (r#"team=~"pay.+""#, "pay", Holds::No),
            (r#"team=~"a\\.b""#, "a.b", Holds::Yes),
            (r#"team=~"a\\.b""#, "axb", Holds::No),
            (r#"team=~"a.b""#, "axb", Holds::Yes),
            (r#"team!~"pay|shop""#, "shop", Holds::No),
            (r#"team!~"pay|shop""#, "search", Holds::Yes),
            (r#"team=~"(pay|shop)-(a|b)""#, "pay-a", Holds::NotJudged),
            (r#"team=~"pa?y""#, "py", Holds::NotJudged),
            (r#"team!~"[a-z]+""#, "pay", Holds::NotJudged),
            (r#"{team="pay",severity="page"}"#, "pay", Holds::Yes),
            (r#"team="pay",severity="info""#, "pay", Holds::No),
            (r#""team"="a,b""#, "a,b", Holds::Yes),
            (r#"team="say \"hi\"""#, "say \"hi\"", Holds::Yes),
            ("", "pay", Holds::Yes),
        ] {
            check(text, Some(label), expected);
        }
    }

    #[test]
    fn a_label_that_may_be_anything_leaves_it_open() {
        check(r#"team="pay""#, None, Holds::Perhaps);
        check(r#"team!="pay""#, None, Holds::Perhaps);
        check(r#"team=~".*""#, None, Holds::Yes);
        check(r#"team="pay",severity="info""#, None, Holds::No);
        assert_eq!(Matcher::unread().holds(&|_| None), Holds::NotJudged);
    }

    #[test]
    fn what_is_no_matcher_is_named() {
        for (text, part) in [
            ("team", "team"),
            (r#"a="b",="c""#, r#"="c""#),
            (r#"a="b"#, r#"a="b"#),
            (r#"a="b"c"#, r#"a="b"c"#),
            ("a!b", "a!b"),
            ("\"a=b", "\"a=b"),
        ] {
            assert_eq!(Matcher::parse(text).unwrap_err(), part, "{text}");
        }
    }
}
