//! What a text has to be like: a glob, or after a `~` a regular expression.

use std::fmt;

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Glob, beginning};

/// The longest pattern.
pub const PATTERN_MAX_BYTES: usize = 2_048;
/// What one regular expression may come to when it is compiled.
const PROGRAM_MAX_BYTES: usize = 256 * 1024;

/// A glob (`/v1/*`), or a regular expression for the whole text (`~/v1/(a|b)/[0-9]+`). `~~` at the beginning stands for
/// a plain `~`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pattern(pub String);

/// How a pattern was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    Glob(&'a str),
    Regex(&'a str),
}

impl Pattern {
    /// What the text says.
    pub(crate) fn meaning(&self) -> Meaning<'_> {
        match self.0.strip_prefix('~') {
            None => Meaning::Glob(&self.0),
            Some(rest) if rest.starts_with('~') => Meaning::Glob(rest),
            Some(expression) => Meaning::Regex(expression),
        }
    }

    /// Whether it is a regular expression.
    pub fn is_regex(&self) -> bool {
        matches!(self.meaning(), Meaning::Regex(_))
    }

    /// What is wrong with it and the way out; nothing when it can be used.
    pub fn check(&self) -> Option<(String, String)> {
        self.compile(false).err()
    }

    /// What is compared with each text; or what is wrong, and the way out.
    pub(super) fn compile(&self, ignoring_case: bool) -> Result<Text, (String, String)> {
        let no = |why: String, way_out: &str| Err((why, way_out.to_owned()));
        if self.0.is_empty() {
            return no("is empty and fits nothing".to_owned(), "write `*` for anything");
        }
        if self.0.len() > PATTERN_MAX_BYTES {
            return no(
                format!("is longer than {PATTERN_MAX_BYTES} bytes"),
                "write a shorter pattern with `*`",
            );
        }
        let is = match self.meaning() {
            Meaning::Glob("*") => Is::Anything,
            Meaning::Glob(glob) if beginning(glob).len() == glob.len() => Is::Exactly(glob.into()),
            Meaning::Glob(glob) => Is::Glob(Glob(glob.to_owned())),
            Meaning::Regex(expression) => Is::Regex(compiled(expression, ignoring_case)?),
        };
        Ok(Text { is, ignoring_case })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Glob> for Pattern {
    fn from(glob: Glob) -> Self {
        Self(if glob.0.starts_with('~') { format!("~{}", glob.0) } else { glob.0 })
    }
}

/// A pattern that is ready to be used.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    is: Is,
    ignoring_case: bool,
}

#[derive(Clone, Debug)]
enum Is {
    Anything,
    Exactly(Box<str>),
    Glob(Glob),
    Regex(Regex),
}

impl Text {
    pub(super) fn fits(&self, text: &str) -> bool {
        match (&self.is, self.ignoring_case) {
            (Is::Anything, _) => true,
            (Is::Exactly(wanted), false) => **wanted == *text,
            (Is::Exactly(wanted), true) => wanted.eq_ignore_ascii_case(text),
            (Is::Glob(glob), false) => glob.matches(text),
            (Is::Glob(glob), true) => glob.matches_ignoring_case(text),
            (Is::Regex(regex), _) => regex.is_match(text),
        }
    }

    pub(super) const fn is_anything(&self) -> bool {
        matches!(self.is, Is::Anything)
    }
}

/// The expression for a whole text.
pub(crate) fn whole(expression: &str) -> String {
    format!(r"\A(?:{expression})\z")
}

fn compiled(expression: &str, ignoring_case: bool) -> Result<Regex, (String, String)> {
    if let Some(control) = expression.chars().find(|c| c.is_control()) {
        let why = format!("holds the control character {}", control.escape_debug());
        return Err((why, "write it as `\\n`, `\\t` or `\\x0A`".to_owned()));
    }
    let build = |expression: &str| {
        RegexBuilder::new(expression)
            .case_insensitive(ignoring_case)
            .size_limit(PROGRAM_MAX_BYTES)
            .dfa_size_limit(PROGRAM_MAX_BYTES)
            .build()
    };
    // Alone first: what is wrong is found where it was written, and nothing escapes from the brackets around it.
    build(expression).and_then(|_| build(&whole(expression))).map_err(|error| refusal(&error))
}

fn refusal(error: &regex::Error) -> (String, String) {
    match error {
        regex::Error::CompiledTooBig(limit) => (
            format!("is a regular expression that takes more than {} KiB", limit / 1024),
            "use smaller counts in `{n,m}`, and `[0-9A-Za-z_]` in place of `\\w`".to_owned(),
        ),
        error => {
            let said = error.to_string();
            let why = said.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(&said);
            let place = place(&said).map(|at| format!(" at character {at}")).unwrap_or_default();
            (
                format!("is no regular expression: {why}{place}"),
                "correct it, write `\\` before a character that stands for itself, or use a glob".to_owned(),
            )
        }
    }
}

/// Where the parser points to, from 1: under the expression, which it shows on a line of its own, stands a `^`.
fn place(said: &str) -> Option<usize> {
    const MARGIN: usize = 4;
    let pointer = said.lines().find(|line| line.trim_start().starts_with('^'))?;
    pointer.chars().position(|c| c == '^')?.checked_sub(MARGIN).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Pattern(pattern.into()).compile(false).unwrap().fits(text)
    }

    #[test]
    fn a_tilde_makes_a_regular_expression_for_the_whole_text() {
        for (pattern, text, expected) in [
            ("~/v1/(a|b)/[0-9]+", "/v1/a/17", true),
            ("~/v1/(a|b)/[0-9]+", "/v1/c/17", false),
            ("~/v1/(a|b)/[0-9]+", "/v1/a/17/more", false),
            ("~/v1/(a|b)/[0-9]+", "/before/v1/a/17", false),
            ("~a|b", "b", true),
            ("~a|b", "ab", false),
            ("~(?m)a$", "a\nb", false),
            ("~.*", "", true),
            ("~~user/*", "~user/1", true),
            ("~~user/*", "user/1", false),
            ("/a.c", "/abc", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} on {text:?}");
        }
        let host = Pattern("~(a|b)\\.test".into()).compile(true).unwrap();
        assert!(host.fits("B.TEST") && !host.fits("c.test"));
        assert_eq!(Pattern::from(Glob("~x".into())).meaning(), Meaning::Glob("~x"));
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_place() {
        for (pattern, says) in [
            ("", "is empty"),
            ("~/v1/(a", "unclosed group at character 5"),
            ("~a)|(b", "unopened group at character 2"),
            ("~[z-a]", "invalid character class range"),
            ("~(?x)a # not closed", "no regular expression"),
            ("~a\n", "control character \\n"),
            ("~(\\w{200}){200}", "more than 256 KiB"),
            ("~a{99999}", "more than 256 KiB"),
            ("~(?=a)", "look-around"),
        ] {
            let (why, way_out) = Pattern(pattern.into()).check().unwrap();
            assert!(why.contains(says) && !way_out.is_empty(), "{pattern}: {why}");
        }
        assert!(Pattern("a".repeat(2_049)).check().unwrap().0.contains("2048 bytes"));
    }

    #[test]
    fn what_makes_backtracking_explode_ends_soon() {
        for pattern in ["~(a+)+b", "~(a|aa)*b", "~(.*a){20}b", "~((a?){30})a{30}b"] {
            assert!(!fits(pattern, &"a".repeat(8_000)), "{pattern}");
        }
    }
}
