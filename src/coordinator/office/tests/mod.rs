//! Whole game days, from a bundle to the closed journal, against the store in memory: small real drills on routes of
//! their own, with an upstream of this process.

mod at_once;
mod days;
mod due;
mod guarded;
mod moody;
mod refused;
mod restart;
mod states;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Bundle, BundleFile, Furnishing, GameDayView, Office};
use crate::agent::{GuardianProgram, Policy};
use crate::coordinator::lever::Lever;
use crate::coordinator::test_server::TestServer;
use crate::store::{Memory, Store};

/// An office with all that it needs, which ends with it.
struct House {
    office: Office,
    store: Arc<dyn Store>,
    dir: Arc<tempfile::TempDir>,
    /// Added to the wall clock, in seconds.
    ahead: Arc<AtomicI64>,
    stop: CancellationToken,
    running: AbortOnDropHandle<()>,
    server: Arc<TestServer>,
    /// Where the route of the scenarios listens: free when this house was opened.
    route: SocketAddr,
}

/// 2026-06-01T10:00:00Z, a Monday.
const MONDAY: i64 = 1_780_308_000;

static ARBITRARY: AtomicU64 = AtomicU64::new(1);

fn arbitrary() -> u64 {
    ARBITRARY.fetch_add(1, Ordering::Relaxed)
}

impl House {
    async fn open() -> Self {
        Self::with(Arc::new(Memory::new())).await
    }

    async fn with(store: Arc<dyn Store>) -> Self {
        let (dir, server) = (tempfile::tempdir().unwrap(), TestServer::start().await);
        Self::reopen(store, Arc::new(dir), Arc::default(), Arc::new(server)).await
    }

    async fn reopen(
        store: Arc<dyn Store>,
        dir: Arc<tempfile::TempDir>,
        ahead: Arc<AtomicI64>,
        server: Arc<TestServer>,
    ) -> Self {
        let began = tokio::time::Instant::now();
        let (jump, at) = (Arc::clone(&ahead), dir.path().to_owned());
        let wall = move || {
            let jumped = Duration::from_secs(u64::try_from(jump.load(Ordering::SeqCst)).unwrap());
            Timestamp::from_second(MONDAY).unwrap() + began.elapsed() + jumped
        };
        let furnishing = Furnishing {
            store: Arc::clone(&store),
            holder: "a test".to_owned(),
            reports: at.join("reports"),
            runtime_dir: at.join("run"),
            state_dir: at.join("state"),
            workers: 1,
            guardian: GuardianProgram { program: "/no/guardian".into(), args: vec![] },
            policy: Policy::default(),
            wall: Arc::new(wall),
            arbitrary,
        };
        let office = Office::open(furnishing).await.unwrap();
        let stop = CancellationToken::new();
        let (run, until) = (office.clone(), stop.clone());
        let running = AbortOnDropHandle::new(tokio::spawn(async move { run.run(until).await }));
        let route = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { office, store, dir, ahead, stop, running, server, route }
    }

    /// Everything of it is dropped where it stands, as a kill would do; another takes the store over.
    async fn killed(self) -> Self {
        let Self { office, store, dir, ahead, running, server, .. } = self;
        drop(running);
        // What of it goes on in this process can write nothing any more, and so ends.
        office.desk.books().release().unwrap();
        let ended = async {
            while !office.desk.running().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("nothing goes on without a record");
        ahead.fetch_add(60, Ordering::SeqCst);
        Self::reopen(store, dir, ahead, server).await
    }

    /// Ends it in order.
    async fn ended(self) -> (Arc<dyn Store>, Arc<tempfile::TempDir>, Arc<AtomicI64>, Arc<TestServer>) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.running).await.expect("it ends").unwrap();
        (self.store, self.dir, self.ahead, self.server)
    }

    fn jump(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
        self.office.desk.look_at_schedule();
    }

    fn lever(&self) -> Lever {
        Lever::new(&self.dir.path().join("run"), &self.dir.path().join("state"))
    }

    /// A bundle of a game day with these lines, and the scenarios `quick` and `endless`.
    fn bundle(&self, gameday: &str) -> Bundle {
        let scenario = |name: &str, max: &str| BundleFile {
            path: format!("scenarios/{name}.yaml"),
            text: format!(
                "firedrill: v1\nkind: Scenario\nname: {name}\n\
                 routes: {{shop: {{listen: \"{1}\", upstream: \"{0}\", protocol: http}}}}\n\
                 steady_state: {{every: 50ms, stable_for: 100ms, gate_within: 10s, \
                 probes: [{{name: up, http: \"http://{0}/ok\"}}]}}\n\
                 faults: [{{latency: 1ms, target: route/shop, max: {max}}}]\n\
                 load: {{http: \"http://{1}/ok\", rate: 50/s}}\n",
                self.server.address, self.route
            ),
        };
        // One that asks nothing in its review closes itself.
        let review = if gameday.contains("review:") { "" } else { "review: {questions: [And now?]}\n" };
        let main = BundleFile {
            path: "tuesday.yaml".to_owned(),
            text: format!("firedrill: v1\nkind: GameDay\nname: tuesday\n{gameday}{review}"),
        };
        let files = vec![scenario("quick", "200ms"), scenario("endless", "60s"), main];
        Bundle { main: "tuesday.yaml".to_owned(), files }
    }

    /// Adds such a game day; gives its id.
    async fn add(&self, gameday: &str) -> String {
        self.office
            .add_gameday(self.bundle(gameday), "admin")
            .await
            .unwrap_or_else(|why| panic!("{why:?}"))
            .id
    }

    async fn day(&self, id: &str) -> GameDayView {
        self.office.gameday(id).await.unwrap()
    }

    /// Waits until a game day is as wished.
    async fn until(&self, id: &str, what: &str, fits: impl Fn(&GameDayView) -> bool) -> GameDayView {
        let last = Mutex::new(None);
        let wait = async {
            loop {
                // The next occurrence may not be there yet.
                let view = self.office.gameday(id).await.ok();
                match view {
                    Some(view) if fits(&view) => return view,
                    view => *last.lock().unwrap() = view,
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
        waited.unwrap_or_else(|_| panic!("never {what}: {:#?}", last.lock().unwrap()))
    }

    async fn until_state(&self, id: &str, state: &str) -> GameDayView {
        self.until(id, state, |view| view.line.state == state).await
    }

    async fn kinds(&self, id: &str) -> Vec<String> {
        let journal = self.office.journal(id).await.unwrap();
        let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
        let text = String::from_utf8(journal).unwrap();
        text.lines().map(|raw| line(raw)["kind"].as_str().unwrap().to_owned()).collect()
    }
}

/// Runs a test on two threads, as the server does.
fn on_threads(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(90), test).await.expect("in time") });
    runtime.shutdown_timeout(Duration::from_secs(1));
}
