use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::coordinator::test_server::{TestServer, get, probe, secrets};
use crate::fault::Period;
use crate::scenario::plan::{HttpRequest, JsonExpectation, StatusRange, Tolerance};

async fn sample(probe: &Probe) -> Sample {
    measure(probe, &DrillClock::start(), &Secrets::default()).await
}

async fn http_failure(request: HttpRequest, tolerance: Tolerance) -> Option<String> {
    sample(&Probe { tolerance, ..probe(ProbeAction::Http(request)) }).await.failure
}

fn sh(script: &str) -> Probe {
    probe(ProbeAction::Run(vec!["sh".into(), "-c".into(), script.into()]))
}

#[tokio::test]
async fn an_http_probe_tells_everything_by_curls_names() {
    let server = TestServer::start().await;
    let detail = sample(&probe(ProbeAction::Http(server.get("/ok")))).await.detail.unwrap();
    let keys: Vec<&str> = detail.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "time_namelookup_seconds",
        "time_connect_seconds",
        "time_appconnect_seconds",
        "time_starttransfer_seconds",
        "time_total_seconds",
        "http_code",
        "content_type",
        "speed_download",
        "url",
    ];
    assert_eq!(keys, expected);
    assert_eq!(detail["http_code"], 200);
    assert_eq!(detail["time_appconnect_seconds"], 0.0);
    assert_eq!(detail["url"], server.url("/ok"));
}

#[tokio::test]
async fn what_is_out_of_tolerance_is_told_as_measured_against_allowed() {
    let server = TestServer::start().await;
    let status = |from, to| Tolerance { status: vec![StatusRange { from, to }], ..Tolerance::default() };
    let body = |text: &str| Tolerance { body: vec![text.into()], ..Tolerance::default() };
    let json = |path: &str, equals| Tolerance {
        json: vec![JsonExpectation { path: path.into(), equals }],
        ..Tolerance::default()
    };
    for (path, tolerance, failure) in [
        ("/status/204", Tolerance::default(), None),
        ("/status/503", Tolerance::default(), Some("status 503, allowed 200-299")),
        ("/status/503", status(500, 503), None),
        ("/ok", status(404, 404), Some("status 200, allowed 404")),
        ("/ok", body("ok"), None),
        ("/ok", body("paid"), Some("body of 2 bytes without `paid`: `ok`")),
        ("/json", json("$.orders[0].state", json!("paid")), None),
        ("/json", json("$.orders[0].cents", json!(700.0)), None),
        ("/json", json("$.orders[0].cents", json!(5)), Some("$.orders[0].cents is 700, allowed 5")),
        ("/json", json("$.orders[1]", json!(5)), Some("$.orders[1] is not in the body, allowed 5")),
        ("/ok", json("$.a", json!(5)), Some("body is no JSON: expected value at line 1 column 1")),
    ] {
        let told = http_failure(server.get(path), tolerance).await;
        assert_eq!(told.as_deref(), failure, "{path}");
    }
}

#[tokio::test]
async fn a_failed_probe_holds_the_reason_in_its_line_too() {
    let server = TestServer::start().await;
    let slow = Probe { timeout: Period::from_millis(50), ..probe(ProbeAction::Http(server.get("/hang"))) };
    let sample = sample(&slow).await;
    let failure = sample.failure.unwrap();
    assert_eq!(failure, "timed out after 50ms while waiting for the first byte");
    assert_eq!(sample.detail.unwrap()["error"], failure);
    assert!(sample.took >= Duration::from_millis(50));
}

#[tokio::test]
async fn no_secret_is_in_a_sample_wherever_it_came_from() {
    let server = TestServer::start().await;
    let secrets = secrets(&[("A", "hunter\"22"), ("B", "topsecret")]);
    let mut request = server.get("/echo/${secrets.B}");
    request.method = "POST".into();
    request.body = Some("${secrets.A} ${secrets.B}".into());
    let echoed = Probe {
        tolerance: Tolerance {
            body: vec!["not there".into()],
            json: vec![JsonExpectation { path: "$.a".into(), equals: json!(1) }],
            ..Tolerance::default()
        },
        ..probe(ProbeAction::Http(request))
    };
    let said = probe(ProbeAction::Run(
        ["sh", "-c", "echo \"$0\"; echo ${secrets.B} >&2; exit 3", "${secrets.A}"]
            .map(str::to_owned)
            .to_vec(),
    ));
    // The 65,536 bytes that are kept end in the middle of the secret.
    let cut = sh("head -c 65530 /dev/zero | tr '\\0' x; echo ${secrets.B}; exit 3");
    for probe in [echoed, said, cut] {
        let sample = measure(&probe, &DrillClock::start(), &secrets).await;
        let text = serde_json::to_string(&sample).unwrap();
        assert!(sample.failure.is_some());
        for piece in ["hunter", "topsec"] {
            assert!(!text.contains(piece), "{piece} in …{}", &text[text.len().saturating_sub(600)..]);
        }
    }
}

