//! `firedrill demo`: show it all on a small shop of its own; needs no root and no network.

mod keep;
mod story;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use tokio::runtime::{Builder, Runtime};

use super::drill::{self, HowTo};
use super::live::Output;
use super::say::say;
use crate::coordinator::engine::Input;
use crate::demo::{Address, Role, SeenAt, Shop, serve};
use crate::fault::Seed;
use crate::scenario::plan::Plan;
use crate::scenario::{Context, NoCatalog, check};
use crate::text::{Source, Style, render};

/// The scenario that is shown, in the program itself, so that it is there wherever the program is.
const SCENARIO: &str = include_str!("../../../scenarios/payments-slow.yaml");
const SCENARIO_PATH: &str = "scenarios/payments-slow.yaml";

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
    let input = Input { path: SCENARIO_PATH.to_owned(), text: SCENARIO.to_owned() };
    let how = HowTo {
        alarms: "127.0.0.1:0".into(),
        out: args.out.clone(),
        workers: 1,
        output: Output::choose(false),
    };
    let (exit, outcome) = drill::run(plan(shop, routes.payments)?, None, vec![input], &how)?;
    say("\nWhat happened:");
    for line in story::tell(&outcome.summary) {
        say(&format!("  - {line}"));
    }
    if exit == super::Exit::Stopped {
        return Ok(exit);
    }
    if args.keep {
        keep::open(runtime, shop, routes)?;
    } else {
        say(
            "\nThe shop is closed. `firedrill demo --keep` leaves it open to play with, and for drills with a playbook.",
        );
        say("For a service of yours: `firedrill new scenario`, then `firedrill run FILE`.");
    }
    Ok(exit)
}

fn introduce(shop: &Shop, route: SocketAddr) {
    say(&format!("A small shop is open: http://{}/checkout", shop.front));
    say(&format!("Checkout asks stock ({}) and then payments ({}).", shop.stock, shop.payments));
    say(&format!(
        "Between the shop and payments lies a route, at {route}, on which payments will become slow."
    ));
    say("First the drill waits until checkout is well. Then payments is two seconds late for 12 seconds.");
    say("Meanwhile, in another terminal: `firedrill status`, `firedrill halt`.\n");
}

/// The shipped scenario, with the addresses of this shop.
fn plan(shop: &Shop, route: SocketAddr) -> anyhow::Result<Plan> {
    let sets = BTreeMap::from([
        ("SHOP".to_owned(), format!("http://{}", shop.front)),
        ("PAYMENTS".to_owned(), shop.payments.to_string()),
        ("PAYMENTS_ROUTE".to_owned(), route.to_string()),
    ]);
    let nothing = BTreeMap::new();
    let context = Context {
        catalog: &NoCatalog,
        sets: &sets,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    };
    let checked = check(Source::new(SCENARIO_PATH, SCENARIO), &context);
    let Some(scenario) = checked.value else {
        let said = checked
            .files
            .into_iter()
            .map(|(source, problems)| render(&problems.into_sorted(), &source, Style::default()));
        bail!("the scenario in this program is not well:\n{}", said.collect::<Vec<_>>().join("\n"));
    };
    // 32 bits, as for `run`: people can read and type them.
    Ok(scenario.plan(Seed(drill::arbitrary() & 0xffff_ffff), None))
}
