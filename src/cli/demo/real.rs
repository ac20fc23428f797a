//! A real Prometheus and Alertmanager instead of the watchman, with the very same rules and times.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::folder;
use super::ground::{EVERY, RECEIVER, Watcher};
use crate::demo::{Address, Shop};

/// Below the demo's folder: what they keep while they run.
pub(super) const DATA: &str = "monitoring/data";
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const ANSWER_MAX_BYTES: u64 = 4 << 20;

/// The programs, as they are found on this host.
pub(super) struct Installed {
    prometheus: PathBuf,
    alertmanager: PathBuf,
}

impl Installed {
    /// Looks for them; says what is missing.
    pub(super) fn find() -> anyhow::Result<Self> {
        let prometheus = on_path(&["prometheus"]);
        // Debian calls it by the longer name.
        let alertmanager = on_path(&["alertmanager", "prometheus-alertmanager"]);
        match (prometheus, alertmanager) {
            (Some(prometheus), Some(alertmanager)) => Ok(Self { prometheus, alertmanager }),
            (prometheus, alertmanager) => {
                let missing =
                    [("prometheus", prometheus.is_none()), ("alertmanager", alertmanager.is_none())];
                let missing: Vec<&str> =
                    missing.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect();
                bail!(
                    "`--real` needs Prometheus and Alertmanager; not on the PATH: {}\n\
                     help: on Debian `apt install prometheus prometheus-alertmanager`; elsewhere see \
                     https://prometheus.io/download. Without `--real` the demo brings a watchman of its own",
                    missing.join(", ")
                );
            }
        }
    }

    /// Starts both and waits until every target is read and every rule was evaluated.
    pub(super) async fn start(
        self,
        shop: &mut Shop,
        program: &Path,
        folder: &Path,
    ) -> anyhow::Result<Watcher> {
        let (prometheus, alertmanager) = (Address::reserve()?.get()?, Address::reserve()?.get()?);
        let monitoring = folder.join("monitoring");
        let file = monitoring.join("prometheus.yml");
        // Only now is it known where Alertmanager will listen.
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        folder::write(folder, "monitoring/prometheus.yml", &text.replace(NOBODY, &alertmanager.to_string()))?;
        std::fs::create_dir_all(folder.join(DATA)).context("cannot make a folder for Prometheus' samples")?;
        let path = |name: &str| monitoring.join(name).display().to_string();
        let command = |program: &Path, arguments: Vec<String>| {
            [vec![program.display().to_string()], arguments].concat()
        };
        let started = [
            (
                "alertmanager",
                command(
                    &self.alertmanager,
                    vec![
                        format!("--config.file={}", path("alertmanager.yml")),
                        format!("--storage.path={}", path("data/alertmanager")),
                        format!("--web.listen-address={alertmanager}"),
                        "--cluster.listen-address=".to_owned(),
                    ],
                ),
            ),
            (
                "prometheus",
                command(
                    &self.prometheus,
                    vec![
                        format!("--config.file={}", path("prometheus.yml")),
                        format!("--storage.tsdb.path={}", path("data/prometheus")),
                        format!("--web.listen-address={prometheus}"),
                        "--web.enable-lifecycle".to_owned(),
                    ],
                ),
            ),
        ];
        for (name, command) in started {
            let log = folder.join(DATA).join(format!("{name}.log"));
            let log = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
            shop.beside(program, &command, log)?;
        }
        if timeout(READY_WITHIN, ready(prometheus, alertmanager)).await.is_err() {
            let said = ["prometheus", "alertmanager"].map(|name| last_words(&folder.join(DATA), name));
            bail!("Prometheus and Alertmanager were not ready within {READY_WITHIN:?}\n{}", said.join("\n"));
        }
        Ok(Watcher::Real { prometheus, alertmanager })
    }
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places =
        std::env::split_paths(&path).flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    places.find(|place| place.is_file())
}

fn last_words(folder: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
    format!("{name}: {}", text.lines().last().unwrap_or("said nothing"))
}

/// Stands for the Alertmanager's address until it has one.
const NOBODY: &str = "127.0.0.1:9093";

/// Writes the configuration of both: for `--real`, and to be read and checked with.
pub(super) fn configure(folder: &Path, targets: &[String], webhook: &str) -> anyhow::Result<()> {
    let every = format!("{}s", EVERY.as_secs());
    let targets = targets.iter().map(|target| format!("'{target}'")).collect::<Vec<_>>().join(", ");
    let prometheus = format!(
        "# What the watchman does, as a real Prometheus is told it. `firedrill demo --real` runs with this file.\n\
         global: {{scrape_interval: {every}, evaluation_interval: {every}}}\n\
         rule_files: [../{rules}]\n\
         scrape_configs:\n  - job_name: shop\n    static_configs: [{{targets: [{targets}]}}]\n\
         alerting:\n  alertmanagers:\n    - static_configs: [{{targets: ['{NOBODY}']}}]\n",
        rules = folder::RULES,
    );
    let alertmanager = format!(
        "# Who is told when, as a real Alertmanager is told it. `firedrill check --alertmanager-config` reads it.\n\
         route:\n  receiver: {RECEIVER}\n  group_by: [alertname]\n  group_wait: {every}\n  group_interval: {every}\n  \
         repeat_interval: 1h\n\
         receivers:\n  - name: {RECEIVER}\n    webhook_configs: [{{url: '{webhook}'}}]\n"
    );
    folder::write(folder, "monitoring/prometheus.yml", &prometheus)?;
    folder::write(folder, "monitoring/alertmanager.yml", &alertmanager)
}

/// Prometheus is ready only when its targets are read, its Alertmanager is known and its rules are evaluated.
async fn ready(prometheus: SocketAddr, alertmanager: SocketAddr) {
    loop {
        let list = async |path: &str, pointer: &str| {
            let answer: Value = serde_json::from_slice(&ask(prometheus, path).await?).ok()?;
            answer.pointer(pointer)?.as_array().filter(|all| !all.is_empty()).cloned()
        };
        let all =
            |list: Option<Vec<Value>>, good: fn(&Value) -> bool| list.is_some_and(|all| all.iter().all(good));
        let up = all(list("/api/v1/targets", "/data/activeTargets").await, |target| target["health"] == "up");
        let told = all(list("/api/v1/alertmanagers", "/data/activeAlertmanagers").await, |_| true);
        let evaluated =
            all(list("/api/v1/rules", "/data/groups/0/rules").await, |rule| rule["health"] == "ok");
        if up && told && evaluated && ask(alertmanager, "/-/ready").await.is_some() {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The body of a good answer.
async fn ask(address: SocketAddr, path: &str) -> Option<Vec<u8>> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        // In HTTP/1.0 a long answer comes in one piece.
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_MAX_BYTES).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = timeout(Duration::from_secs(2), asked).await.ok()?.ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    head.split(' ').nth(1).filter(|status| *status == "200").map(|_| answer[end + 4..].to_vec())
}
