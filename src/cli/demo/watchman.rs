//! The options of the watchman's process.

use std::path::PathBuf;
use std::time::Duration;

use super::Listen;
use crate::demo::{Role, Watch};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    listen: Listen,
    /// Alerting rules as Prometheus reads them; read again when the file changes
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
    /// Where `/metrics` is
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', required = true)]
    targets: Vec<String>,
    /// Where messages are posted
    #[arg(long, value_name = "URL")]
    webhook: String,
    /// The receiver's name in messages
    #[arg(long, value_name = "NAME", default_value = "team-checkout")]
    receiver: String,
    /// How often targets are asked
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = Watch::length)]
    scrape_interval: Duration,
    /// How often rules are evaluated whose group does not say it
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = Watch::length)]
    evaluation_interval: Duration,
    /// How long a new group of alarms waits for more
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = Watch::length)]
    group_wait: Duration,
    /// The least time between two messages of a group
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = Watch::length)]
    group_interval: Duration,
    /// When a group that did not change is told again
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = Watch::length)]
    repeat_interval: Duration,
}

impl Args {
    pub(super) fn role(self) -> (Role, Listen) {
        let watch = Watch {
            rules: self.rules,
            targets: self.targets,
            webhook: self.webhook,
            receiver: self.receiver,
            scrape_interval: self.scrape_interval,
            evaluation_interval: self.evaluation_interval,
            group_wait: self.group_wait,
            group_interval: self.group_interval,
            repeat_interval: self.repeat_interval,
        };
        (Role::Watchman(Box::new(watch)), self.listen)
    }
}
