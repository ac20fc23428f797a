//! Fewer points without losing an extreme: of each stretch of time the first, the lowest, the highest and the last stay.

use super::Point;

/// How many points a curve has at most.
pub const POINTS_MAX: usize = 2_000;

/// Thins points, which are in order of time, to at most this many (at least 8). Failures are never lost: those of points
/// that go are counted with one that stays in the same stretch.
pub(super) fn thin(points: Vec<Point>, max: usize) -> Vec<Point> {
    let max = max.max(8);
    if points.len() <= max {
        return points;
    }
    let stretches = max / 4;
    let mut kept = Vec::with_capacity(max);
    for n in 0..stretches {
        let (from, to) = (points.len() * n / stretches, points.len() * (n + 1) / stretches);
        let stretch = &points[from..to];
        let by_value = |a: &&(usize, &Point), b: &&(usize, &Point)| a.1.value.total_cmp(&b.1.value);
        let numbered: Vec<(usize, &Point)> = stretch.iter().enumerate().collect();
        let mut chosen: Vec<usize> = [
            Some(0),
            numbered.iter().min_by(by_value).map(|(n, _)| *n),
            numbered.iter().max_by(by_value).map(|(n, _)| *n),
            stretch.len().checked_sub(1),
        ]
        .into_iter()
        .flatten()
        .collect();
        chosen.sort_unstable();
        chosen.dedup();
        let failures: u32 = stretch.iter().map(|point| point.failures).fold(0, u32::saturating_add);
        let staying: u32 = chosen.iter().map(|n| stretch[*n].failures).fold(0, u32::saturating_add);
        let first = kept.len();
        kept.extend(chosen.iter().map(|n| stretch[*n]));
        // On one that failed itself, where there is one.
        let on = (first..kept.len()).find(|n| kept[*n].failures > 0).unwrap_or(first);
        if let Some(point) = kept.get_mut(on) {
            point.failures = point.failures.saturating_add(failures - staying);
        }
    }
    kept
}
