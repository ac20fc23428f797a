//! What is wrong with a file, and where.

use serde::Serialize;

use super::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// It can, but someone should look.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable name, for example `unknown-key`.
    pub rule: &'static str,
    /// What is wrong: the thing, the value, the limit.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Words beside the marked place.
    pub label: Option<String>,
    /// Other places that have to do with it.
    pub others: Vec<(Span, String)>,
    /// The way out.
    pub help: Option<String>,
}

impl Problem {
    /// An error at a place.
    pub fn error(rule: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            rule,
            message: message.into(),
            span,
            label: None,
            others: Vec::new(),
            help: None,
        }
    }

    /// A warning at a place.
    pub fn warning(rule: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, span, message) }
    }

    /// The same with a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A problem that was just recorded, to be told more about.
#[derive(Debug)]
pub struct Recorded<'a>(&'a mut Problem);

impl Recorded<'_> {
    /// Adds words beside the marked place.
    pub fn label(self, label: impl Into<String>) -> Self {
        self.0.label = Some(label.into());
        self
    }

    /// Adds the way out.
    pub fn help(self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds the way out when there is one.
    pub fn maybe_help(self, help: Option<impl Into<String>>) -> Self {
        self.0.help = help.map(Into::into);
        self
    }

    /// Adds another place.
    pub fn other(self, span: Span, text: impl Into<String>) -> Self {
        self.0.others.push((span, text.into()));
        self
    }
}

/// All that is wrong with one file.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    /// Recorded beyond the limit.
    more: usize,
}

impl Problems {
    /// More than this are counted, not kept: nobody reads them, and a broken file can hold very many.
    pub const MAX: usize = 1_000;

    /// None yet.
    pub const fn new() -> Self {
        Self { list: Vec::new(), more: 0 }
    }

    /// Records one.
    pub fn push(&mut self, problem: Problem) -> Recorded<'_> {
        if self.list.len() > Self::MAX {
            // One place is kept free to be overwritten, so that the caller can go on as always.
            self.more += 1;
            self.list.truncate(Self::MAX);
        }
        self.list.push(problem);
        let last = self.list.len() - 1;
        Recorded(&mut self.list[last])
    }

    /// Records an error.
    pub fn error(&mut self, rule: &'static str, span: Span, message: impl Into<String>) -> Recorded<'_> {
        self.push(Problem::error(rule, span, message))
    }

    /// Records a warning.
    pub fn warning(&mut self, rule: &'static str, span: Span, message: impl Into<String>) -> Recorded<'_> {
        self.push(Problem::warning(rule, span, message))
    }

    /// Forgets what was recorded so far; for the moment when nothing of it can be trusted any more.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Takes over what another collected.
    pub fn append(&mut self, other: Self) {
        for problem in other.list {
            self.push(problem);
        }
        self.more += other.more;
    }

    /// Makes warnings of the errors of a rule, where what they miss may still come.
    pub fn soften(&mut self, rule: &str) {
        for problem in self.list.iter_mut().filter(|problem| problem.rule == rule) {
            problem.severity = Severity::Warning;
        }
    }

    /// Drops what a rule found, where what it misses is no matter yet.
    pub fn forget(&mut self, rule: &str) {
        self.list.retain(|problem| problem.rule != rule);
    }

    /// Whether the file cannot be used.
    pub fn has_errors(&self) -> bool {
        self.more > 0 || self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many were kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Those recorded so far, in the order of recording.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// All, each once, in the order of the file.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.list.sort_by(|a, b| {
            (a.span.start, a.severity, a.rule, &a.message).cmp(&(
                b.span.start,
                b.severity,
                b.rule,
                &b.message,
            ))
        });
        self.list.dedup_by(|a, b| (a.span, a.rule, &a.message) == (b.span, b.rule, &b.message));
        if self.more > 0 {
            let message = format!("{} more problems are not shown", self.more);
            self.list.push(Problem::error("too-many-problems", Span::default(), message));
        }
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_in_the_order_of_the_file_and_each_once() {
        let mut problems = Problems::new();
        problems.warning("b", Span::new(9, 10), "late").help("do this").other(Span::new(0, 1), "first here");
        problems.error("a", Span::new(2, 3), "early");
        problems.error("a", Span::new(2, 3), "early");
        assert!(problems.has_errors());
        let sorted = problems.into_sorted();
        assert_eq!(sorted.iter().map(|p| p.rule).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(sorted[1].help.as_deref(), Some("do this"));
    }

    #[test]
    fn a_softened_rule_leaves_the_others_as_they_are() {
        let mut problems = Problems::new();
        problems.error("a", Span::new(2, 3), "may still come");
        problems.soften("a");
        assert!(!problems.has_errors());
        problems.error("b", Span::new(2, 3), "wrong");
        problems.soften("a");
        assert!(problems.has_errors());
    }

    #[test]
    fn a_flood_of_problems_is_counted_and_not_kept() {
        let mut problems = Problems::new();
        for at in 0..5_000 {
            problems.error("a", Span::new(at, at), format!("{at}"));
        }
        let sorted = problems.into_sorted();
        assert_eq!(sorted.len(), Problems::MAX + 2);
        assert_eq!(sorted.last().unwrap().message, "3999 more problems are not shown");
    }
}
