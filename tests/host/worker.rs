//! A worker in a process of its own, so that a test can kill it at any step: this test binary, started again.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use firedrill::agent::{Agent, GuardianProgram, Options, Policy};
use firedrill::fault::HostFault;
use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;
use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::bench::{Bench, LONG, draws};
use crate::support::Child;

const TASK: &str = "FIREDRILL_TEST_WORKER";

/// What the worker does: starts an agent, waits for a line on its standard input, applies, says so, waits for another
/// line, and stops.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    state_dir: PathBuf,
    fault: HostFault,
    /// At which step it sends itself which signal.
    at: BTreeMap<String, i32>,
}

/// A worker process and the line to it.
pub struct Worker {
    pub child: Child,
    input: std::io::PipeWriter,
}

impl Worker {
    /// Starts it; it waits before it applies.
    pub fn start(bench: &Bench, fault: &HostFault, at: Option<(&str, Signal)>) -> Self {
        let at = at.map(|(step, signal)| (step.to_owned(), signal as i32)).into_iter().collect();
        let task = Task { state_dir: bench.state_dir(), fault: fault.clone(), at };
        let (read, input) = std::io::pipe().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["worker::role", "--exact", "--ignored", "--nocapture"])
            .env(TASK, serde_json::to_string(&task).unwrap())
            .stdin(Stdio::from(read));
        let child = Child::spawn(&mut command);
        child.wait_for_line("ready", Duration::from_secs(20));
        Self { child, input }
    }

    /// Lets it take its next step.
    pub fn go(&mut self) {
        self.input.write_all(b"go\n").unwrap();
    }

    pub fn wait_for(&self, text: &str) {
        self.child.wait_for_line(text, Duration::from_secs(20));
    }
}

/// Signals its own process when the agent reaches a step: the agent reports its steps as traces.
struct AtStep(BTreeMap<String, i32>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for AtStep {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Step(Option<String>);
        impl Visit for Step {
            fn record_str(&mut self, field: &Field, value: &str) {
                if field.name() == "step" {
                    self.0 = Some(value.to_owned());
                }
            }
            fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
        }
        let mut step = Step(None);
        event.record(&mut step);
        if let Some(signal) = step.0.and_then(|step| self.0.get(&step)) {
            kill(getpid(), Signal::try_from(*signal).unwrap()).unwrap();
        }
    }
}

#[test]
#[ignore = "the worker process of other tests, not a test"]
fn role() {
    let Ok(task) = std::env::var(TASK) else { return };
    let task: Task = serde_json::from_str(&task).unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(AtStep(task.at.clone())))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(work(task));
}

async fn work(task: Task) {
    let program = env!("CARGO_BIN_EXE_firedrill").into();
    let guardian = GuardianProgram { program, args: vec!["agent".into(), "guardian".into()] };
    let options =
        Options { state_dir: task.state_dir, guardian, owner: "drill-1".into(), policy: Policy::default() };
    let agent = Agent::start(options).await.unwrap();
    println!("\nready");
    next_line().await;
    let applied = agent.apply("f", &task.fault, &mut draws(), LONG, None).await;
    println!("\napplied: {applied:?}");
    next_line().await;
    println!("\nstopped: {:?}", agent.stop().await);
}

async fn next_line() {
    let read = tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new()));
    read.await.unwrap().unwrap();
}
