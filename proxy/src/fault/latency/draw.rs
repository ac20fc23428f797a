//! The chance in a delay: quantiles of each distribution, and delays that are like the one before.

use super::{Distribution, Latency, micros};
use crate::seed::Draws;

impl Latency {
    /// How much each delay is like the one before, from 0 to 1; nothing when they do not know of each other.
    pub(crate) fn correlation(&self) -> Option<f64> {
        self.correlation.map(|share| share.fraction()).filter(|share| *share > 0.0)
    }

    /// Draws the next delay of a stream, in nanoseconds but whole microseconds. `score` is where the one before lay, as
    /// a normal score; it is only looked at when delays correlate.
    pub(crate) fn draw_ns(&self, draws: &mut Draws, score: &mut f64) -> u64 {
        if let Some(share) = self.correlation() {
            *score = share * *score + (1.0 - share * share).sqrt() * draws.normal();
            return self.at_score_ns(*score);
        }
        let (delay_us, jitter_us) = (micros(self.delay), micros(self.jitter));
        let drawn_us = match self.distribution() {
            Distribution::Constant => delay_us,
            Distribution::Uniform => delay_us.saturating_sub(jitter_us) + draws.below(2 * jitter_us + 1),
            Distribution::Normal | Distribution::Lognormal => return self.at_score_ns(draws.normal()),
            Distribution::Pareto => self.whole_us(self.pareto_us(1.0 - draws.unit())),
            Distribution::Table => self.whole_us(self.quantile_us(draws.unit())),
        };
        drawn_us * 1_000
    }

    /// The delay whose place in the distribution is that of `score` in the normal one.
    pub(crate) fn at_score_ns(&self, score: f64) -> u64 {
        let (delay, jitter) = (micros(self.delay) as f64, micros(self.jitter) as f64);
        let us = match self.distribution() {
            Distribution::Constant => delay,
            Distribution::Uniform => delay - jitter + 2.0 * jitter * below(score),
            Distribution::Normal => delay + jitter * score,
            Distribution::Lognormal => {
                let (middle, spread) = lognormal(delay, jitter);
                (middle + spread * score).exp()
            }
            Distribution::Pareto => self.pareto_us(below(-score)),
            Distribution::Table => self.quantile_us(below(score)),
        };
        self.whole_us(us) * 1_000
    }

    fn whole_us(&self, us: f64) -> u64 {
        (us.max(0.0).round() as u64).min(self.longest_us())
    }

    /// The delay that a share of `above`, larger than 0, exceeds.
    fn pareto_us(&self, above: f64) -> f64 {
        let (delay, jitter) = (micros(self.delay) as f64, micros(self.jitter) as f64);
        // From mean and deviation: the steeper, the less they differ from each other; always above 2.
        let steepness = 1.0 + (1.0 + (delay / jitter).powi(2)).sqrt();
        let least = delay * (steepness - 1.0) / steepness;
        least * above.powf(-1.0 / steepness)
    }

    /// The delay of the table that a share of `share` does not exceed.
    fn quantile_us(&self, share: f64) -> f64 {
        let points =
            self.table.windows(2).map(|two| [two[0], two[1]].map(|(p, t)| (p.fraction(), micros(t))));
        for [(from, low), (to, high)] in points {
            if share <= to {
                let place = if to > from { (share - from) / (to - from) } else { 1.0 };
                return low as f64 + (high as f64 - low as f64) * place.clamp(0.0, 1.0);
            }
        }
        self.longest_us() as f64
    }
}

/// The normal distribution whose exponentials have this mean and deviation: its middle and its spread.
fn lognormal(mean: f64, deviation: f64) -> (f64, f64) {
    let variance = (1.0 + (deviation / mean).powi(2)).ln();
    (mean.ln() - variance / 2.0, variance.sqrt())
}

