//! Debian's Prometheus and Alertmanager beside a service of our own, each for one test only.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{any, get};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::support::{Child, free_port, tell, wait_until};

/// The service under watch, and what was posted to it, by path.
#[derive(Clone, Default)]
pub struct Service {
    metrics: Arc<Mutex<String>>,
    posted: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl Service {
    /// Serves `/metrics` and records what is posted anywhere else; ends with the handle.
    pub async fn start() -> (Self, u16, AbortOnDropHandle<()>) {
        let service = Self::default();
        service.set(0, 0);
        let (metrics, posted) = (Arc::clone(&service.metrics), Arc::clone(&service.posted));
        let record = move |uri: axum::http::Uri, body: Bytes| async move {
            let body = String::from_utf8_lossy(&body).into_owned();
            posted.lock().unwrap().entry(uri.path().to_owned()).or_default().push(body);
        };
        let app = Router::new()
            .route("/metrics", get(move || async move { metrics.lock().unwrap().clone() }))
            .fallback(any(record));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        }));
        (service, port, task)
    }

    /// What its two gauges say from now on.
    pub fn set(&self, fault: u8, partner: u8) {
        *self.metrics.lock().unwrap() =
            format!("lab_fault {fault}\nlab_partner {partner}\nlab_two{{n=\"1\"}} 1\nlab_two{{n=\"2\"}} 1\n");
    }

    /// What was posted to a path.
    pub fn posted(&self, path: &str) -> Vec<String> {
        self.posted.lock().unwrap().get(path).cloned().unwrap_or_default()
    }
}

/// A Prometheus that watches the service each second and tells these Alertmanagers: port and path prefix.
pub fn prometheus(dir: &Path, service: u16, tells: &[(u16, &str)]) -> (String, Child) {
    prometheus_with(dir, service, tells, RULES)
}

/// The same with one rule only: an alarm by this name while the fault is on.
pub fn prometheus_of(name: &str, dir: &Path, service: u16, tells: &[(u16, &str)]) -> (String, Child) {
    let rules = format!(
        "groups: [{{name: lab, rules: [{{alert: {name}, expr: 'max(lab_fault) == 1', labels: {{severity: page}}}}]}}]\n"
    );
    prometheus_with(dir, service, tells, &rules)
}

fn prometheus_with(dir: &Path, service: u16, tells: &[(u16, &str)], rules: &str) -> (String, Child) {
    let port = free_port();
    let alertmanagers: String = tells
        .iter()
        .map(|(port, prefix)| {
            format!("  - path_prefix: '{prefix}'\n    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n")
        })
        .collect();
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
         alerting:\n  alertmanagers:\n{alertmanagers}\
         scrape_configs: [{{job_name: lab, static_configs: [{{targets: ['127.0.0.1:{service}']}}]}}]\n"
    );
    std::fs::write(dir.join("prometheus.yml"), config).unwrap();
    std::fs::write(dir.join("rules.yml"), rules).unwrap();
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--web.external-url=http://prometheus.example")
        .args(["--web.route-prefix=/", "--storage.tsdb.retention.time=1h", "--rules.alert.resend-delay=5s"]);
    (format!("http://127.0.0.1:{port}"), Child::spawn(&mut command))
}

