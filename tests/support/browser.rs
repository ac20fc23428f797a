//! Real Chromium, without a window, steered over a pipe by its own protocol: to look at pages and to press what is on
//! them.
//!
//! A test begins with `if !requires(&["chromium"]) { return; }`. Everything ends when the guard is dropped.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::happens_within;

/// How long an answer may take: the host may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many messages wait to be read, and how many events are kept until somebody asks for them.
const KEPT_MAX: usize = 10_000;

/// A running Chromium with a profile of its own.
pub struct Browser {
    process: std::process::Child,
    pipe: RefCell<Pipe>,
    _profile: tempfile::TempDir,
}

struct Pipe {
    to: ChildStdin,
    from: Receiver<Value>,
    asked: u64,
    events: VecDeque<Value>,
}

/// One tab.
pub struct Page<'b> {
    browser: &'b Browser,
    session: String,
}

/// Where something stands in the window, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

impl Browser {
    /// Starts it.
    pub fn start() -> Self {
        let profile = super::temp_dir();
        // Chromium speaks on descriptors 3 and 4; the shell puts our two pipes there without unsafe code of ours.
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"exec chromium "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, "sh"])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
            .args(["--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking"])
            .args(["--force-device-scale-factor=1", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().expect("a shell");
        let to = process.stdin.take().expect("piped");
        let out = BufReader::new(process.stdout.take().expect("piped"));
        let (sender, from) = sync_channel(KEPT_MAX);
        std::thread::spawn(move || {
            for message in out.split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { continue };
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let pipe = RefCell::new(Pipe { to, from, asked: 0, events: VecDeque::new() });
        Self { process, pipe, _profile: profile }
    }

    /// Opens a tab on nothing, 1280 by 800 pixels.
    pub fn page(&self) -> Page<'_> {
        let target = self.call(None, "Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call(None, "Target.attachToTarget", attach)["sessionId"].clone();
        let page = Page { browser: self, session: session.as_str().expect("a session").to_owned() };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.call(domain, json!({}));
        }
        page.size(1280, 800);
        page
    }

    /// Asks and waits for the answer; an error of the protocol fails the test.
    fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let mut pipe = self.pipe.borrow_mut();
        pipe.asked += 1;
        let id = pipe.asked;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        pipe.to.write_all(&bytes).unwrap_or_else(|error| panic!("Chromium is gone: {error}"));
        loop {
            let message = pipe.next(PATIENCE).unwrap_or_else(|why| panic!("{method}: {why}"));
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            pipe.keep(message);
        }
    }

    /// The next event of this tab and method, also one that came already.
    fn event(&self, session: &str, method: &str) -> Value {
        let mut pipe = self.pipe.borrow_mut();
        let is_it = |event: &Value| event["sessionId"] == session && event["method"] == method;
        loop {
            if let Some(at) = pipe.events.iter().position(is_it) {
                return pipe.events.remove(at).expect("it is there");
            }
            let message = pipe.next(PATIENCE).unwrap_or_else(|why| panic!("waiting for {method}: {why}"));
            pipe.keep(message);
        }
    }
}

impl Pipe {
    fn next(&self, patience: Duration) -> Result<Value, &'static str> {
        self.from.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => "Chromium did not answer in time",
            RecvTimeoutError::Disconnected => "Chromium has ended",
        })
    }

    fn keep(&mut self, message: Value) {
        if self.events.len() >= KEPT_MAX {
            self.events.pop_front();
        }
        self.events.push_back(message);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.process.id()).expect("a pid"));
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.process.wait();
        // Its helpers write into the profile until they are gone, and it could not be removed.
        happens_within(Duration::from_secs(5), || killpg(group, None).is_err());
    }
}

