//! The pages of a server, driven through once as people do: log in, approve, start, watch, answer, halt, read.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::{
    Browser, Child, Page, Upstream, axe_problems, firedrill, free_port, get, happens_within, requires,
    temp_dir,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server with one game day, as a draft: payments is late until somebody helps, and the playbook asks people.
struct Site {
    dir: tempfile::TempDir,
    service: Upstream,
    address: SocketAddr,
    token: String,
    _server: Child,
}

impl Site {
    fn start() -> Self {
        let (dir, service) = (temp_dir(), Upstream::start());
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = firedrill();
        let listen = address.to_string();
        command.current_dir(dir.path()).env("FIREDRILL_DIR", dir.path().join("own"));
        let server = Child::spawn(command.args(["serve", "--data", "data", "--listen", &listen]));
        let up = || get(address, "/healthCheck").is_ok_and(|answer| answer.status == 200);
        assert!(happens_within(PATIENCE, up), "{}\n{}", server.stdout(), server.stderr());
        let line = server.wait_for_line("fd_", PATIENCE);
        let token = line.split_whitespace().rfind(|word| word.starts_with("fd_")).unwrap().to_owned();
        let site = Self { dir, service, address, token, _server: server };
        site.add_gameday();
        site
    }

    fn add_gameday(&self) {
        let (listen, upstream) = (free_port(), self.service.address);
        let write = |name: &str, text: &str| {
            let path = self.dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "autumn.yaml",
            "firedrill: v1\nkind: GameDay\nname: autumn\ntitle: Checkout survives payments\napprovals: {count: 1}\n\
             injects:\n  - {scenario: payments-late}\n  - ask: Who tells the customers?\n",
        );
        write(
            "scenarios/payments-late.yaml",
            &format!(
                "firedrill: v1\nkind: Scenario\nname: payments-late\n\
                 routes: {{payments: {{listen: \"127.0.0.1:{listen}\", upstream: \"{upstream}\", protocol: http}}}}\n\
                 steady_state:\n  every: 200ms\n  stable_for: 500ms\n  recovery_within: 10s\n  no_impact_after: 2s\n  \
                 probes: [{{name: checkout, http: \"http://127.0.0.1:{listen}/\", timeout: 250ms, \
                 tolerance: {{status: 200, failures: 0 of 1}}}}]\n\
                 faults: [{{id: slow, target: route/payments, latency: 400ms, until: recovered, max: 5m}}]\n\
                 playbook: {{name: pay-later, start: impact}}\n"
            ),
        );
        write(
            "playbooks/pay-later.yaml",
            "firedrill: v1\nkind: Playbook\nname: pay-later\ntitle: Charge later\nsteps:\n\
             \x20 - id: look\n    title: Look who waits\n    manual: Does checkout wait for payments?\n    \
             questions: [{id: share, title: Which share is late?, type: number}]\n    timeout: 5m\n\
             \x20 - id: tell\n    title: Tell support\n    manual: Orders are charged later.\n    mutates: true\n    timeout: 5m\n",
        );
        let url = format!("http://{}", self.address);
        let mut command = firedrill();
        command.current_dir(self.dir.path()).env("FIREDRILL_DIR", self.dir.path().join("own"));
        command.env("FIREDRILL_SERVER", url).env("FIREDRILL_TOKEN", &self.token);
        let ended = Child::spawn(command.args(["gameday", "add", "autumn.yaml"])).wait(PATIENCE);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Types into a field as somebody does who came by the Tab key.
fn fill(page: &Page<'_>, field: &str, text: &str) {
    page.eval(&format!("document.querySelector({field:?}).value = ''"));
    page.click(field);
    page.type_text(text);
}

/// Does what loads a page, and waits until it is there.
fn load(page: &Page<'_>, deed: impl FnOnce()) {
    page.eval("window.isOld = true");
    deed();
    page.wait_for("!window.isOld && document.readyState === 'complete'");
}

fn nothing_hinders(page: &Page<'_>, what: &str) {
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        page.size(width, 900);
        page.media("screen", scheme);
        let problems = axe_problems(page);
        assert!(problems.is_empty(), "{what}, {width} px, {scheme}:\n{}", problems.join("\n"));
        let wide = page.eval("document.documentElement.scrollWidth > document.documentElement.clientWidth");
        assert_eq!(wide, false, "{what}: at {width} px the page is wider than the window");
    }
    page.size(1280, 900);
    page.media("screen", "light");
    assert_eq!(page.complaints(), Vec::<String>::new(), "{what}");
}

#[test]
fn a_game_day_is_driven_through_by_its_pages() {
    if !requires(&["chromium", "npm"]) {
        return;
    }
    let (site, browser) = (Site::start(), Browser::start());
    let page = browser.page();
    page.size(1280, 900);
    log_in(&site, &page);
    approve_and_start(&page);
    the_picture_lives_and_typed_text_stays(&page);
    answer_the_step(&page);
    nothing_hinders(&page, "the first page while a drill runs");
    halt(&page);
    read(&site, &page);
}

fn log_in(site: &Site, page: &Page<'_>) {
    page.go(&site.url("/"));
    assert!(page.text("h1").contains("Log in"), "{}", page.text("body"));
    nothing_hinders(page, "the way in");
    fill(page, "#token", &site.token);
    load(page, || page.press("Enter"));
    assert_eq!(page.text("#phase"), "Nothing runs");
    assert!(page.text("#due").contains("Checkout survives payments") && page.text("#due").contains("draft"));
    nothing_hinders(page, "the first page with nothing to do");
}

fn approve_and_start(page: &Page<'_>) {
    fill(page, "#approve-autumn-1-person", "ana");
    load(page, || page.press("Enter"));
    assert!(page.text("#due").contains("1 of 1 approvals: ana"), "{}", page.text("#due"));
    load(page, || page.click("#start-autumn-1-start-button"));
    page.eval("window.stays = true");
    // From here on nothing is loaded: what changes came by itself.
    page.wait_for("document.querySelector('#phase')?.textContent === 'active'");
    page.wait_for("document.querySelector('.chart .fault')");
}

fn the_picture_lives_and_typed_text_stays(page: &Page<'_>) {
    page.wait_for("document.querySelector('#step-look')");
    fill(page, "#note-drill-text", "The graph is");
    page.eval("window.before = document.querySelector('.chart').outerHTML");
    page.wait_for("document.querySelector('.chart').outerHTML !== window.before");
    page.type_text(" late");
    assert_eq!(page.eval("document.querySelector('#note-drill-text').value"), "The graph is late");
    assert_eq!(page.eval("window.stays"), true, "the page was loaded anew");
    load(page, || page.click("#note-drill-note-button"));
    page.wait_for("document.querySelector('#recent').textContent.includes('The graph is late')");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

fn answer_the_step(page: &Page<'_>) {
    fill(page, "#step-look-person", "ana");
    fill(page, "[id='step-look-answer.share']", "many");
    load(page, || page.click("#step-look-done-button"));
    let why = page.text("#step-look-wrong");
    assert!(why.contains("is a number, not `many`"), "{why}");
    assert_eq!(page.eval("document.querySelector('#step-look-person').value"), "ana", "what was typed stays");
    // The answer's status is said to the console; anything else would be a fault of the page.
    let mut complaints = page.complaints();
    complaints.retain(|complaint| !complaint.contains("422"));
    assert_eq!(complaints, Vec::<String>::new());
    fill(page, "[id='step-look-answer.share']", "40");
    load(page, || page.click("#step-look-done-button"));
    page.wait_for("document.querySelector('#step-tell')");
}

fn halt(page: &Page<'_>) {
    page.eval("document.querySelector('#halt-box summary').focus()");
    page.press("Enter");
    page.wait_for("document.querySelector('#halt-box').open");
    fill(page, "[id='halt-form-reason']", "smoke");
    load(page, || page.press("Enter"));
    page.wait_for("document.querySelector('#halted-title')");
    assert!(page.text("#lever").contains("smoke"), "{}", page.text("#lever"));
    page.wait_for("document.querySelector('#was .rows a[href^=\"/drills/\"]')");
    nothing_hinders(page, "the first page while everything is halted");
}

fn read(site: &Site, page: &Page<'_>) {
    let drill = page.eval("document.querySelector('#was .rows a[href^=\"/drills/\"]').getAttribute('href')");
    page.go(&site.url(drill.as_str().unwrap()));
    assert!(page.text("#verdicts").contains("Verdicts"), "{}", page.text("body"));
    nothing_hinders(page, "a drill that is over");
    page.go(&site.url("/gamedays/autumn-1"));
    assert!(page.text("#now").contains("smoke"), "{}", page.text("#now"));
    nothing_hinders(page, "a game day that was stopped");
    page.go(&site.url("/v1/gamedays/autumn-1/report.html"));
    assert!(page.text("h1").contains("Stopped"), "{}", page.text("body"));
    nothing_hinders(page, "the report of a game day");
    page.click("tbody a");
    page.wait_for("document.querySelector('svg.chart')");
    assert_eq!(page.complaints(), Vec::<String>::new());
}
