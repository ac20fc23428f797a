//! Text in columns and lines of bounded width.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::drill::words::one_line;
use crate::fault::Period;
use crate::score::share::Share;

/// A length of time in two digits or three, as people say it.
pub(in crate::score) fn span(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{}.{}s", millis / 1_000, millis % 1_000 / 100),
        _ => Period::from_secs(millis / 1_000).to_string(),
    }
}

/// So many of so many, with how little that says.
pub(super) fn share(share: &Share) -> String {
    let Share { numerator, denominator, low, high, .. } = share;
    if *denominator == 0 {
        return "not measured".to_owned();
    }
    format!("{numerator} of {denominator} (95% interval {low:.2} to {high:.2})")
}

/// One row of cells of these widths, and a last cell that has the rest of `columns`; what has no room goes on below.
pub(super) fn row<const N: usize>(
    cells: [&str; N],
    widths: [usize; N],
    rest: &str,
    columns: usize,
) -> Vec<String> {
    let mut head = String::from(" ");
    for (cell, width) in cells.into_iter().zip(widths) {
        let cell = fitted(&one_line(cell), width);
        head.push_str(&format!(" {cell}{} ", " ".repeat(width - cell.width())));
    }
    let indent = " ".repeat(head.width());
    wrapped(rest, &head, &indent, columns)
}

fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.width() + c.width().unwrap_or(0) + 1 > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Words in lines of at most so many columns. A word that is longer than a line is cut.
pub(super) fn wrapped(text: &str, first: &str, then: &str, columns: usize) -> Vec<String> {
    let room = columns.saturating_sub(first.width().max(then.width()));
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in one_line(text).split_whitespace() {
        let word = fitted(word, room);
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    let lead = |n: usize| if n == 0 { first } else { then };
    lines.iter().enumerate().map(|(n, line)| format!("{}{line}", lead(n)).trim_end().to_owned()).collect()
}
