//! Problems as people see them: the lines of the file, the place marked, the way out.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::problem::{Problem, Severity};
use super::source::{Source, Span, location};

/// How problems are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With colours, for a terminal.
    pub colour: bool,
    /// With box-drawing characters.
    pub unicode: bool,
    /// Columns of the terminal; longer lines of the file are cut around the mark.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, unicode: false, width: 120 }
    }
}

/// The problems with the lines of the file, an empty line after each.
pub fn render(problems: &[Problem], source: &Source, style: Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() }
        .decor_style(if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii })
        .term_width(style.width);
    let mut out = String::new();
    for problem in problems {
        out.push_str(&renderer.render(&[group(problem, source)]));
        out.push_str("\n\n");
    }
    out
}

/// One line for each problem: `file:line:column: error: message; way out`.
pub fn render_short(problems: &[Problem], source: &Source) -> String {
    let mut out = String::new();
    for problem in problems {
        let (line, column) = location(source, problem.span);
        let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let text = format!("{}:{line}:{column}: {}: {}{help}", source.path, word(problem), problem.message);
        out.push_str(&one_line(&text));
        out.push('\n');
    }
    out
}

const fn word(problem: &Problem) -> &'static str {
    match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn one_line(text: &str) -> String {
    normalize_untrusted_str(&harmless(&text.replace(['\n', '\r'], " ")))
}

/// The controls U+0080 to U+009F, which the drawing library lets through, as dots: some terminals obey them. Each is as
/// many bytes as a dot, so that places stay right.
fn harmless(text: &str) -> Cow<'_, str> {
    let obeyed = '\u{80}'..='\u{9f}';
    if text.chars().any(|c| obeyed.contains(&c)) {
        Cow::Owned(text.replace(|c| obeyed.contains(&c), "·"))
    } else {
        Cow::Borrowed(text)
    }
}

fn group<'a>(problem: &'a Problem, source: &'a Source) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let group = Group::with_title(level.primary_title(one_line(&problem.message)));
    let group = if source.text.is_empty() {
        group.element(Origin::path(source.path.as_str()).line(1).char_column(1))
    } else {
        group.element(snippet(problem, source))
    };
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(one_line(help))),
        None => group,
    }
}

/// Only the lines from the first to the last mark, so that a large file is not walked for each problem.
fn snippet<'a>(problem: &'a Problem, source: &'a Source) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let main = first_line(source, problem.span);
    let others: Vec<(Span, &str)> =
        problem.others.iter().map(|(span, text)| (first_line(source, *span), text.as_str())).collect();
    let low = others.iter().map(|(span, _)| span.start).chain([main.start]).min().unwrap_or_default();
    let high = others.iter().map(|(span, _)| span.end).chain([main.end]).max().unwrap_or_default();
    let from = source.text[..low].rfind('\n').map_or(0, |at| at + 1);
    let to = source.text[high..].find('\n').map_or(source.text.len(), |at| high + at);
    let (line, _) = location(source, Span::new(from, from));
    let place = |span: Span| span.start - from..span.end - from;
    let mut annotation = AnnotationKind::Primary.span(place(main));
    if let Some(label) = &problem.label {
        annotation = annotation.label(one_line(label));
    }
    Snippet::source(harmless(&source.text[from..to]))
        .path(source.path.as_str())
        .line_start(line)
        .annotation(annotation)
        .annotations(
            others
                .into_iter()
                .map(|(span, text)| AnnotationKind::Context.span(place(span)).label(one_line(text))),
        )
}

/// A place cut to its first line: a whole block underlined would hide what is meant.
fn first_line(source: &Source, span: Span) -> Span {
    let span = source.clip(span);
    let text = &source.text[span.start..span.end];
    let text = text.lines().next().unwrap_or_default().trim_end();
    Span::new(span.start, span.start + text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_of_the_file_never_reach_a_terminal() {
        let source = Source::new("a.yaml", "k\u{85}e\u{9b}31my: \u{1b}[31mvalue\u{7f}\n");
        let problem =
            Problem::error("x", Span::new(12, 24), "no \u{9b}1m \u{1b}[1m").help("say\u{90}\n it otherwise");
        for text in [
            render(std::slice::from_ref(&problem), &source, Style::default()),
            render_short(std::slice::from_ref(&problem), &source),
        ] {
            assert_eq!(text.chars().find(|c| c.is_control() && *c != '\n'), None, "{text}");
        }
        let drawn = render(&[problem], &source, Style::default());
        assert!(drawn.contains("k·e·31my: ␛[31mvalue"), "{drawn}");
    }
}
