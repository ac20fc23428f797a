//! `firedrill check`: report every problem of the files that people write.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Exit;
use super::files::{Tally, open, stdout_style, yaml_files};
use super::reading::Reading;
use crate::scenario::{Monitoring, check_environment, check_service};
use crate::text::{Problem, Problems, Source, Span, kind_of, location, nearest, quote, render, render_short};
use crate::{gameday, playbook};

/// The kinds of files.
const KINDS: [&str; 5] = ["Scenario", "Playbook", "Environment", "GameDay", "Service"];

/// Report every problem of scenarios, playbooks, environments, game days and services
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The files; of a folder, every .yaml file in it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Hold the alarms that scenarios expect against these files of Prometheus' rules; of a folder, every one in it
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Alertmanager's configuration: who is told of these alarms, and when
    #[arg(long, value_name = "FILE", requires = "rules")]
    alertmanager_config: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// Treat warnings as errors: exit 1
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
    /// One JSON object per problem and line
    #[arg(long, conflicts_with = "short")]
    json: bool,
    /// One line per problem: FILE:LINE:COLUMN: MESSAGE
    #[arg(long)]
    short: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Deny {
    Warnings,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let mut tally = Tally::default();
    let (mut shown, mut counted) = (BTreeSet::new(), BTreeSet::new());
    let mut out = String::new();
    let mut monitoring = monitoring(&args)?;
    for path in yaml_files(&args.files)? {
        for (n, (source, mut problems)) in
            look(&path, &args.reading, monitoring.as_mut()).into_iter().enumerate()
        {
            // A file is not wrong because a variable is only given when it is run; `plan` and `run` insist on it.
            problems.soften("unknown-variable");
            problems.soften("unknown-input");
            problems.forget("missing-input");
            // What several files use is reported once; its users may each find something of their own in it.
            let file = std::fs::canonicalize(&source.path).unwrap_or_else(|_| PathBuf::from(&source.path));
            let mut problems = problems.into_sorted();
            problems.retain(|problem| shown.insert((file.clone(), problem.span, problem.message.clone())));
            if n == 0 || !problems.is_empty() {
                tally.add(&problems, counted.insert(file));
            }
            out.push_str(&args.shown(&problems, &source));
        }
    }
    for (source, problems) in monitoring.into_iter().flat_map(Monitoring::into_files) {
        let problems = problems.into_sorted();
        tally.add(&problems, true);
        out.push_str(&args.shown(&problems, &source));
    }
    if !args.json {
        out.push_str(&format!("{tally}\n"));
    }
    // A reader that goes away (`| head`) is no failure of the check.
    let _ = std::io::stdout().lock().write_all(out.as_bytes());
    let denied = args.deny.is_some() && tally.warnings > 0;
    Ok(if tally.errors > 0 || denied { Exit::Refused } else { Exit::Passed })
}

impl Args {
    fn shown(&self, problems: &[Problem], source: &Source) -> String {
        match (self.json, self.short) {
            (true, _) => as_json(problems, source),
            (_, true) => render_short(problems, source),
            _ => render(problems, source, stdout_style()),
        }
    }
}

/// The rules and routes that were named, if any were.
fn monitoring(args: &Args) -> anyhow::Result<Option<Monitoring>> {
    if args.rules.is_empty() {
        return Ok(None);
    }
    let rules = yaml_files(&args.rules)?.iter().map(|path| open(path)).collect();
    let routes = args.alertmanager_config.as_deref().map(open);
    Ok(Some(Monitoring::read(rules, routes)))
}

/// A file and those that it was read against, each with its problems.
fn look(path: &Path, reading: &Reading, monitoring: Option<&mut Monitoring>) -> Vec<(Source, Problems)> {
    let (source, mut problems) = open(path);
    if !problems.is_empty() {
        return vec![(source, problems)];
    }
    let Some((kind, at)) = kind_of(&source, &mut problems) else {
        return vec![(source, problems)];
    };
    match kind.as_str() {
        "Scenario" => {
            reading.with(path, |context| playbook::check_exercise(source, context, monitoring)).files
        }
        "Playbook" => reading.with(path, |context| playbook::check(source, context, None)).files,
        "Environment" => reading.with(path, |context| check_environment(source, context)).files,
        "GameDay" => reading.with(path, |context| gameday::check(source, context)).files,
        "Service" => reading.with(path, |context| check_service(source, context)).files,
        other => {
            unknown(other, at, &mut problems);
            vec![(source, problems)]
        }
    }
}

fn unknown(kind: &str, at: Span, problems: &mut Problems) {
    let help = match nearest(kind, KINDS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the kinds are {}", KINDS.join(", ")),
    };
    problems.error("unknown-kind", at, format!("there is no kind {}", quote(kind))).help(help);
}

fn as_json(problems: &[Problem], source: &Source) -> String {
    let mut out = String::new();
    for problem in problems {
        let (line, column) = location(source, problem.span);
        let (end_line, end_column) = location(source, Span::new(problem.span.end, problem.span.end));
        let object = json!({
            "file": source.path,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "severity": problem.severity,
            "rule": problem.rule,
            "message": problem.message,
            "help": problem.help,
        });
        out.push_str(&format!("{object}\n"));
    }
    out
}
