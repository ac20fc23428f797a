//! Files that belong to other programs: read as they are, for what is unknown here is no mistake there.

use super::problem::{Problem, Problems};
use super::source::{Source, Span};
use super::tree::{Kind, Node, parse};

/// A value of a file that another program reads, and its place.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Where it stands.
    pub span: Span,
    what: What,
}

/// What stands there.
#[derive(Clone, Debug)]
enum What {
    /// Nothing, or one of YAML's words for it.
    Nothing,
    Text(String),
    List(Vec<Foreign>),
    Map(Vec<ForeignEntry>),
    /// Something that is not read here, an alias for example. It may be anything.
    Unknown,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct ForeignEntry {
    /// The key.
    pub name: String,
    /// Where the key stands.
    pub name_span: Span,
    /// What it was given.
    pub value: Foreign,
}

/// What the other program may understand and this reader does not: no mistake of the file.
const NOT_OURS: [&str; 5] = ["alias", "anchor", "tag", "merge", "second-document"];

impl Foreign {
    /// Reads a file. What is only not understood here is a warning; `None` always comes with an error.
    pub fn read(source: &Source, problems: &mut Problems) -> Option<Self> {
        let mut found = Problems::new();
        let root = parse(source, &mut found);
        for rule in NOT_OURS {
            found.soften(rule);
        }
        if root.is_none() && !found.has_errors() {
            found.error("wrong-type", Span::default(), "the file holds nothing that can be read here");
        }
        for problem in found.into_sorted() {
            // The way out of an empty file is meant for the files of this program.
            let help = problem.help.filter(|_| problem.rule != "empty-file");
            problems.push(Problem { help, ..problem });
        }
        root.map(Self::of)
    }

    fn of(node: Node) -> Self {
        let nothing = node.is_nothing();
        let what = match node.kind {
            Kind::Scalar { .. } if nothing => What::Nothing,
            Kind::Scalar { text, .. } => What::Text(text),
            Kind::List(items) => What::List(items.into_iter().map(Self::of).collect()),
            Kind::Map(entries) => What::Map(
                entries
                    .into_iter()
                    .map(|entry| ForeignEntry {
                        name: entry.name,
                        name_span: entry.name_span,
                        value: Self::of(entry.value),
                    })
                    .collect(),
            ),
            Kind::Bad => What::Unknown,
        };
        Self { span: node.span, what }
    }

    /// The value of a key; nothing when this is no map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.name == name).map(|entry| &entry.value)
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.what {
            What::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.what {
            What::List(items) => items,
            _ => &[],
        }
    }

    /// The keys of a map in the order of the file; none of anything else.
    pub fn entries(&self) -> &[ForeignEntry] {
        match &self.what {
            What::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Whether it may be anything, for it was not read.
    pub const fn is_unknown(&self) -> bool {
        matches!(self.what, What::Unknown)
    }

    /// Whether it is a list.
    pub const fn is_list(&self) -> bool {
        matches!(self.what, What::List(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Foreign>, Vec<(&'static str, bool)>) {
        let mut problems = Problems::new();
        let root = Foreign::read(&Source::new("a.yml", text), &mut problems);
        assert!(root.is_some() || problems.has_errors(), "{text}: nothing, and no error");
        let told = problems.into_sorted().into_iter();
        (root, told.map(|p| (p.rule, p.severity == super::super::Severity::Error)).collect())
    }

    #[test]
    fn keys_that_nobody_here_knows_are_read_with_their_places() {
        let (root, problems) = read("a: {b: [x, 1]}\nc:\nd: ~\n");
        let root = root.unwrap();
        assert_eq!(problems, []);
        let items = root.get("a").and_then(|a| a.get("b")).unwrap().items();
        assert_eq!(items.iter().filter_map(Foreign::text).collect::<Vec<_>>(), ["x", "1"]);
        assert_eq!(items[1].span, Span::new(11, 12));
        assert_eq!((root.get("c").unwrap().text(), root.get("d").unwrap().text()), (None, None));
        assert!(root.get("a").unwrap().get("z").is_none() && root.get("c").unwrap().get("z").is_none());
    }

    #[test]
    fn what_only_others_understand_is_a_warning_and_may_be_anything() {
        let (root, problems) = read("a: &x {b: 1}\nc: *x\n");
        assert_eq!(problems, [("anchor", false), ("alias", false)]);
        assert!(root.unwrap().get("c").unwrap().is_unknown());
        assert_eq!(read("a: 1\n---\nb: 2\n").1, [("second-document", false)]);
        for broken in ["a: [", "", "# nothing\n", "a:\n\t- x\n", "*x", &"[".repeat(1_000)] {
            let (root, problems) = read(broken);
            assert!(root.is_none_or(|root| root.is_unknown()), "{broken:?}");
            assert!(!problems.is_empty(), "{broken:?}");
        }
    }
}
