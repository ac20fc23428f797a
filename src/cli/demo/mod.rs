//! `firedrill demo`: show it all on a small shop of its own; needs no root and no network.

mod companion;
mod game;
mod keep;
mod story;
mod watchman;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use self::game::GAMES;
use super::drill::{self, HowTo};
use super::live::Output;
use super::say::say;
use crate::demo::{Address, Role, SeenAt, Shop, serve};

/// Show it all on a small shop of its own; needs no root and no network
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// Leave the shop running afterwards, to play with, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Where the report goes
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

/// Where routes may come to stand between front and the others: those of drills, and those to play with by hand. Where
/// none stands, front goes straight to the process.
struct Routes {
    payments: SocketAddr,
    stock: SocketAddr,
    payments_by_hand: SocketAddr,
    stock_by_hand: SocketAddr,
}

/// Opens the shop, runs the drill, tells what happened.
fn show(runtime: &Runtime, args: &Args) -> anyhow::Result<super::Exit> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let held = [Address::reserve()?, Address::reserve()?, Address::reserve()?, Address::reserve()?];
    let [payments, stock, payments_by_hand, stock_by_hand] = &held;
    let routes = Routes {
        payments: payments.get()?,
        stock: stock.get()?,
        payments_by_hand: payments_by_hand.get()?,
        stock_by_hand: stock_by_hand.get()?,
    };
    let seen_at = SeenAt {
        payments: &[routes.payments, routes.payments_by_hand],
        stock: &[routes.stock, routes.stock_by_hand],
    };
    let shop = runtime.block_on(Shop::start(program, seen_at))?;
    let result = play(runtime, &shop, &routes, args);
    runtime.block_on(shop.end());
    result
}

fn play(runtime: &Runtime, shop: &Shop, routes: &Routes, args: &Args) -> anyhow::Result<super::Exit> {
    introduce(shop, routes.payments);
    let (mut worst, mut learnt) = (super::Exit::Passed, Vec::new());
    for game in &GAMES {
        say(&format!("\n{}\n", game.before));
        let (plan, playbook, inputs) = game.read(shop, routes.payments)?;
        let how = HowTo {
            alarms: "127.0.0.1:0".into(),
            out: args.out.as_ref().map(|out| out.join(game.name)),
            workers: 1,
            output: Output::choose(false),
        };
        let (exit, outcome) = drill::run(plan, playbook, inputs, &how)?;
        say("\nWhat happened:");
        for line in story::tell(&outcome.summary) {
            say(&format!("  - {line}"));
        }
        if exit == super::Exit::Stopped {
            return Ok(exit);
        }
        if exit != super::Exit::Passed {
            worst = exit;
        }
        learnt.push(story::learnt(&outcome.summary));
        learnt.push(format!("  {}", outcome.folder.join("report.html").display()));
    }
    say("\nWhat was learnt, and where to read it:");
    learnt.iter().for_each(|line| say(&format!("  {line}")));
    if args.keep {
        keep::open(runtime, shop, routes)?;
    } else {
        say("\nThe shop is closed. `firedrill demo --keep` leaves it open to play with.");
        say("For a service of yours: `firedrill new scenario`, then `firedrill run FILE`.");
    }
    Ok(worst)
}

fn introduce(shop: &Shop, route: SocketAddr) {
    say(&format!("A small shop is open: http://{}/checkout", shop.front));
    say(&format!("Checkout asks stock ({}) and then payments ({}).", shop.stock, shop.payments));
    say(&format!(
        "Between the shop and payments lies a route, at {route}, on which payments will become slow."
    ));
    say("Meanwhile, in another terminal: `firedrill status`, `firedrill halt`.");
}
