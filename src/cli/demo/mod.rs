//! `firedrill demo`: show it all on a small shop of its own; needs no root and no network.

mod companion;
mod folder;
mod game;
mod ground;
mod keep;
mod lesson;
mod real;
mod watchman;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use self::game::GAMES;
use self::ground::{Ground, Watcher};
use self::real::Installed;
use super::drill::{self, HowTo};
use super::live::Output;
use super::say::say;
use crate::demo::{Role, serve};
use crate::drill::summary::RestoredBy;
use crate::score::Scorecard;

/// Show it all on a small shop of its own; needs no root and no network
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// Leave the shop and its watchman running afterwards, to play with, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Have a real Prometheus and Alertmanager watch the shop; they must be installed
    #[arg(long)]
    real: bool,
    /// Where files and reports go [default: firedrill-reports/demo-<time>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(subcommand)]
    process: Option<Process>,
}

/// One process of the shop; `firedrill demo` starts them itself.
#[derive(Debug, clap::Subcommand)]
enum Process {
    /// What customers talk to
    #[command(hide = true)]
    Front {
        #[command(flatten)]
        listen: Listen,
        /// Where it finds payments; of several, the first where somebody listens
        #[arg(long, value_name = "ADDRESS", value_delimiter = ',', required = true)]
        payments: Vec<String>,
        /// Where it finds stock
        #[arg(long, value_name = "ADDRESS", value_delimiter = ',', required = true)]
        stock: Vec<String>,
        /// Where it finds the second payments
        #[arg(long, value_name = "ADDRESS")]
        replica: Option<String>,
    },
    /// Charges cards
    #[command(hide = true)]
    Payments(Listen),
    /// Charges cards when payments cannot
    #[command(hide = true)]
    Replica(Listen),
    /// Reserves goods
    #[command(hide = true)]
    Stock(Listen),
    /// Watches the others by their metrics and posts what fires
    #[command(hide = true)]
    Watchman(watchman::Args),
    /// Becomes another program that does not outlive its parent
    #[command(hide = true)]
    Companion(companion::Args),
}

#[derive(Debug, clap::Args)]
struct Listen {
    /// Where to listen; port 0 lets the kernel choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The process that this one must not outlive
    #[arg(long, value_name = "PID")]
    parent: Option<u32>,
}

pub(super) fn exec(args: Args) -> anyhow::Result<super::Exit> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    match args.process {
        Some(process) => be(&runtime, process),
        None => show(&runtime, &args),
    }
}

/// Is one process of the shop.
fn be(runtime: &Runtime, process: Process) -> anyhow::Result<super::Exit> {
    let (role, Listen { listen, parent }) = match process {
        Process::Front { listen, payments, stock, replica } => {
            (Role::Front { payments, stock, replica }, listen)
        }
        Process::Payments(listen) => (Role::Payments, listen),
        Process::Replica(listen) => (Role::Replica, listen),
        Process::Stock(listen) => (Role::Stock, listen),
        Process::Watchman(args) => args.role(),
        Process::Companion(args) => return companion::become_it(args),
    };
    let name = role.name();
    runtime.block_on(serve(role, listen, parent, |address| println!("{name} listens on {address}")))?;
    Ok(super::Exit::Passed)
}

/// Ctrl-C and SIGTERM. A drill takes them itself; these are for the time between drills.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Whether one has come by now.
    async fn came(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.come() => true,
            () = sleep(Duration::from_millis(1)) => false,
        }
    }
}

/// Opens the shop, plays the games, tells what was learnt.
fn show(runtime: &Runtime, args: &Args) -> anyhow::Result<super::Exit> {
    let installed = if args.real { Some(Installed::find()?) } else { None };
    let folder = folder::make(args.out.as_deref())?;
    let mut interrupts = runtime.block_on(async { Interrupts::new() }).context("cannot listen for Ctrl-C")?;
    let opened = runtime.block_on(async {
        tokio::select! {
            opened = Ground::open(folder.clone(), installed) => opened.map(Some),
            () = interrupts.come() => Ok(None),
        }
    });
    let Some(ground) = opened? else {
        // What had been started has ended with it, and the folder holds nothing that happened.
        let _ = std::fs::remove_dir_all(&folder);
        return Ok(super::Exit::Stopped);
    };
    let result = play(runtime, &ground, &mut interrupts, args);
    runtime.block_on(ground.close());
    if result.is_ok() {
        say("\nThe shop is closed.");
    }
    result
}

