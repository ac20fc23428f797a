use std::time::Duration;

use super::*;
use crate::coordinator::test_server::{TestServer, get, probe, secrets};
use crate::fault::Period;
use crate::playbook::plan::Capture;
use crate::scenario::plan::{HttpRequest, JsonExpectation, KOfN, ProbeAction, StatusRange, Tolerance};

fn job(action: Action, timeout: &str, outputs: &[(&str, Capture)]) -> Job {
    Job {
        step: "mend".into(),
        attempt: 1,
        undo: false,
        action,
        outputs: outputs.iter().map(|(name, capture)| ((*name).to_owned(), capture.clone())).collect(),
        timeout: timeout.parse::<Period>().unwrap(),
        impact: None,
    }
}

async fn make(job: Job, values: &[(&str, &str)]) -> Attempt {
    let edge = Edge { secrets: Arc::new(secrets(values)), agent: None, seed: Seed(1) };
    attempt(&job, DrillClock::start(), &edge).await
}

fn argv(program: &[&str], env: &[(&str, &str)]) -> Action {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Action::Run { argv: program.iter().map(|&part| part.to_owned()).collect(), env, exit: 0 }
}

fn sh(script: &str) -> Action {
    argv(&["sh", "-c", script], &[])
}

fn http(request: HttpRequest) -> Action {
    Action::Http { request, tolerance: Tolerance::default() }
}

