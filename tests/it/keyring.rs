//! The real keyring.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use snow_connect::sandbox::Sandbox;
use unicode_normalization::UnicodeNormalization;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::keyring::Session;
use crate::world::tls::{Authority, Leaf};
use crate::world::{self, Outcome, block_on, process};

#[test]
fn a_connection_survives_a_restart_with_its_password_in_the_keyring_alone() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    let line = format!("connect {} --name acme --username beth.anglin --password-stdin", sandbox.origin());
    session.run(&line, "sandbox-beth").expect(0).says(&["acme: connected as beth.anglin (basic)"]);

    session.stop_keyring();
    session.start_keyring();
    session.run("test acme", "").expect(0).says(&["beth.anglin"]);

    let found = session.secret_tool(&["search", "--all", "service", "snow"], "");
    assert_eq!(found.stdout.matches("sandbox-beth").count(), 1, "{}", found.stdout);
    assert!(found.stdout.contains(&format!(r#""instance":"{}""#, sandbox.origin())), "{}", found.stdout);

    session.run("remove acme --yes", "").expect(0);
    let found = session.secret_tool(&["search", "--all", "service", "snow"], "");
    assert_eq!(found.stdout, "");
}

#[test]
fn an_https_instance_with_a_private_authority_survives_a_restart() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let authority = Authority::new();
    let front = authority.front(Leaf::Good, &sandbox.origin());
    let mut session = Session::new();
    let ca = session.home().join("ca.pem");
    authority.save(&ca);
    let line =
        format!("connect {} --name tls --username admin --password-stdin --ca-cert {}", front.origin(), ca.display());
    session.run(&line, "sandbox-admin\n").expect(0);

    session.stop_keyring();
    session.start_keyring();
    let outcome = session.run("test tls --json", "").expect(0);
    let report = &outcome.json()["connections"][0];
    assert_eq!(world::check(report, "network.tls")["status"], "pass");

    // Another authority under the same name is another destination.
    Authority::new().save(&ca);
    let outcome = session.run("test tls --json", "").expect(9);
    assert_eq!(outcome.error_code(), "origin-mismatch");
}

// ---- none, or none that opens ----

// E1
#[test]
fn without_a_keyring_nothing_is_asked_and_nothing_is_written() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("no-bus");
    std::fs::write(&file, "").unwrap();
    let empty = Session::without_keyring();
    let addresses = [
        None,
        Some(String::new()),
        Some("garbage".to_owned()),
        Some("unix:path=/nonexistent/bus".to_owned()),
        Some(format!("unix:path={}", file.display())),
        Some("tcp:host=127.0.0.1,port=9".to_owned()),
        Some(empty.address().to_owned()),
    ];
    for address in addresses {
        for json in ["", "--json"] {
            let mut command = process::snow(home.path());
            command.env("XDG_RUNTIME_DIR", home.path());
            if let Some(address) = &address {
                command.env("DBUS_SESSION_BUS_ADDRESS", address);
            }
            let origin = sandbox.origin();
            command.args(["connect", &origin, "--username", "beth.anglin", "--password-stdin"]);
            command.args((!json.is_empty()).then_some(json));
            let started = Instant::now();
            let outcome = process::finish(command, b"sandbox-beth").expect(9);
            assert!(started.elapsed() < Duration::from_secs(2), "{address:?}");
            outcome.says(&["SNOW_PASSWORD_FILE", "gnome-keyring-daemon --unlock"]);
            if !json.is_empty() {
                assert_eq!(outcome.error_code(), "keyring-unavailable", "{address:?}");
            }
            let files: Vec<_> = files_below(home.path()).into_iter().filter(|found| *found != file).collect();
            assert_eq!(files, Vec::<PathBuf>::new(), "{address:?}");
            assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains("sandbox-beth"));
        }
    }
}

// E3
#[test]
fn a_bus_that_takes_the_connection_and_says_nothing_costs_one_deadline() {
    let mut session = Session::without_keyring();
    let socket = session.home().join("silent");
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    session.set("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={}", socket.display()));
    session.set("SNOW_KEYRING_TIMEOUT", "500ms");
    let started = Instant::now();
    let outcome = session.run("connect dev1 --username beth --password-stdin --json", "sandbox-beth").expect(9);
    assert_eq!(outcome.error_code(), "keyring-timeout");
    assert_eq!(outcome.json()["error"]["evidence"]["waited_seconds"], 0.5);
    assert!(started.elapsed() < Duration::from_millis(1500));
}

