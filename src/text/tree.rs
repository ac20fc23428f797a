//! YAML text → one tree of nodes with places. The only file that knows the parser.
//!
//! What the tree cannot hold (aliases, tags, a second document, a key twice) is reported here and then left out, so
//! that nothing above stumbles over it again.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle, options};

use super::problem::{Problem, Problems};
use super::source::{Source, Span};
use super::words::quote;

/// More nodes are refused.
pub(super) const NODES_MAX: usize = 50_000;
/// Deeper blocks are refused.
pub(super) const DEPTH_MAX: usize = 32;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) kind: Kind,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Kind {
    /// A scalar: its text, and whether it was written without quotes.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A map; each key once.
    Map(Vec<Entry>),
    /// Something that was already reported.
    Bad,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) value: Node,
}

impl Node {
    /// Whether nothing was written, or one of YAML's words for nothing.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Reads the tree. `None` always comes with a problem.
pub(super) fn parse(source: &Source, problems: &mut Problems) -> Option<Node> {
    if let Some(defect) = &source.defect {
        problems.push(defect.clone());
        return None;
    }
    let limits = options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        // A little deeper than our own limit, so that our own words say it.
        flow_nesting_limit: DEPTH_MAX + 8,
        block_nesting_limit: DEPTH_MAX + 8,
    };
    let mut found = Problems::new();
    let mut builder = Builder { source, problems: &mut found, stack: Vec::new(), root: None, nodes: 0 };
    let mut documents = 0;
    let mut whole = true;
    for event in Parser::new_from_str_with_options(&source.text, limits) {
        match event {
            Ok((Event::DocumentStart(..), span)) => {
                documents += 1;
                if documents == 2 {
                    let span = builder.place(&span);
                    builder
                        .problems
                        .error("second-document", span, "a file holds one document; a second one starts here")
                        .help("write it to a file of its own");
                    break;
                }
            }
            Ok((event, span)) => {
                if builder.take(event, &span).is_none() {
                    whole = false;
                    break;
                }
            }
            Err(error) => {
                let problem = builder.syntax_problem(&error);
                // Nothing after a syntax error can be trusted, and little before it.
                builder.problems.clear();
                builder.problems.push(problem);
                whole = false;
                break;
            }
        }
    }
    let root = builder.root.take();
    problems.append(found);
    match root {
        Some(node) if whole && !(node.is_nothing() && node.span.start == node.span.end) => Some(node),
        _ if !whole => None,
        _ => {
            problems
                .error("empty-file", Span::default(), "the file holds nothing but white space and comments")
                .help("the first lines of a file are `firedrill: v1`, `kind: Scenario` and `name: …`");
            None
        }
    }
}

/// A list or map that is not finished.
struct Open {
    span: Span,
    flow: bool,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<Node> },
}

