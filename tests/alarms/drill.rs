//! A whole drill with a real Prometheus and Alertmanager: the fault is felt, a rule fires, the webhook arrives, and the
//! scorecard says which alarm came, when, and why another did not.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize as _;
use serde_json::Value;

use crate::support::{Child, firedrill, free_port, request, requires, temp_dir, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that the drill is about; ends with the test.
struct Lab {
    dir: tempfile::TempDir,
    prometheus: u16,
    alertmanager: u16,
    control: u16,
    listen: u16,
    upstream: u16,
    alarms: u16,
    _children: Vec<Child>,
}

impl Lab {
    /// A proxy with its metrics, a Prometheus that scrapes it, an Alertmanager that posts to the drill.
    fn start() -> Self {
        let dir = temp_dir();
        let [prometheus, alertmanager, control, listen, alarms] = std::array::from_fn(|_| free_port());
        let upstream = answering();
        let path = dir.path();
        let write = |name: &str, text: String| std::fs::write(path.join(name), text).unwrap();
        write(
            "rules.yml",
            "groups:\n- name: shop\n  rules:\n  - alert: ShopErrors\n    \
             expr: increase(firedrill_proxy_errors_total{route=\"shop\",faulted=\"true\"}[5s]) > 0\n    for: 1s\n    \
             labels: {severity: page}\n    annotations: {summary: The shop answers with errors}\n"
                .into(),
        );
        write(
            "prometheus.yml",
            format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
                 scrape_configs:\n- job_name: proxy\n  static_configs: [{{targets: ['127.0.0.1:{control}']}}]\n\
                 alerting:\n  alertmanagers:\n  - static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]\n"
            ),
        );
        write(
            "alertmanager.yml",
            format!(
                "route: {{receiver: team-shop, group_wait: 1s, group_interval: 1s, group_by: [alertname]}}\n\
                 receivers:\n- name: team-shop\n  webhook_configs: \
                 [{{url: 'http://127.0.0.1:{alarms}/v1/alarms/alertmanager'}}]\n"
            ),
        );
        let mut proxy = firedrill();
        proxy.arg("proxy").args(["--control", &format!("127.0.0.1:{control}")]);
        proxy.args([
            "--route",
            &format!("shop=127.0.0.1:{listen},127.0.0.1:{upstream}"),
            "--protocol",
            "http",
        ]);
        let mut prom = Command::new("prometheus");
        prom.current_dir(path).args(["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"]);
        prom.arg(format!("--web.listen-address=127.0.0.1:{prometheus}"));
        let mut am = Command::new("prometheus-alertmanager");
        am.current_dir(path).args([
            "--config.file=alertmanager.yml",
            "--storage.path=am",
            "--cluster.listen-address=",
        ]);
        am.arg(format!("--web.listen-address=127.0.0.1:{alertmanager}"));
        let children = vec![Child::spawn(&mut proxy), Child::spawn(&mut am), Child::spawn(&mut prom)];
        let lab =
            Self { dir, prometheus, alertmanager, control, listen, upstream, alarms, _children: children };
        for port in [lab.prometheus, lab.alertmanager] {
            wait_until("a server is ready", PATIENCE, || get(port, "/-/ready").is_some());
        }
        wait_until("the proxy is scraped", PATIENCE, || {
            get(lab.prometheus, "/api/v1/targets").is_some_and(|text| text.contains("\"health\":\"up\""))
        });
        lab
    }

    fn scenario(&self, expect: &str) -> String {
        let Self { prometheus, alertmanager, listen, .. } = self;
        format!(
            "firedrill: v1\nkind: Scenario\nname: errors\nseed: 1\nload: {{http: \"http://127.0.0.1:{listen}/\", rate: 20/s}}\n\
             steady_state:\n  every: 500ms\n  stable_for: 1s\n  probes:\n    \
             - {{name: shop, http: \"http://127.0.0.1:{listen}/\", tolerance: {{status: 200}}}}\n\
             faults:\n  - {{id: broken, target: route/shop, http_error: 503, until: 14s, max: 20s}}\n\
             alarms:\n  - {{alertmanager: \"http://127.0.0.1:{alertmanager}\", mode: webhook}}\n  \
             - {{prometheus: \"http://127.0.0.1:{prometheus}\", mode: webhook}}\n\
             expect:\n  alarms:\n{expect}"
        )
    }

    fn drill(&self, name: &str, expect: &str) -> (Option<i32>, Value, String) {
        let path = self.dir.path();
        std::fs::create_dir_all(path.join("environments")).unwrap();
        let environment = format!(
            "firedrill: v1\nkind: Environment\nname: lab\nroutes:\n  shop: {{control: \"127.0.0.1:{}\", \
             listen: \"127.0.0.1:{}\", upstream: \"127.0.0.1:{}\", protocol: http}}\n",
            self.control, self.listen, self.upstream
        );
        std::fs::write(path.join("environments/lab.yaml"), environment).unwrap();
        std::fs::write(path.join("errors.yaml"), self.scenario(expect)).unwrap();
        let mut command = firedrill();
        command.current_dir(path).env("FIREDRILL_DIR", path.join("own"));
        command.args(["run", "errors.yaml", "--environment", "lab", "--out", name]);
        command.args(["--alarms", &format!("127.0.0.1:{}", self.alarms)]);
        let ended = Child::spawn(&mut command).wait(Duration::from_secs(90));
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        let card = std::fs::read(path.join(name).join("scorecard.json")).unwrap_or_else(|_| panic!("{said}"));
        (ended.code, serde_json::from_slice(&card).unwrap(), said)
    }
}