#[test]
fn a_keyring_without_a_collection_has_causes_of_its_own() {
    let mut session = Session::without_keyring();
    session.start_locked_keyring();
    let outcome = session.run("connect dev1 --username beth --password-stdin --json", "sandbox-beth").expect(9);
    assert_eq!(outcome.error_code(), "keyring-unavailable");
    outcome.says(&["no default collection", "gnome-keyring-daemon --unlock"]);
    let error = &outcome.json()["error"];
    let causes: Vec<_> = error["causes"].as_array().unwrap().iter().map(|cause| cause["code"].clone()).collect();
    assert_eq!(causes, ["no-collection"], "{error}");
    assert!(!outcome.stdout.contains("can be reached"), "the service is there: {error}");
    assert!(!outcome.stdout.contains("dbus-run-session"), "the bus is there: {error}");
}

#[test]
fn a_bus_of_another_user_is_named() {
    let mut session = Session::without_keyring();
    // What the system has is another user's; only root has to give something away.
    let theirs = if rustix::process::geteuid().is_root() {
        let path = session.home().join("their-bus");
        std::fs::write(&path, "").unwrap();
        std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
        path
    } else {
        "/etc/passwd".into()
    };
    session.set("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={}", theirs.display()));
    let outcome = session.run("connect dev1 --username beth --password-stdin --json", "sandbox-beth").expect(9);
    assert_eq!(outcome.error_code(), "keyring-unavailable");
    assert_eq!(outcome.json()["error"]["causes"][0]["code"], "other-user", "{}", outcome.stdout);
    outcome.says(&["DBUS_SESSION_BUS_ADDRESS"]);
}

#[cfg(target_os = "linux")]
#[test]
fn of_a_list_of_buses_the_first_that_answers_is_used() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    let address = session.address().to_owned();
    for list in [
        format!("unix:path=/nowhere;{address}"),
        format!("{address};unix:path=/nowhere"),
        format!("nonsense;unix:abstract=snow-nowhere;;{address};autolaunch:"),
    ] {
        session.set("DBUS_SESSION_BUS_ADDRESS", &list);
        let line = format!("connect {} --name acme --username beth.anglin --password-stdin --json", sandbox.origin());
        session.run(&line, "sandbox-beth").expect(0);
        session.run("test acme --json", "").expect(0);
    }
    // Without one that answers, the keyring is unavailable.
    session.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere;unix:path=/neither");
    assert_eq!(session.run("test acme --json", "").expect(9).json()["connections"][0]["code"], "keyring-unavailable");
}

// E2
#[test]
fn a_locked_keyring_that_nobody_can_unlock_is_said_to_be_locked_at_once() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    connect(&mut session, &sandbox, "acme");
    session.start_locked_keyring();
    let config = session.config();
    let new = format!("connect {} --name new --username admin --password-stdin --json", sandbox.origin());
    let lines = [
        "test acme --json",
        &new,
        "login acme --password-stdin --json",
        "remove acme --json --yes",
        "logout acme --json --yes",
    ];
    for line in lines {
        let started = Instant::now();
        let outcome = session.run(line, "sandbox-admin").expect(9);
        let document = outcome.json();
        let code = document.pointer("/connections/0/error/code").or(document.pointer("/connections/0/code"));
        let code = code.or(document.pointer("/error/code")).unwrap();
        assert_eq!(code, "keyring-locked", "{line}");
        assert!(started.elapsed() < Duration::from_secs(2), "{line}");
        assert_eq!(session.config(), config, "{line}");
    }
    session.stop_keyring();
    session.start_keyring();
    session.run("test acme", "").expect(0);
}

#[test]
fn what_the_variables_say_about_the_store_is_checked_before_anything_is_done() {
    for (name, value) in [
        ("SNOW_STORE", "plaintext"),
        ("SNOW_STORE", "Keyring"),
        ("SNOW_KEYRING_TIMEOUT", "0"),
        ("SNOW_KEYRING_TIMEOUT", "soon"),
    ] {
        let mut session = Session::without_keyring();
        session.set(name, value);
        let outcome = session.run("connect dev1 --username beth --password-stdin --json", "sandbox-beth").expect(2);
        assert_eq!(outcome.error_code(), "usage", "{name}={value}");
        outcome.says(&[name]);
    }
}

// ---- a daemon that dies ----