struct Builder<'a> {
    source: &'a Source,
    problems: &'a mut Problems,
    stack: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn place(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or_default();
        self.source.clip(Span::new(range.start, range.end))
    }

    /// One event; `None` when a limit ends the reading.
    fn take(&mut self, event: Event<'_>, at: &granit_parser::Span) -> Option<()> {
        let span = self.place(at);
        match event {
            Event::Scalar(text, style, _, tag) => {
                self.count(span)?;
                self.refuse_tag(tag.is_some(), at);
                let plain = style == ScalarStyle::Plain;
                // The parser says `~` where nothing was written.
                let unwritten = plain && span.start == span.end;
                let text = if unwritten { String::new() } else { text.into_owned() };
                self.add(Node { span, kind: Kind::Scalar { text, plain } });
            }
            Event::SequenceStart(style, _, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.open(span, style, Content::List(Vec::new()))?;
            }
            Event::MappingStart(style, _, tag) => {
                self.refuse_tag(tag.is_some(), at);
                let content = Content::Map { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.open(span, style, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.count(span)?;
                self.problems
                    .error("alias", span, "aliases (`*name`) are not read")
                    .help("write the value out; to mean a `*` itself, put it in quotes");
                self.add(Node { span, kind: Kind::Bad });
            }
            Event::Anchor(..) => {
                self.problems
                    .error("anchor", span, "anchors (`&name`) are not read")
                    .help("write the value where it is needed; to mean a `&` itself, put it in quotes");
            }
            _ => {}
        }
        Some(())
    }

    fn refuse_tag(&mut self, tagged: bool, at: &granit_parser::Span) {
        if tagged {
            let span = self.place(&at.tag_span().unwrap_or(*at));
            self.problems
                .error("tag", span, "tags (`!name`) are not read")
                .help("leave it out; to mean a `!` itself, put the text in quotes");
        }
    }

    fn count(&mut self, span: Span) -> Option<()> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            self.problems
                .error("too-many-nodes", span, format!("the file holds more than {NODES_MAX} values"))
                .help("split it; a file for firedrill is written by hand");
            return None;
        }
        Some(())
    }

    fn open(&mut self, span: Span, style: StructureStyle, content: Content) -> Option<()> {
        self.count(span)?;
        if self.stack.len() >= DEPTH_MAX {
            self.problems.push(too_deep(span));
            return None;
        }
        self.stack.push(Open { span, flow: style == StructureStyle::Flow, content });
        Some(())
    }

    fn close(&mut self, end: Span) {
        let Some(open) = self.stack.pop() else { return };
        let (kind, last_end) = match open.content {
            Content::List(items) => {
                let end = items.last().map(|item| item.span.end);
                (Kind::List(items), end)
            }
            Content::Map { entries, .. } => {
                let end = entries.last().map(|entry| entry.value.span.end.max(entry.name_span.end));
                (Kind::Map(entries), end)
            }
        };
        // The end of a block is reported after the empty lines that follow it; its last child ends where it does.
        let end = if open.flow { end.end } else { last_end.unwrap_or(open.span.end) };
        self.add(Node { span: Span::new(open.span.start, end.max(open.span.start)), kind });
    }

    fn add(&mut self, node: Node) {
        match self.stack.last_mut() {
            None => self.root = self.root.take().or(Some(node)),
            Some(Open { content: Content::List(items), .. }) => items.push(node),
            Some(Open { content: Content::Map { entries, seen, key }, .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => {
                    if let Some(entry) = entry(key, node, seen, self.problems) {
                        entries.push(entry);
                    }
                }
            },
        }
    }

    fn syntax_problem(&self, error: &ScanError) -> Problem {
        let marker = error.marker();
        let at = marker.byte_offset().unwrap_or_else(|| {
            self.source.text.char_indices().nth(marker.index()).map_or(self.source.text.len(), |(at, _)| at)
        });
        let at = self.source.text.floor_char_boundary(at);
        let width = self.source.text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let span = Span::new(at, at + width);
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return too_deep(span);
        }
        if self.source.text[at..].starts_with(',') {
            return Problem::error("syntax", span, "a value is missing before this comma");
        }
        let (message, help) = explain(error);
        let mut problem = Problem::error("syntax", span, message);
        problem.help = help.map(str::to_owned);
        if let Some(open) = self.stack.iter().rev().find(|open| open.flow) {
            let opener = Span::new(open.span.start, open.span.start + 1);
            problem.others.push((self.source.clip(opener), "opened here, and not closed".to_owned()));
            if self.source.text.get(open.span.start..at).is_some_and(|text| text.contains("${")) {
                let help = "inside `{ }` and `[ ]` a text that holds `${…}` must stand in quotes";
                problem.help = Some(help.to_owned());
            }
        }
        problem
    }
}

fn too_deep(span: Span) -> Problem {
    Problem::error("too-deep", span, format!("blocks are nested deeper than {DEPTH_MAX}"))
        .help("no file for firedrill needs that; is a bracket or an indentation wrong?")
}

