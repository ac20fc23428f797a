//! The drills of the demo: the same failure twice, first without help, then with a playbook.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::bail;

use crate::cli::drill;
use crate::coordinator::engine::Input;
use crate::demo::Shop;
use crate::fault::Seed;
use crate::playbook::plan::Playbook;
use crate::playbook::{Exercise, check_exercise};
use crate::scenario::plan::Plan;
use crate::scenario::{Catalog, Context};
use crate::text::{Source, Style, render};

/// One drill of the demo. Its files are in the program itself, so that they are there wherever the program is.
pub(super) struct Game {
    /// The scenario's name; the folder of its record.
    pub(super) name: &'static str,
    scenario: File,
    playbook: Option<File>,
    /// What is about to happen.
    pub(super) before: &'static str,
}

/// A shipped file: its path and its text.
#[derive(Clone, Copy)]
struct File(&'static str, &'static str);

pub(super) const GAMES: [Game; 2] = [
    Game {
        name: "payments-slow",
        scenario: File("scenarios/payments-slow.yaml", include_str!("../../../scenarios/payments-slow.yaml")),
        playbook: None,
        before: "1 of 2: nobody helps. First the drill waits until checkout is well. Then payments is two seconds \
                 late for 12 seconds.",
    },
    Game {
        name: "circuit-breaker",
        scenario: File(
            "scenarios/circuit-breaker.yaml",
            include_str!("../../../scenarios/circuit-breaker.yaml"),
        ),
        playbook: Some(File(
            "playbooks/circuit-breaker.yaml",
            include_str!("../../../playbooks/circuit-breaker.yaml"),
        )),
        before: "2 of 2: the same failure, and a playbook. It switches the shop's circuit breaker on; the fault stays \
                 on until the shop is well, or for 40 seconds.",
    },
];

/// The playbook that a shipped scenario names.
struct Shipped(Option<File>);

impl Catalog for Shipped {
    fn read(&self, folder: &str, _: &str) -> Option<Source> {
        let File(path, text) = self.0.filter(|_| folder == "playbooks")?;
        Some(Source::new(path, text))
    }
}

impl Game {
    /// The shipped files, with the addresses of this shop.
    pub(super) fn read(
        &self,
        shop: &Shop,
        route: SocketAddr,
    ) -> anyhow::Result<(Plan, Option<Playbook>, Vec<Input>)> {
        let sets = BTreeMap::from([
            ("SHOP".to_owned(), format!("http://{}", shop.front)),
            ("PAYMENTS".to_owned(), shop.payments.to_string()),
            ("PAYMENTS_ROUTE".to_owned(), route.to_string()),
        ]);
        let nothing = BTreeMap::new();
        let context = Context {
            catalog: &Shipped(self.playbook),
            sets: &sets,
            process_env: &nothing,
            inputs: &nothing,
            environment: None,
        };
        let File(path, text) = self.scenario;
        let checked = check_exercise(Source::new(path, text), &context, None);
        let Some(Exercise { scenario, playbook }) = checked.value else {
            let said = checked
                .files
                .into_iter()
                .map(|(source, problems)| render(&problems.into_sorted(), &source, Style::default()));
            bail!("a file in this program is not well:\n{}", said.collect::<Vec<_>>().join("\n"));
        };
        let files = [Some(self.scenario), self.playbook].into_iter().flatten();
        let inputs = files.map(|File(path, text)| Input { path: path.to_owned(), text: text.to_owned() });
        // 32 bits, as for `run`: people can read and type them.
        let plan = scenario.plan(Seed(drill::arbitrary() & 0xffff_ffff), None);
        Ok((plan, playbook, inputs.collect()))
    }
}
