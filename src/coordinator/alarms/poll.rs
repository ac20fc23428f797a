//! Asks a monitoring system once a second what fires; for those who do not want to touch their pager.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::ask;
use super::{AlarmInput, Way};
use crate::alarm::polled::Polled;
use crate::alarm::{Labels, fingerprint};
use crate::drill::alarm::{Alarm, AlarmKind};
use crate::fault::Period;
use crate::scenario::expectation::{AlarmSource, MonitorKind};

/// How often a source is asked.
const EVERY: Duration = Duration::from_secs(1);
/// So many failures in a row, and the drill is told that it is blind there.
const FAILURES_MAX: u32 = 3;

/// Polls for ever; ends when the engine takes no more.
pub(super) async fn poll(source: AlarmSource, way: Way) {
    let mut ticks = interval(EVERY);
    // A slow answer delays the next question; it does not make several of them follow at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut polled = Polled::default();
    let mut failures = 0;
    loop {
        ticks.tick().await;
        let alarms = match ask_once(&source, &mut polled, way.wall).await {
            Ok(alarms) => {
                if failures >= FAILURES_MAX {
                    tracing::info!(source = %ask::without_secrets(&source.url), "it answers again");
                }
                failures = 0;
                alarms
            }
            Err(why) => {
                failures = (failures + 1).min(FAILURES_MAX + 1);
                if failures != FAILURES_MAX {
                    continue;
                }
                vec![blind(&source, &why, (way.wall)())]
            }
        };
        if !alarms.is_empty() && !tell(&way, alarms).await {
            return;
        }
    }
}

async fn ask_once(
    source: &AlarmSource,
    polled: &mut Polled,
    wall: super::Wall,
) -> Result<Vec<Alarm>, String> {
    let path = match source.kind {
        MonitorKind::Alertmanager => "/api/v2/alerts",
        MonitorKind::Prometheus => "/api/v1/alerts",
    };
    let body = ask::get(&source.url, path).await?;
    let alarms = match source.kind {
        MonitorKind::Alertmanager => polled.alertmanager(&body, wall()),
        MonitorKind::Prometheus => polled.prometheus(&body, wall()),
    };
    let mut alarms = alarms.map_err(|error| error.to_string())?;
    for alarm in &mut alarms {
        alarm.polled_every = Some(Period::from(EVERY));
    }
    Ok(alarms)
}

async fn tell(way: &Way, mut alarms: Vec<Alarm>) -> bool {
    way.memory.mark(&mut alarms);
    way.memory.heard(&alarms);
    way.to_engine.send(AlarmInput::Alarms { alarms, journalled: None }).await.is_ok()
}

/// A source that cannot be asked is told as what it is: for this long the drill did not see.
fn blind(source: &AlarmSource, why: &str, received_at: jiff::Timestamp) -> Alarm {
    let (kind, url) = (kind_word(source.kind), ask::without_secrets(&source.url));
    let text = |text: &str| text.to_owned();
    let labels = Labels::from([(text("alertname"), text("AlarmSourceUnreachable")), (text("source"), url)]);
    Alarm {
        source: format!("poll/{kind}"),
        kind: AlarmKind::Blind,
        key: fingerprint(&labels),
        group_key: None,
        labels,
        annotations: Labels::from([(text("summary"), why.to_owned())]),
        receiver: None,
        // When it was noticed, so that a second time is not taken for a repetition of the first.
        claimed_at: Some(received_at),
        ends_at: None,
        received_at,
        repeat: false,
        polled_every: Some(Period::from(EVERY)),
        body_sha256: String::new(),
    }
}

fn kind_word(kind: MonitorKind) -> &'static str {
    match kind {
        MonitorKind::Alertmanager => "alertmanager",
        MonitorKind::Prometheus => "prometheus",
    }
}