/// A key with its value, unless the key cannot be one.
fn entry(
    key: Node,
    mut value: Node,
    seen: &mut HashMap<String, Span>,
    problems: &mut Problems,
) -> Option<Entry> {
    let name_span = key.span;
    let (name, plain) = match key.kind {
        Kind::Scalar { text, plain } => (text, plain),
        Kind::Bad => return None,
        Kind::List(_) | Kind::Map(_) => {
            problems
                .error("key-not-text", name_span, "a key must be a text, not a list or a map")
                .help("a text that starts with `{` or `[` must stand in quotes");
            return None;
        }
    };
    if plain && name == "<<" {
        problems.error("merge", name_span, "merge keys (`<<`) are not read").help("write the keys out");
        return None;
    }
    if plain && name.is_empty() {
        problems.error("key-not-text", name_span, "a key is missing before the colon");
        return None;
    }
    if let Some(first) = seen.get(&name) {
        problems
            .error("duplicate-key", name_span, format!("the key {} is written twice", quote(&name)))
            .other(*first, "first written here")
            .help("only the first one is read; remove one of them");
        return None;
    }
    if matches!(&value.kind, Kind::Scalar { text, plain: true } if text.is_empty()) {
        // Nothing has no place of its own.
        value.span = name_span;
    }
    seen.insert(name.clone(), name_span);
    Some(Entry { name, name_span, value })
}

