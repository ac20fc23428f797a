//! Whether the pager's way to us is open: an alarm to the receiver arrives.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::Checked;
use crate::drill::alarm::Alarm;

/// Waits for an alarm that names this receiver.
pub(super) async fn look(
    receiver: &str,
    within: Duration,
    mut alarms: broadcast::Receiver<Arc<Alarm>>,
) -> Checked {
    let mut others = 0_u32;
    let heard = async {
        loop {
            match alarms.recv().await {
                Ok(alarm) if alarm.receiver.as_deref() == Some(receiver) => return true,
                Ok(_) => others += 1,
                // What was missed among many may have been it; it is repeated or sent again.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return false,
            }
        }
    };
    if timeout(within, heard).await == Ok(true) {
        return Checked::Passed {};
    }
    let others = match others {
        0 => "no alarm came at all".to_owned(),
        1 => "one alarm to others came".to_owned(),
        many => format!("{many} alarms to others came"),
    };
    Checked::Failed {
        why: format!(
            "no alarm to the receiver `{receiver}` arrived within {}s ({others}); send it a test alarm while this is \
             looked at, and see that its webhook leads here",
            within.as_secs()
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::drill::alarm::AlarmKind;

    fn alarm(receiver: Option<&str>) -> Arc<Alarm> {
        Arc::new(Alarm {
            source: "alertmanager".into(),
            kind: AlarmKind::Fired,
            key: "k".into(),
            group_key: None,
            labels: [("alertname".to_owned(), "Heartbeat".to_owned())].into(),
            annotations: [].into(),
            receiver: receiver.map(str::to_owned),
            claimed_at: None,
            ends_at: None,
            received_at: Timestamp::UNIX_EPOCH,
            repeat: false,
            polled_every: None,
            body_sha256: String::new(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_alarm_to_that_receiver_is_a_heartbeat() {
        let (sender, _) = broadcast::channel(8);
        let waits = tokio::spawn({
            let alarms = sender.subscribe();
            async move { look("team-a", Duration::from_secs(60), alarms).await }
        });
        sender.send(alarm(None)).unwrap();
        sender.send(alarm(Some("team-b"))).unwrap();
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert!(!waits.is_finished());
        sender.send(alarm(Some("team-a"))).unwrap();
        assert_eq!(waits.await.unwrap(), Checked::Passed {});

        let alarms = sender.subscribe();
        sender.send(alarm(Some("team-b"))).unwrap();
        let Checked::Failed { why } = look("team-a", Duration::from_secs(60), alarms).await else { panic!() };
        assert!(why.contains("`team-a`") && why.contains("one alarm to others"), "{why}");
    }
}
