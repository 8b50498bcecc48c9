//! The program on a real terminal, at pipes, and at ends of pipes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::keyring::Session;
use crate::world::process::{Guard, finish, program, snow};
use crate::world::pty::{Signal, Terminal};

const QUESTION: &str = "? Password of beth.anglin (not shown) ";

/// The embedded instance as a process.
struct Instance {
    _process: Guard,
    origin: String,
}

impl Instance {
    fn start(session: &Session) -> Self {
        let mut process = Guard(session.command(&["sandbox", "--json"]).stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let document: Value = serde_json::from_str(&line).unwrap();
        Self { origin: document["instance"].as_str().unwrap().to_owned(), _process: process }
    }
}

/// `connect` at the hidden question, with a shell script around it.
fn at_the_question(session: &Session, script: &str, more: &[&str]) -> (Instance, Terminal) {
    let instance = Instance::start(session);
    let mut words = vec!["connect", &instance.origin, "--name", "acme", "--username", "beth.anglin"];
    words.extend(more);
    let mut terminal = Terminal::script(session.home(), script, &session.command(&words));
    terminal.wait_for(QUESTION);
    assert!(!terminal.shows_keys());
    (instance, terminal)
}

#[test]
fn a_person_is_asked_for_user_and_password_and_sees_only_the_user() {
    let session = Session::new();
    let instance = Instance::start(&session);
    let mut terminal = Terminal::start(session.home(), &session.command(&["connect", &instance.origin]));
    terminal.wait_for("awake");
    terminal.wait_for("What do you have to sign in with?");
    terminal.send("password\r");
    terminal.wait_for("User name");
    terminal.send("beth.anglin\r");
    terminal.wait_for(QUESTION);
    assert!(!terminal.shows_keys());
    terminal.send("sandbox-wrong\r");
    terminal.wait_for("Wrong password?");
    terminal.wait_for("again (2 left).");
    terminal.wait_for("User name");
    terminal.send("\r");
    terminal.wait_for(QUESTION);
    terminal.send("sandbox-wrong-too\r");
    terminal.wait_for("Wrong password?");
    terminal.wait_for("again (1 left).");
    terminal.wait_for("User name");
    terminal.send("\r");
    terminal.wait_for(QUESTION);
    // Ctrl-U takes back what was typed.
    terminal.send("nonsense\u{15}sandbox-beth\r");
    terminal.wait_for("as beth.anglin");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("sandbox-wrong") && !screen.contains("nonsense"), "{screen}");
    let found = session.secret_tool(&["search", "--all", "service", "snow"], "");
    assert_eq!(found.stdout.matches("sandbox-beth").count(), 1);
}

#[test]
fn a_person_corrects_the_client_id_after_a_refusal() {
    let session = Session::new();
    let instance = Instance::start(&session);
    let words = ["connect", &instance.origin, "--name", "ci", "--auth", "client-credentials"];
    let mut terminal = Terminal::start(session.home(), &session.command(&words));
    for (client_id, after) in [("sandbox-ic", "left)."), ("sandbox-ci", "Connected to ci")] {
        terminal.wait_for("Client id");
        terminal.send(&format!("{client_id}\r"));
        terminal.wait_for(&format!("{client_id} (not shown) "));
        terminal.send("sandbox-ci-secret\r");
        terminal.wait_for(after);
    }
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(session.config().contains("client_id = \"sandbox-ci\""), "{}", session.config());
}

