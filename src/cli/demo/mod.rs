//! `firedrill demo`: show it all on a small shop of its own; needs no root and no network.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

use crate::demo::{Address, Role, Shop, serve};

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
        /// Where it finds payments
        #[arg(long, value_name = "ADDRESS")]
        payments: String,
        /// Where it finds stock
        #[arg(long, value_name = "ADDRESS")]
        stock: String,
    },
    /// Charges cards
    #[command(hide = true)]
    Payments(Listen),
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
        None => show(&runtime, args.keep),
    }
}

/// Is one process of the shop.
fn be(runtime: &Runtime, process: Process) -> anyhow::Result<super::Exit> {
    let (role, Listen { listen, parent }) = match process {
        Process::Front { listen, payments, stock } => (Role::Front { payments, stock }, listen),
        Process::Payments(listen) => (Role::Payments, listen),
        Process::Stock(listen) => (Role::Stock, listen),
    };
    let name = role.name();
    runtime.block_on(serve(role, listen, parent, |address| println!("{name} listens on {address}")))?;
    Ok(super::Exit::Passed)
}

fn show(runtime: &Runtime, keep: bool) -> anyhow::Result<super::Exit> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let seen_at = Address::reserve()?;
    let shop = runtime.block_on(Shop::start(program, seen_at.get()?))?;
    println!("The shop is open: http://{}/checkout", shop.front);
    if keep {
        runtime.block_on(tokio::signal::ctrl_c()).context("cannot wait for Ctrl-C")?;
    }
    runtime.block_on(shop.end());
    Ok(super::Exit::Passed)
}