/// The share of the normal distribution below `score`, exact to 7 digits (Abramowitz and Stegun, 26.2.17).
fn below(score: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * score.abs());
    let polynomial = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let sum = polynomial.into_iter().fold(0.0, |sum, factor| (sum + factor) * t);
    let tail = sum * (-score * score / 2.0).exp() / std::f64::consts::TAU.sqrt();
    // Never nothing: what is left of the longest delays must stay finite.
    let tail = tail.max(1e-12);
    if score < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn latency(json: &str) -> Latency {
        serde_json::from_str(json).unwrap()
    }

    /// Delays in milliseconds, in the order in which they were drawn.
    fn drawn(latency: &Latency, count: usize) -> Vec<f64> {
        let (mut draws, mut score) = (Seed(1).of_fault("r", "f").draws(0), 0.0);
        let all: Vec<u64> = (0..count).map(|_| latency.draw_ns(&mut draws, &mut score)).collect();
        assert!(all.iter().all(|ns| *ns <= latency.longest_ns()), "{latency:?}");
        all.into_iter().map(|ns| ns as f64 / 1e6).collect()
    }

    fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, variance.sqrt())
    }

    fn quantile(values: &[f64], share: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[(share * (sorted.len() - 1) as f64) as usize]
    }

    fn is_near(what: &str, value: f64, wanted: f64, tolerance: f64) {
        assert!((value / wanted - 1.0).abs() <= tolerance, "{what}: {value}, wanted {wanted}");
    }

    #[test]
    fn draws_stay_within_what_was_asked() {
        for (json, low, high) in [
            (r#"{"delay": "200ms"}"#, 200.0, 200.0),
            (r#"{"delay": "200ms", "jitter": "50ms"}"#, 150.0, 250.0),
            (r#"{"delay": "20ms", "jitter": "20ms", "distribution": "normal"}"#, 0.0, 100.0),
            (r#"{"table": [["0%", "5ms"], ["100%", "90ms"]]}"#, 5.0, 90.0),
        ] {
            let all = drawn(&latency(json), 10_000);
            let (min, max) = (quantile(&all, 0.0), quantile(&all, 1.0));
            assert!(min >= low && max <= high, "{json}: {min} to {max}");
            assert!(low == high || max - min > (high - low) * 0.7, "{json} spreads: {min} to {max}");
        }
    }

    #[test]
    fn each_distribution_has_the_mean_the_deviation_and_the_quantiles_that_it_is_known_for() {
        // The quantiles by the textbook: for mean 100 and deviation 25, at 10 %, 50 % and 99 %.
        for (distribution, deviation_tolerance, quantiles) in [
            ("uniform", 0.02, None),
            ("normal", 0.02, Some([67.96, 100.0, 158.2])),
            ("lognormal", 0.03, Some([70.76, 97.01, 172.0])),
            ("pareto", 0.06, Some([82.15, 92.14, 197.7])),
        ] {
            let json = format!(r#"{{"delay": "100ms", "jitter": "25ms", "distribution": "{distribution}"}}"#);
            let all = drawn(&latency(&json), 100_000);
            let (mean, deviation) = mean_and_deviation(&all);
            is_near(distribution, mean, 100.0, 0.01);
            let wanted = if distribution == "uniform" { 25.0 / 3f64.sqrt() } else { 25.0 };
            is_near(distribution, deviation, wanted, deviation_tolerance);
            for (share, wanted) in [0.1, 0.5, 0.99].into_iter().zip(quantiles.into_iter().flatten()) {
                is_near(&format!("{distribution} at {share}"), quantile(&all, share), wanted, 0.025);
            }
        }
    }

    #[test]
    fn a_table_gives_the_quantiles_that_were_measured() {
        let json = r#"{"table": [["0%", "1ms"], ["50%", "5ms"], ["90%", "20ms"], ["99%", "200ms"], ["100%", "2s"]]}"#;
        let all = drawn(&latency(json), 100_000);
        for (share, wanted) in [(0.25, 3.0), (0.5, 5.0), (0.7, 12.5), (0.9, 20.0), (0.99, 200.0)] {
            is_near(&format!("at {share}"), quantile(&all, share), wanted, 0.06);
        }
        assert!(quantile(&all, 0.0) >= 1.0 && quantile(&all, 1.0) <= 2_000.0);
    }

    #[test]
    fn correlated_delays_are_like_the_one_before_and_spread_as_before() {
        for (distribution, tolerance) in
            [("uniform", 0.02), ("normal", 0.02), ("lognormal", 0.03), ("pareto", 0.05)]
        {
            let with = |correlation: &str| {
                let json = format!(
                    r#"{{"delay": "100ms", "jitter": "30ms", "distribution": "{distribution}", "correlation": "{correlation}"}}"#
                );
                drawn(&latency(&json), 100_000)
            };
            let (free, bound) = (with("0%"), with("80%"));
            let (mean, deviation) = mean_and_deviation(&bound);
            is_near(distribution, mean, 100.0, tolerance);
            is_near(distribution, deviation, mean_and_deviation(&free).1, 0.15);
            // Ranks, so that a long tail does not hide it.
            let rank = |values: &[f64]| {
                let middle = quantile(values, 0.5);
                let same = values.windows(2).filter(|two| (two[0] > middle) == (two[1] > middle)).count();
                same as f64 / (values.len() - 1) as f64
            };
            // For normal scores that correlate by r, neighbours lie on the same side with 1/2 + asin(r)/pi.
            is_near(distribution, rank(&bound), 0.5 + 0.8f64.asin() / std::f64::consts::PI, 0.02);
            is_near(distribution, rank(&free), 0.5, 0.02);
        }
    }

    #[test]
    fn the_share_below_a_score_is_that_of_the_normal_distribution() {
        for (score, share) in
            [(0.0, 0.5), (1.0, 0.841_344_746), (-1.959_964, 0.025), (2.326_348, 0.99), (-4.0, 3.167e-5)]
        {
            assert!((below(score) - share).abs() < 1e-7, "{score}: {}", below(score));
        }
        assert!(below(-40.0) > 0.0 && below(40.0) < 1.0);
    }
}
