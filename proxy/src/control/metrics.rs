//! `/metrics`: what passed and what was done to it, in the OpenMetrics text format.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::handle::Control;
use super::wire::{FaultView, RouteView};
use crate::engine::{BUCKETS_SECONDS, RedNumbers, RedView};

/// What `/metrics` is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type NoExemplar = [(&'static str, &'static str); 0];

/// The metrics as they are now.
pub(super) fn text(control: &Control) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("firedrill");
    registry
        .sub_registry_with_prefix("proxy")
        .register_collector(Box::new(Scrape { routes: control.routes(), red: control.red() }));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// One reading of the engine's own counters: nothing is counted twice, nothing is kept here.
#[derive(Debug)]
struct Scrape {
    routes: Vec<RouteView>,
    red: Vec<RedView>,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let to = &mut encoder;
        self.red_counter(to, "requests", "HTTP requests, or TCP connections, that ended", |red| {
            red.requests
        })?;
        self.red_counter(to, "errors", "Those that ended badly: status 5xx, reset, no upstream", |red| {
            red.errors
        })?;
        self.durations(to)?;
        let each = |count: fn(&RouteView) -> u64| {
            move |route: &RouteView| vec![(vec![("route", route.spec.name.clone())], count(route))]
        };
        let counter = MetricType::Counter;
        let text = "Connections accepted";
        self.routes(to, "connections", text, counter, each(|route| route.traffic.connections))?;
        let text = "Connections open now";
        self.routes(
            to,
            "connections_open",
            text,
            MetricType::Gauge,
            each(|route| route.traffic.connections_open),
        )?;
        let text = "Connections reset because the route, or the proxy, had as many open as it may have";
        self.routes(to, "refused", text, counter, each(|route| route.traffic.refused))?;
        let text = "Connections reset because they did not begin with the PROXY header that was asked for";
        self.routes(to, "unintroduced", text, counter, each(|route| route.traffic.unintroduced))?;
        let text = "Connections closed because nothing had moved on them for as long as the route allows";
        self.routes(to, "idle_closed", text, counter, each(|route| route.traffic.idle_closed))?;
        let text = "Connections whose TLS with the client did not come about, or whose hello leads nowhere";
        self.routes(to, "tls_failures", text, counter, each(|route| route.traffic.tls_failures))?;
        let text = "Connections whose upstream could not be reached";
        self.routes(to, "upstream_failures", text, counter, each(|route| route.traffic.upstream_failures))?;
        self.routes(to, "bytes", "Bytes that passed, by direction", counter, |route| {
            let labels = |way: &str| vec![("route", route.spec.name.clone()), ("direction", way.to_owned())];
            vec![
                (labels("request"), route.traffic.bytes_request),
                (labels("response"), route.traffic.bytes_response),
            ]
        })?;
        let text = "Faults that stand";
        self.routes(to, "faults_armed", text, MetricType::Gauge, each(|route| route.faults.len() as u64))?;
        let text = "Requests or connections that fit a fault's matcher";
        self.routes(to, "fault_matched", text, counter, |route| {
            of_faults(route, |fault| fault.evidence.matched)
        })?;
        let text = "Requests or connections that a fault hit";
        self.routes(to, "fault_hits", text, counter, |route| of_faults(route, |fault| fault.evidence.faulted))
    }
}

type Labels = Vec<(&'static str, String)>;

fn of_faults(route: &RouteView, count: impl Fn(&FaultView) -> u64) -> Vec<(Labels, u64)> {
    let labels = |fault: &FaultView| {
        let kind = fault.spec.fault.kind().to_owned();
        vec![("route", route.spec.name.clone()), ("fault", fault.spec.id.clone()), ("kind", kind)]
    };
    route.faults.iter().map(|fault| (labels(fault), count(fault))).collect()
}

impl Scrape {
    fn red_counter(
        &self,
        to: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        count: impl Fn(&RedNumbers) -> u64,
    ) -> Result<(), fmt::Error> {
        let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
        for red in &self.red {
            for (faulted, numbers) in [("false", &red.untouched), ("true", &red.faulted)] {
                let labels = [("route", red.route.as_str()), ("faulted", faulted)];
                family.encode_family(&labels)?.encode_counter::<NoExemplar, _, u64>(&count(numbers), None)?;
            }
        }
        Ok(())
    }

    fn durations(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "How long requests, or TCP connections, took";
        let mut family =
            to.encode_descriptor("duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for red in &self.red {
            for (faulted, numbers) in [("false", &red.untouched), ("true", &red.faulted)] {
                let labels = [("route", red.route.as_str()), ("faulted", faulted)];
                let buckets = single(numbers);
                // Counters are read one after the other; the buckets are the truth that the count must agree with.
                let count = buckets.iter().map(|(_, count)| count).sum();
                family.encode_family(&labels)?.encode_histogram::<NoExemplar>(
                    numbers.sum_seconds,
                    count,
                    &buckets,
                    None,
                )?;
            }
        }
        Ok(())
    }

    fn routes(
        &self,
        to: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        kind: MetricType,
        values: impl Fn(&RouteView) -> Vec<(Labels, u64)>,
    ) -> Result<(), fmt::Error> {
        let mut family = to.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in self.routes.iter().flat_map(values) {
            let mut metric = family.encode_family(&labels)?;
            match kind {
                MetricType::Gauge => metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))?,
                _ => metric.encode_counter::<NoExemplar, _, u64>(&value, None)?,
            }
        }
        Ok(())
    }
}

/// Each bucket by itself, and one for all that took longer.
fn single(numbers: &RedNumbers) -> Vec<(f64, u64)> {
    let (mut below, mut buckets) = (0, Vec::with_capacity(BUCKETS_SECONDS.len() + 1));
    for (bound, count) in BUCKETS_SECONDS.iter().zip(numbers.buckets) {
        buckets.push((*bound, count.saturating_sub(below)));
        below = count;
    }
    buckets.push((f64::INFINITY, numbers.requests.saturating_sub(below)));
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_request_once() {
        let mut buckets = [0; BUCKETS_SECONDS.len()];
        buckets[1..].fill(2);
        buckets[14] = 3;
        let numbers = RedNumbers { requests: 5, errors: 0, buckets, sum_seconds: 1.0 };
        let single = single(&numbers);
        assert_eq!((single[0].1, single[1].1, single[2].1, single[14].1), (0, 2, 0, 1));
        assert_eq!(single[15], (f64::INFINITY, 2));
    }
}