impl Page<'_> {
    /// Any method of the protocol, for this tab.
    pub fn call(&self, method: &str, params: Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }

    /// Goes to an address and waits until it is loaded.
    pub fn go(&self, url: &str) {
        self.browser.pipe.borrow_mut().events.retain(|event| event["method"] != "Page.loadEventFired");
        let answer = self.call("Page.navigate", json!({"url": url}));
        assert!(answer["errorText"].is_null(), "{url}: {}", answer["errorText"]);
        self.browser.event(&self.session, "Page.loadEventFired");
    }

    /// What an expression is worth; a promise is waited for. Page policies do not hinder it.
    pub fn eval(&self, script: &str) -> Value {
        let params =
            json!({"expression": script, "returnByValue": true, "awaitPromise": true, "userGesture": true});
        let answer = self.call("Runtime.evaluate", params);
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{failed:#}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn wait_for(&self, condition: &str) {
        let holds = happens_within(PATIENCE, || self.eval(&format!("Boolean({condition})")) == true);
        assert!(holds, "waited in vain for {condition}; the page says:\n{}", self.text("body"));
    }

    /// The text of the first element that a CSS selector finds, as it is shown; empty: there is none.
    pub fn text(&self, selector: &str) -> String {
        let script = format!("document.querySelector({})?.innerText ?? ''", json!(selector));
        self.eval(&script).as_str().unwrap_or_default().to_owned()
    }

    /// Presses the middle of the first element that a CSS selector finds, as a mouse does. What lies above it gets it.
    pub fn click(&self, selector: &str) {
        let Place { x, y } = self.middle(selector);
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let params =
                json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Moves the mouse to the middle of the first element that a CSS selector finds.
    pub fn point(&self, selector: &str) {
        let Place { x, y } = self.middle(selector);
        self.call("Input.dispatchMouseEvent", json!({"type": "mouseMoved", "x": x, "y": y}));
    }

    fn middle(&self, selector: &str) -> Place {
        let script = format!(
            "(() => {{ const it = document.querySelector({}); if (!it) return null; \
             it.scrollIntoView({{block: 'center', behavior: 'instant'}}); const box = it.getBoundingClientRect(); \
             return [box.left + box.width / 2, box.top + box.height / 2]; }})()",
            json!(selector)
        );
        let place = self.eval(&script);
        let (Some(x), Some(y)) = (place[0].as_f64(), place[1].as_f64()) else {
            panic!("no `{selector}` on the page:\n{}", self.text("body"))
        };
        Place { x, y }
    }

    /// Types into what has the focus.
    pub fn type_text(&self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Presses a key that writes nothing or ends a line: `Tab`, `Enter`, `Escape`.
    pub fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            other => panic!("no key `{other}` here"),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let params =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Makes the window this large.
    pub fn size(&self, width: u32, height: u32) {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", params);
    }

    /// Shows the page as on a `screen` or in `print`, `light` or `dark`.
    pub fn media(&self, media: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"media": media, "features": features}));
    }

    /// A PNG of what the window shows, or of the whole page.
    pub fn screenshot(&self, whole: bool) -> Vec<u8> {
        let params = json!({"format": "png", "captureBeyondViewport": whole});
        from_base64(self.call("Page.captureScreenshot", params)["data"].as_str().expect("a picture"))
    }

    /// What the page printed as a PDF.
    pub fn pdf(&self) -> Vec<u8> {
        let params = json!({"printBackground": false, "paperWidth": 8.27, "paperHeight": 11.69});
        from_base64(self.call("Page.printToPDF", params)["data"].as_str().expect("a document"))
    }

    /// What the browser complained about in this tab since it was asked last: exceptions, errors, broken policies.
    pub fn complaints(&self) -> Vec<String> {
        self.eval("0");
        let mut pipe = self.browser.pipe.borrow_mut();
        let mut complaints = Vec::new();
        pipe.events.retain(|event| {
            let words = match event["method"].as_str() {
                _ if event["sessionId"] != self.session.as_str() => None,
                Some("Runtime.exceptionThrown") => Some(event["params"]["exceptionDetails"].to_string()),
                Some("Log.entryAdded") if event["params"]["entry"]["level"] == "error" => {
                    Some(event["params"]["entry"].to_string())
                }
                Some("Runtime.consoleAPICalled") if event["params"]["type"] == "error" => {
                    Some(event["params"]["args"].to_string())
                }
                _ => None,
            };
            let is_one = words.is_some();
            complaints.extend(words);
            !is_one
        });
        complaints
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() / 4 * 3), 0u32, 0);
    for c in text.bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        (bits, held) = (bits << 6 | u32::from(six), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    bytes
}
