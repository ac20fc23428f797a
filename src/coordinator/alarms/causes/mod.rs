//! Asks monitoring why an expected alarm stays away.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::Way;
use crate::scenario::expectation::Alarms;

/// How often is asked while faults are on.
const EVERY: Duration = Duration::from_secs(2);

/// Asks for ever while it is watched.
pub(super) async fn ask(alarms: Alarms, way: Way, mut watched: watch::Receiver<bool>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if watched.wait_for(|on| *on).await.is_err() {
            return;
        }
        way.memory.begin();
        let _ = (&alarms, way.memory.awaited());
        ticks.tick().await;
    }
}