// H3
#[test]
fn every_signal_at_the_hidden_question_gives_the_terminal_back() {
    let session = Session::new();
    for (name, keys, signal, code) in [
        ("Ctrl-C", "half-typed\u{3}", None, 130),
        ("Ctrl-\\", "half-typed\u{1c}", None, 131),
        ("Ctrl-D", "\u{4}", None, 130),
        ("SIGINT", "half-typed", Some(Signal::SIGINT), 130),
        ("SIGTERM", "half-typed", Some(Signal::SIGTERM), 143),
        ("SIGHUP", "half-typed", Some(Signal::SIGHUP), 129),
    ] {
        let (_instance, mut terminal) = at_the_question(&session, r#"exec "$@""#, &[]);
        terminal.send(keys);
        if let Some(signal) = signal {
            terminal.signal(signal);
        }
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{name}: {screen}");
        // What follows the question begins on a line of its own.
        let after = screen.rsplit_once(QUESTION).unwrap().1;
        assert!(
            after.starts_with("\r\n") && after.ends_with("Cancelled. Nothing was changed.\r\n"),
            "{name}: {after:?}"
        );
        assert!(!screen.contains("half-typed"), "{name}: {screen}");
    }
}

// H3
#[test]
fn a_signal_at_the_hidden_question_leaves_one_document() {
    let session = Session::new();
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let (_instance, mut terminal) = at_the_question(&session, r#"exec "$@" > out"#, &["--json"]);
        terminal.signal(signal);
        assert_eq!(terminal.end().0, code);
        let out = std::fs::read_to_string(session.home().join("out")).unwrap();
        let document: Value = serde_json::from_str(&out).expect(&out);
        assert_eq!(document["schema"], "snow.error/1");
        assert_eq!(document["error"]["code"], "interrupted");
        assert_eq!(document["error"]["exit_code"], code);
    }
}

// H3
#[test]
fn a_pause_at_the_hidden_question_shows_the_shell_what_is_typed_and_hides_again_afterwards() {
    let session = Session::new();
    for by_key in [true, false] {
        // With job control, and a shell that leaves the modes alone.
        let script = "set -m\nsh -c 'echo $$ > pid; exec \"$@\"' sh \"$@\"\necho paused\nread -r back\necho \"back: $back\"\nfg >/dev/null\necho \"ended: $?\"";
        let (_instance, mut terminal) = at_the_question(&session, script, &["--force", "--yes"]);
        if by_key {
            terminal.send("half-typed\u{1a}")
        } else {
            let pid = std::fs::read_to_string(session.home().join("pid")).unwrap();
            let mut kill = Command::new("sh");
            kill.args(["-c", &format!("kill -TSTP {pid}")]);
            finish(kill, b"").expect(0);
        }
        terminal.wait_for("paused");
        terminal.expect_modes_as_before();
        terminal.send("nothing-of-it\r");
        // Nothing that was typed in hiding reaches the shell.
        terminal.wait_for("back: nothing-of-it");
        terminal.wait_for(QUESTION);
        assert!(!terminal.shows_keys());
        terminal.send("sandbox-beth\r");
        terminal.wait_for("ended: 0");
        let (code, screen) = terminal.end();
        assert_eq!(code, 0, "{screen}");
        assert!(screen.contains("as beth.anglin") && !screen.contains("half-typed"), "{screen}");
    }
}

// H3: no shell could continue it, as under `ssh -t HOST snow connect`.
#[test]
fn a_pause_without_a_shell_around_does_not_happen() {
    let session = Session::new();
    let (_instance, mut terminal) = at_the_question(&session, r#"exec "$@""#, &[]);
    terminal.send("\u{1a}");
    terminal.wait_for(QUESTION);
    assert!(!terminal.shows_keys());
    terminal.send("sandbox-beth\r");
    terminal.wait_for("as beth.anglin");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn what_cannot_be_a_password_is_asked_for_again() {
    let session = Session::new();
    let (_instance, mut terminal) = at_the_question(&session, r#"exec "$@""#, &[]);
    terminal.send("\r");
    terminal.wait_for("Nothing was typed");
    terminal.wait_for(QUESTION);
    // A terminal would pass on the first 4095 bytes of it.
    terminal.send(&format!("{}\r", "x".repeat(5000)));
    terminal.wait_for("longer than this terminal");
    terminal.wait_for(QUESTION);
    terminal.send("sandbox-beth\r");
    terminal.wait_for("as beth.anglin");
    assert_eq!(terminal.end().0, 0);
}

// H7
#[test]
fn a_person_who_forbids_questions_is_not_asked() {
    let session = Session::new();
    let instance = Instance::start(&session);
    let origin = instance.origin.as_str();
    for (variable, flag) in [(None, "--no-input"), (Some("CI"), "-v"), (Some("SNOW_NO_INPUT"), "-v")] {
        for words in [vec!["connect"], vec!["connect", origin], vec!["connect", origin, "--username", "beth.anglin"]] {
            let mut command = session.command(&words);
            command.arg(flag);
            if let Some(variable) = variable {
                command.env(variable, "1");
            }
            let (code, screen) = Terminal::start(session.home(), &command).end();
            assert_eq!(code, 3, "{words:?} {variable:?}: {screen}");
            assert!(screen.contains("--username") || screen.contains("--password-stdin"), "{screen}");
            assert!(!screen.contains('?'), "{screen}");
        }
    }
}

#[test]
fn a_terminal_as_password_stdin_is_refused_since_it_would_show_what_is_typed() {
    let session = Session::new();
    let words = ["connect", "http://127.0.0.1:9", "--username", "beth.anglin", "--password-stdin"];
    let (code, screen) = Terminal::start(session.home(), &session.command(&words)).end();
    assert_eq!(code, 2, "{screen}");
    assert!(screen.contains("Leave --password-stdin out"), "{screen}");
}

// H5
#[test]
fn without_a_terminal_what_is_missing_is_named_and_nothing_hangs() {
    let session = Session::new();
    let instance = Instance::start(&session);
    for stdin in ["</dev/null", "<&-", "<empty-pipe"] {
        for (words, code, named) in [
            ("connect".to_owned(), 3, "snow connect INSTANCE --username USER --password-stdin"),
            (format!("connect {}", instance.origin), 3, "--username USER"),
            (format!("connect {} --username beth.anglin", instance.origin), 3, "--password-stdin"),
            (format!("connect {} --username beth.anglin --password-stdin", instance.origin), 3, "it is empty"),
        ] {
            let mut shell = session.command(&[]);
            let script = match stdin {
                "<empty-pipe" => format!(": | \"$0\" {words}"),
                redirection => format!("exec \"$0\" {words} {redirection}"),
            };
            shell = in_shell(&shell, &script);
            finish(shell, b"").expect(code).says(&[named]);
        }
    }
}

// H6
#[test]
fn a_secret_on_standard_input_is_taken_as_it_is_or_refused_with_the_reason() {
    let mut session = Session::new();
    let instance = Instance::start(&session);
    let line = format!("connect {} --name acme --username beth.anglin --password-stdin --force --yes", instance.origin);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    for good in [&b"sandbox-beth"[..], b"sandbox-beth\n", b"sandbox-beth\r\n", b"\xef\xbb\xbfsandbox-beth\n"] {
        session.run(&line, &text(good)).expect(0);
    }
    // Spaces are part of it, so these are other passwords.
    for other in ["sandbox-beth ", " sandbox-beth\n", "\u{feff}\u{feff}sandbox-beth"] {
        let outcome = session.run(&format!("{line} --json"), other).expect(4);
        assert_eq!(outcome.error_code(), "basic-refused", "{other:?}");
    }
    for (bad, reason) in [
        (&b""[..], "it is empty"),
        (b"\n", "it is empty"),
        (b"sandbox-beth\nsandbox-beth\n", "more than one line"),
        (b"sandbox-beth\n\n", "more than one line"),
        (b"sandbox\0beth", "control character"),
        (b"sandbox-beth\xff", "not valid UTF-8"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let outcome = finish(session.command(&words), bad).expect(3);
        outcome.says(&["standard input does not contain a valid secret", reason]);
        assert!(!outcome.stderr.contains("beth\n"), "{}", outcome.stderr);
    }
    let file = line.replace("--password-stdin", "--password-file /dev/zero");
    session.run(&file, "").expect(3).says(&["larger than 64 KiB"]);
    let words: Vec<&str> = line.split(' ').collect();
    let mut endless = session.command(&words);
    endless.stdin(File::open("/dev/zero").unwrap());
    let output = endless.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("larger than 64 KiB"));
}

// H8
#[test]
fn a_reader_that_had_enough_ends_a_command_quietly() {
    let home = tempfile::tempdir().unwrap();
    for line in ["list", "list --json", "--help", "version", "test --help", "sandbox --list", "nonsense --json"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = snow(home.path());
        let output = command.args(line.split(' ')).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let expected = if line.starts_with("nonsense") { 2 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{line}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("defect") && !said.contains("Broken pipe"), "{line}: {said}");
    }
}

// H8
#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    for line in ["list --json", "--help", "--version", "version --json", "sandbox --list", "connect --help"] {
        let mut command = snow(home.path());
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.args(line.split(' ')).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("standard output cannot be written"), "{line}: {said}");
        assert!(said.contains("snow explain output-unwritable"), "{line}: {said}");
    }
    // A failure keeps its own code, and is said where it can be read.
    let mut command = snow(home.path());
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command.args(["test", "--json"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(!output.stderr.is_empty());
}

// H8, H13
#[test]
fn a_standard_error_that_is_gone_or_full_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    for redirection in ["2>&-", "2>/dev/full", "<&- 2>&-"] {
        for (words, code) in [("list --json", 0), ("test --json", 3), ("nonsense", 2), ("connect", 3)] {
            let shell = in_shell(&snow(home.path()), &format!("exec \"$0\" {words} {redirection}"));
            let outcome = finish(shell, b"").expect(code);
            assert_eq!(words.contains("--json"), !outcome.stdout.is_empty(), "{words}");
        }
    }
    let shell = in_shell(&snow(home.path()), "exec \"$0\" list <&- >&- 2>&-");
    finish(shell, b"").expect(0);
}

/// A shell script in the surroundings of `command`, with the program as `$0`.
fn in_shell(command: &Command, script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(program());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    shell
}
