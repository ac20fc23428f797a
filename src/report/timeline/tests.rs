use proptest::prelude::*;

use super::thin::thin;
use super::*;

fn point(n: usize, value: f64, failures: u32) -> Point {
    Point { at: Duration::from_millis(n as u64), value, failures, line: n as u64 }
}

proptest! {
    #[test]
    fn thinning_keeps_order_extremes_ends_and_failures(
        values in prop::collection::vec((0.0..1e6f64, 0u32..3), 1..600),
        max in 8usize..100,
    ) {
        let points: Vec<Point> =
            values.iter().enumerate().map(|(n, (value, failures))| point(n, *value, *failures)).collect();
        let thinned = thin(points.clone(), max);
        prop_assert!(thinned.len() <= points.len().min(max.max(8)));
        prop_assert!(thinned.windows(2).all(|pair| pair[0].at < pair[1].at));
        let extreme = |points: &[Point], pick: fn(f64, f64) -> f64| {
            points.iter().map(|point| point.value).reduce(pick)
        };
        prop_assert_eq!(extreme(&thinned, f64::max), extreme(&points, f64::max));
        prop_assert_eq!(extreme(&thinned, f64::min), extreme(&points, f64::min));
        prop_assert_eq!(thinned.first().map(|p| p.line), points.first().map(|p| p.line));
        prop_assert_eq!(thinned.last().map(|p| p.line), points.last().map(|p| p.line));
        let failures = |points: &[Point]| points.iter().map(|point| point.failures).sum::<u32>();
        prop_assert_eq!(failures(&thinned), failures(&points));
    }
}
