//! A sign-in that waits for its browser, and what others do meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::ask::Reply;
use super::browser::{get, parameter, sign_in};
use super::canary::Canaries;
use super::process::Guard;
use super::{Outcome, World};

/// Long enough for every test, and an end where one goes wrong.
pub const TIMEOUT: &str = "--login-timeout 60s";

/// What the address of a sign-in tells.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub url: String,
}

impl Waiting {
    pub fn redirect_uri(&self) -> String {
        parameter(&self.url, "redirect_uri")
    }

    pub fn state(&self) -> String {
        parameter(&self.url, "state")
    }

    pub fn port(&self) -> u16 {
        url::Url::parse(&self.redirect_uri()).unwrap().port().expect("tests name a port")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port())).expect("the listener is there");
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// beth.anglin signs in and allows. The answer is where her browser goes then.
    pub fn granted(&self) -> String {
        sign_in(&self.url, "beth.anglin", "allow")
    }

    /// The whole way of a person and her browser.
    pub fn person_returns(&self) -> Reply {
        get(&self.granted())
    }

    /// The redirect URI with this query, where `STATE` stands for the right one.
    pub fn with_query(&self, query: &str) -> String {
        format!("{}?{}", self.redirect_uri(), query.replace("STATE", &self.state()))
    }

    /// Sends raw bytes, where `STATE` and `HOST` stand for the right ones; gives
    /// the whole answer, empty where there is none.
    pub fn say(&self, bytes: &str) -> String {
        let host = format!("127.0.0.1:{}", self.port());
        let bytes = bytes.replace("STATE", &self.state()).replace("HOST", &host);
        let mut stream = self.connect();
        let _ = stream.write_all(bytes.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).expect("UTF-8")
    }
}

/// Runs a command that opens a browser; `play` is what happens then.
#[track_caller]
pub fn meanwhile<T: Send + 'static>(
    world: &mut World,
    line: &str,
    play: impl FnOnce(&Waiting) -> T + Send + 'static,
) -> (Outcome, T) {
    let play = Mutex::new(Some(play));
    let playing = Arc::new(Mutex::new(None));
    let started = playing.clone();
    world.browser(move |url| {
        let waiting = Waiting { url: url.to_owned() };
        let play = play.lock().unwrap().take().expect("one browser is opened");
        *started.lock().unwrap() = Some(std::thread::spawn(move || play(&waiting)));
    });
    let outcome = world.run(&format!("{line} {TIMEOUT}"));
    let playing = playing.lock().unwrap().take();
    match playing.unwrap_or_else(|| panic!("no browser was opened: {outcome:?}")).join() {
        Ok(result) => (outcome, result),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// `snow` as a process that waits for a browser.
pub struct Running {
    process: Guard,
    said: Arc<Mutex<String>>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Guard(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let said: Arc<Mutex<String>> = Arc::default();
        let (stderr, heard) = (process.0.stderr.take().expect("piped"), said.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Self { process, said }
    }

    pub fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// What standard error has heard so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[track_caller]
    pub fn wait_for(&self, text: &str, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        while !self.said().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} does not come: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the address of the sign-in and for the listener behind it.
    #[track_caller]
    pub fn waiting(&self) -> Waiting {
        self.wait_for("Waiting for the sign-in", Duration::from_secs(20));
        let said = self.said();
        let url = said.lines().find(|line| line.contains("/oauth_auth.do?")).expect("the address is printed");
        Waiting { url: url.trim().to_owned() }
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Outcome {
        let mut stdout = String::new();
        self.process.0.stdout.take().expect("piped").read_to_string(&mut stdout).unwrap();
        let status = self.process.0.wait().expect("it ends");
        // The thread has read on to the end soon.
        let deadline = Instant::now() + Duration::from_secs(2);
        while Arc::strong_count(&self.said) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let stderr = self.said();
        let canaries = Canaries::usual();
        canaries.check(stdout.as_bytes(), "standard output");
        canaries.check(stderr.as_bytes(), "standard error");
        Outcome { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}

/// A wire before a server, which keeps what goes over it in both directions.
pub struct Recorder {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    pub fn before(origin: &str) -> Self {
        let server: SocketAddr = origin.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
        let recorded = heard.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let recorded = recorded.clone();
                    std::thread::spawn(move || {
                        let mut bytes = [0; 4096];
                        while let Ok(read @ 1..) = from.read(&mut bytes) {
                            recorded.lock().unwrap().extend_from_slice(&bytes[..read]);
                            if to.write_all(&bytes[..read]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(std::net::Shutdown::Write);
                    });
                }
            }
        });
        Self { address, heard }
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every value of a form field, a query parameter or a JSON string of this
    /// name that went over the wire.
    pub fn values(&self, name: &str) -> Vec<String> {
        let heard = String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned();
        let mut values = Vec::new();
        for start in [format!("?{name}="), format!("&{name}="), format!("\"{name}\":\"")] {
            for (at, _) in heard.match_indices(&start) {
                let value = &heard[at + start.len()..];
                let end = value.find(['&', '"', ' ', '\r', '\n']).unwrap_or(value.len());
                values.push(value[..end].to_owned());
            }
        }
        values
    }
}