#[track_caller]
fn kept(attempt: Attempt) -> BTreeMap<String, String> {
    match attempt {
        Attempt::Ok { outputs, .. } => outputs,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failed(attempt: Attempt) -> String {
    match attempt {
        Attempt::Failed { why } => why,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn timed_out(attempt: Attempt) -> String {
    match attempt {
        Attempt::TimedOut { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_command_runs_without_a_shell_in_a_clean_environment_and_a_session_of_its_own() {
    let outputs = kept(
        make(
            job(
                argv(&["env"], &[("TARGET", "${secrets.NAME}"), ("TZ", "UTC")]),
                "20s",
                &[("all", Capture::Stdout("(?s)^(.*)$".into()))],
            ),
            &[("NAME", "bob")],
        )
        .await,
    );
    let mut names: Vec<&str> =
        outputs["all"].lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    names.retain(|name| !["LANG", "HOME"].contains(name));
    assert_eq!(names, ["FIREDRILL_CHILD", "PATH", "TARGET", "TZ"]);
    assert!(outputs["all"].contains("TARGET=bob") && outputs["all"].contains("TZ=UTC"), "{outputs:?}");

    let script = "read x; echo in=$?; test -t 0; cut -d' ' -f1,5,6 /proc/$$/stat";
    let session = kept(
        make(
            job(
                sh(script),
                "20s",
                &[
                    ("read", Capture::Stdout("in=(\\d)".into())),
                    ("pid", Capture::Stdout("^(\\d+) \\d+ \\d+$".into())),
                    ("group", Capture::Stdout("^\\d+ (\\d+) \\d+$".into())),
                    ("session", Capture::Stdout("^\\d+ \\d+ (\\d+)$".into())),
                ],
            ),
            &[],
        )
        .await,
    );
    assert_eq!(session["read"], "1", "standard input is empty");
    assert!(session["pid"] == session["group"] && session["pid"] == session["session"], "{session:?}");
    // Nothing of a text is read by a shell.
    let words = make(job(argv(&["echo", "$HOME `id` ; exit 3"], &[]), "20s", &[]), &[]).await;
    assert!(
        matches!(&words, Attempt::Ok { detail, .. } if detail.ends_with(": $HOME `id` ; exit 3")),
        "{words:?}"
    );
}

#[tokio::test]
async fn a_command_that_fails_tells_how_it_ended_and_its_last_words() {
    for (action, words) in [
        (
            sh("echo out; echo first >&2; echo last >&2; exit 7"),
            "`sh` ended with exit status 7, wanted exit status 0: first\nlast",
        ),
        (sh("echo only out; exit 1"), "`sh` ended with exit status 1, wanted exit status 0: only out"),
        (sh("exit 2"), "`sh` ended with exit status 2, wanted exit status 0; it wrote nothing"),
        (sh("kill -SEGV $$"), "`sh` was ended by signal SEGV, wanted exit status 0; it wrote nothing"),
        (argv(&["/no/such/program", "x"], &[]), "cannot run `/no/such/program`: no such file or directory"),
        (
            argv(&["no-such-program-at-all"], &[]),
            "cannot run `no-such-program-at-all`: no such file or directory",
        ),
        (argv(&["/etc/passwd"], &[]), "cannot run `/etc/passwd`: permission denied"),
    ] {
        assert_eq!(failed(make(job(action, "20s", &[]), &[]).await), words);
    }
    let lines = failed(make(job(sh("seq 1 5000 >&2; exit 1"), "20s", &[]), &[]).await);
    assert!(lines.ends_with(": 4991\n4992\n4993\n4994\n4995\n4996\n4997\n4998\n4999\n5000"), "{lines}");
    let long =
        failed(make(job(sh("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1"), "20s", &[]), &[]).await);
    assert!(long.len() < 2200 && long.contains('…'), "{}", long.len());
    let wanted = Action::Run { argv: vec!["false".into()], env: BTreeMap::new(), exit: 1 };
    kept(make(job(wanted, "20s", &[]), &[]).await);
}

#[tokio::test]
async fn a_command_that_prints_a_gigabyte_neither_blocks_nor_fills_memory() {
    let script = "echo begin=1; head -c 1000000000 /dev/zero; echo; echo end=2";
    let outputs =
        [("begin", Capture::Stdout("begin=(.)".into())), ("end", Capture::Stdout("end=(.)".into()))];
    let found = kept(make(job(sh(script), "60s", &outputs), &[]).await);
    assert_eq!((found["begin"].as_str(), found["end"].as_str()), ("1", "2"));
}

/// Whether any process has this argument.
fn runs(argument: &str) -> bool {
    let processes = procfs::process::all_processes().unwrap().flatten();
    let lives = |process: &procfs::process::Process| {
        process.stat().is_ok_and(|stat| !matches!(stat.state, 'Z' | 'X'))
    };
    processes
        .filter(lives)
        .any(|process| process.cmdline().is_ok_and(|line| line.iter().any(|part| part == argument)))
}

async fn gone(argument: &str) {
    let ending = async {
        while runs(argument) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ending).await.expect("it still runs");
}

/// A time to sleep that no other process sleeps for: by it, it is found again.
fn nap(which: u32) -> String {
    format!("77{which}.{}", std::process::id())
}

#[tokio::test]
async fn a_command_that_hangs_is_ended_at_its_time_out_with_all_that_it_started() {
    let nap = nap(1);
    let script = format!("echo stuck here >&2; sleep {nap} & setsid sleep {nap} & sleep {nap}");
    let why = timed_out(make(job(sh(&script), "300ms", &[]), &[]).await);
    assert_eq!(why, "`sh` was ended after 300ms, its time-out: stuck here");
    assert!(!runs(&nap));
}

#[tokio::test]
async fn one_that_is_deaf_to_term_is_killed() {
    let nap = nap(2);
    let script = format!("trap '' TERM; echo deaf; while :; do sleep {nap}; done");
    let why = timed_out(make(job(sh(&script), "200ms", &[]), &[]).await);
    assert!(why.starts_with("`sh` was ended after 200ms"), "{why}");
    assert!(!runs(&nap));
}

#[tokio::test]
async fn what_a_command_leaves_behind_ends_with_it_even_while_it_holds_standard_output() {
    let nap = nap(3);
    // The first is found by its mark, the second has neither the mark nor the group, and only the pipe.
    let script = format!("sleep {nap} & echo done=1");
    let found =
        kept(make(job(sh(&script), "30s", &[("done", Capture::Stdout("done=(1)".into()))]), &[]).await);
    assert_eq!(found["done"], "1");
    gone(&nap).await;
    let escaped = "setsid env -i /bin/sleep 3 & echo done=1";
    let began = tokio::time::Instant::now();
    kept(make(job(sh(escaped), "30s", &[("done", Capture::Stdout("done=(1)".into()))]), &[]).await);
    assert!(began.elapsed() < Duration::from_millis(2900), "it was waited for: {:?}", began.elapsed());
}

#[tokio::test]
async fn an_attempt_that_nobody_waits_for_any_longer_ends_its_command() {
    let nap = nap(4);
    let begun = tokio::spawn(make(job(sh(&format!("sleep {nap}; true")), "60s", &[]), &[]));
    while !runs(&nap) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.abort();
    gone(&nap).await;
}

#[tokio::test]
async fn outputs_that_are_not_there_or_too_long_fail_the_step_and_are_named_together() {
    let outputs = [
        ("a", Capture::Stdout("id=(\\d+)".into())),
        ("b", Capture::Stdout("(".into())),
        ("c", Capture::Json("$.a".into())),
        ("d", Capture::Stdout("(?s)(.*)".into())),
    ];
    let why = failed(make(job(sh("echo hello; head -c 20000 /dev/zero"), "20s", &outputs), &[]).await);
    for part in [
        "output `a`: nothing on standard output fits `id=(\\d+)`: `hello",
        "output `b`: `(` is no regular expression",
        "output `c`: a command gives no answer",
        "output `d` has 20006 bytes and may have 16384",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[tokio::test]
async fn a_request_is_judged_as_a_probe_is_and_its_answer_kept() {
    let server = TestServer::start().await;
    let outputs = [
        ("state", Capture::Json("$.orders[0].state".into())),
        ("cents", Capture::Json("$.orders[0].cents".into())),
        ("all", Capture::Json("$.orders".into())),
        ("type", Capture::Header("Content-Type".into())),
    ];
    let found = kept(make(job(http(server.get("/json")), "10s", &outputs), &[]).await);
    assert_eq!(
        (found["state"].as_str(), found["cents"].as_str(), found["type"].as_str()),
        ("paid", "700", "application/json")
    );
    assert_eq!(found["all"], r#"[{"state":"paid","cents":700}]"#);
    let status = |from, to| Tolerance { status: vec![StatusRange { from, to }], ..Tolerance::default() };
    let json = |path: &str, equals: serde_json::Value| Tolerance {
        json: vec![JsonExpectation { path: path.into(), equals }],
        ..Tolerance::default()
    };
    for (path, tolerance, words) in [
        ("/status/503", Tolerance::default(), "status 503, allowed 200-299"),
        ("/ok", status(201, 204), "status 200, allowed 201-204"),
        (
            "/json",
            json("$.orders[0].state", "open".into()),
            "$.orders[0].state is \"paid\", allowed \"open\"",
        ),
        ("/ok", Tolerance { body: vec!["fine".into()], ..Tolerance::default() }, "without `fine`: `ok`"),
        ("/reset", Tolerance::default(), "connection was reset while waiting for the first byte"),
        ("/nonsense", Tolerance::default(), "the answer is no valid HTTP/1.1"),
        (
            "/cut",
            Tolerance::default(),
            "connection was closed while reading the answer (status 200, 4 bytes of its body)",
        ),
    ] {
        let request = Action::Http { request: server.get(path), tolerance };
        let why = failed(make(job(request, "10s", &[]), &[]).await);
        assert!(why.starts_with(&format!("GET {}: ", server.url(path))) && why.contains(words), "{why}");
    }
    let good = Action::Http { request: server.get("/status/404"), tolerance: status(404, 404) };
    kept(make(job(good, "10s", &[]), &[]).await);
    let missing = [("a", Capture::Header("x-none".into())), ("b", Capture::Json("$.none".into()))];
    let why = failed(make(job(http(server.get("/json")), "10s", &missing), &[]).await);
    assert!(why.contains("no header `x-none`") && why.contains("$.none is not in the body"), "{why}");
}

#[tokio::test]
async fn an_answer_that_never_ends_or_is_huge_is_bounded() {
    let server = TestServer::start().await;
    for (path, words) in
        [("/hang", "while waiting for the first byte"), ("/drip/50", "while reading the answer")]
    {
        let why = timed_out(make(job(http(server.get(path)), "200ms", &[]), &[]).await);
        assert!(why.contains("timed out after 200ms") && why.contains(words), "{why}");
    }
    kept(make(job(http(server.get("/big/30000000")), "30s", &[]), &[]).await);
    let outputs = [("a", Capture::Json("$.a".into()))];
    let why = failed(make(job(http(server.get("/big/30000000")), "30s", &outputs), &[]).await);
    assert!(why.contains("the body is no JSON (only its first 1MiB was looked at)"), "{why}");
}

#[tokio::test]
async fn a_probe_is_waited_for_until_it_is_good_or_the_time_is_over() {
    let server = TestServer::start().await;
    let mut own = probe(ProbeAction::Http(server.get("/ok")));
    own.every = "20ms".parse().unwrap();
    own.tolerance.failures = Some(KOfN { k: 0, n: 3 });
    let good = make(job(Action::Probe(Check::Own(Box::new(own.clone()))), "10s", &[]), &[]).await;
    assert!(
        matches!(&good, Attempt::Ok { detail, .. } if detail == "`it` is good after 3 measurements"),
        "{good:?}"
    );
    own.action = ProbeAction::Http(server.get("/status/500"));
    own.tolerance.failures = None;
    let why = timed_out(make(job(Action::Probe(Check::Own(Box::new(own))), "200ms", &[]), &[]).await);
    assert_eq!(why, "`it` was not good within 200ms: status 500, allowed 200-299");
    let named = Action::Probe(Check::Named("x".into()));
    assert!(failed(make(job(named, "1s", &[]), &[]).await).contains("no work for a machine"));
}

#[tokio::test]
async fn the_time_of_the_impact_is_put_in_and_its_absence_is_told() {
    let clock = DrillClock::start();
    let edge = Edge { secrets: Arc::default(), agent: None, seed: Seed(1) };
    let text = "since ${impact.at}".to_owned();
    let mut job = job(Action::Notify { audience: "support".into(), text }, "1s", &[]);
    assert_eq!(failed(attempt(&job, clock, &edge).await), "`impact.at` has no value: no impact was seen");
    job.impact = Some(Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let now = crate::coordinator::clock::wall();
    let Attempt::Ok { detail, .. } = attempt(&job, clock, &edge).await else { panic!("it is only told") };
    let at: jiff::Timestamp = detail.strip_prefix("to support: since ").unwrap().parse().unwrap();
    let before = now.duration_since(at).as_millis();
    assert!((15..10_000).contains(&before), "{detail} is {before} ms before {now}");
    let run = Job { action: argv(&["echo", "${impact.at}"], &[]), ..job };
    assert!(
        matches!(attempt(&run, clock, &edge).await, Attempt::Ok { detail: said, .. } if said.contains(&at.to_string()[..19]))
    );
}

/// What must not be seen, in its forms.
const SECRET: &str = "hunter2/\"+ä secret%";

fn forms() -> Vec<String> {
    let json = serde_json::to_string(SECRET).unwrap();
    vec![
        SECRET.to_owned(),
        json.trim_matches('"').to_owned(),
        "hunter2%2F%22%2B%C3%A4%20secret%25".to_owned(),
        // printf %s "$SECRET" | base64
        "aHVudGVyMi8iK8OkIHNlY3JldCU".to_owned(),
    ]
}

#[track_caller]
fn holds_no_secret(attempt: &Attempt) {
    let said = serde_json::to_string(attempt).unwrap();
    for form in forms() {
        assert!(!said.contains(&form), "`{form}` stands in {said}");
        let escaped = serde_json::to_string(&form).unwrap();
        assert!(!said.contains(escaped.trim_matches('"')), "`{form}` stands in {said}");
    }
    assert!(said.contains("[secret]"), "it was there, and cut: {said}");
}

#[tokio::test]
async fn no_secret_comes_back_from_a_command_however_it_prints_it() {
    let all = [("all", Capture::Stdout("(?s)(.*)".into()))];
    let env = [("TOKEN", "${secrets.TOKEN}")];
    let url =
        r#"printf %s "$TOKEN" | sed 's/%/%25/g; s,/,%2F,g; s/"/%22/g; s/+/%2B/g; s/ /%20/g; s/ä/%C3%A4/g'"#;
    let json = r#"printf %s "$TOKEN" | sed 's/"/\\"/g'"#;
    for script in [
        "echo \"x${TOKEN}y\"".to_owned(),
        "printf %s \"$TOKEN\" | base64".to_owned(),
        "printf %s \"ab$TOKEN\" | base64".to_owned(),
        url.to_owned(),
        json.to_owned(),
        "printf hunter; sleep 0.05; printf '2/\"+ä sec'; sleep 0.05; echo ret%".to_owned(),
    ] {
        let printed = make(job(argv(&["sh", "-c", &script], &env), "20s", &all), &[("TOKEN", SECRET)]).await;
        holds_no_secret(&printed);
        kept(printed);
        let complained = format!("{{ {script}; }} >&2; exit 3");
        let failure =
            make(job(argv(&["sh", "-c", &complained], &env), "20s", &[]), &[("TOKEN", SECRET)]).await;
        holds_no_secret(&failure);
        failed(failure);
        let hung = format!("{{ {script}; }} >&2; sleep 60");
        let late = make(job(argv(&["sh", "-c", &hung], &env), "500ms", &[]), &[("TOKEN", SECRET)]).await;
        holds_no_secret(&late);
        timed_out(late);
    }
    // Neither is a part of it kept: the expression sees only what is left.
    let part = [("part", Capture::Stdout("(hun[a-z]+)".into()))];
    let why =
        failed(make(job(argv(&["sh", "-c", "echo $TOKEN"], &env), "20s", &part), &[("TOKEN", SECRET)]).await);
    assert!(why.contains("nothing on standard output fits") && !why.contains("hunter"), "{why}");
    let missing =
        make(job(argv(&["${secrets.TOKEN}"], &[]), "20s", &[]), &[("TOKEN", "/no/such/prog")]).await;
    assert!(!failed(missing).contains("/no/such/prog"));
}

#[tokio::test]
async fn no_secret_comes_back_from_a_request() {
    let server = TestServer::start().await;
    let plain = "hunter2/+secret%";
    let mut request = server.get("/echo/x");
    request.method = "POST".into();
    request.headers.insert("authorization".into(), "Bearer ${secrets.TOKEN}".into());
    request.body = Some(r#"{"token": "${secrets.TOKEN}"}"#.into());
    for tolerance in [
        Tolerance { body: vec!["never".into()], ..Tolerance::default() },
        Tolerance {
            status: vec![StatusRange { from: 500, to: 500 }],
            body: vec!["x".into()],
            ..Tolerance::default()
        },
    ] {
        let sent = Action::Http { request: request.clone(), tolerance };
        let why = failed(make(job(sent, "10s", &[]), &[("TOKEN", plain)]).await);
        assert!(!why.contains("hunter2"), "{why}");
    }
    let body = [("token", Capture::Json("$.token".into())), ("type", Capture::Header("content-type".into()))];
    request.url = server.url("/body");
    let found = kept(make(job(http(request.clone()), "10s", &body), &[("TOKEN", plain)]).await);
    assert_eq!(found["token"], "[secret]");
    let unsent =
        make(job(http(get("http://${secrets.TOKEN}/")), "10s", &[]), &[("TOKEN", "no such host%%")]).await;
    assert!(!failed(unsent).contains("no such host"));
}