#[tokio::test]
async fn a_tcp_probe_connects_or_says_why_not() {
    let server = TestServer::start().await;
    let good = sample(&probe(ProbeAction::Tcp(server.address.to_string()))).await;
    assert_eq!(good.failure, None);
    assert!(good.detail.unwrap()["time_connect_seconds"].as_f64().unwrap() > 0.0);
    let address = server.address;
    drop(server);
    tokio::task::yield_now().await;
    let bad = sample(&probe(ProbeAction::Tcp(address.to_string()))).await;
    assert_eq!(bad.failure, Some(format!("could not connect to {address}: connection refused")));
    let unusable = sample(&probe(ProbeAction::Tcp("no-port".into()))).await.failure.unwrap();
    assert!(unusable.contains("`no-port` is not `host:port`"), "{unusable}");
}

#[tokio::test]
async fn a_command_is_judged_by_its_exit_status() {
    let exit = |exit| Tolerance { exit: Some(exit), ..Tolerance::default() };
    assert_eq!(sample(&sh("exit 0")).await.failure, None);
    assert_eq!(sample(&Probe { tolerance: exit(3), ..sh("exit 3") }).await.failure, None);
    let failed = sample(&sh("echo out; echo two charges >&2; exit 3")).await;
    assert_eq!(
        failed.failure.as_deref(),
        Some("`sh` ended with exit status 3, allowed exit status 0: two charges")
    );
    let detail = failed.detail.unwrap();
    assert_eq!((&detail["exit"], &detail["stdout"]), (&json!(3), &json!("out\n")));
    let killed = sample(&sh("kill -9 $$")).await.failure.unwrap();
    assert_eq!(killed, "`sh` was ended by signal KILL, allowed exit status 0");
    let nowhere = sample(&probe(ProbeAction::Run(vec!["/no/such/command".into()]))).await;
    assert_eq!(nowhere.failure.as_deref(), Some("cannot run `/no/such/command`: no such file or directory"));
}

#[tokio::test]
async fn a_command_gives_a_number_where_one_is_asked_for() {
    let least = Tolerance { at_least: Some(1.0), ..Tolerance::default() };
    let number = sample(&Probe { tolerance: least.clone(), ..sh("echo 41.5") }).await;
    assert_eq!((number.failure, number.value), (None, Some(41.5)));
    let words = sample(&Probe { tolerance: least, ..sh("echo many") }).await;
    assert_eq!(words.failure.as_deref(), Some("`sh` printed no number to compare: `many`"));
}

#[tokio::test]
async fn a_command_reads_nothing_and_writes_as_much_as_it_likes() {
    let sample = sample(&sh("cat; head -c 3000000 /dev/zero | tr '\\0' x; exit 1")).await;
    assert!(sample.failure.unwrap().starts_with("`sh` ended with exit status 1"));
    let kept = sample.detail.unwrap()["stdout"].as_str().unwrap().len();
    assert!((60_000..=65_540).contains(&kept), "{kept}");
}

#[tokio::test]
async fn at_the_time_out_nothing_that_a_command_started_is_left() {
    // One ignores TERM, one left the group, one lost its parent, one holds the output open.
    let script = "trap '' TERM
        sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' & echo $!
        setsid sh -c 'echo $$; trap \"\" TERM; while :; do sleep 0.05; done' &
        (sh -c 'echo $$; trap \"\" TERM; while :; do sleep 0.05; done' &)
        wait";
    let hanging = Probe { timeout: Period::from_millis(500), ..sh(script) };
    let sample = sample(&hanging).await;
    let failure = sample.failure.unwrap();
    assert!(failure.starts_with("`sh` was ended after 500ms, its time-out"), "{failure}");
    let detail = sample.detail.unwrap();
    let pids: Vec<i32> =
        detail["stdout"].as_str().unwrap().lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(pids.len(), 3, "{detail}");
    for pid in pids {
        assert!(!alive(pid), "{pid} is alive");
    }
    assert!(sample.took < Duration::from_secs(1), "the way to end it is not part of it: {:?}", sample.took);
}

#[tokio::test]
async fn what_a_command_leaves_in_the_background_ends_with_it() {
    let sample = sample(&sh("sleep 1000 & echo $!")).await;
    assert_eq!(sample.failure, None);
    let pid = sample.detail.unwrap()["stdout"].as_str().unwrap().trim().parse().unwrap();
    assert!(!alive(pid));
}

