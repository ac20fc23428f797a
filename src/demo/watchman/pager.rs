//! Who is told when: alarms are grouped by name, a group waits a little for more of them, then is told at once and
//! again when it changes, or when nothing changed for long. As Alertmanager does it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::series::Labels;
use super::standing::Alarm;

const GROUPS_MAX: usize = 200;
/// A message that nobody takes is tried again so often.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// An end that nobody took for so long is let go.
const END_KEPT_FOR: Duration = Duration::from_secs(60);

/// The times of the pager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// How long a new group waits for more alarms.
    pub(super) wait: Duration,
    /// The least time between two messages of one group.
    pub(super) interval: Duration,
    /// When a group that did not change is told again.
    pub(super) repeat: Duration,
}

/// One message: a group as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// The name that all its alarms have.
    pub(super) group: String,
    /// The group's alarms, those that are over among them.
    pub(super) alarms: Vec<Alarm>,
}

#[derive(Debug)]
struct Group {
    alarms: BTreeMap<Labels, Alarm>,
    due: Duration,
    told: Option<Told>,
    /// A message is on its way.
    posting: bool,
}

/// What was told last, and when.
#[derive(Debug)]
struct Told {
    firing: BTreeSet<Labels>,
    at: Duration,
}

/// All groups.
#[derive(Debug)]
pub(super) struct Pager {
    times: Times,
    groups: BTreeMap<String, Group>,
    /// Messages that were taken, that were not, and ends that were let go.
    pub(super) counts: Counts,
}

/// What became of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) taken: u64,
    pub(super) failed: u64,
    pub(super) dropped: u64,
}

impl Pager {
    pub(super) fn new(times: Times) -> Self {
        Self { times, groups: BTreeMap::new(), counts: Counts::default() }
    }

    /// Takes in alarms as they stand now.
    pub(super) fn take(&mut self, now: Duration, alarms: Vec<Alarm>) {
        for alarm in alarms {
            let name = alarm.labels.get("alertname").cloned().unwrap_or_default();
            if !self.groups.contains_key(&name) && self.groups.len() >= GROUPS_MAX {
                self.counts.dropped += 1;
                continue;
            }
            let due = now + self.times.wait;
            let new = || Group { alarms: BTreeMap::new(), due, told: None, posting: false };
            self.groups.entry(name).or_insert_with(new).alarms.insert(alarm.labels.clone(), alarm);
        }
    }

    /// The messages that are due. Each must be [answered for](Self::went) before its group is due again.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Message> {
        let (mut messages, mut dropped) = (Vec::new(), 0);
        self.groups.retain(|name, group| {
            if group.posting || now < group.due {
                return true;
            }
            group.due = now + self.times.interval;
            if group.has_news(now, self.times.repeat) {
                group.posting = true;
                messages
                    .push(Message { group: name.clone(), alarms: group.alarms.values().cloned().collect() });
                return true;
            }
            // Nobody was told that these began, or an end is too old to be told.
            let before = group.alarms.len();
            let unheard = group.told.is_none();
            group
                .alarms
                .retain(|_, alarm| alarm.resolved_at.is_none_or(|at| !unheard && now < at + END_KEPT_FOR));
            dropped += before - group.alarms.len();
            !group.alarms.is_empty()
        });
        self.counts.dropped += dropped as u64;
        messages
    }

    /// Says how a message went.
    pub(super) fn went(&mut self, now: Duration, message: &Message, taken: bool) {
        let Some(group) = self.groups.get_mut(&message.group) else { return };
        group.posting = false;
        if !taken {
            self.counts.failed += 1;
            group.due = now + AGAIN_AFTER.min(self.times.interval);
            let end_is_old = |alarm: &Alarm| alarm.resolved_at.is_some_and(|at| now >= at + END_KEPT_FOR);
            let before = group.alarms.len();
            group.alarms.retain(|_, alarm| !end_is_old(alarm));
            self.counts.dropped += (before - group.alarms.len()) as u64;
        } else {
            self.counts.taken += 1;
            let firing = message.alarms.iter().filter(|alarm| alarm.resolved_at.is_none());
            group.told = Some(Told { firing: firing.map(|alarm| alarm.labels.clone()).collect(), at: now });
            for over in message.alarms.iter().filter(|alarm| alarm.resolved_at.is_some()) {
                // It may fire again by now; then it is another alarm.
                if group.alarms.get(&over.labels).is_some_and(|alarm| alarm.resolved_at == over.resolved_at) {
                    group.alarms.remove(&over.labels);
                }
            }
        }
        if group.alarms.is_empty() {
            self.groups.remove(&message.group);
        }
    }
}

