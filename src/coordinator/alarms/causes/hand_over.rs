//! Whether Prometheus could hand its alarms over to an Alertmanager.

use crate::coordinator::alarms::ask;

/// So many addresses are shown.
const SHOWN_MAX: usize = 3;

/// What Prometheus counts of its posts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Posts {
    /// Alarms that no Alertmanager took.
    dropped: f64,
    /// Posts that failed; another Alertmanager may have taken what they held.
    failed: f64,
}

/// Why an alarm that fires is not in Alertmanager, as far as Prometheus tells.
#[derive(Debug)]
pub(super) enum HandOver {
    /// It got lost on the way.
    Lost(String),
    /// Nothing shows that it did.
    Unclear(String),
}

/// What is counted now.
pub(super) async fn posts(url: &str) -> Result<Posts, String> {
    let body = ask::get(url, "/metrics").await?;
    Ok(Posts::read(&String::from_utf8_lossy(&body)))
}

/// Finds out. `before` holds the counters when faults came on; without it no failure can be dated, and none counts.
pub(super) async fn ask(url: &str, before: Option<&Posts>) -> HandOver {
    let Ok(body) = ask::get(url, "/api/v1/alertmanagers").await else {
        return HandOver::Unclear("Prometheus does not say which Alertmanagers it tells".into());
    };
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(active) = answer.pointer("/data/activeAlertmanagers").and_then(serde_json::Value::as_array)
    else {
        return HandOver::Unclear("Prometheus does not say which Alertmanagers it tells".into());
    };
    let urls = active.iter().filter_map(|one| Some(ask::without_secrets(one.get("url")?.as_str()?)));
    let urls: Vec<String> = urls.take(SHOWN_MAX).collect();
    if urls.is_empty() {
        return HandOver::Lost("Prometheus has no Alertmanager to tell".into());
    }
    let now = match before {
        Some(before) => posts(url).await.ok().map(|now| now.since(*before)),
        None => None,
    };
    judge(&urls.join(", "), now)
}

fn judge(urls: &str, since: Option<Posts>) -> HandOver {
    match since {
        Some(Posts { dropped, failed }) if dropped > 0.0 => HandOver::Lost(format!(
            "since faults are on it dropped {dropped} of its alarms; posts to {urls} that failed: {failed}"
        )),
        Some(_) => HandOver::Unclear(format!(
            "Prometheus tells {urls} and dropped nothing since faults are on; a relabelling may keep it from being sent"
        )),
        None => HandOver::Unclear(format!(
            "Prometheus tells {urls}; a relabelling may drop it on the way, or the posts fail"
        )),
    }
}

impl Posts {
    fn read(metrics: &str) -> Self {
        // A counter for each Alertmanager, or one for all of them, as the version has it.
        let sum = |name: &str| {
            let values = metrics.lines().filter_map(|line| {
                let rest = line.strip_prefix(name)?;
                let value = match rest.strip_prefix('{') {
                    Some(rest) => rest.rsplit_once('}')?.1,
                    None => rest.strip_prefix(' ')?,
                };
                value.split_whitespace().next()?.parse::<f64>().ok()
            });
            values.filter(|value| value.is_finite()).sum()
        };
        Self {
            dropped: sum("prometheus_notifications_dropped_total"),
            failed: sum("prometheus_notifications_errors_total"),
        }
    }

    /// Counted since then; a Prometheus that began anew counts from zero.
    fn since(self, before: Self) -> Self {
        let grown = |now: f64, before: f64| if now < before { now } else { now - before };
        Self { dropped: grown(self.dropped, before.dropped), failed: grown(self.failed, before.failed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_counted_over_all_alertmanagers_and_since_faults_are_on() {
        let metrics = "# TYPE prometheus_notifications_errors_total counter\n\
            prometheus_notifications_errors_total{alertmanager=\"http://a/{x}\"} 3\n\
            prometheus_notifications_errors_total{alertmanager=\"http://b/\"} 4\n\
            prometheus_notifications_dropped_total 2\nprometheus_notifications_dropped_total_more 9\n";
        let now = Posts::read(metrics);
        assert_eq!(now, Posts { dropped: 2.0, failed: 7.0 });
        assert_eq!(now.since(Posts { dropped: 1.0, failed: 7.0 }), Posts { dropped: 1.0, failed: 0.0 });
        assert_eq!(now.since(Posts { dropped: 9.0, failed: 9.0 }), now, "it began anew");
        assert_eq!(Posts::read("nothing"), Posts::default());
    }

    #[test]
    fn only_dropped_alarms_are_lost() {
        let posts = |dropped, failed| Some(Posts { dropped, failed });
        assert!(
            matches!(judge("u", posts(1.0, 1.0)), HandOver::Lost(why) if why.contains("dropped 1 of its alarms"))
        );
        // One of two Alertmanagers is down: the other took it.
        assert!(matches!(judge("u", posts(0.0, 3.0)), HandOver::Unclear(_)));
        assert!(matches!(judge("u", None), HandOver::Unclear(why) if why.contains("or the posts fail")));
    }
}
