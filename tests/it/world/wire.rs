//! Servers that play raw bytes and record what they were sent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_rustls::rustls::version::TLS13;

use super::tls::{Authority, Front, Leaf};
use super::{Outcome, PASSWORD, World};

/// A server on loopback that answers each connection once; it serves until the
/// test ends.
pub struct Wire {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    /// Answers every request with these bytes, and closes.
    pub fn answers(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::plays(move |stream, _| {
            let _ = stream.write_all(&bytes);
        })
    }

    /// Answers with what `play` makes of the request's head.
    pub fn replies(play: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::plays(move |stream, head| {
            let _ = stream.write_all(play(head).as_bytes());
        })
    }

    /// Gives each connection to `play`, with the head of its request.
    pub fn plays(play: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (play, recorded) = (Arc::new(play), heads.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (play, recorded) = (play.clone(), recorded.clone());
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                    let head = read_head(&mut stream);
                    recorded.lock().unwrap().push(head.clone());
                    play(&mut stream, &head);
                    let _ = stream.shutdown(Shutdown::Write);
                    // Whoever is still sending shall not see a reset.
                    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                    let mut rest = [0; 1024];
                    while matches!(stream.read(&mut rest), Ok(read) if read > 0) {}
                });
            }
        });
        Self { address, heads }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of all requests so far, or what came in their place.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// How many connections sent something or ended.
    pub fn requests(&self) -> usize {
        self.heads().len()
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
        // A ClientHello where a request should be.
        if head[0] == 0x16 && head.len() > 5 {
            break;
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// An answer with a body of its length.
pub fn http(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// The value of a header in the head of a request.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Runs `line` for the connection that variables describe, as user `beth`.
pub fn run_against(origin: &str, line: &str) -> Outcome {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", origin).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    world.run(line)
}

/// Runs `line` with an access token that variables give.
pub fn run_with_token(origin: &str, line: &str) -> Outcome {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", origin).set("SNOW_ACCESS_TOKEN", PASSWORD);
    world.run(line)
}

/// Runs `line` with an API key that a variable gives.
pub fn run_with_key(origin: &str, line: &str) -> Outcome {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", origin).set("SNOW_API_KEY", PASSWORD);
    world.run(line)
}

/// Whether a server asks for a client certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    Yes,
    No,
}

/// Runs `line` with a client certificate that variables give. `origin` is behind TLS.
pub fn run_with_certificate(origin: &str, line: &str, asks: Asks) -> Outcome {
    let (authority, mut world) = (Authority::new(), World::new());
    let config = match asks {
        Asks::Yes => authority.strict_server_config(&TLS13),
        Asks::No => authority.server_config(Leaf::Good),
    };
    let front = Front::new(config, origin);
    let ca = world.home().join("ca.pem");
    authority.save(&ca);
    let (certificate, key) = authority.save_leaf(Leaf::WrongPurpose, world.home());
    #[cfg(unix)]
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    world.set("SNOW_INSTANCE", &front.origin()).set("SNOW_CLIENT_CERT_FILE", certificate.to_str().unwrap());
    world.set("SNOW_CLIENT_KEY_FILE", key.to_str().unwrap());
    world.run(&format!("{line} --ca-cert {}", ca.display()))
}

/// Runs `line` for a client that variables give, and that signs in for itself.
pub fn run_as_client(origin: &str, line: &str) -> Outcome {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", origin).set("SNOW_CLIENT_ID", "a-client").set("SNOW_CLIENT_SECRET", PASSWORD);
    world.run(line)
}

/// The first failed or warning check of the first connection.
#[track_caller]
pub fn first_error(outcome: &Outcome) -> serde_json::Value {
    let document = outcome.json();
    let checks = document["connections"][0]["checks"].as_array().expect("checks");
    let failed = checks.iter().find(|check| check["status"] == "fail");
    let found = failed.or_else(|| checks.iter().find(|check| check["status"] == "warn"));
    found.unwrap_or_else(|| panic!("nothing failed in {document}"))["error"].clone()
}
