//! Times as cron writes them: five fields, in the wall time of the schedule's zone.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A cron line. Where both the day of the month and the day of the week are given, both must fit: `0 10 1-7 * THU` is
/// the first Thursday of each month. (Classic cron takes either; nobody could write the first Thursday then.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron(String);

/// A cron line, ready to be asked.
#[derive(Clone, Debug)]
pub struct CronLine(croner::Cron);

impl Cron {
    /// The line, ready to be asked.
    pub fn line(&self) -> Option<CronLine> {
        parse(&self.0).ok().map(CronLine)
    }
}

fn parse(text: &str) -> Result<croner::Cron, String> {
    let parser =
        CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).dom_and_dow(true).build();
    parser.parse(text).map_err(|error| error.to_string())
}

impl CronLine {
    /// The first wall time after this one that it names.
    pub fn after(&self, at: DateTime) -> Option<DateTime> {
        self.0.find_next_occurrence(&at, false).ok()
    }
}

impl FromStr for Cron {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map(|_| Self(text.trim().to_owned()))
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Cron {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.0
    }
}

impl JsonSchema for Cron {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Cron".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "Five fields as cron writes them: `0 10 1-7 * THU`." })
    }
}