// E5
#[test]
fn a_daemon_killed_between_sign_in_and_save_is_met_by_one_new_connection_or_a_clear_error() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    connect_meanwhile(&mut session, &sandbox, |session| {
        session.stop_keyring();
        session.start_keyring();
    })
    .expect(0);
    assert_eq!(items(&session), 1);
    session.run("remove acme --yes", "").expect(0);

    let outcome = connect_meanwhile(&mut session, &sandbox, Session::stop_keyring).expect(9);
    assert_eq!(outcome.error_code(), "keyring-unavailable");
    assert!(!session.config().contains("acme"), "{}", session.config());
    session.start_keyring();
    assert_eq!(items(&session), 0);
    connect(&mut session, &sandbox, "acme");
}

// E5
#[test]
fn a_daemon_killed_at_any_moment_is_met_by_one_new_connection() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::with_activation();
    connect(&mut session, &sandbox, "acme");
    let config = session.config();
    let started = Instant::now();
    session.run("connect acme --password-stdin", "sandbox-beth").expect(0);
    let whole = started.elapsed();
    for step in 0..8 {
        let command = session.command(&["connect", "acme", "--password-stdin"]);
        let running = std::thread::spawn(move || process::finish(command, b"sandbox-beth"));
        std::thread::sleep(whole * step / 8);
        session.kill_activated();
        running.join().unwrap().expect(0);
        assert_eq!(session.config(), config);
        session.run("test acme", "").expect(0);
    }
    session.kill_activated();
}

// E5
#[test]
fn a_bus_that_dies_before_the_save_is_a_clear_error_and_takes_the_entry_back() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    let outcome = connect_meanwhile(&mut session, &sandbox, Session::stop_bus).expect(9);
    assert_eq!(outcome.error_code(), "keyring-unavailable");
    assert!(!session.config().contains("acme"), "{}", session.config());
}

// ---- items that are not as they should be ----

// E6
#[test]
fn an_item_deleted_by_somebody_else_is_no_credential_and_login_repairs_it() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    connect(&mut session, &sandbox, "acme");
    let config = session.config();
    session.secret_tool(&["clear", "service", "snow", "username", &account(&session)], "").expect(0);
    let outcome = session.run("test acme --json", "").expect(4);
    assert_eq!(outcome.error_code(), "no-credential");
    outcome.says(&["snow login acme"]);
    assert_eq!(session.config(), config);
    session.run("login acme --password-stdin", "sandbox-beth").expect(0);
    session.run("test acme", "").expect(0);
    assert_eq!(session.config(), config);
}

// E7
#[test]
fn a_record_that_is_not_ours_is_refused_unread_and_replaced_only_on_request() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    session.guard("CANARY-garbage");
    connect(&mut session, &sandbox, "acme");
    let account = account(&session);
    let origin = sandbox.origin();
    let records = [
        "CANARY-garbage".to_owned(),
        "\"CANARY-garbage\"".to_owned(),
        "{\"v\":99,\"password\":\"CANARY-garbage\"}".to_owned(),
        "{\"v\":\"CANARY-garbage\"}".to_owned(),
        "{\"v\":1}".to_owned(),
        "{\"v\":1,\"password\":\"CANARY-garbage\"}".to_owned(),
        format!("{{\"v\":1,\"origins\":{{\"instance\":\"{origin}\"}},\"password\":[\"CANARY-garbage\"]}}"),
        format!("{{\"v\":1,\"origins\":{{\"instance\":\"{origin}\"}},\"password\":\"CANARY-garbage\\n\"}}"),
        format!("{{\"v\":1,\"origins\":{{\"instance\":\"{origin}\"}},\"password\":\"\"}}"),
        "{\"v\":1,\"origins\":{\"instance\":\"CANARY-garbage\"},\"password\":\"x\"}".to_owned(),
        "{\"v\":1,\"origins\":{\"instance\":\"https://x.example/CANARY-garbage\"},\"password\":\"x\"}".to_owned(),
        format!("CANARY-garbage{}", "[".repeat(4000)),
        "[".repeat(4000),
        "CANARY-garbage\n\u{1b}[31m".to_owned(),
    ];
    for (number, record) in records.iter().enumerate() {
        store(&session, &account, &[], record);
        for line in ["test acme --json", "connect acme --json"] {
            let outcome = session.run(line, "").expect(9);
            assert_eq!(outcome.error_code(), "secret-unreadable", "{number}");
            outcome.says(&["snow login acme"]);
            assert_eq!(lookup(&session, &account), *record, "{number}");
        }
        let repair = ["login acme --password-stdin", "connect acme --password-stdin"][number % 2];
        session.run(repair, "sandbox-beth").expect(0);
        session.run("test acme", "").expect(0);
    }
}