impl Group {
    fn has_news(&self, now: Duration, repeat: Duration) -> bool {
        let mut firing = self.alarms.values().filter(|alarm| alarm.resolved_at.is_none()).peekable();
        let Some(told) = &self.told else { return firing.peek().is_some() };
        let again = firing.peek().is_some() && now >= told.at + repeat;
        let over = |alarm: &Alarm| alarm.resolved_at.is_some() && told.firing.contains(&alarm.labels);
        again || firing.any(|alarm| !told.firing.contains(&alarm.labels)) || self.alarms.values().any(over)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{rules, series};
    use super::*;

    const TIMES: Times = Times {
        wait: Duration::from_secs(2),
        interval: Duration::from_secs(5),
        repeat: Duration::from_secs(60),
    };

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// Alarms of one rule as they stand: `1` fires and `0` is over, for each series.
    struct Lab {
        rule: rules::Rule,
        store: series::Store,
        standing: super::super::standing::Standing,
        pager: Pager,
    }

    impl Lab {
        fn new() -> Self {
            let text = "groups: [{name: g, rules: [{alert: A, expr: 'a > 0'}]}]";
            let rule = rules::read(text).unwrap()[0].rules[0].clone();
            Self {
                rule,
                store: series::Store::default(),
                standing: Default::default(),
                pager: Pager::new(TIMES),
            }
        }

        fn stand(&mut self, at: u64, values: &[u8]) {
            let page: String =
                values.iter().enumerate().map(|(n, value)| format!("a{{n=\"{n}\"}} {value}\n")).collect();
            self.store.keep(secs(at), &Labels::new(), series::read(&page, &Labels::new()).unwrap());
            let told = self.standing.evaluate(&self.rule, &self.store, secs(at));
            self.pager.take(secs(at), told);
        }

        /// How many of each message's alarms fire, and how many are over.
        fn due(&mut self, at: u64, taken: bool) -> Vec<(usize, usize)> {
            let messages = self.pager.due(secs(at));
            for message in &messages {
                self.pager.went(secs(at), message, taken);
            }
            let over = |message: &Message| message.alarms.iter().filter(|a| a.resolved_at.is_some()).count();
            messages.iter().map(|message| (message.alarms.len() - over(message), over(message))).collect()
        }
    }

    #[test]
    fn a_group_waits_for_more_is_told_at_once_and_again_when_it_changes() {
        let mut lab = Lab::new();
        lab.stand(10, &[1, 0, 0]);
        assert_eq!(lab.due(11, true), []);
        lab.stand(11, &[1, 1, 0]);
        assert_eq!(lab.due(12, true), [(2, 0)], "both in one message, one group wait after the first");
        lab.stand(13, &[1, 1, 1]);
        assert_eq!(lab.due(16, true), []);
        assert_eq!(lab.due(17, true), [(3, 0)], "one group interval later");
        lab.stand(20, &[1, 1, 1]);
        assert_eq!(lab.due(22, true), [], "nothing is new");
        lab.stand(23, &[0, 1, 1]);
        assert_eq!(lab.due(27, true), [(2, 1)]);
        lab.stand(28, &[0, 0, 0]);
        assert_eq!(lab.due(32, true), [(0, 2)]);
        assert!(lab.pager.groups.is_empty());
    }

    #[test]
    fn a_group_that_does_not_change_is_told_again_after_the_repeat_interval() {
        let mut lab = Lab::new();
        lab.stand(0, &[1]);
        let told: Vec<u64> = (0..130).filter(|at| !lab.due(*at, true).is_empty()).collect();
        assert_eq!(told, [2, 62, 122]);
    }

    #[test]
    fn a_message_that_nobody_takes_is_tried_again_and_its_end_is_not_kept_for_ever() {
        let mut lab = Lab::new();
        lab.stand(0, &[1]);
        assert_eq!(lab.due(2, false), [(1, 0)]);
        assert_eq!(
            (lab.due(3, true), lab.due(4, true)),
            (vec![(1, 0)], vec![]),
            "tried again a second later"
        );
        lab.stand(5, &[0]);
        let tried = (5..200).filter(|at| !lab.due(*at, false).is_empty()).count();
        assert!((50..70).contains(&tried), "{tried}");
        assert!(lab.pager.groups.is_empty());
        assert_eq!(lab.pager.counts.dropped, 1);
    }

    #[test]
    fn an_alarm_that_is_over_before_anybody_was_told_is_never_told() {
        let mut lab = Lab::new();
        lab.stand(0, &[1]);
        lab.stand(1, &[0]);
        assert_eq!(lab.due(2, true), []);
        assert!(lab.pager.groups.is_empty());
    }

    #[test]
    fn a_message_on_its_way_is_not_sent_twice() {
        let mut lab = Lab::new();
        lab.stand(0, &[1]);
        let messages = lab.pager.due(secs(2));
        assert_eq!((messages.len(), lab.pager.due(secs(30)).len()), (1, 0));
        lab.stand(31, &[0]);
        lab.pager.went(secs(31), &messages[0], true);
        assert_eq!(
            lab.due(35, true),
            [(0, 1)],
            "its end is told, though it came while the beginning was on its way"
        );
    }
}
