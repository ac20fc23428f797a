//! The three games of the demo: what each is, and what it means to show.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::bail;

use super::folder::{self, Shipped};
use super::ground::Ground;
use crate::cli::drill;
use crate::coordinator::engine::Input;
use crate::drill::alarm::MissCause;
use crate::drill::summary::{PlaybookResult, RestoredBy};
use crate::fault::Seed;
use crate::playbook::plan::Playbook;
use crate::playbook::{Exercise, check_exercise};
use crate::scenario::Context;
use crate::scenario::plan::Plan;
use crate::score::Outcome;
use crate::text::{Style, render};

/// One game: a shipped scenario.
pub(super) struct Game {
    /// The scenario's name; the folder of its record.
    pub(super) name: &'static str,
    /// The playbook that it names, if it names one.
    pub(super) playbook: Option<&'static str>,
    /// What is about to happen.
    pub(super) before: &'static str,
    /// What it means to show.
    pub(super) shows: Shows,
}

/// What a game means to show. A drill is what it is: where it shows something else, the demo says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shows {
    /// What becomes of the alarm that is expected.
    pub(super) alarm: Outcome,
    /// Why it stays away, if it does.
    pub(super) cause: Option<MissCause>,
    /// What brings the shop back.
    pub(super) restored_by: RestoredBy,
    /// What the playbook is worth.
    pub(super) playbook: Option<PlaybookResult>,
}

pub(super) const GAMES: [Game; 3] = [
    Game {
        name: "payments-slow-paged",
        playbook: Some("circuit-breaker"),
        before: "Game 1 of 3. Payments turns two seconds late.\nWill somebody be told in time, and will the playbook \
                 help while payments is still late?",
        shows: Shows {
            alarm: Outcome::Hit,
            cause: None,
            restored_by: RestoredBy::Playbook,
            playbook: Some(PlaybookResult::Restored),
        },
    },
    Game {
        name: "shelves-empty",
        playbook: None,
        before: "Game 2 of 3. Stock answers at once that it has nothing: no error, no delay, empty shelves.\nWill \
                 anybody notice?",
        shows: Shows {
            alarm: Outcome::Miss,
            cause: Some(MissCause::NoSuchRule),
            restored_by: RestoredBy::FaultEnd,
            playbook: None,
        },
    },
    Game {
        name: "payments-refusing",
        playbook: Some("ask-again"),
        before: "Game 3 of 3. Payments refuses every charge for 15 seconds, and there is a playbook: ask again.\nThe \
                 shop will be well again. But why?",
        shows: Shows {
            alarm: Outcome::Hit,
            cause: None,
            restored_by: RestoredBy::FaultEnd,
            playbook: Some(PlaybookResult::NotRestored),
        },
    },
];

impl Game {
    /// The shipped files, with the addresses of this shop.
    pub(super) fn read(&self, ground: &Ground) -> anyhow::Result<(Plan, Option<Playbook>, Vec<Input>)> {
        let sets: BTreeMap<String, String> = ground.variables().into_iter().collect();
        let nothing = BTreeMap::new();
        let context = Context {
            catalog: &Shipped,
            sets: &sets,
            process_env: &nothing,
            inputs: &nothing,
            environment: None,
        };
        let scenario = format!("scenarios/{}.yaml", self.name);
        let playbook = self.playbook.map(|name| format!("playbooks/{name}.yaml"));
        let checked = check_exercise(folder::source(&scenario)?, &context, None);
        let Some(Exercise { scenario: read, playbook: steps }) = checked.value else {
            let said = checked
                .files
                .into_iter()
                .map(|(source, problems)| render(&problems.into_sorted(), &source, Style::default()));
            bail!("a file in this program is not well:\n{}", said.collect::<Vec<_>>().join("\n"));
        };
        let mut inputs = Vec::new();
        for path in [Some(scenario), playbook].into_iter().flatten() {
            let text = folder::text(&path)?.to_owned();
            inputs.push(Input { path, text });
        }
        // 32 bits, as for `run`: people can read and type them.
        let plan = read.plan(Seed(drill::arbitrary() & 0xffff_ffff), None);
        Ok((plan, steps, inputs))
    }
}

/// Where an address is said inside of a URL.
pub(super) fn http(address: SocketAddr) -> String {
    format!("http://{address}")
}
