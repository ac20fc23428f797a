//! A small curve of durations in one line.

use std::time::Duration;

/// The curve's marks from low to high, and the one for a failure.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const BLOCK_FAILED: char = '×';
const ASCII: [char; 8] = ['_', '.', ',', '-', '=', '+', '*', '#'];
const ASCII_FAILED: char = 'x';

/// The last `width` samples as marks, with whether each is a failure.
///
/// The height stands for the share of the largest, or of twice the median if that is more: so a steady service is a
/// line at half height, whatever its speed, and a slow answer stands out.
pub(super) fn curve(samples: &[(Duration, bool)], width: usize, unicode: bool) -> Vec<(char, bool)> {
    let shown = &samples[samples.len().saturating_sub(width)..];
    // A failure has its mark and no height, so the time until it was given up must not flatten the rest.
    let mut sorted: Vec<Duration> =
        shown.iter().filter(|(_, failed)| !failed).map(|(took, _)| *took).collect();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let top = sorted.last().copied().unwrap_or_default().max(median * 2).as_secs_f64();
    let (marks, failed_mark) = if unicode { (BLOCKS, BLOCK_FAILED) } else { (ASCII, ASCII_FAILED) };
    shown
        .iter()
        .map(|(took, failed)| {
            let share = if top > 0.0 { took.as_secs_f64() / top } else { 0.0 };
            let level = ((share * marks.len() as f64).ceil() as usize).clamp(1, marks.len());
            if *failed { (failed_mark, true) } else { (marks[level - 1], false) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(millis: &[u64], width: usize, unicode: bool) -> String {
        let samples: Vec<_> = millis.iter().map(|ms| (Duration::from_millis(*ms), *ms == 666)).collect();
        curve(&samples, width, unicode).into_iter().map(|(mark, _)| mark).collect()
    }

    #[test]
    fn a_steady_service_is_a_line_at_half_height_and_a_slow_answer_stands_out() {
        assert_eq!(text(&[10, 10, 10, 10], 40, true), "▄▄▄▄");
        assert_eq!(text(&[10, 10, 10, 2000], 40, true), "▁▁▁█");
        assert_eq!(text(&[10, 10, 10, 2000], 40, false), "___#");
    }

    #[test]
    fn a_failure_has_its_own_mark() {
        assert_eq!(text(&[333, 666], 40, true), "▄×");
        assert_eq!(text(&[333, 666], 40, false), "-x");
    }

    #[test]
    fn only_the_last_samples_that_fit_are_shown() {
        assert_eq!(text(&[1, 2, 4, 8], 2, true), "▂▄");
        assert_eq!(text(&[], 10, true), "");
        assert_eq!(text(&[0, 0], 10, true), "▁▁");
        assert_eq!(text(&[5, 5], 0, true), "");
    }
}
