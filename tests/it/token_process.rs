//! A command for an access token as a process: what it gets, and how it ends.

use std::time::{Duration, Instant};

use snow_connect::sandbox::{IDENTITY_TOKEN_PATH, Sandbox};

use crate::token::{Scripts, is_running, sandbox};
use crate::world::keyring::Session;
use crate::world::pty::{Signal, Terminal};

/// A home with the connection `acme`, whose token this script prints.
fn home(sandbox: &Sandbox, script: &str) -> Session {
    let mut session = Session::new();
    let line = format!("connect {} --name acme --no-test --access-token-command -- {script}", sandbox.origin());
    assert_eq!(session.run(&line, "").code, 0);
    session
}

#[test]
fn a_command_gets_no_secret_of_ours_and_nothing_to_read() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let (environment, read) = (scripts.path("environment"), scripts.path("read"));
    let url = format!("{}{IDENTITY_TOKEN_PATH}?user=beth.anglin", sandbox.origin());
    let body = format!("env > {}\ncat > {}\nexec curl -sS '{url}'", environment.display(), read.display());
    let mut session = home(&sandbox, &scripts.script("curious", &body));
    for name in ["SNOW_PASSWORD", "SNOW_CLIENT_SECRET_FILE", "SNOW_API_KEY", "SNOW_STORE_PASSPHRASE"] {
        session.set(name, "CANARY-of-a-variable");
    }
    session.set("IDP_TENANT", "ours");
    assert_eq!(session.run("test acme", "CANARY-on-stdin").code, 0);
    let environment = std::fs::read_to_string(environment).unwrap();
    assert!(!environment.contains("CANARY") && environment.contains("IDP_TENANT=ours"), "{environment}");
    assert_eq!(std::fs::read_to_string(read).unwrap(), "");
}

#[test]
fn a_cancelled_command_ends_with_the_program_that_waits_for_it() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let pid = scripts.path("pid");
    let session = home(&sandbox, &scripts.script("waits", &format!("echo $$ > {}\nsleep 600\n", pid.display())));
    for by_key in [true, false] {
        let _ = std::fs::remove_file(&pid);
        let mut terminal = Terminal::start(session.home(), &session.command(&["test", "acme"]));
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut running = None;
        while running.is_none() {
            assert!(Instant::now() < deadline, "the command was not started");
            std::thread::sleep(Duration::from_millis(10));
            running = std::fs::read_to_string(&pid).ok().and_then(|text| text.trim().parse::<i32>().ok());
        }
        if by_key {
            terminal.send("\u{3}")
        } else {
            terminal.signal(Signal::SIGINT)
        }
        let (code, screen) = terminal.end();
        assert_eq!(code, 130, "{screen}");
        assert!(screen.contains("Cancelled. Nothing was changed."), "{screen}");
        assert!(!is_running(running.unwrap()), "the command runs on");
    }
}
