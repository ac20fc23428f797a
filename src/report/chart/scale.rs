//! From time and values to places in the picture.

use std::time::Duration;

/// The picture's width in its own units; the page scales it.
pub(super) const WIDTH: f64 = 1000.0;
/// Where the time axis begins; names stand left of it.
pub(super) const GUTTER: f64 = 170.0;
const RIGHT: f64 = 24.0;
/// The height of the time axis.
pub(super) const AXIS_HEIGHT: f64 = 32.0;

/// The time axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    length: f64,
}

impl Scale {
    pub(super) fn new(length: Duration) -> Self {
        Self { length: length.as_secs_f64().max(0.001) }
    }

    /// Where a moment stands; rounded, so that files stay small.
    pub(super) fn x(self, at: Duration) -> f64 {
        let share = (at.as_secs_f64() / self.length).clamp(0.0, 1.0);
        round(GUTTER + share * (WIDTH - GUTTER - RIGHT))
    }

    pub(super) const fn right(self) -> f64 {
        WIDTH - RIGHT
    }

    /// About eight round moments with their labels.
    pub(super) fn ticks(self) -> Vec<(Duration, String)> {
        const STEPS: [u64; 16] =
            [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200];
        let wanted = self.length / 8.0;
        let fitting = STEPS.into_iter().find(|step| *step as f64 >= wanted);
        let step = fitting.unwrap_or_else(|| (wanted / 86_400.0).ceil() as u64 * 86_400).max(1);
        let count = (self.length / step as f64).floor() as u64;
        (0..=count.min(20)).map(|n| (Duration::from_secs(n * step), clock(n * step))).collect()
    }
}

/// `90` as `1:30`, `3700` as `1:01:40`; below a minute in seconds.
fn clock(secs: u64) -> String {
    match secs {
        0..60 => format!("{secs}s"),
        60..3600 => format!("{}:{:02}", secs / 60, secs % 60),
        _ => format!("{}:{:02}:{:02}", secs / 3600, secs % 3600 / 60, secs % 60),
    }
}

/// To a tenth of a unit.
pub(super) fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A round value that is not below this one: 1, 2 or 5 times a power of ten.
pub(super) fn nice_above(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0];
    steps.into_iter().map(|step| step * power).find(|nice| *nice >= value).unwrap_or(10.0 * power)
}

/// A text that fits into so many units of 12-unit type; what is left out is marked, the whole stands in its tooltip.
pub(super) fn fitted(text: &str, width: f64) -> String {
    /// The widest usual letters of a sans serif type of that size need about this much on average.
    const PER_CHAR: f64 = 7.6;
    let room = (width / PER_CHAR).floor().max(0.0) as usize;
    if text.chars().count() <= room {
        return text.to_owned();
    }
    if room < 2 {
        return String::new();
    }
    text.chars().take(room - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_few_and_inside() {
        for secs in [0.05, 1.0, 19.0, 61.0, 300.0, 3_599.0, 86_400.0, 2_000_000.0] {
            let scale = Scale::new(Duration::from_secs_f64(secs));
            let ticks = scale.ticks();
            assert!((1..=21).contains(&ticks.len()), "{secs}: {ticks:?}");
            assert!(ticks.iter().all(|(at, _)| at.as_secs_f64() <= secs), "{secs}: {ticks:?}");
        }
    }

    #[test]
    fn values_are_rounded_up_to_a_round_one() {
        for (value, nice) in [(0.0, 1.0), (812.0, 1000.0), (1_400.0, 1_500.0), (0.03, 0.03), (9.99, 10.0)] {
            assert!((nice_above(value) - nice).abs() < 1e-9, "{value}: {}", nice_above(value));
        }
        assert_eq!(nice_above(f64::NAN), 1.0);
    }

    #[test]
    fn long_names_end_in_a_mark() {
        assert_eq!(fitted("checkout", 100.0), "checkout");
        assert_eq!(fitted("a-very-long-name-of-a-probe", 70.0), "a-very-l…");
        assert_eq!(fitted("checkout", 10.0), "");
    }
}
