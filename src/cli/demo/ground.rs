//! What the games are played on: the shop, who watches it, and the addresses that are kept for drills.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::folder;
use super::game::http;
use super::real::{self, Installed};
use crate::demo::{Address, SeenAt, Shop, Watch};

/// Where routes may come to stand between front and the others: those of drills, and those to play with by hand. Where
/// none stands, front goes straight to the process.
pub(super) struct Routes {
    pub(super) payments: SocketAddr,
    pub(super) stock: SocketAddr,
    pub(super) payments_by_hand: SocketAddr,
    pub(super) stock_by_hand: SocketAddr,
}

/// Who watches the shop.
pub(super) enum Watcher {
    /// Our own; its page and its API.
    Watchman(SocketAddr),
    /// A real Prometheus, and the Alertmanager that it tells.
    Real { prometheus: SocketAddr, alertmanager: SocketAddr },
}

pub(super) struct Ground {
    pub(super) folder: PathBuf,
    pub(super) shop: Shop,
    pub(super) watcher: Watcher,
    pub(super) routes: Routes,
    /// Where drills hear alarms.
    pub(super) alarms: SocketAddr,
    /// Keeps the addresses of routes and alarms for those who will listen there.
    _held: [Address; 5],
}

/// Every length of time between the first bad second and the page, beside the rule's own `for:`.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// Who is paged.
pub(super) const RECEIVER: &str = "team-checkout";

impl Ground {
    /// Opens the shop with somebody who watches it.
    pub(super) async fn open(folder: PathBuf, installed: Option<Installed>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let held = [(); 5].map(|()| Address::reserve());
        let [payments, stock, payments_by_hand, stock_by_hand, alarms] = held;
        let held = [payments?, stock?, payments_by_hand?, stock_by_hand?, alarms?];
        let [payments, stock, payments_by_hand, stock_by_hand, alarms] = &held;
        let routes = Routes {
            payments: payments.get()?,
            stock: stock.get()?,
            payments_by_hand: payments_by_hand.get()?,
            stock_by_hand: stock_by_hand.get()?,
        };
        let alarms = alarms.get()?;
        let seen_at = SeenAt {
            payments: &[routes.payments, routes.payments_by_hand],
            stock: &[routes.stock, routes.stock_by_hand],
        };
        let mut shop = Shop::start(program.clone(), seen_at).await?;
        let webhook = format!("{}/v1/alarms/alertmanager", http(alarms));
        let targets = shop.targets().map(|address| address.to_string());
        real::configure(&folder, &targets, &webhook)?;
        let watcher = match installed {
            Some(installed) => installed.start(&mut shop, &program, &folder).await?,
            None => {
                let watch = watch(&folder, &targets, webhook);
                Watcher::Watchman(shop.watch(&program, watch).await?)
            }
        };
        Ok(Self { folder, shop, watcher, routes, alarms, _held: held })
    }

    /// Where one learns how the rules stand.
    pub(super) fn monitoring(&self) -> String {
        match self.watcher {
            Watcher::Watchman(address) | Watcher::Real { prometheus: address, .. } => http(address),
        }
    }

    /// What the scenarios need to know of this shop.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let Shop { front, payments, stock, .. } = &self.shop;
        let variables = [
            ("SHOP", http(*front)),
            ("SHOP_PORT", front.port().to_string()),
            ("PAYMENTS", payments.to_string()),
            ("PAYMENTS_ROUTE", self.routes.payments.to_string()),
            ("PAYMENTS_PORT", payments.port().to_string()),
            ("PAYMENTS_PROCESS", "payments".to_owned()),
            ("STOCK", stock.to_string()),
            ("STOCK_ROUTE", self.routes.stock.to_string()),
            ("MONITORING", self.monitoring()),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Ends all of it, and waits for that.
    pub(super) async fn close(self) {
        self.shop.end().await;
        // A real Prometheus kept its samples there.
        let _ = std::fs::remove_dir_all(self.folder.join(real::DATA));
    }
}

fn watch(folder: &Path, targets: &[String], webhook: String) -> Watch {
    Watch {
        rules: folder.join(folder::RULES),
        targets: targets.to_vec(),
        webhook,
        receiver: RECEIVER.to_owned(),
        scrape_interval: EVERY,
        evaluation_interval: EVERY,
        group_wait: EVERY,
        group_interval: EVERY,
        repeat_interval: Duration::from_secs(3_600),
    }
}