// E8
#[test]
fn two_items_for_one_secret_are_reported_and_none_is_used_or_touched() {
    let sandbox = Sandbox::start(None, None).unwrap();
    for (attribute, collection) in [(Some("application"), None), (None, Some("--collection=session"))] {
        let mut session = Session::new();
        session.guard("CANARY-foreign");
        connect(&mut session, &sandbox, "acme");
        let account = account(&session);
        let ours = lookup(&session, &account);
        let more = attribute.map(|name| [name, "other"]);
        let foreign: Vec<&str> = collection.into_iter().chain(more.into_iter().flatten()).collect();
        store(&session, &account, &foreign, "CANARY-foreign");
        let config = session.config();
        let lines = [
            "test acme",
            "test acme",
            "connect acme",
            "login acme --password-stdin",
            "remove acme --yes",
            "logout acme --yes",
        ];
        for line in lines {
            let outcome = session.run(&format!("{line} --json"), "sandbox-beth").expect(9);
            assert!(outcome.stdout.contains("keyring-ambiguous"), "{line}: {}", outcome.stdout);
            outcome.says(&[&account]);
            assert_eq!(session.config(), config, "{line}");
        }
        let found = session.secret_tool(&["search", "--all", "service", "snow"], "").stdout;
        assert!(found.contains(&ours) && found.contains("CANARY-foreign"), "{found}");

        // What the error says to do.
        session.secret_tool(&["clear", "service", "snow", "username", &account], "").expect(0);
        session.run("login acme --password-stdin", "sandbox-beth").expect(0);
        session.run("test acme", "").expect(0);
    }
}

// E12
#[test]
fn a_password_of_any_kind_comes_back_as_it_was() {
    let mut session = Session::new();
    let passwords = [
        world::PASSWORD.to_owned(),
        "CANARY 🔑🧑‍💻 émoji e\u{301}".to_owned(),
        "CANARY:colon/slash\\back'quote\"double".to_owned(),
        "CANARY{\"v\":1}$(x)`y`%00&#x3c;".to_owned(),
        "  CANARY with spaces around  ".to_owned(),
        "CANARY\u{80}\u{9f}\u{200b}\u{202e}\u{feff}\u{10ffff}".to_owned(),
        format!("CANARY{}", "a".repeat(64 * 1024 - 6)),
        format!("CANARY{}", "\"".repeat(64 * 1024 - 6)),
        format!("CANARY{}", "ü".repeat(32 * 1024 - 3)),
    ];
    for (number, password) in passwords.iter().enumerate() {
        session.guard(password);
        let user = ["beth", "ünïcode/ 🔑", "a=b;c", "org\\x"][number % 4];
        let server = accept_anybody();
        let origin = server.uri();
        let words = ["connect", &origin, "--name", "acme", "--username", user, "--password-stdin", "--force", "--yes"];
        let outcome = process::finish(session.command(&words), password.as_bytes());
        assert_eq!(outcome.code, 0, "{number}: {}", outcome.stderr);
        let record: serde_json::Value = serde_json::from_str(&lookup(&session, &account(&session))).unwrap();
        assert!(record["password"] == password.as_str(), "{number}");
        block_on(server.reset());
        accept_all(&server);
        session.run("test acme", "").expect(0);
        // RFC 7617 normalizes what is sent.
        let sent: String = format!("{user}:{password}").nfc().collect();
        assert!(credentials(&server).contains(&sent), "{number}");
        assert_eq!(items(&session), 1);
    }
}

