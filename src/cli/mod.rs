//! The command line: one file per command. The only place that prints and decides how the program exits.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod agent;
mod ca;
pub mod catalog;
mod check;
mod completions;
mod dead;
mod demo;
mod doctor;
#[cfg(test)]
mod documents;
mod drill;
mod drills;
mod exit;
mod fault;
mod files;
mod gameday;
mod halt;
mod journal_file;
mod kept;
pub mod live;
mod log;
mod man;
mod new;
mod note;
mod opt_in;
mod people;
mod plan;
mod playbook;
mod playbook_lines;
mod proxy;
mod reading;
mod report;
mod rescore;
mod run;
mod running;
mod say;
mod schema;
mod serve;
mod server;
mod status;
mod step;
mod toxiproxy_server;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;

use crate::coordinator::engine::RecordError;

const AFTER_HELP: &str = "\
To begin:
  firedrill demo                          a drill on a small shop of its own
  firedrill new scenario payments-slow    a commented file, for a service of yours
  firedrill check payments-slow.yaml && firedrill plan payments-slow.yaml
  firedrill run payments-slow.yaml

Exit status:
  0  all verdicts pass
  1  usage, an invalid file, or refused before the first fault
  2  an expected alarm was missed or late, or a forbidden one came
  3  the playbook was exercised and did not restore
  4  the hypothesis was refuted, the service did not come back, or the command failed
  5  stopped by a guardrail, a person or a signal
  6  the drill proves nothing: no effect was measured, or the steady state was never good
  7  something was left behind";

/// Cause a fault, prove that it was felt, measure who noticed, and leave nothing behind.
#[derive(Debug, Parser)]
#[command(name = "firedrill", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report every problem of scenarios, playbooks, environments, game days and services
    Check(check::Args),
    /// Show what a scenario or a playbook would do, and change nothing
    Plan(plan::Args),
    /// Run a scenario: faults on, watch, faults off, prove that nothing is left
    Run(run::Args),
    /// Show it all on a small shop of its own; needs no root and no network
    Demo(demo::Args),
    /// Write a commented file to start from
    New(new::Args),
    /// Print the JSON Schema of a kind of file
    Schema(schema::Args),
    /// Check that a journal is whole and unchanged
    Verify(verify::Args),
    /// Show what a drill was, for those who were not there
    Report(report::Args),
    /// Compute once more, from its journal alone, what a drill is worth
    Rescore(rescore::Args),
    /// Game days of a server: add, approve, hold, review
    Gameday(gameday::Args),
    /// Drills of a server: those that run and those that were
    Drill(drills::Args),
    /// Keep game days, run them when they are due, and show what goes on
    Serve(serve::Args),
    /// Run a fault-injecting proxy by hand
    Proxy(Box<proxy::Args>),
    /// Print the header by which a request asks for a fault itself
    OptIn(opt_in::Args),
    /// Print the certificate of the test CA, which signs the certificates that routes make themselves
    Ca(ca::Args),
    /// Stand in for a Toxiproxy server, with its flags and its API
    ToxiproxyServer(toxiproxy_server::Args),
    /// Measure what this host is good for
    Doctor(doctor::Args),
    /// Processes of the host agent
    Agent(agent::Args),
    /// Show the running drill, or all that a server runs
    Status(status::Args),
    /// Change a fault of the running drill
    Fault(fault::Args),
    /// Answer steps of the running drill's playbook
    Step(step::Args),
    /// Run a playbook without a drill, or start the one of the running drill
    Playbook(playbook::Args),
    /// Write something into the running drill's journal
    Note(note::Args),
    /// Stop the running drill and take every fault back
    Halt(halt::Args),
    /// Print what a shell needs to complete commands and options
    Completions(completions::Args),
    /// Write a manual page for every command
    Man(man::Args),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(toxiproxy_server::arguments(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no failure; bad usage is exit 1, as for every refusal before the first fault.
            let _ = error.print();
            return if error.use_stderr() { Exit::Refused.into() } else { ExitCode::SUCCESS };
        }
    };
    match run(cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            let came_to = error.downcast_ref::<RecordError>().and_then(|error| error.came_to.as_ref());
            came_to.and_then(|summary| Exit::of(summary.exit)).unwrap_or(Exit::Refused).into()
        }
    }
}

fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Check(args) => check::exec(args),
        Command::Plan(args) => plan::exec(args),
        Command::Run(args) => run::exec(args),
        Command::Demo(args) => demo::exec(args),
        Command::New(args) => new::exec(args),
        Command::Schema(args) => schema::exec(args),
        Command::Verify(args) => verify::exec(args),
        Command::Report(args) => report::exec(args),
        Command::Rescore(args) => rescore::exec(args),
        Command::Gameday(args) => gameday::exec(args),
        Command::Drill(args) => drills::exec(args),
        Command::Serve(args) => serve::exec(args),
        Command::Proxy(args) => proxy::exec(*args),
        Command::OptIn(args) => opt_in::exec(args),
        Command::Ca(args) => ca::exec(args),
        Command::ToxiproxyServer(args) => toxiproxy_server::exec(args),
        Command::Doctor(args) => doctor::exec(args),
        Command::Agent(args) => agent::exec(args),
        Command::Status(args) => status::exec(args),
        Command::Fault(args) => fault::exec(args),
        Command::Step(args) => step::exec(args),
        Command::Playbook(args) => playbook::exec(args),
        Command::Note(args) => note::exec(args),
        Command::Halt(args) => halt::exec(args),
        Command::Completions(args) => Ok(completions::exec(&args)),
        Command::Man(args) => man::exec(&args),
    }
}
