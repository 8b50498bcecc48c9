//! Ctrl-C, and the same signal from elsewhere: one ending, whatever the command waits for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::world::keyring::Session;
use crate::world::process::snow;
use crate::world::pty::{Signal, Terminal};
use crate::world::wire::Wire;

const ENDING: &str = "Cancelled. Nothing was changed.\r\n";

/// How a person cancels, and how another program does.
const BY_KEY_AND_BY_SIGNAL: [bool; 2] = [true, false];

/// An instance that takes every request and never answers.
fn silent() -> Wire {
    Wire::plays(|_, _| std::thread::sleep(Duration::from_secs(30)))
}

/// A home with the connections `acme` and `other` to this instance.
fn home_with(server: &Wire) -> Session {
    let mut session = Session::new();
    for name in ["acme", "other"] {
        let line =
            format!("connect {} --name {name} --username beth.anglin --no-test --password-stdin", server.origin());
        assert_eq!(session.run(&line, "sandbox-beth").code, 0);
    }
    session
}

/// Runs a command until it waits, cancels it, and gives the exit code and the screen.
fn cancelled(session: &Session, line: &str, by_key: bool, wait: impl Fn(&mut Terminal)) -> (i32, String) {
    let words: Vec<&str> = line.split(' ').collect();
    let mut terminal = Terminal::start(session.home(), &session.command(&words));
    wait(&mut terminal);
    if by_key {
        terminal.send("\u{3}")
    } else {
        terminal.signal(Signal::SIGINT)
    }
    terminal.end()
}

/// Waits for something that happens elsewhere.
fn wait_until(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether `snow` runs with these words, and watches for signals in a second thread. What
/// files it has open is hidden from other users and from this one.
fn is_watching(line: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let read = |process: &Path, name: &str| std::fs::read_to_string(process.join(name)).unwrap_or_default();
    let runs = |process: &PathBuf| {
        let words = read(process, "cmdline");
        let words: Vec<&str> = words.trim_end_matches('\0').split('\0').skip(1).collect();
        read(process, "comm") == "snow\n" && words == line.split(' ').collect::<Vec<_>>()
    };
    let threads = |process: PathBuf| {
        let status = read(&process, "status");
        status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok()).unwrap_or(0)
    };
    processes.filter(runs).map(threads).any(|threads| threads >= 2)
}

#[test]
fn every_request_is_cancelled_with_one_ending() {
    let server = silent();
    let session = home_with(&server);
    for (line, ending) in [
        ("test acme", ENDING),
        ("test --all", ENDING),
        ("api GET table/incident", ENDING),
        ("tables", ENDING),
        ("table incident", ENDING),
        ("query incident", "Cancelled. Not all rows were read.\r\n"),
        (
            "query incident --all --checkpoint state -o csv=rows",
            "Cancelled. Run the same command again to go on from here.\r\n",
        ),
        ("connect acme", ENDING),
    ] {
        for by_key in BY_KEY_AND_BY_SIGNAL {
            let before = server.requests();
            let (code, screen) = cancelled(&session, line, by_key, |_| wait_until(|| server.requests() > before));
            assert_eq!(code, 130, "{line}: {screen}");
            assert!(screen.ends_with(ending), "{line}: {screen:?}");
            assert_eq!(screen.matches("Cancelled").count(), 1, "{line}: {screen:?}");
        }
    }
}

#[test]
fn every_question_is_cancelled_with_one_ending() {
    let session = home_with(&silent());
    for (line, question) in [
        ("connect", "Instance"),
        ("use", "Which connection?"),
        ("guide", "How should snow sign in?"),
        ("remove acme", "(y/N)"),
        ("logout acme", "(y/N)"),
    ] {
        for by_key in BY_KEY_AND_BY_SIGNAL {
            let (code, screen) = cancelled(&session, line, by_key, |terminal| terminal.wait_for(question));
            assert_eq!(code, 130, "{line}: {screen}");
            assert!(screen.ends_with(ENDING), "{line}: {screen:?}");
            assert_eq!(screen.matches("Cancelled").count(), 1, "{line}: {screen:?}");
        }
    }
}

#[test]
fn a_wait_for_another_snow_is_cancelled_with_the_same_ending() {
    let session = home_with(&silent());
    let path = session.home().join(".local/state/snow/locks/config.lock");
    let lock = File::open(&path).unwrap();
    lock.lock().unwrap();
    for line in ["edit acme --set description=x", "use other", "rename acme third"] {
        for by_key in BY_KEY_AND_BY_SIGNAL {
            let (code, screen) = cancelled(&session, line, by_key, |_| {
                wait_until(|| is_watching(line));
                std::thread::sleep(Duration::from_millis(300));
            });
            assert_eq!(code, 130, "{line}: {screen}");
            assert!(screen.ends_with(ENDING), "{line}: {screen:?}");
        }
    }
    assert!(session.config().contains("default = \"acme\""), "{}", session.config());
}

#[test]
fn an_output_that_is_not_read_is_cancelled_with_the_same_ending() {
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    // More than a pipe takes.
    let mut child = command.args(["help", "schemas"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let stdout = child.stdout.take().unwrap();
    wait_until(|| rustix::io::ioctl_fionread(&stdout).unwrap() >= 64 * 1024);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "Cancelled. Nothing was changed.\n");
}

// A server is meant to be stopped: that is no failure.
#[test]
fn the_sandbox_ends_well_when_it_is_stopped() {
    let session = Session::without_keyring();
    for (signal, by_key) in [(Signal::SIGINT, true), (Signal::SIGINT, false), (Signal::SIGTERM, false)] {
        // It shows passwords, which no other output may.
        let said = session.home().join("said");
        let mut terminal = Terminal::script(session.home(), "exec \"$@\" >said", &session.command(&["sandbox"]));
        wait_until(|| std::fs::read_to_string(&said).is_ok_and(|text| text.contains("It serves until Ctrl-C")));
        std::fs::remove_file(said).unwrap();
        if by_key {
            terminal.send("\u{3}")
        } else {
            terminal.signal(signal)
        }
        let (code, screen) = terminal.end();
        assert_eq!(code, 0, "{screen}");
        assert!(screen.ends_with("Stopped.\r\n"), "{screen:?}");
    }
}
