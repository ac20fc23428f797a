//! Places inside a text of the file: where a byte of a value stands in the file.

use std::ops::Range;

use crate::text::{Source, Span};

/// Where a part of a value was written. The value stands at `at`, perhaps in quotes, folded or with escapes; when the
/// part cannot be found there, the place is the whole value.
pub(super) fn inside(source: &Source, at: Span, value: &str, part: &Range<usize>) -> Span {
    find(source, at, value, part).unwrap_or(at)
}

fn find(source: &Source, at: Span, value: &str, part: &Range<usize>) -> Option<Span> {
    let raw = source.text.get(at.start..at.end)?;
    let quote = raw.chars().next().filter(|c| *c == '\'' || *c == '"');
    let mut rest = raw.char_indices().peekable();
    if quote.is_some() {
        rest.next();
    }
    let (mut start, mut end) = (None, None);
    for (byte, c) in value.char_indices() {
        // Line ends, indentation and doubled quotes of the file are no part of the value.
        let (found, len) = loop {
            let (at, read) = rest.next()?;
            let next = rest.peek().map(|(_, next)| *next);
            let doubled = quote == Some('\'') && read == '\'' && next == Some('\'');
            let escape = quote == Some('"') && read == '\\';
            if doubled {
                rest.next();
                break (at, 2);
            }
            if escape {
                let (_, escaped) = rest.next()?;
                // The escapes of one character are the ones that an expression has a use for.
                let known = matches!((escaped, c), ('n', '\n') | ('t', '\t')) || escaped == c;
                if !known {
                    return None;
                }
                break (at, 1 + escaped.len_utf8());
            }
            if read == c || (c == ' ' && read == '\n') {
                break (at, read.len_utf8());
            }
            if !read.is_whitespace() {
                return None;
            }
        };
        if byte >= part.start {
            start.get_or_insert(found);
        }
        if byte < part.end {
            end = Some(found + len);
        }
    }
    // A part at the very end, where something is missing, stands behind the last character.
    let start = start.or(end)?;
    Some(Span::new(at.start + start, at.start + end?.max(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, value: &str, part: &str) {
        let source = Source::new("x.yaml", file);
        let at = Span::new(3, file.len());
        let start = value.find(part).unwrap();
        let span = inside(&source, at, value, &(start..start + part.len()));
        assert_eq!(&file[span.start..span.end], part);
    }

    #[test]
    fn a_part_is_found_in_plain_quoted_and_folded_text() {
        check("w: slow == fast", "slow == fast", "fast");
        check("w: 'slow == fast'", "slow == fast", "slow");
        check("w: \"slow == 'fast'\"", "slow == 'fast'", "'fast'");
        check("w: slow\n    == fast", "slow == fast", "fast");
        check("w: \"ü and fast\"", "ü and fast", "fast");
    }

    #[test]
    fn escapes_count_as_what_they_stand_for() {
        let file = "w: 'slow == ''quick'' or x'";
        let source = Source::new("x.yaml", file);
        let value = "slow == 'quick' or x";
        let part = value.len() - 1..value.len();
        let span = inside(&source, Span::new(3, file.len()), value, &part);
        assert_eq!(&file[span.start..span.end], "x");
        let file = r#"w: "a == \"b\" or c""#;
        let source = Source::new("x.yaml", file);
        let value = r#"a == "b" or c"#;
        let span = inside(&source, Span::new(3, file.len()), value, &(value.len() - 1..value.len()));
        assert_eq!(&file[span.start..span.end], "c");
    }

    #[test]
    fn a_part_that_cannot_be_found_is_the_whole_value() {
        let file = r#"w: "a\u0062""#;
        let source = Source::new("x.yaml", file);
        let at = Span::new(3, file.len());
        assert_eq!(inside(&source, at, "ab", &(1..2)), at);
    }
}