// E12
#[test]
fn the_attributes_of_an_item_are_the_id_and_the_field_and_nothing_else() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    let mut words: Vec<String> = ["connect", "--name", "acme", "--password-stdin", "--no-test"].map(Into::into).into();
    words.extend([sandbox.origin(), "--username".to_owned(), "o'x/password\"; service=other".to_owned()]);
    words.extend(["--description".to_owned(), "username = x".to_owned()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    process::finish(session.command(&words), b"sandbox-beth").expect(0);
    let found = session.secret_tool(&["search", "--all", "service", "snow"], "");
    let found = format!("{}{}", found.stdout, found.stderr);
    let attributes: Vec<&str> = found.lines().filter(|line| line.starts_with("attribute.")).collect();
    let username = format!("attribute.username = {}", account(&session));
    assert!(attributes.contains(&"attribute.service = snow") && attributes.contains(&username.as_str()), "{found}");
    assert!(attributes.iter().all(|line| !line.contains("other") && !line.contains("o'x")), "{found}");
    session.run("remove acme --yes", "").expect(0);
}

// ---- a connections file that cannot be written ----

// E15
#[test]
fn a_config_that_cannot_be_written_leaves_no_secret_and_no_change() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    let origin = sandbox.origin();
    let words = ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--password-stdin", "--json"];
    let outcome = process::finish(without_disk(&session.command(&words)), b"sandbox-beth").expect(3);
    assert_eq!(outcome.error_code(), "config-unwritable");
    assert_eq!((items(&session), session.config()), (0, String::new()));

    // The same command, run again where it can write.
    connect(&mut session, &sandbox, "acme");
    let (config, record) = (session.config(), lookup(&session, &account(&session)));
    let words = ["connect", "acme", "--username", "admin", "--password-stdin", "--force", "--yes", "--json"];
    let outcome = process::finish(without_disk(&session.command(&words)), b"sandbox-admin").expect(3);
    assert_eq!(outcome.error_code(), "config-unwritable");
    assert_eq!(session.config(), config);
    assert_eq!(lookup(&session, &account(&session)), record);
    session.run("test acme", "").expect(0).says(&["beth.anglin"]);
}

fn connect(session: &mut Session, sandbox: &Sandbox, name: &str) {
    let line = format!("connect {} --name {name} --username beth.anglin --password-stdin", sandbox.origin());
    session.run(&line, "sandbox-beth").expect(0);
}

/// Connects, and does something between the proof of the store and the answer
/// of the instance.
fn connect_meanwhile(session: &mut Session, sandbox: &Sandbox, meanwhile: impl FnOnce(&mut Session)) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let words = ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--password-stdin", "--json"];
    let command = session.command(&words);
    let running = std::thread::spawn(move || process::finish(command, b"sandbox-beth"));
    let target = sandbox.origin().trim_start_matches("http://").to_owned();
    let mut meanwhile = Some(meanwhile);
    while !running.is_finished() {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        if let Some(meanwhile) = meanwhile.take() {
            meanwhile(session);
        }
        stream.set_nonblocking(false).unwrap();
        relay(stream, TcpStream::connect(&target).unwrap());
    }
    assert!(meanwhile.is_none(), "the instance was not asked");
    running.join().unwrap()
}

fn relay(one: TcpStream, other: TcpStream) {
    let pairs = [(one.try_clone().unwrap(), other.try_clone().unwrap()), (other, one)];
    for (mut from, mut to) in pairs {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
}

/// An instance that every credential signs in to.
fn accept_anybody() -> MockServer {
    let server = block_on(MockServer::start());
    accept_all(&server);
    server
}

fn accept_all(server: &MockServer) {
    let answer = ResponseTemplate::new(200).set_body_json(serde_json::json!({"result": [{"sys_id": "1"}]}));
    block_on(Mock::given(method("GET")).respond_with(answer).mount(server));
}

/// The credentials it was asked with, `user:password`.
fn credentials(server: &MockServer) -> Vec<String> {
    let requests = block_on(server.received_requests()).unwrap();
    let headers = requests.iter().filter_map(|request| request.headers.get("authorization"));
    headers
        .map(|header| STANDARD.decode(header.to_str().unwrap().trim_start_matches("Basic ")).unwrap())
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect()
}

/// The same command where no file can grow.
fn without_disk(command: &Command) -> Command {
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
    limited.arg(command.get_program()).args(command.get_args()).env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.current_dir(command.get_current_dir().expect("a home"));
    limited
}

/// The account of the one connection's password.
fn account(session: &Session) -> String {
    let config = session.config();
    let id = config.lines().find_map(|line| line.strip_prefix("id = ")).expect("an id");
    format!("{}/password", id.trim_matches('"'))
}

fn store(session: &Session, account: &str, more: &[&str], secret: &str) {
    let mut words = vec!["store", "--label", "of another program"];
    let (options, attributes): (Vec<&str>, Vec<&str>) = more.iter().partition(|word| word.starts_with("--"));
    words.extend(options);
    words.extend(["service", "snow", "username", account]);
    words.extend(attributes);
    session.secret_tool(&words, secret).expect(0);
}

fn lookup(session: &Session, account: &str) -> String {
    session.secret_tool(&["lookup", "service", "snow", "username", account], "").stdout
}

/// How many items of ours are in the keyring.
fn items(session: &Session) -> usize {
    session.secret_tool(&["search", "--all", "service", "snow"], "").stdout.matches("secret = ").count()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()))
        } else {
            files.push(entry.path())
        }
    }
    files
}