fn alive(pid: i32) -> bool {
    let stat = procfs::process::Process::new(pid).and_then(|process| process.stat());
    stat.is_ok_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

#[tokio::test(start_paused = true)]
async fn probes_keep_their_grid_exactly() {
    let clock = DrillClock::start();
    tokio::time::sleep(Duration::from_millis(700)).await;
    // It cannot be sent, and so takes no time.
    let every = |name: &str, every_ms| Probe {
        name: name.into(),
        every: Period::from_millis(every_ms),
        ..probe(ProbeAction::Http(get("nowhere")))
    };
    let (sender, mut samples) = mpsc::channel(PROBE_QUEUE);
    let stop = CancellationToken::new();
    let probes = [every("fast", 100), every("slow", 250)];
    let mut runner = spawn_probes(&probes, clock, &Arc::default(), &sender, &stop);
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    while fast.len() < 50 {
        let (name, sample) = samples.recv().await.unwrap();
        if name == "fast" { &mut fast } else { &mut slow }.push(sample.began.as_millis());
    }
    assert_eq!(fast, (0..50).map(|n| 700 + n * 100).collect::<Vec<_>>());
    assert_eq!(slow[..19], (0..19).map(|n| 700 + n * 250).collect::<Vec<_>>());
    stop.cancel();
    runner.ended().await;
    assert_eq!(runner.skipped().values().sum::<u64>(), 0);
}

#[tokio::test]
async fn a_measurement_that_outlasts_the_next_ones_skips_and_counts_them() {
    let server = TestServer::start().await;
    let slow = Probe { every: Period::from_millis(50), ..probe(ProbeAction::Http(server.get("/delay/120"))) };
    let (sender, mut samples) = mpsc::channel(PROBE_QUEUE);
    let (clock, stop) = (DrillClock::start(), CancellationToken::new());
    let mut runner = spawn_probes(&[slow], clock, &Arc::default(), &sender, &stop);
    let first = samples.recv().await.unwrap().1;
    let second = samples.recv().await.unwrap().1;
    assert!(second.began >= first.began + first.took, "two at once: {first:?} {second:?}");
    assert!(second.began >= Duration::from_millis(150), "not on the grid: {second:?}");
    let third = samples.recv().await.unwrap().1;
    assert_eq!(third.failure, None);
    stop.cancel();
    runner.ended().await;
    assert!(runner.skipped()["it"] >= 4, "{:?}", runner.skipped());
}

#[tokio::test]
async fn a_stop_ends_measurements_in_flight_and_their_commands_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pid");
    let hanging = sh(&format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 1000", note.display()));
    let (sender, mut samples) = mpsc::channel(PROBE_QUEUE);
    let (clock, stop) = (DrillClock::start(), CancellationToken::new());
    let mut runner = spawn_probes(&[hanging], clock, &Arc::default(), &sender, &stop);
    drop(sender);
    while !note.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pid = std::fs::read_to_string(&note).unwrap().trim().parse().unwrap();
    assert!(alive(pid));
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), runner.ended()).await.unwrap();
    assert!(samples.recv().await.is_none(), "a measurement that was given up is no sample");
    // The signal is sent; the kernel ends the process when it next runs.
    tokio::time::timeout(Duration::from_secs(5), async {
        while alive(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

/// The same measurements as curl makes, by the same names.
#[tokio::test]
async fn the_times_equal_curls() {
    let curl = std::process::Command::new("curl").arg("--version").output();
    if curl.is_err() {
        assert!(std::env::var_os("FIREDRILL_TEST_ALL").is_none(), "curl is not installed");
        eprintln!("SKIPPED: curl is not installed; the timing keys were not compared with it");
        return;
    }
    let format = r#"{"time_namelookup_seconds":%{time_namelookup},"time_connect_seconds":%{time_connect},"time_appconnect_seconds":%{time_appconnect},"time_starttransfer_seconds":%{time_starttransfer},"time_total_seconds":%{time_total},"http_code":%{http_code},"content_type":"%{content_type}","speed_download":%{speed_download},"url":"%{url_effective}"}"#;
    for server in [TestServer::start().await, TestServer::start_tls().await] {
        let request = server.get("/delay/300");
        let mut curl = tokio::process::Command::new("curl");
        curl.args(["-sS", "-o", "/dev/null", "-w", format, "--noproxy", "*", &request.url]);
        if let Some(ca) = &request.ca {
            curl.args(["--cacert", ca]);
        }
        let output = curl.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let theirs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let ours = sample(&probe(ProbeAction::Http(request))).await.detail.unwrap();
        for key in ["http_code", "content_type", "url"] {
            assert_eq!(ours[key], theirs[key], "{key}");
        }
        let secure = server.ca.is_some();
        for (key, value) in theirs.as_object().unwrap().iter().filter(|(key, _)| key.starts_with("time_")) {
            let (ours, theirs) = (ours[key].as_f64().unwrap(), value.as_f64().unwrap());
            // Generous for a busy machine; a wrong unit, or a phase counted by itself, is off by more.
            assert!((ours - theirs).abs() < 0.2, "{key}: ours {ours}, curl's {theirs}");
            if key == "time_appconnect_seconds" {
                assert_eq!((ours > 0.0, theirs > 0.0), (secure, secure), "{key}");
            }
        }
        let (ours, theirs) =
            (ours["speed_download"].as_f64().unwrap(), theirs["speed_download"].as_f64().unwrap());
        // Four bytes in 0.3 s are 13 a second, less where the machine is busy.
        assert!((4.0..=13.5).contains(&ours) && (4.0..=13.5).contains(&theirs), "{ours} {theirs}");
    }
}
