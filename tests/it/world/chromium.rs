//! A real browser: Chromium without a window, led over the DevTools protocol.
//!
//! The protocol goes over two pipes (`--remote-debugging-pipe`), one JSON text
//! after another, each ended by a zero byte.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::process::{Guard, tool};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The elements whose text has a contrast ratio (WCAG 2, success criterion
/// 1.4.3) below 4.5, and whether something is wider than the window.
const FLAWS: &str = r"
(selector => {
  const light = c => { const v = c.match(/[\d.]+/g).slice(0, 3).map(x => x / 255)
    .map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const ground = e => { const c = getComputedStyle(e).backgroundColor;
    return c === 'rgba(0, 0, 0, 0)' && e.parentElement ? ground(e.parentElement) : c; };
  const flaws = [];
  for (const e of document.querySelectorAll(selector)) {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) flaws.push(e.outerHTML);
  }
  if (document.documentElement.scrollWidth > innerWidth) flaws.push('too wide');
  return flaws;
})";

/// One tab, and everything the browser said about it.
pub struct Chromium {
    _process: Guard,
    home: tempfile::TempDir,
    commands: File,
    messages: Receiver<Value>,
    session: String,
    last_id: u64,
    events: Vec<Value>,
}

impl Chromium {
    pub fn start() -> Self {
        let home = tempfile::tempdir().expect("a temporary home");
        let (to, from) = (home.path().join("to"), home.path().join("from"));
        assert!(tool("mkfifo").args([&to, &from]).status().expect("mkfifo runs").success());
        let _ = tool("chromium");
        let mut shell = tool("sh");
        shell.args(["-c", "exec chromium \"$@\" 3<\"$TO\" 4>\"$FROM\"", "sh"]);
        shell.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        shell.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        shell.args(["--no-proxy-server", "--hide-scrollbars", "--remote-debugging-pipe", "about:blank"]);
        shell.arg(format!("--user-data-dir={}", home.path().join("profile").display()));
        shell.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).env("TMPDIR", home.path());
        shell.env("TO", &to).env("FROM", &from).current_dir(home.path());
        let process = Guard(shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        // Each end waits for the other, in the order of the shell.
        let commands = File::options().write(true).open(&to).unwrap();
        let answers = BufReader::new(File::open(&from).unwrap());
        let (say, messages) = channel();
        std::thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("the protocol is JSON");
                if say.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            _process: process,
            home,
            commands,
            messages,
            session: String::new(),
            last_id: 0,
            events: Vec::new(),
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Calls a method and gives its result.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.ask(method, parameters);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    #[track_caller]
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let mut message = json!({"id": self.last_id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).expect("the browser listens");
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left).unwrap_or_else(|_| panic!("no answer to {method}"));
            if message["id"] == self.last_id {
                return message;
            }
            self.events.push(message);
        }
    }

    pub fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
    }

    /// The value of an expression on the page; null while one page gives way
    /// to the next.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true});
        self.ask("Runtime.evaluate", parameters)["result"]["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn wait_until(&mut self, expression: &str) {
        let deadline = Instant::now() + TIMEOUT;
        while self.value(expression) != json!(true) {
            let page = self.value("document.documentElement.outerHTML");
            assert!(Instant::now() < deadline, "{expression} does not come true: {page}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types into a field, as keys would, once the page has set the focus it asks for:
    /// it complains if the focus is elsewhere by then.
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.wait_until(&format!("document.querySelector('{selector}') !== null"));
        self.wait_until("!document.querySelector('[autofocus]') || document.activeElement !== document.body");
        self.value(&format!("document.querySelector('{selector}').focus()"));
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Clicks with the mouse, in the middle.
    pub fn click(&mut self, selector: &str) {
        self.wait_until(&format!("document.querySelector('{selector}') !== null"));
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector('{selector}'); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// `light` or `dark`, and the size of the window.
    pub fn look(&mut self, scheme: &str, width: u32, height: u32) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// What is hard to read among the elements that match, or too wide.
    pub fn flaws(&mut self, selector: &str) -> Value {
        self.value(&format!("{FLAWS}({})", json!(selector)))
    }

    /// A picture of the page, kept in the directory that `SNOW_TEST_SCREENSHOTS`
    /// names, else in the home of the browser.
    #[allow(clippy::disallowed_methods, reason = "who wants to look says where the pictures go")]
    pub fn picture(&mut self, name: &str) -> Vec<u8> {
        let data = self.call("Page.captureScreenshot", json!({"format": "png"}))["data"].clone();
        let bytes = STANDARD.decode(data.as_str().expect("a picture")).expect("base64");
        let place = std::env::var_os("SNOW_TEST_SCREENSHOTS").map_or_else(|| self.home.path().into(), PathBuf::from);
        std::fs::write(place.join(format!("{name}.png")), &bytes).expect("the directory is there");
        bytes
    }

    /// Everything the console or the log of the tab said, and every exception.
    pub fn complaints(&mut self) -> Vec<Value> {
        // What is on its way comes before the answer.
        self.value("0");
        let said = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"];
        let is_said = |event: &&Value| event["method"].as_str().is_some_and(|method| said.contains(&method));
        self.events.iter().filter(is_said).cloned().collect()
    }

    /// The addresses of all requests of the tab.
    pub fn requests(&mut self) -> Vec<String> {
        self.value("0");
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
