//! What an expression comes to now, as Prometheus computes it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::promql::{Aggregate, Expr, Operator};
use super::series::{Labels, NAME, Store};

/// Series with a value each.
pub(super) type Vector = Vec<(Labels, f64)>;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar(f64),
    Vector(Vector),
}

/// Evaluates at a time.
pub(super) fn evaluate(expr: &Expr, store: &Store, at: Duration) -> Result<Value, String> {
    Ok(Value::Vector(match expr {
        Expr::Number(number) => return Ok(Value::Scalar(*number)),
        Expr::Newest(selector) => {
            store.newest(selector, at).map(|(labels, value)| (labels.clone(), value)).collect()
        }
        Expr::Growth { of, window, by_second } => {
            let from = at.saturating_sub(*window);
            let grown = store.within(of, from, at).filter_map(|(labels, samples)| {
                let grown = growth(&samples, at.as_secs_f64() - window.as_secs_f64(), at.as_secs_f64())?;
                let value = if *by_second { grown / window.as_secs_f64() } else { grown };
                Some((without_name(labels), value))
            });
            grown.collect()
        }
        Expr::Quantile(quantile, of) => quantiles(*quantile, vector(of, store, at)?),
        Expr::Aggregate { how, by, of } => aggregate(*how, by, vector(of, store, at)?),
        Expr::Binary(left, operator, right) => {
            let (left, right) = (evaluate(left, store, at)?, evaluate(right, store, at)?);
            return binary(left, *operator, right);
        }
    }))
}

fn vector(expr: &Expr, store: &Store, at: Duration) -> Result<Vector, String> {
    match evaluate(expr, store, at)? {
        Value::Vector(vector) => Ok(vector),
        Value::Scalar(_) => Err("series are meant, and a number stands there".to_owned()),
    }
}

fn without_name(labels: &Labels) -> Labels {
    labels
        .iter()
        .filter(|(name, _)| *name != NAME)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// By how much a counter grew in a window (in seconds). It is seen only at its samples, and the window begins and ends
/// between two: so far as the samples reach close to an end, the growth is carried on to it.
fn growth(samples: &[(Duration, f64)], from: f64, to: f64) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    let sampled = (last.0.checked_sub(first.0)?).as_secs_f64();
    if sampled <= 0.0 {
        return None;
    }
    let resets: f64 = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let grown = last.1 - first.1 + resets;
    let between = sampled / (samples.len() - 1) as f64;
    let carried = |gap: f64| if gap < between * 1.1 { gap } else { between / 2.0 };
    let (mut before, after) = (carried(first.0.as_secs_f64() - from), carried(to - last.0.as_secs_f64()));
    if grown > 0.0 && first.1 >= 0.0 {
        // It was never below zero.
        before = before.min(sampled * (first.1 / grown));
    }
    Some(grown * (sampled + before + after) / sampled)
}

/// One quantile for each histogram; a histogram is what differs in `le` alone.
fn quantiles(quantile: f64, buckets: Vector) -> Vector {
    let mut histograms: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (labels, count) in buckets {
        let Some(Ok(bound)) = labels.get("le").map(|text| text.replace("+Inf", "inf").parse::<f64>()) else {
            continue;
        };
        let mut of = without_name(&labels);
        of.remove("le");
        histograms.entry(of).or_default().push((bound, count));
    }
    histograms.into_iter().map(|(labels, buckets)| (labels, quantile_of(quantile, buckets))).collect()
}

fn quantile_of(quantile: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    let Some(&(highest, all)) = buckets.last() else { return f64::NAN };
    if highest != f64::INFINITY || buckets.len() < 2 || all == 0.0 || all.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    // Scraped at different moments, buckets may not grow with their bounds: none holds less than one below it.
    let mut most = 0.0_f64;
    for (_, count) in &mut buckets {
        most = most.max(*count);
        *count = most;
    }
    let rank = quantile * all;
    let at = buckets[..buckets.len() - 1].iter().position(|(_, count)| *count >= rank);
    let Some(at) = at else { return buckets[buckets.len() - 2].0 };
    let (bound, count) = buckets[at];
    if at == 0 && bound <= 0.0 {
        return bound;
    }
    let (lower, below) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
    lower + (bound - lower) * ((rank - below) / (count - below))
}

