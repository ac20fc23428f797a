//! `firedrill toxiproxy-server`: in the place of a Toxiproxy server. A link of that name to the program does the same.

use std::ffi::OsString;
use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use firedrill_proxy::control::Control;
use firedrill_proxy::control::server::{
    Server, ServerOptions, TOXIPROXY_VERSION, ToxiproxyMetrics, ToxiproxyOptions,
};
use firedrill_proxy::engine::Options;

use super::log::LogArgs;
use super::proxy::Signals;
use super::say::say;
use crate::fault::Seed;

const NAME: &str = "toxiproxy-server";

/// Stand in for a Toxiproxy server, with its flags and its API
///
/// Flags may be written with one dash. A link to this program that is called `toxiproxy-server` does the same.
#[derive(Debug, clap::Args)]
#[command(disable_version_flag = true)]
pub(super) struct Args {
    /// Where the API listens; 0.0.0.0 for every address of this host
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    host: String,
    /// The port of the API; 0 lets the kernel choose
    #[arg(long, value_name = "PORT", default_value = "8474")]
    port: u16,
    /// A JSON file with proxies to begin with
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The seed of every random decision; absent: a new one, which is printed
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<i64>,
    /// Show the bytes of each proxy at /metrics
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    proxy_metrics: bool,
    /// Show the numbers of the process at /metrics
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    runtime_metrics: bool,
    /// Data threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
    /// Print the version and end
    #[arg(long)]
    version: bool,
    #[command(flatten)]
    log: LogArgs,
}

/// The command line as it is meant: called by the name of a Toxiproxy server the program is one, and as one it takes
/// its flags with a single dash too.
pub(super) fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    let called = given.first().map(Path::new).and_then(Path::file_name);
    if called.is_some_and(|name| name == NAME) {
        given.insert(1, NAME.into());
    }
    if given.get(1).is_some_and(|command| command == NAME) {
        for argument in &mut given[2..] {
            if let Some(text) = argument.to_str()
                && let Some(flag) = text.strip_prefix('-')
                && flag.len() > 1
                && flag.starts_with(|c: char| c.is_ascii_lowercase())
            {
                *argument = format!("--{flag}").into();
            }
        }
    }
    given
}

pub(super) fn exec(args: Args) -> anyhow::Result<super::Exit> {
    if args.version {
        say(&format!("{NAME} version {TOXIPROXY_VERSION} (firedrill {})", env!("CARGO_PKG_VERSION")));
        return Ok(super::Exit::Passed);
    }
    let _log = args.log.install()?;
    let listener = args.bind()?;
    let address = listener.local_addr()?;
    if !address.ip().to_canonical().is_loopback() {
        eprintln!(
            "warning: anyone who reaches {address} can change the traffic; there is neither TLS nor a token"
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut ended = runtime.block_on(async { Signals::new() }).context("cannot wait for signals")?;
    let seed = args
        .seed
        .map_or_else(|| RandomState::new().hash_one(std::process::id()) & 0xffff_ffff, i64::cast_unsigned);
    let control = Control::start(Options { workers: usize::from(args.workers), ..Options::default() })?;
    let options = ServerOptions {
        insecure_plain_http: true,
        toxiproxy: ToxiproxyOptions {
            seed: Seed(seed),
            in_its_place: Some(ToxiproxyMetrics {
                proxies: args.proxy_metrics,
                runtime: args.runtime_metrics,
            }),
        },
    };
    let (server, configured) = Server::start_configured(listener, control.clone(), options, &args.proxies())?;
    if let Some(refusal) = configured.refusal {
        eprintln!("warning: {} of the proxies in the file are there: {refusal}", configured.made);
    }
    say(&format!("{NAME} {TOXIPROXY_VERSION} (firedrill): http://{address}, seed {seed}"));
    for route in control.routes() {
        say(&format!("proxy {}: {} -> {}", route.spec.name, route.bound, route.spec.leads_to()));
    }
    runtime.block_on(ended.wait());
    control.stop();
    drop(server);
    Ok(super::Exit::Passed)
}

impl Args {
    fn bind(&self) -> anyhow::Result<TcpListener> {
        // The name first means the address that clients try first; nothing means every address.
        let host = match self.host.trim_start_matches('[').trim_end_matches(']') {
            "localhost" => "127.0.0.1",
            "" => "::",
            host => host,
        };
        TcpListener::bind((host, self.port)).with_context(|| {
            format!(
                "cannot listen on {}:{}; stop what listens there, or choose another with `-host` and `-port`",
                self.host, self.port
            )
        })
    }

    /// The file's text; one that cannot be read is only warned of, as ever.
    fn proxies(&self) -> Vec<u8> {
        let Some(path) = &self.config else { return b"[]".to_vec() };
        std::fs::read(path).unwrap_or_else(|error| {
            eprintln!("warning: cannot read {}: {error}", path.display());
            b"[]".to_vec()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_with_one_dash_are_meant_for_this_command_alone() {
        for (given, meant) in [
            (
                &["firedrill", "toxiproxy-server", "-host", "0.0.0.0", "-port=1", "--seed", "-5"][..],
                &["firedrill", "toxiproxy-server", "--host", "0.0.0.0", "--port=1", "--seed", "-5"][..],
            ),
            (
                &["/usr/bin/toxiproxy-server", "-version"],
                &["/usr/bin/toxiproxy-server", "toxiproxy-server", "--version"],
            ),
            (&["./toxiproxy-server"], &["./toxiproxy-server", "toxiproxy-server"]),
            (&["firedrill", "run", "-host"], &["firedrill", "run", "-host"]),
            (&["firedrill", "toxiproxy-server", "-h"], &["firedrill", "toxiproxy-server", "-h"]),
            (&[], &[]),
        ] {
            assert_eq!(arguments(given.iter().map(OsString::from)), meant);
        }
    }
}
