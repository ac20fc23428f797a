//! A foreign program that the demo starts, such as Prometheus: it is tied to the demo before it begins.

use std::os::unix::process::CommandExt as _;

use anyhow::{Context as _, bail};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use crate::cli::Exit;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The process that it must not outlive
    #[arg(long, value_name = "PID")]
    parent: u32,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    command: Vec<String>,
}

/// Turns this process into the program. The parent-death signal stays set through it.
pub(super) fn become_it(args: Args) -> anyhow::Result<Exit> {
    prctl::set_pdeathsig(Signal::SIGKILL).context("cannot ask for a signal at the parent's death")?;
    // The parent may have died before the line above; then nobody will ever send that signal.
    if u32::try_from(getppid().as_raw()) != Ok(args.parent) {
        bail!("the process {} that started this one is gone", args.parent);
    }
    let [program, arguments @ ..] = &args.command[..] else { bail!("no program is named") };
    let error = std::process::Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {program}"))
}