fn play(
    runtime: &Runtime,
    ground: &Ground,
    interrupts: &mut Interrupts,
    args: &Args,
) -> anyhow::Result<super::Exit> {
    introduce(ground);
    let mut cards = Vec::new();
    for game in &GAMES {
        if runtime.block_on(interrupts.came()) {
            return Ok(super::Exit::Stopped);
        }
        say(&format!("\n{}\n", game.before));
        let (plan, playbook, inputs) = game.read(ground)?;
        let how = HowTo {
            alarms: ground.alarms.to_string(),
            out: Some(ground.folder.join(game.name)),
            workers: 1,
            output: Output::choose(false),
            is_brief: true,
        };
        let (exit, outcome) = drill::run(plan, playbook, inputs, &how)?;
        let card = outcome.card.context("the drill has no scorecard")?;
        say(&headline(&card));
        if exit == super::Exit::Stopped {
            return Ok(exit);
        }
        cards.push(card);
    }
    let exit = conclude(ground, &cards);
    if args.keep {
        keep::open(runtime, ground, interrupts)?;
    } else {
        say("\n`firedrill demo --keep` leaves it all open to play with.");
        say("For a service of yours: `firedrill new scenario`, then `firedrill run FILE`.");
    }
    Ok(exit)
}

fn introduce(ground: &Ground) {
    say(&format!("A small shop is open: http://{}/checkout", ground.shop.front));
    let rules = ground.folder.join(folder::RULES);
    match ground.watcher {
        Watcher::Watchman(address) => say(&format!(
            "A watchman reads its metrics each second and pages by the rules in {}: http://{address}/",
            rules.display()
        )),
        Watcher::Real { prometheus, alertmanager } => say(&format!(
            "Prometheus (http://{prometheus}/) watches it by the rules in {}; Alertmanager (http://{alertmanager}/) \
             pages.",
            rules.display()
        )),
    }
    say(
        "Three games follow, a minute and a half in all. In another terminal: `firedrill status`, `firedrill halt`.",
    );
}

/// What a game came to, in one line.
fn headline(card: &Scorecard) -> String {
    let summary = &card.summary;
    let restored = match summary.restored_by {
        RestoredBy::Playbook => "restored by the playbook",
        RestoredBy::FaultEnd => "restored by the end of the fault",
        RestoredBy::Itself => "restored by itself",
        RestoredBy::Abort => "stopped before it was restored",
        RestoredBy::None => "not restored",
        RestoredBy::Unknown => "restored, and nobody can say by what",
    };
    format!("\n=> alarms {}, {restored} (exit status {})", card.alarms.word.word(), summary.exit)
}

/// Tells what was learnt; the exit status says whether the games showed what they are meant to show.
fn conclude(ground: &Ground, cards: &[Scorecard]) -> super::Exit {
    say("\nWhat was learnt");
    for (number, (game, card)) in GAMES.iter().zip(cards).enumerate() {
        lesson::learnt(number + 1, game, card).iter().for_each(|line| say(line));
    }
    let clean = cards.iter().all(|card| card.summary.clean);
    say(if clean {
        "No fault and no route was left behind."
    } else {
        "Something was left behind; see the reports."
    });
    say("\nThe reports, and the files that were used:");
    for game in &GAMES {
        say(&format!("  {}", ground.folder.join(game.name).join("report.html").display()));
    }
    say(&format!("  {}", ground.folder.join("scenarios").display()));
    let as_meant =
        GAMES.iter().zip(cards).all(|(game, card)| lesson::deviations(&game.shows, card).is_empty());
    match (clean, as_meant) {
        (false, _) => super::Exit::Residue,
        (true, false) => super::Exit::Unproven,
        (true, true) => super::Exit::Passed,
    }
}