/// An Alertmanager that tells a webhook, and the service, which records.
pub fn alertmanager(dir: &Path, hook: &str, recorder: u16) -> (u16, Child) {
    let port = free_port();
    let config = ALERTMANAGER
        .replace("HOOK", hook)
        .replace("RECORDER", &format!("http://127.0.0.1:{recorder}/webhook"))
        .replace("DEAD", &format!("http://127.0.0.1:{}/", free_port()));
    std::fs::write(dir.join("alertmanager.yml"), config).unwrap();
    let mut command = Command::new("prometheus-alertmanager");
    command
        .arg(format!("--config.file={}", dir.join("alertmanager.yml").display()))
        .arg(format!("--storage.path={}", dir.join("alertmanager").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--web.external-url=http://alertmanager.example", "--web.route-prefix=/"])
        .arg("--cluster.listen-address=");
    (port, Child::spawn(&mut command))
}

/// A JSON answer; null when there is none.
pub fn ask(base: &str, path: &str) -> Value {
    let address = base.trim_start_matches("http://").parse().expect("an address");
    let answer = tell(address, "GET", path, &[], "");
    answer.ok().and_then(|answer| serde_json::from_str(&answer.body).ok()).unwrap_or_default()
}

/// Prometheus is ready only when its targets are read, its Alertmanagers known and its rules evaluated.
pub fn wait_for_prometheus(base: &str, alertmanagers: usize) {
    wait_until("prometheus is ready", Duration::from_secs(30), || {
        let list = |path, pointer| ask(base, path).pointer(pointer).and_then(Value::as_array).cloned();
        let up = list("/api/v1/targets", "/data/activeTargets")
            .is_some_and(|all| !all.is_empty() && all.iter().all(|target| target["health"] == "up"));
        let told = list("/api/v1/alertmanagers", "/data/activeAlertmanagers").map_or(0, |all| all.len());
        let rules = list("/api/v1/rules", "/data/groups/0/rules").unwrap_or_default();
        let evaluated = !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown");
        up && told == alertmanagers && evaluated
    });
}

const RULES: &str = r#"groups:
- name: lab
  rules:
  - {alert: LabArrives, expr: 'max(lab_fault) == 1', labels: {severity: page, team: pay}, annotations: {summary: 'it is {{ $value }}'}}
  - {alert: LabPartner, expr: 'max(lab_partner) == 1', labels: {severity: ticket, team: pay}}
  - {alert: LabBroken, expr: 'lab_fault + on(job) lab_two > 0', labels: {severity: page}}
  - {alert: LabNoData, expr: 'sum(rate(lab_gone[5s])) > 1', labels: {severity: page}}
  - {alert: LabBelow, expr: 'max(lab_fault) > 5', labels: {severity: page}}
  - {alert: LabPending, expr: 'max(lab_fault) == 1', for: 10m, labels: {severity: page}}
  - {alert: LabSilenced, expr: 'max(lab_fault) == 1', labels: {severity: page}}
  - {alert: LabInhibited, expr: 'max(lab_fault) == 1', labels: {severity: page}}
  - {alert: LabMuted, expr: 'max(lab_fault) == 1', labels: {severity: page}}
  - {alert: LabGrouped, expr: 'max(lab_fault) == 1', labels: {severity: page}}
  - {alert: LabFailed, expr: 'max(lab_fault) == 1', labels: {severity: page}}
  - {alert: LabElsewhere, expr: 'max(lab_fault) == 1', labels: {severity: page}}
  - {alert: LabNowhere, expr: 'max(lab_fault) == 1', labels: {severity: page}}
"#;

const ALERTMANAGER: &str = r#"route:
  receiver: hook
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
  routes:
  - {matchers: ['team="pay"'], receiver: hook, group_by: [team], group_wait: 1s}
  - {matchers: ['alertname="LabMuted"'], receiver: muted, mute_time_intervals: [always]}
  - {matchers: ['alertname="LabGrouped"'], receiver: slow, group_wait: 5m}
  - {matchers: ['alertname="LabFailed"'], receiver: failing}
  - {matchers: ['alertname="LabNowhere"'], receiver: nobody}
inhibit_rules:
- {source_matchers: ['alertname="LabArrives"'], target_matchers: ['alertname="LabInhibited"']}
time_intervals:
- name: always
  time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]
receivers:
- name: hook
  webhook_configs: [{url: 'HOOK'}, {url: 'RECORDER'}]
- name: muted
  webhook_configs: [{url: 'HOOK'}]
- name: slow
  webhook_configs: [{url: 'HOOK'}]
- name: failing
  opsgenie_configs: [{api_key: none, api_url: 'DEAD'}]
- name: nobody
"#;
