//! What monitoring is configured to do, held against what a scenario expects of it: rules that can never fire, fire
//! too late, or say too little, found before the drill.

mod content;
mod duration;
mod file;
mod hold;
mod matcher;
mod routing;
#[cfg(test)]
mod tests;
mod timing;

pub(super) use hold::hold;

use self::file::{Rule, RuleFile};
use self::routing::Routing;
use crate::text::{Problems, Source};

/// The rules of Prometheus and the routes of Alertmanager, as files say them.
#[derive(Debug)]
pub struct Monitoring {
    files: Vec<RuleFile>,
    /// Of all files, in order.
    rules: Vec<Rule>,
    /// Whether every rules file could be read. Only then is a rule that is not found not there.
    whole: bool,
    routing: Option<Routing>,
}

impl Monitoring {
    /// Reads files of alerting rules, and Alertmanager's configuration where it is given. A file that could not be
    /// opened comes with its problems, and is not read.
    pub fn read(rules: Vec<(Source, Problems)>, alertmanager: Option<(Source, Problems)>) -> Self {
        let routing = alertmanager.map(|(source, problems)| Routing::read(source, problems));
        let mut monitoring = Self { files: Vec::new(), rules: Vec::new(), whole: true, routing };
        for (n, (source, problems)) in rules.into_iter().enumerate() {
            let (file, rules) = file::read(source, problems, n);
            monitoring.whole &= rules.is_some();
            monitoring.rules.extend(rules.unwrap_or_default());
            monitoring.files.push(file);
        }
        monitoring
    }

    /// Each file with what is wrong with it by itself, and what was found on the way.
    pub fn into_files(self) -> Vec<(Source, Problems)> {
        let routing = self.routing.map(|routing| (routing.source, routing.problems));
        self.files.into_iter().map(|file| (file.source, file.problems)).chain(routing).collect()
    }
}