impl Lab {
    /// Holds what the scorecard says against Prometheus' own record and against the fault's first effect.
    fn agrees_with_prometheus(&self, name: &str, errors: &Value) {
        let journal = std::fs::read_to_string(self.dir.path().join(name).join("journal.jsonl")).unwrap();
        let began: Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
        let began: jiff::Timestamp = began["at"].as_str().unwrap().parse().unwrap();
        let time = |key: &str| {
            let time: firedrill::fault::Period = Duration::deserialize(&errors["times"][key]).unwrap().into();
            time.duration().as_secs_f64()
        };
        let (effective, claimed, received) = (time("effective"), time("claimed"), time("received"));
        // The rule cannot be true before a scrape saw the effect and fires one `for` later; each of scrape, evaluation
        // and `for` is a second. Five times that is the bound; the numbers themselves are printed.
        assert!(effective + 1.0 <= claimed + 0.5, "`for` was not waited for: {errors:#}");
        assert!(claimed <= effective + 15.0, "{errors:#}");
        assert!(claimed <= received && received <= claimed + 10.0, "group wait is a second: {errors:#}");
        let query = format!(
            "/api/v1/query_range?query=ALERTS%7Balertname%3D%22ShopErrors%22%2Calertstate%3D%22firing%22%7D\
             &start={}&end={}&step=1",
            began.as_second(),
            began.as_second() + 120
        );
        let said: Value = serde_json::from_str(&get(self.prometheus, &query).unwrap()).unwrap();
        let first = said["data"]["result"][0]["values"][0][0].as_f64();
        let first =
            first.unwrap_or_else(|| panic!("it fired: {said:#}")) - began.as_millisecond() as f64 / 1e3;
        println!(
            "since the effect: claimed {:.2}s, received {:.2}s",
            claimed - effective,
            received - effective
        );
        // Its record is read in steps of a second and written once per evaluation.
        assert!((first - claimed).abs() <= 3.0, "Prometheus first recorded it at {first:.1}: {errors:#}");
    }
}

/// An upstream that answers every request with 200.
fn answering() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
                    if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn get(port: u16, path: &str) -> Option<String> {
    let answer = crate::support::get(([127, 0, 0, 1], port).into(), path).ok()?;
    (answer.status == 200).then_some(answer.body)
}

/// The score of one expectation.
fn score<'a>(card: &'a Value, id: &str) -> &'a Value {
    let all = card["alarms"]["expectations"].as_array().unwrap();
    all.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("{id} in {card:#}"))
}

#[test]
fn an_alarm_that_comes_is_a_hit_and_one_without_a_rule_is_a_miss_that_says_so() {
    if !requires(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let lab = Lab::start();
    let hit = "    - {id: errors, match: {alertname: ShopErrors}, within: 12s, from: effect, severity: page, \
               receiver: team-shop, resolve_within: 20s}\n";
    let (code, card, said) = lab.drill("hit", hit);
    assert_eq!(code, Some(0), "{said}\n{card:#}");
    let errors = score(&card, "errors");
    assert_eq!(errors["outcome"], "hit", "{errors:#}");
    lab.agrees_with_prometheus("hit", errors);
    assert_eq!(errors["reset"]["kept"], "in-time", "its end was heard, counted from recovery: {errors:#}");

    let missing = "    - {id: ghost, match: {alertname: NoSuchAlarm}, within: 5s, from: effect}\n";
    let (code, card, said) = lab.drill("missing", missing);
    assert_eq!(code, Some(2), "{said}");
    let ghost = score(&card, "ghost");
    assert_eq!(
        (&ghost["outcome"], &ghost["cause"]["cause"]),
        (&"miss".into(), &"no_such_rule".into()),
        "{ghost:#}"
    );

    let now = firedrill::coordinator::clock::wall();
    let silence = serde_json::json!({
        "matchers": [{"name": "alertname", "value": "ShopErrors", "isRegex": false, "isEqual": true}],
        "startsAt": now.to_string(), "endsAt": (now + jiff::SignedDuration::from_mins(5)).to_string(),
        "createdBy": "test", "comment": "test",
    });
    let answer =
        request(([127, 0, 0, 1], lab.alertmanager).into(), "POST", "/api/v2/silences", &silence.to_string());
    assert_eq!(answer.unwrap().status, 200);
    let (code, card, said) = lab.drill("silenced", hit);
    assert_eq!(code, Some(2), "{said}");
    let errors = score(&card, "errors");
    assert_eq!(
        (&errors["outcome"], &errors["cause"]["cause"]),
        (&"miss".into(), &"silenced".into()),
        "{errors:#}"
    );
}
