//! What was scraped: the samples of each series, for as long as any rule may look back.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::promql::Selector;

/// The labels of a series or an alarm; of a series also its `__name__`.
pub(super) type Labels = BTreeMap<String, String>;

/// The label that holds a metric's name.
pub(super) const NAME: &str = "__name__";
/// A value older than this is none.
const LOOK_BACK: Duration = Duration::from_secs(300);
const KEPT_FOR: Duration = Duration::from_secs(610);
const SERIES_MAX: usize = 5_000;
const SAMPLES_MAX: usize = 2_500;

/// A value and when it was scraped, since the watchman began. No value: the series was gone then.
type Sample = (Duration, Option<f64>);

/// All series.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: BTreeMap<Labels, VecDeque<Sample>>,
    refused: u64,
}

impl Store {
    /// Keeps what one target said at a time. A series of it that is not there any more ends then.
    pub(super) fn keep(&mut self, at: Duration, target: &Labels, scraped: Vec<(Labels, f64)>) {
        for (labels, value) in scraped {
            self.add(at, labels, Some(value));
        }
        let is_of = |labels: &Labels| target.iter().all(|(name, value)| labels.get(name) == Some(value));
        for (_, samples) in self.series.iter_mut().filter(|(labels, _)| is_of(labels)) {
            if samples.back().is_some_and(|(last, value)| *last < at && value.is_some()) {
                push(samples, (at, None));
            }
        }
        self.series.retain(|_, samples| {
            while samples.front().is_some_and(|(sampled, _)| *sampled + KEPT_FOR < at) {
                samples.pop_front();
            }
            samples.iter().any(|(_, value)| value.is_some())
        });
    }

    fn add(&mut self, at: Duration, labels: Labels, value: Option<f64>) {
        if !self.series.contains_key(&labels) && self.series.len() >= SERIES_MAX {
            self.refused += 1;
            return;
        }
        push(self.series.entry(labels).or_default(), (at, value));
    }

    /// The newest value of each series that is meant and not gone.
    pub(super) fn newest<'a>(
        &'a self,
        selector: &'a Selector,
        at: Duration,
    ) -> impl Iterator<Item = (&'a Labels, f64)> {
        self.of(selector).filter_map(move |(labels, samples)| {
            let (sampled, value) = samples.iter().rev().find(|(sampled, _)| *sampled <= at)?;
            (*sampled + LOOK_BACK > at).then_some((labels, (*value)?))
        })
    }

    /// The values of each series that is meant within a window that ends now.
    pub(super) fn within<'a>(
        &'a self,
        selector: &'a Selector,
        from: Duration,
        to: Duration,
    ) -> impl Iterator<Item = (&'a Labels, Vec<(Duration, f64)>)> {
        self.of(selector).map(move |(labels, samples)| {
            let inside = samples.iter().filter(|(at, _)| (from..=to).contains(at));
            (labels, inside.filter_map(|(at, value)| Some((*at, (*value)?))).collect())
        })
    }

    fn of<'a>(&'a self, selector: &'a Selector) -> impl Iterator<Item = (&'a Labels, &'a VecDeque<Sample>)> {
        self.series.iter().filter(move |(labels, _)| fits(labels, selector))
    }

    /// How many series there are, and how many samples found no room.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.series.len() as u64, self.refused)
    }
}

fn push(samples: &mut VecDeque<Sample>, sample: Sample) {
    if samples.len() >= SAMPLES_MAX {
        samples.pop_front();
    }
    samples.push_back(sample);
}

/// A label that is not there is empty.
fn fits(labels: &Labels, selector: &Selector) -> bool {
    let value = |label: &str| labels.get(label).map_or("", String::as_str);
    value(NAME) == selector.name
        && selector.matchers.iter().all(|matcher| (value(&matcher.label) == matcher.value) == matcher.is)
}

/// Reads a page of metrics in the text format; a line that is none is an error of the whole page.
pub(super) fn read(text: &str, target: &Labels) -> Result<Vec<(Labels, f64)>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let sample = |line: &str| {
        let (mut labels, rest) = head(line)?;
        let value = rest.split_whitespace().next()?.parse::<f64>().ok()?;
        labels.extend(target.clone());
        Some((labels, value))
    };
    lines
        .map(|line| {
            sample(line).ok_or_else(|| {
                let line: String = line.chars().take(80).collect();
                format!("`{line}` is no sample")
            })
        })
        .collect()
}

/// Name and labels of a line, and what follows them.
fn head(line: &str) -> Option<(Labels, &str)> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::from([(NAME.to_owned(), name.to_owned())]);
    let Some(inside) = rest.strip_prefix('{') else { return Some((labels, rest)) };
    rest = inside.trim_start();
    while !rest.starts_with('}') {
        let (label, after) = rest.split_once('=')?;
        let after = after.trim_start().strip_prefix('"')?;
        let (mut value, mut escaped, mut end) = (String::new(), false, None);
        for (at, c) in after.char_indices() {
            match c {
                _ if escaped => {
                    value.push(if c == 'n' { '\n' } else { c });
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    end = Some(at + 1);
                    break;
                }
                _ => value.push(c),
            }
        }
        labels.insert(label.trim().to_owned(), value);
        rest = after[end?..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some((labels, &rest[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn selector(text: &str) -> Selector {
        let super::super::promql::Expr::Newest(selector) = super::super::promql::read(text).unwrap() else {
            panic!("{text}");
        };
        selector
    }

    #[test]
    fn a_page_is_read_with_the_labels_of_its_target() {
        let target = Labels::from([("job".to_owned(), "shop".to_owned())]);
        let text = "# HELP a b\na 1\nb{le=\"+Inf\",x=\"y\\\"},\"} 2.5e3 1234\nc{} NaN\n\n";
        let samples = read(text, &target).unwrap();
        assert_eq!(samples.len(), 3);
        assert_eq!((samples[0].0["job"].as_str(), samples[0].1), ("shop", 1.0));
        assert_eq!((samples[1].0["x"].as_str(), samples[1].1), ("y\"},", 2_500.0));
        assert!(samples[2].1.is_nan());
        for wrong in ["a", "a{b=1} 2", "a{b=\"c} 1", "a x", "a{b=\"c\" 1"] {
            assert!(read(wrong, &target).unwrap_err().contains("no sample"), "{wrong}");
        }
    }

    #[test]
    fn a_series_that_is_not_said_again_is_gone_and_comes_back() {
        let (target, mut store) = (Labels::new(), Store::default());
        let say =
            |store: &mut Store, at, text: &str| store.keep(secs(at), &target, read(text, &target).unwrap());
        say(&mut store, 1, "a{b=\"c\"} 1\nd 1");
        say(&mut store, 2, "d 2");
        let a = selector("a{b=\"c\"}");
        assert_eq!(store.newest(&a, secs(1)).count(), 1);
        assert_eq!(store.newest(&a, secs(2)).count(), 0);
        assert_eq!(store.newest(&selector("a{b!=\"c\"}"), secs(1)).count(), 0);
        assert_eq!(store.newest(&selector("d{b=\"\"}"), secs(301)).next().unwrap().1, 2.0);
        assert_eq!(store.newest(&selector("d"), secs(302)).count(), 0, "too old");
        say(&mut store, 3, "a{b=\"c\"} 4");
        let window: Vec<_> = store.within(&a, secs(1), secs(3)).collect();
        assert_eq!(window[0].1, [(secs(1), 1.0), (secs(3), 4.0)]);
        say(&mut store, 2_000, "d 3");
        assert_eq!(store.counts(), (1, 0), "old samples are let go");
    }
}