fn aggregate(how: Aggregate, by: &[String], of: Vector) -> Vector {
    let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (labels, value) in of {
        let kept = labels.into_iter().filter(|(name, _)| by.contains(name)).collect();
        groups.entry(kept).or_default().push(value);
    }
    let value = |values: &[f64]| {
        let count = values.len() as f64;
        match how {
            Aggregate::Sum => values.iter().sum(),
            Aggregate::Avg => values.iter().sum::<f64>() / count,
            Aggregate::Count => count,
            Aggregate::Min => values.iter().copied().fold(f64::NAN, f64::min),
            Aggregate::Max => values.iter().copied().fold(f64::NAN, f64::max),
        }
    };
    groups.into_iter().map(|(labels, values)| (labels, value(&values))).collect()
}

fn binary(left: Value, operator: Operator, right: Value) -> Result<Value, String> {
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(computed(left, operator, right)),
        (Value::Vector(left), Value::Scalar(right)) => {
            let all = left.into_iter();
            Value::Vector(
                all.filter_map(|(labels, left)| pair(labels, left, operator, right, left)).collect(),
            )
        }
        (Value::Scalar(left), Value::Vector(right)) => {
            let all = right.into_iter();
            Value::Vector(
                all.filter_map(|(labels, right)| pair(labels, left, operator, right, right)).collect(),
            )
        }
        (Value::Vector(left), Value::Vector(right)) => Value::Vector(matched(left, operator, right)?),
    })
}

/// Series of both sides belong together when all their labels are the same.
fn matched(left: Vector, operator: Operator, right: Vector) -> Result<Vector, String> {
    let mut partners = BTreeMap::new();
    for (labels, value) in right {
        if partners.insert(without_name(&labels), value).is_some() {
            return Err("many series on the right side have the same labels".to_owned());
        }
    }
    let (mut found, mut seen) = (Vector::new(), std::collections::BTreeSet::new());
    for (labels, value) in left {
        let key = without_name(&labels);
        let Some(right) = partners.get(&key) else { continue };
        if !seen.insert(key) {
            return Err("many series on the left side have the same labels".to_owned());
        }
        found.extend(pair(labels, value, operator, *right, value));
    }
    Ok(found)
}

/// A comparison lets a series pass as it is; arithmetic makes another one of it.
fn pair(labels: Labels, left: f64, operator: Operator, right: f64, kept: f64) -> Option<(Labels, f64)> {
    if operator.compares() {
        return holds(left, operator, right).then_some((labels, kept));
    }
    Some((without_name(&labels), computed(left, operator, right)))
}

#[expect(clippy::float_cmp, reason = "`==` of an expression means exactly that")]
fn holds(left: f64, operator: Operator, right: f64) -> bool {
    match operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::GreaterOrEqual => left >= right,
        Operator::LessOrEqual => left <= right,
        Operator::Greater => left > right,
        Operator::Less => left < right,
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => false,
    }
}