/// The parser's error in words for people who do not know YAML's inner names.
fn explain(error: &ScanError) -> (String, Option<&'static str>) {
    use ErrorKind as E;
    let (message, help) = match error.kind() {
        E::MappingValueNotAllowed | E::MappingKeyNotAllowed | E::InvalidMappingValueWhitespace => (
            "a `key: value` cannot stand here",
            "look at this line and the one above: a space missing after a colon, a quote missing around a text with \
             a colon, or keys of one block that do not start in the same column",
        ),
        E::UnclosedFlowCollection { .. }
        | E::UnexpectedEofFlowSequence
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
        | E::InvalidColonPlacement
        | E::InvalidFlowScalarIndent
        | E::ExpectedFlowSequenceSeparator
        | E::ExpectedFlowMappingSeparator => (
            "a `,` or the end of the `[ ]` or `{ }` is missing before this place",
            "close the bracket, or put a text that holds brackets, commas or colons in quotes",
        ),
        E::MismatchedFlowCollectionEnd { .. } | E::MisplacedFlowCollectionEnd => (
            "this bracket closes nothing that is open",
            "look for the bracket that it should match; a text with brackets must stand in quotes",
        ),
        E::UnclosedQuotedScalar | E::InvalidQuotedScalarIndent | E::DocumentIndicatorInQuotedScalar => {
            ("a quote is not closed before this place", "close the quote at the end of its text")
        }
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => (
            "something follows a closing quote",
            "put the whole text in quotes, or write a quote inside single quotes twice (`''`)",
        ),
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidUnicodeEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidLowSurrogateHexEscape => (
            "this backslash escape does not exist",
            "use single quotes: in them a backslash is only a backslash",
        ),
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar
        | E::InvalidBlockEntryWhitespace => ("a tab stands where only spaces can", "indent with spaces"),
        E::UnexpectedCharacter { .. } => {
            ("a value cannot start with this character", "put the text in quotes")
        }
        E::SimpleKeyExpected | E::InvalidSimpleKey => (
            "a colon is missing: a line in a block is `key: value`",
            "is the colon or the space after it missing, in this line or the one above?",
        ),
        E::ExpectedBlockMappingKey | E::InvalidIndentation | E::ExpectedBlockSequenceEntry => (
            "this does not line up with the block that it stands in",
            "keys of one map, and the `-` of one list, start in the same column",
        ),
        E::BlockSequenceEntryNotAllowed | E::BlockEntryInFlowCollection => {
            ("a list entry (`- `) cannot stand here", "start the list on a line of its own")
        }
        E::DirectiveDisallowed => ("directives (`%…`) are not read", "leave it out"),
        E::CommentNotSeparated | E::CommentInterceptedScalar => {
            ("a comment cannot start here", "put a space before `#`, or put the text in quotes")
        }
        _ => return (format!("this is not YAML: {}", error.info()), None),
    };
    (message.to_owned(), Some(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<&'static str> {
        let source = Source::new("a.yaml", text);
        let mut problems = Problems::new();
        let tree = parse(&source, &mut problems);
        assert!(tree.is_some() || problems.has_errors(), "{text}: no tree and no problem");
        problems.into_sorted().into_iter().map(|problem| problem.rule).collect()
    }

    #[test]
    fn what_is_not_read_is_said_once_each() {
        for (text, rule) in [
            ("a: &x 1\n", "anchor"),
            ("a: *x\n", "alias"),
            ("a: !int 1\n", "tag"),
            ("a: {<<: {b: 1}}\n", "merge"),
            ("a: 1\n---\nb: 2\n", "second-document"),
            ("a: 1\nb: 2\na: 3\n", "duplicate-key"),
            ("{a: 1}: 2\n", "key-not-text"),
            (": 2\n", "key-not-text"),
            ("", "empty-file"),
            ("# only words\n\n", "empty-file"),
            ("---\n", "empty-file"),
            ("a: [1, 2\nb: 3\n", "syntax"),
            ("a:\n\t- 1\n", "syntax"),
            ("%YAML 1.1\n---\na: 1\n", "syntax"),
            ("a: 1\nb:2\nc: 3\n", "syntax"),
        ] {
            assert_eq!(rules(text), [rule], "{text:?}");
        }
        assert_eq!(rules("a: 1\nb: [1, {c: d}]\n"), [""; 0]);
    }

    #[test]
    fn limits_end_the_reading_with_their_number() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(rules(&nested(DEPTH_MAX + 1)), ["too-deep"]);
        assert_eq!(rules(&"[".repeat(100_000)), ["too-deep"]);
        let block: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert_eq!(rules(&block), ["too-deep"], "blocks");
        assert_eq!(rules(&format!("[{}]", "1,".repeat(NODES_MAX + 1))), ["too-many-nodes"]);
        assert_eq!(rules(&nested(DEPTH_MAX)), [""; 0]);
    }

    #[test]
    fn an_alias_bomb_is_refused_before_it_grows() {
        let mut text = "a: &a [x, x]\n".to_owned();
        for level in 'b'..='z' {
            let before = char::from(level as u8 - 1);
            text += &format!("{level}: &{level} [*{before}, *{before}, *{before}]\n");
        }
        let found = rules(&text);
        assert!(found.contains(&"alias") && found.contains(&"anchor"));
        assert_eq!(found.len(), 26 + 25 * 3, "each is named, none is followed");
    }

    #[test]
    fn places_are_those_of_the_words() {
        let source = Source::new("a.yaml", "a:\n  b: [x, y]\n  c: word\n\n\nd: 1\n");
        let mut problems = Problems::new();
        let Some(Node { kind: Kind::Map(top), .. }) = parse(&source, &mut problems) else { panic!() };
        let text = |span: Span| &source.text[span.start..span.end];
        assert_eq!(text(top[0].value.span), "b: [x, y]\n  c: word");
        let Kind::Map(inner) = &top[0].value.kind else { panic!() };
        assert_eq!((text(inner[0].name_span), text(inner[0].value.span)), ("b", "[x, y]"));
        assert_eq!(text(inner[1].value.span), "word");
    }

    #[test]
    fn an_open_bracket_is_shown_where_it_was_opened() {
        let source = Source::new("a.yaml", "a: [1, 2\nb: 3\n");
        let mut problems = Problems::new();
        assert!(parse(&source, &mut problems).is_none());
        let found = problems.into_sorted();
        assert_eq!(found[0].others[0].0, Span::new(3, 4));
    }
}
