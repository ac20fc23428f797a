//! Broken files: whatever is done to a good one, it is read or refused, and every problem has a place.

use super::{COMPLETE, checked};
use crate::text::{Style, render, render_short};

/// What is thrown in: all that means something to YAML, to texts, or to conditions.
const PIECES: [&str; 40] = [
    ":",
    ": ",
    "- ",
    "\n",
    "\n\n  ",
    "\t",
    "[",
    "]",
    "{",
    "}",
    ",",
    "'",
    "\"",
    "#",
    " #",
    "|\n",
    "\\",
    "\u{0}",
    "🙂",
    "ü",
    "${",
    "}",
    "${inputs.region}",
    "${steps.",
    "${secrets.FLAGS}",
    "steps.confirm.",
    " and ",
    "not ",
    "==",
    "<=",
    "0s",
    "99999999999999999999",
    "-1",
    "next: ",
    "when: ",
    "steady_state",
    "escalate",
    "http: ",
    "end: true",
    "undo: {",
];

/// A small generator: the same numbers on every run.
struct Numbers(u64);

impl Numbers {
    /// A number below `most`.
    fn below(&mut self, most: usize) -> usize {
        // xorshift64*, which is plenty for choosing places.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % most.max(1)
    }
}

fn border(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

fn change(text: &mut String, numbers: &mut Numbers) {
    let at = border(text, numbers.below(text.len() + 1));
    match numbers.below(5) {
        0 => text.insert_str(at, PIECES[numbers.below(PIECES.len())]),
        1 => {
            let end = border(text, (at + 1 + numbers.below(12)).min(text.len())).max(at);
            text.replace_range(at..end, "");
        }
        2 => {
            let end = border(text, (at + numbers.below(30)).min(text.len())).max(at);
            let copy = text[at..end].to_owned();
            let to = border(text, numbers.below(text.len() + 1));
            text.insert_str(to, &copy);
        }
        kind => {
            // Whole lines: taken out, or moved to another place.
            let mut lines: Vec<&str> = text.lines().collect();
            if lines.is_empty() {
                return;
            }
            let line = lines.remove(numbers.below(lines.len()));
            if kind == 3 {
                lines.insert(numbers.below(lines.len() + 1), line);
            }
            *text = lines.join("\n") + "\n";
        }
    }
}

/// How many files each of the tests makes.
fn rounds() -> usize {
    let full = std::env::var_os("FIREDRILL_TEST_FULL").is_some();
    if full { 25_000 } else { 5_000 }
}

// Four tests, so that they run side by side.
#[test]
fn broken_files_never_break_the_check() {
    broken_files(0x9e37_79b9_7f4a_7c15);
}

#[test]
fn broken_files_never_break_the_check_2() {
    broken_files(0xc2b2_ae3d_27d4_eb4f);
}

#[test]
fn broken_files_never_break_the_check_3() {
    broken_files(0x1656_67b1_9e37_79f9);
}

#[test]
fn broken_files_never_break_the_check_4() {
    broken_files(0x27d4_eb2f_1656_67c5);
}

fn broken_files(seed: u64) {
    let (mut numbers, rounds) = (Numbers(seed), rounds());
    let (mut usable, mut refused) = (0_usize, 0_usize);
    // Shorter than the complete example, so that each change hits something that matters.
    let short = COMPLETE
        .split("  - id: may-fail-over")
        .next()
        .unwrap_or(COMPLETE)
        .replace("go: escalate", "go: tell");
    for round in 0..rounds {
        let mut text = if round % 8 == 0 { COMPLETE.to_owned() } else { short.clone() };
        for _ in 0..=numbers.below(3) {
            change(&mut text, &mut numbers);
        }
        let checked = checked("payments-degraded.yaml", &text, &[]);
        let has_errors = checked.has_errors();
        assert_eq!(
            checked.value.is_none(),
            has_errors,
            "a file is usable exactly when it has no error\n{text}"
        );
        if has_errors {
            refused += 1
        } else {
            usable += 1
        }
        for (source, problems) in checked.files {
            let problems = problems.into_sorted();
            for problem in &problems {
                let spans = [problem.span].into_iter().chain(problem.others.iter().map(|(span, _)| *span));
                for span in spans {
                    assert!(source.text.get(span.start..span.end).is_some(), "{problem:?}\n{text}");
                }
                assert!(!problem.message.contains('\n'), "{problem:?}\n{text}");
            }
            // Drawing is slow; every tenth is enough to see that places can be drawn.
            if round % 10 == 0 {
                assert_eq!(render(&problems, &source, Style::default()).is_empty(), problems.is_empty());
                assert_eq!(render_short(&problems, &source).lines().count(), problems.len(), "{text}");
            }
        }
    }
    assert!(usable > rounds / 50 && refused > rounds / 2, "{usable} usable, {refused} refused");
}
