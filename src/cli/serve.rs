//! `firedrill serve`: keep game days, run them when they are due, and show what goes on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::HeaderMap;
use http::request::Parts;
use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::log::LogArgs;
use super::say::say;
use super::{Exit, drill};
use crate::agent::{self, Directories, GuardianProgram, Policy};
use crate::coordinator::api::{Api, Auth, PeerAddress, Printed};
use crate::coordinator::clock;
use crate::coordinator::lever::Lever;
use crate::coordinator::office::{Furnishing, Office};
use crate::store::Sqlite;
use crate::web::{self, Door};

/// How long open requests may take once everything is stopped.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Keep game days, run them when they are due, and show what goes on
///
/// Everything it keeps is in one directory. It ends in order on Ctrl-C and SIGTERM: a running drill is stopped and
/// everything is taken back first. Killed, it takes back at its next start what the dead one left.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where everything is kept; made when it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where the page and the API listen: address:port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7400")]
    listen: SocketAddr,
    /// Listen off loopback without TLS: whoever can read the network can read the tokens
    #[arg(long)]
    insecure_plain_http: bool,
    /// A name under which a proxy on this host hands requests on; may be given several times. Alarms then always need
    /// a token
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Make new tokens and print them; the old ones open nothing any more
    #[arg(long)]
    new_tokens: bool,
    /// Data threads of each drill's own proxy
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let _log = args.log.install()?;
    if !args.listen.ip().is_loopback() && !args.insecure_plain_http {
        bail!(
            "`--listen {}` can be reached from other hosts, and firedrill speaks plain HTTP: tokens could be read on \
             the way; listen on 127.0.0.1 behind a proxy that speaks TLS, or add `--insecure-plain-http`",
            args.listen
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(serve(&args));
    // Whatever still hangs (a name look-up, say) must not keep the program: all faults are gone by now.
    runtime.shutdown_timeout(Duration::from_secs(2));
    result
}

async fn serve(args: &Args) -> anyhow::Result<Exit> {
    // First what may be in use: until both are ours, nothing is changed.
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!("cannot listen on {}; choose another place with `--listen ADDRESS:PORT`", args.listen)
    })?;
    let listen = listener.local_addr().unwrap_or(args.listen);
    let store = Sqlite::open(&args.data)?;
    let stop = CancellationToken::new();
    end_with_signals(&stop)?;
    let office = Office::open(furnishing(args, Arc::new(store))?).await?;
    // A request that a proxy hands on comes from this host, whoever sent it.
    let is_local = listen.ip().is_loopback() && args.host.is_empty();
    let (auth, printed) = match args.new_tokens {
        true => Auth::renew(&office, is_local).await.map(|(auth, printed)| (auth, Some(printed)))?,
        false => Auth::open(&office, is_local).await?,
    };
    show(listen, &args.data, printed.as_ref(), is_local);
    let answered = CancellationToken::new();
    let pages = web::router(office.clone(), Arc::new(Entrance(auth.clone())), TimeZone::system());
    let api = Api::new(office.clone(), auth, listen, args.host.clone(), answered.clone());
    let serving = tokio::spawn(async move { api.serve(listener, pages).await });
    // People can look on, and answer, until the last drill is over.
    office.run(stop.clone()).await;
    answered.cancel();
    let _ = tokio::time::timeout(ANSWERS_WITHIN, serving).await;
    if !stop.is_cancelled() {
        bail!("the store `{}` was lost, so everything was stopped; the log says why", args.data.display());
    }
    say("everything is stopped and taken back");
    Ok(Exit::Passed)
}

fn furnishing(args: &Args, store: Arc<Sqlite>) -> anyhow::Result<Furnishing> {
    let directories = Directories::here();
    // A person with only a shell makes the HALT file there.
    agent::make_private(&directories.runtime)
        .with_context(|| format!("cannot make `{}`", directories.runtime.display()))?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = Some(host.trim()).filter(|name| !name.is_empty()).unwrap_or("this host");
    Ok(Furnishing {
        store,
        holder: format!("{host}, pid {}", std::process::id()),
        reports: args.data.join("reports"),
        policy: Policy::open(&directories.policy())?,
        runtime_dir: directories.runtime,
        state_dir: directories.state,
        workers: usize::from(args.workers),
        guardian: GuardianProgram {
            program: std::env::current_exe().context("cannot find this program's own file")?,
            args: vec!["agent".into(), "guardian".into()],
        },
        wall: Arc::new(clock::wall),
        arbitrary: drill::arbitrary,
    })
}

/// The first signal ends everything in order; more of them change nothing, for the undo is on its way already.
fn end_with_signals(stop: &CancellationToken) -> anyhow::Result<()> {
    let mut signals = drill::signals()?;
    let stop = stop.clone();
    tokio::spawn(async move {
        while let Some(name) = signals.recv().await {
            if !stop.is_cancelled() {
                say(&format!("{name}: what runs is stopped, and everything is taken back"));
                stop.cancel();
            }
        }
    });
    Ok(())
}

fn show(listen: SocketAddr, data: &Path, printed: Option<&Printed>, is_local: bool) {
    if let Some(Printed { admin, intake }) = printed {
        let file = Directories::here().config.join("token");
        say("tokens, shown only now:");
        say(&format!("  to do everything:    {admin}"));
        say(&format!("  to hand in alarms:   {intake}"));
        say(&format!(
            "the page asks for the first; the command line looks for it in $FIREDRILL_TOKEN, then in `{}`: write it there, \
             with mode 600",
            file.display()
        ));
        if is_local {
            say("alarms from this host need none");
        }
    }
    let Directories { runtime, state, .. } = Directories::here();
    say(&format!(
        "to halt when all else is broken, make the file `{}`",
        Lever::new(&runtime, &state).halt_file().display()
    ));
    say(&format!("game days at http://{listen}/, kept in `{}`; Ctrl-C ends it in order", data.display()));
}

/// The way into the pages is the API's.
struct Entrance(Auth);

impl Door for Entrance {
    fn enter(&self, token: &str, parts: &Parts) -> Result<String, String> {
        let begun = self.0.session_begin(token, peer(parts)?.ip());
        begun.map_err(|refused| refused.problem().detail.clone())
    }

    fn leave(&self, headers: &HeaderMap) -> String {
        self.0.session_end(headers)
    }

    fn who(&self, parts: &Parts) -> Result<String, String> {
        let caller = self.0.caller(&parts.method, &parts.headers, peer(parts)?.ip());
        caller.map(|caller| caller.who).map_err(|refused| refused.problem().detail.clone())
    }
}

fn peer(parts: &Parts) -> Result<SocketAddr, String> {
    let peer = parts.extensions.get::<PeerAddress>();
    peer.map(|PeerAddress(address)| *address).ok_or_else(|| "it is not known who asks".to_owned())
}
