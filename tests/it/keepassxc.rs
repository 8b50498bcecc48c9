//! KeePassXC as the keyring. `tests/run --long` installs it and runs this.

use std::time::{Duration, Instant};

use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::keyring::Session;
use crate::world::session::{self, ID};

fn found(session: &Session) -> String {
    let found = session.secret_tool(&["search", "--all", "service", "snow"], "");
    format!("{}{}", found.stdout, found.stderr)
}

#[test]
#[ignore = "needs KeePassXC, which tests/run --long installs"]
fn keepassxc_keeps_the_secret_of_a_connection_from_connect_to_remove() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::with_keepassxc();
    let line = format!("connect {} --name acme --username beth.anglin --password-stdin", sandbox.origin());
    session.run(&line, "sandbox-beth").expect(0).says(&["acme: connected as beth.anglin (basic)"]);
    session.start_keepassxc(Some("database-password"));
    session.run("test acme", "").expect(0).says(&["beth.anglin"]);
    assert!(found(&session).contains("sandbox-beth"));
    session.run("doctor", "").expect(0).says(&["the keyring opens, and reads back what is written"]);
    session.run("store status", "").expect(0);
    session.run("login acme --password-stdin", "sandbox-beth").expect(0);
    session.run("logout acme --yes", "").expect(0);
    assert!(!found(&session).contains("sandbox-beth"));
    session.run("login acme --password-stdin", "sandbox-beth").expect(0);
    session.run("remove acme --yes", "").expect(0);
    assert!(!found(&session).contains("= snow"));
}

#[test]
#[ignore = "needs KeePassXC, which tests/run --long installs"]
fn processes_that_share_a_session_in_keepassxc_refresh_it_once() {
    let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
    let session = Session::with_keepassxc();
    let directory = session.home().join(".config/snow");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.toml"), session::config(&sandbox.origin(), "")).unwrap();
    let record = session::record(&sandbox.origin(), -1, session::signed_in(&sandbox)).to_string();
    let account = format!("{ID}/session");
    session.secret_tool(&["store", "--label", "snow", "service", "snow", "username", &account], &record).expect(0);
    sandbox.expire_access_tokens();
    let mut running = Vec::new();
    for _ in 0..30 {
        let mut command = session.command(&["token", "acme"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        running.push(command.spawn().unwrap());
    }
    let outputs: Vec<_> = running.into_iter().map(|process| process.wait_with_output().unwrap()).collect();
    for output in &outputs {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, outputs[0].stdout);
    }
    assert_eq!(sandbox.token_requests().refresh_token, 1);
}

#[test]
#[ignore = "needs KeePassXC, which tests/run --long installs"]
fn a_database_that_stays_closed_is_said_in_time() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::with_keepassxc();
    let line = format!("connect {} --name acme --username beth.anglin --password-stdin", sandbox.origin());
    session.run(&line, "sandbox-beth").expect(0);
    session.start_keepassxc(None);
    session.set("SNOW_KEYRING_TIMEOUT", "5s");
    let started = Instant::now();
    let outcome = session.run("test acme --json", "").expect(9);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!(outcome.error_code(), "keyring-timeout");
}