fn computed(left: f64, operator: Operator, right: f64) -> f64 {
    match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        compares => f64::from(u8::from(holds(left, compares, right))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::promql;
    use super::super::series;
    use super::*;

    /// A store in which each page was scraped one second after the one before, beginning with second 1.
    fn scraped(pages: &[&str]) -> Store {
        let mut store = Store::default();
        for (second, page) in pages.iter().enumerate() {
            let at = Duration::from_secs(second as u64 + 1);
            store.keep(at, &Labels::new(), series::read(page, &Labels::new()).unwrap());
        }
        store
    }

    fn value(store: &Store, text: &str, at: u64) -> Vec<f64> {
        match evaluate(&promql::read(text).unwrap(), store, Duration::from_secs(at)).unwrap() {
            Value::Vector(vector) => vector.into_iter().map(|(_, value)| value).collect(),
            Value::Scalar(value) => vec![value],
        }
    }

    #[test]
    fn growth_is_carried_to_the_ends_of_the_window_and_survives_a_restart() {
        let store = scraped(&["a 100", "a 110", "a 120", "a 130", "a 140"]);
        assert_eq!(value(&store, "rate(a[4s])", 5), [10.0]);
        assert_eq!(value(&store, "increase(a[4s])", 5), [40.0]);
        // Samples reach from 1 to 5 in a window from -5: half a gap is added before them.
        assert_eq!(value(&store, "increase(a[10s])", 5), [45.0]);
        assert_eq!(value(&store, "rate(a[500ms])", 5), [0.0; 0], "one sample says nothing of growth");
        let anew = scraped(&["a 100", "a 110", "a 5", "a 15"]);
        assert_eq!(value(&anew, "increase(a[3s])", 4), [25.0]);
        let from_zero = scraped(&["a 0", "a 10"]);
        assert_eq!(value(&from_zero, "increase(a[5s])", 2), [10.0], "it was never below zero");
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let page = |n: u32| {
            let (fast, all) = (n * 50, n * 100);
            format!("b{{le=\"0.1\"}} {fast}\nb{{le=\"0.5\"}} {all}\nb{{le=\"+Inf\"}} {all}\n")
        };
        let pages: Vec<String> = (1..4).map(page).collect();
        let store = scraped(&pages.iter().map(String::as_str).collect::<Vec<_>>());
        let quantile = |q: f64| value(&store, &format!("histogram_quantile({q}, rate(b[2s]))"), 3)[0];
        assert!((quantile(0.25) - 0.05).abs() < 1e-9);
        assert!((quantile(0.75) - 0.3).abs() < 1e-9);
        assert_eq!((quantile(-1.0), quantile(2.0)), (f64::NEG_INFINITY, f64::INFINITY));
        let late = scraped(&["b{le=\"1\"} 0\nb{le=\"+Inf\"} 0", "b{le=\"1\"} 1\nb{le=\"+Inf\"} 100"]);
        assert_eq!(
            value(&late, "histogram_quantile(0.9, rate(b[5s]))", 2),
            [1.0],
            "the highest bound that is known"
        );
        let idle = scraped(&["b{le=\"1\"} 5\nb{le=\"+Inf\"} 5", "b{le=\"1\"} 5\nb{le=\"+Inf\"} 5"]);
        assert!(value(&idle, "histogram_quantile(0.9, rate(b[5s]))", 2)[0].is_nan());
        assert_eq!(
            value(&idle, "histogram_quantile(0.9, rate(b[5s])) > 0.1", 2),
            [0.0; 0],
            "no traffic, no alarm"
        );
    }

    #[test]
    fn sides_are_matched_by_labels_and_comparisons_filter() {
        let store = scraped(&["e{r=\"x\"} 5\ne{r=\"y\"} 1\nt{r=\"x\"} 10\nt{r=\"y\"} 0\nt{r=\"z\"} 3"]);
        assert_eq!(value(&store, "e / t > 0.1", 1), [0.5, f64::INFINITY]);
        assert_eq!(value(&store, "sum(e)", 1), [6.0]);
        assert_eq!(value(&store, "max(t) - min(t)", 1), [10.0]);
        assert_eq!(value(&store, "count by (r) (e)", 1), [1.0, 1.0]);
        assert_eq!(value(&store, "avg(t) * 3", 1), [13.0]);
        assert_eq!(value(&store, "4 < t", 1), [10.0], "the series' value, whichever side it stands on");
        assert_eq!(value(&store, "t{r=\"z\"} == 3", 1), [3.0]);
        let twice = scraped(&["e{r=\"x\"} 5\nt{r=\"x\"} 1\nu{r=\"x\"} 1"]);
        let many = promql::read("e + count by (r) (t)").unwrap();
        assert!(evaluate(&many, &twice, Duration::from_secs(1)).is_ok());
    }
}
