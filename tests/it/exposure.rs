//! Where a secret could come to light.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::canary::Canaries;
use crate::world::keyring::Session;
use crate::world::process::{Guard, finish, program, snow, tool};
use crate::world::tls::{Authority, Leaf};
use crate::world::{Outcome, PASSWORD, World, block_on, reach};

/// `snow` with a connection in its environment.
fn with_environment(origin: &str, user: &str, password: &str, words: &[&str]) -> Outcome {
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command.env("SNOW_INSTANCE", origin).env("SNOW_USERNAME", user).env("SNOW_PASSWORD", password);
    command.args(words);
    finish(command, b"")
}

fn serving(answer: ResponseTemplate) -> MockServer {
    block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        server
    })
}

// A1, A12
#[test]
fn a_secret_at_the_wrong_place_is_refused_and_not_repeated() {
    let home = tempfile::tempdir().unwrap();
    for (words, code) in [
        (vec!["connect", "dev1", "--password", "CANARY"], 2),
        (vec!["connect", "dev1", "--password=CANARY"], 2),
        (vec!["--password=CANARY", "connect"], 2),
        (vec!["login", "dev1", "--password", "CANARY"], 2),
        (vec!["connect", "dev1", "-pCANARY"], 2),
        (vec!["connect", "dev1", "-u", "user:CANARY"], 2),
        (vec!["connect", "dev1", "--pass=CANARY"], 2),
        (vec!["connect", "dev1", "--Passw0rd-CANARY"], 2),
        (vec!["connect", "dev1", "--username", "user:CANARY"], 2),
        (vec!["connect", "dev1", "--password-stdin=CANARY"], 2),
        (vec!["connect", "dev1", "CANARY"], 2),
        (vec!["CANARY"], 2),
        (vec!["connect", "https://u:CANARY@host.example"], 3),
        (vec!["connect", "https://u:CAN/CANARY@host.example"], 3),
        (vec!["connect", "https://u:CANARY#x@host.example"], 3),
        (vec!["connect", "u:CANARY@host.example"], 3),
        (vec!["connect", "dev1:CANARY"], 3),
        (vec!["connect", "https://dev1.example:CANARY/"], 3),
        (vec!["guide", "oauth", "dev1:CANARY"], 3),
        (vec!["connect", "dev1", "--token-url", "https://login.example:CANARY/"], 2),
        (vec!["connect", "dev1", "--proxy", "http://u:CANARY@proxy.example"], 2),
        (vec!["connect", "dev1", "--proxy", "http://u:CANARY"], 3),
        (vec!["connect", "dev1", "--name", "CANARY!"], 2),
        (vec!["connect", "dev1", "--table", "CANARY!"], 2),
        (vec!["connect", "dev1", "--label", "CANARY"], 2),
        (vec!["connect", "dev1", "--timeout", "CANARY"], 2),
        (vec!["connect", "dev1", "--auth", "CANARY"], 2),
    ] {
        for more in [&[][..], &["--json"]] {
            let mut command = snow(home.path());
            command.args(more).args(&words);
            let outcome = finish(command, b"").expect(code);
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!said.to_lowercase().contains("canary"), "{words:?}: {said}");
            if !more.is_empty() {
                assert_eq!(outcome.json()["schema"], "snow.error/1", "{words:?}");
                assert_eq!(outcome.json()["error"]["exit_code"], code);
            }
        }
    }
    // As the name of a file that is not there.
    let mut world = World::new();
    world.set("SNOW_INSTANCE", "http://127.0.0.1:9").set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD_FILE", PASSWORD);
    world.run("test").expect(3).says(&["could not read the file from SNOW_PASSWORD_FILE"]);
}

#[test]
fn a_secret_at_the_wrong_place_of_a_file_or_variable_is_not_repeated() {
    const CANARY: &str = "CANARY pass: \\\"word\\\", expected é";
    let mut world = World::new();
    let connection = "[connections.a]\nauth = \"basic\"\nusername = \"u\"\n";
    for (top, key) in [
        ("version", ""),
        ("default", ""),
        ("", "id"),
        ("", "revision"),
        ("", "tables"),
        ("", "headers"),
        ("", "labels"),
        ("", "auth"),
        ("", "store"),
        ("", "api_version"),
    ] {
        let line = |key: &str| if key.is_empty() { String::new() } else { format!("{key} = \"{CANARY}\"\n") };
        let (top, own) = (line(top), line(key));
        let connection = if key == "auth" { "[connections.a]\nusername = \"u\"\n" } else { connection };
        for config in [
            format!("{top}{connection}instance = \"http://127.0.0.1:9\"\n{own}"),
            format!("{connection}instance = \"dev1:CANARY\"\n"),
        ] {
            world.write_config(&config);
            let outcome = world.run("list").expect(3);
            assert!(!outcome.stderr.contains("CANARY"), "{config}: {}", outcome.stderr);
        }
    }
    let mut world = World::new();
    world.set("SNOW_INSTANCE", "dev1:CANARY").set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    let outcome = world.run("test").expect(3);
    assert!(!outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
}

#[test]
fn each_kind_of_wrong_argument_says_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    for (line, message) in [
        ("connect x --no-such", "unknown flag --no-such"),
        ("connect x y", "too many arguments"),
        ("conect", "unknown command \"conect\""),
        ("list --quiet=yes", "--quiet takes no value"),
        ("connect x --name", "--name needs a value"),
        ("connect x --name a_b!", "--name: this is not a valid connection name"),
        ("sandbox --port ten", "--port: not a whole number"),
        ("sandbox --port 70000", "--port: 70000 is not in"),
        ("list -o yaml", "--output: it is one of text, json"),
        ("remove", "missing: NAME"),
        ("test a --all", "NAME and --all exclude each other"),
        ("connect x --password-stdin --password-file y", "--password-stdin and --password-file exclude each other"),
    ] {
        for more in [&[][..], &["--output", "json"]] {
            let mut command = snow(home.path());
            command.args(line.split(' ')).args(more);
            let outcome = finish(command, b"").expect(2);
            if line.contains("json") || !more.is_empty() {
                let document = outcome.json();
                assert_eq!(document["error"]["code"], "usage", "{line}");
                let text = document["error"]["message"].as_str().unwrap();
                assert!(text.starts_with(message), "{line}: {text}");
                assert_eq!(outcome.stderr, "", "{line}");
            } else {
                assert_eq!(outcome.stdout, "", "{line}");
                outcome.says(&[&format!("error: {message}")]);
            }
        }
    }
    let mut command = snow(home.path());
    command.args(["conect"]);
    finish(command, b"").expect(2).says(&["Did you mean connect?"]);
    let mut command = snow(home.path());
    command.arg("connect").arg(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff"));
    finish(command, b"").expect(2).says(&["not valid UTF-8"]);
}

// A2, A3
#[test]
fn no_other_program_is_started() {
    let session = Session::new();
    let sandbox = Sandbox::start(None, None).unwrap();
    let trace = session.home().join("trace");
    let origin = sandbox.origin();
    let connect = ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--password-stdin"];
    for (words, with_bus) in [(&connect[..], true), (&["test", "acme"], true), (&["test", "acme"], false)] {
        let mut command = tool("strace");
        session.environment(&mut command);
        if !with_bus {
            command.env_remove("DBUS_SESSION_BUS_ADDRESS").env("XDG_RUNTIME_DIR", "/nonexistent");
        }
        command.args(["-f", "-qq", "-e", "trace=execve,execveat,fork,vfork,clone,clone3", "-o"]);
        command.arg(&trace).arg(program()).args(words);
        finish(command, b"sandbox-beth").expect(if with_bus { 0 } else { 9 });
        let calls = std::fs::read_to_string(&trace).unwrap();
        assert_eq!(calls.matches("execve").count(), 1, "{calls}");
        // Threads end without a signal. Their flags cannot be read: the memory
        // is private.
        assert!(!calls.contains("SIGCHLD") && !calls.contains("fork("), "{calls}");
    }
}

// A4
#[test]
fn the_most_talkative_run_says_no_secret() {
    let session = Session::new();
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut canaries = Canaries::usual();
    let mut run = |line: &str, stdin: &str, code: i32| {
        let mut command = session.command(&[]);
        command.args(line.split(' ')).arg("-vvv");
        command.env("RUST_LOG", "trace").env("SNOW_LOG", "trace").env("RUST_BACKTRACE", "full");
        let outcome = finish(command, stdin.as_bytes()).expect(code);
        canaries.heard(&outcome.stdout);
        canaries.heard(&outcome.stderr);
    };
    let origin = sandbox.origin();
    let connect = format!("connect {origin} --name acme --username beth.anglin --password-stdin");
    run(&connect, "sandbox-admin", 4);
    run(&connect, "sandbox-beth", 0);
    run("test acme", "", 0);
    run("test acme --json", "", 0);
    run("show acme", "", 0);
    sandbox.set_scenario(Some(Scenario::BasicRefused));
    run("test acme", "", 4);
    run("login acme --password-stdin", "sandbox-beth", 4);
    sandbox.set_scenario(Some(Scenario::Hibernating));
    run("test acme", "", 7);
    drop(sandbox);
    run("test acme", "", 6);
    run("remove acme --yes", "", 0);
    canaries.search(session.home());
}

// A5: the runtime gets no memory, which is a panic.
#[test]
fn a_panic_shows_its_place_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    for flag in ["", "--json"] {
        let mut strace = tool("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", "inject=epoll_create1:error=ENOMEM"]).arg(program()).arg("list");
        strace.args(flag.split_whitespace()).env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin");
        strace.env("RUST_BACKTRACE", "full").env("SNOW_PASSWORD", PASSWORD);
        let outcome = finish(strace, b"").expect(1);
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{}", outcome.stderr);
        assert!(lines[0].starts_with("error: snow crashed because of a defect in it, at src/cli/process.rs:"));
        match flag {
            "--json" => assert_eq!(outcome.error_code(), "internal"),
            _ => assert_eq!(outcome.stdout, ""),
        }
    }
}

// A6
#[test]
fn neither_a_core_dump_nor_a_debugger_of_the_same_user_gets_the_memory() {
    // To root everything is open, so root tests as somebody else.
    let somebody = rustix::process::getuid().is_root().then_some(65534);
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut executable = program();
    if somebody.is_some() {
        // By another process: a child of a test beside this one could hold a
        // file that is written here open, and then it cannot be run.
        let copy = home.path().join("snow");
        assert!(Command::new("cp").args([&executable, &copy]).status().unwrap().success());
        executable = copy;
    }
    let as_somebody = |mut command: Command| {
        if let Some(user) = somebody {
            command.uid(user).gid(user);
        }
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).current_dir(home.path());
        command
    };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" test"]).arg(&executable);
    let mut shell = as_somebody(shell);
    shell.env("SNOW_INSTANCE", format!("http://{}", silent.local_addr().unwrap()));
    shell.env("SNOW_USERNAME", "beth").env("SNOW_PASSWORD", PASSWORD);
    let mut process = Guard(shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    // It waits for an answer, with the password in its memory.
    silent.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut request = loop {
        match silent.accept() {
            Ok((request, _)) => break request,
            Err(_) => assert!(Instant::now() < deadline && process.0.try_wait().unwrap().is_none(), "it never asked"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    request.set_nonblocking(false).unwrap();
    let mut byte = [0];
    request.read_exact(&mut byte).unwrap();
    let pid = process.0.id().to_string();

    assert_eq!(std::fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid(), 0);
    let mut cat = Command::new("cat");
    cat.arg(format!("/proc/{pid}/environ"));
    let read = finish(as_somebody(cat), b"");
    assert_ne!(read.code, 0);
    assert_eq!(read.stdout, "");

    let mut debugger = tool("gdb");
    debugger.args(["-nx", "-batch", "-p", &pid, "-ex", "info threads"]);
    let debugged = finish(as_somebody(debugger), b"");
    assert!(debugged.stderr.contains("ptrace"), "{debugged:?}");
    assert!(!debugged.stdout.contains("LWP"), "{debugged:?}");

    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    // The hard limit stays: a program that snow exec starts gets it back.
    assert_eq!(core.split_whitespace().nth(4), Some("0"));
    let deadline = Instant::now() + Duration::from_secs(10);
    let status = loop {
        // Rust's own handler takes the first one for a stack overflow, perhaps.
        let _ = Command::new("sh").args(["-c", &format!("kill -SEGV {pid} 2>/dev/null")]).status();
        if let Some(status) = process.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it survives");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.signal(), Some(11));
    assert!(!status.core_dumped());
}

// A10
#[test]
fn documents_have_the_fields_of_the_contract_and_no_others() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let fields = "name id revision etag state created_at updated_at instance spec auth username client_id store default description labels tables headers \
                  api_version ca_cert proxy read_only last_test";
    let listed = world.run("list --json").json()["connections"][0].clone();
    let shown = world.run("show acme --json").json()["connection"].clone();
    let settings = "scope redirect_uri authorization_url token_url revocation_url pkce header_name subject key_id \
                    audience private_key certificate token_lifetime algorithm client_cert client_key \
                    client_identity access_token_command store_address store_mount store_path store_namespace \
                    store_auth store_role store_auth_mount";
    for (connection, fields) in [(listed, fields.to_owned()), (shown, format!("{fields} {settings}"))] {
        let keys: Vec<&str> = connection.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys.join(" "), fields);
    }
}

/// The password as a server may echo it.
fn echoes(password: &str) -> Vec<String> {
    let percent: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let json = serde_json::to_string(password).unwrap();
    let units: String = password.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    let hex: String = password.bytes().map(|byte| format!("{byte:02x}")).collect();
    let form: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
    let path = password.replace(' ', "%20").replace('ü', "%C3%BC");
    let html: String = password.chars().map(|character| format!("&#{};", u32::from(character))).collect();
    let mut echoes = vec![password.to_owned(), percent, json, units, hex.to_uppercase(), hex, form, path, html];
    for before in ["", "u", "us", "usr", "beth:"] {
        for after in ["", "!"] {
            echoes.push(STANDARD.encode(format!("{before}{password}{after}")));
            echoes.push(URL_SAFE.encode(format!("{before}{password}{after}")));
        }
    }
    echoes
}

// A11, A13
#[test]
fn a_password_that_a_server_echoes_is_masked_wherever_it_is() {
    let mut turn = 0;
    for echo in echoes(PASSWORD) {
        let in_header = if echo.is_ascii() { echo.as_str() } else { "-" };
        let refusal = ResponseTemplate::new(401)
            .insert_header("X-Transaction-ID", in_header)
            .insert_header("Server", in_header)
            .insert_header("WWW-Authenticate", format!("Basic realm=\"{in_header}\", {in_header}"))
            .set_body_json(json!({"error": {"message": echo, "detail": format!("you sent {echo}.")}}));
        let page = format!("<html><head><title>{echo}</title></head>{echo}</html>");
        let page = ResponseTemplate::new(200).insert_header("Server", in_header).set_body_raw(page, "text/html");
        let to_path = ResponseTemplate::new(302).insert_header("Location", format!("/x/{in_header}"));
        let to_host = ResponseTemplate::new(302)
            .insert_header("Location", format!("https://u:{in_header}@{}.example/?x={in_header}", "sso"));
        let rows = json!({"result": {"user_name": echo, "user_display_name": echo}});
        let identity = ResponseTemplate::new(200).set_body_json(rows);
        for answer in [refusal, page, to_path, to_host, identity] {
            let server = serving(answer);
            let mut canaries = Canaries::usual();
            // In turn, each echo and each answer meet both forms.
            turn += 1;
            let forms = [&["test"][..], &["test", "--json"]];
            for words in reach(&forms[turn % 2..][..1], &forms) {
                let outcome = with_environment(&server.uri(), "beth", PASSWORD, words);
                let said = format!("{}{}", outcome.stdout, outcome.stderr);
                assert!(!said.contains(&echo), "{echo}: {said}");
                // Line breaks of the text do not hide it.
                let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(!flat.contains(&echo) && !flat.contains("CANARY"), "{echo}: {said}");
                canaries.heard(&said);
            }
            canaries.search(std::path::Path::new("/nonexistent"));
        }
    }
}

// A13: one cut at each limit a text has had.
#[test]
fn a_password_at_the_cut_of_a_long_text_is_masked() {
    for length in [150, 195, 485, 495, 499] {
        let text = format!("{}{PASSWORD}", "x".repeat(length));
        let envelope = ResponseTemplate::new(403).set_body_json(json!({"error": {"message": text, "detail": text}}));
        let page = ResponseTemplate::new(200).set_body_raw(format!("<title>{text}</title>"), "text/html");
        for answer in [envelope, page] {
            let outcome = with_environment(&serving(answer).uri(), "beth", PASSWORD, &["test", "--json"]);
            assert!(outcome.stdout.contains("xxx") && !outcome.stdout.contains("CAN"), "{}", outcome.stdout);
        }
    }
}

// A13
#[test]
fn a_user_name_that_is_also_the_password_stays_readable_as_user_name() {
    let echo = json!({"error": {"message": "no same-for-both here", "detail": null}});
    let server = serving(ResponseTemplate::new(401).set_body_json(echo));
    let outcome = with_environment(&server.uri(), "same-for-both", "same-for-both", &["test", "--json"]).expect(4);
    let error = &outcome.json()["connections"][0]["checks"];
    assert!(error.to_string().contains("rejected the sign-in of same-for-both"), "{error}");
    assert!(error.to_string().contains("no **** here"), "{error}");
}

// A14
#[test]
fn nothing_that_a_server_says_is_a_command_to_a_runner() {
    let words = "::error::x ::set-env name=PATH::y ::add-mask::z ##[error]w ".repeat(4);
    let text = format!("::error::first\n::error::second {words}");
    let envelope = ResponseTemplate::new(403)
        .insert_header("X-Transaction-ID", "::stop-commands::x")
        .set_body_json(json!({"error": {"message": text, "detail": text}}));
    let page = ResponseTemplate::new(200).set_body_raw(format!("<title>{text}</title>"), "text/html");
    let redirect = ResponseTemplate::new(302).insert_header("Location", "/::error::x");
    let identity = ResponseTemplate::new(200).set_body_json(json!({"result": {"user_name": "::error::x"}}));
    for answer in [envelope, page, redirect, identity] {
        let server = serving(answer);
        for words in [&["test"][..], &["test", "--json"]] {
            let home = tempfile::tempdir().unwrap();
            let mut command = snow(home.path());
            command.env("SNOW_INSTANCE", server.uri()).env("SNOW_USERNAME", "beth").env("SNOW_PASSWORD", PASSWORD);
            command.env("GITHUB_ACTIONS", "true").args(words);
            let outcome = finish(command, b"");
            // The runner ignores white space before a command.
            for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
                assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
            }
            assert!(!outcome.stdout.contains(PASSWORD));
        }
    }
}

// A date of RFC 2822 may end in a comment, one of HTTP may not.
#[test]
fn of_a_retry_after_its_date_is_said_and_not_its_text() {
    let password = "a-password-in-ASCII";
    let date = "Fri, 06 Nov 2099 08:50:07 GMT";
    let with_comment = format!("{date} ({password} ::error::x comment {})", "y".repeat(20_000));
    for (value, is_said) in [(date, true), (with_comment.as_str(), false)] {
        let server = serving(ResponseTemplate::new(429).insert_header("Retry-After", value));
        for form in ["text", "json", "jsonl", "junit", "github", "html"] {
            let outcome = with_environment(&server.uri(), "svc.ci", password, &["test", "-o", form]).expect(8);
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert_eq!(said.contains("until Fri, 06 Nov 2099"), is_said, "{form}: {said}");
            for part in [password, "error::x", "comment", "yyyyyy"] {
                assert!(!said.contains(part), "{form}: {said}");
            }
        }
    }
    let server = serving(ResponseTemplate::new(429).insert_header("Retry-After", "12345678"));
    let outcome = with_environment(&server.uri(), "svc.ci", "12345678", &["test", "--json"]).expect(8);
    assert!(!outcome.stdout.contains("12345678"), "{}", outcome.stdout);
}

#[test]
fn a_token_endpoint_that_asks_to_wait_has_its_date_said_and_not_its_text() {
    let date = "Fri, 06 Nov 2099 08:50:07 GMT";
    for (value, is_said) in [(date.to_owned(), true), (format!("{date} (comment ::error::x)"), false)] {
        let endpoint = block_on(async {
            let server = MockServer::start().await;
            let answer = ResponseTemplate::new(429).insert_header("Retry-After", value.as_str());
            Mock::given(method("POST")).respond_with(answer).mount(&server).await;
            server
        });
        let origin = endpoint.uri();
        let mut world = World::new();
        for form in ["", " --json"] {
            let line = format!(
                "connect {origin} --name acme --auth client-credentials --client-id ci --client-secret-stdin{form}"
            );
            let outcome = world.stdin(PASSWORD).run(&line);
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert_ne!(outcome.code, 0, "{said}");
            assert_eq!(said.contains("06 Nov 2099"), is_said, "{said}");
            assert!(!said.contains("comment") && !said.contains("error::x"), "{said}");
        }
    }
}

// B14
#[test]
fn keys_of_a_secure_connection_are_not_logged() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let authority = Authority::new();
    let front = authority.front(Leaf::Good, &sandbox.origin());
    let home = tempfile::tempdir().unwrap();
    let (ca, log) = (home.path().join("ca.pem"), home.path().join("keys"));
    authority.save(&ca);
    let mut command = snow(home.path());
    command
        .env("SNOW_INSTANCE", front.origin())
        .env("SNOW_USERNAME", "beth.anglin")
        .env("SNOW_PASSWORD", "sandbox-beth");
    command.env("SSLKEYLOGFILE", &log).arg("test").arg("--ca-cert").arg(&ca);
    finish(command, b"").expect(0);
    assert!(!log.exists());
}

// H1, H2
#[test]
fn what_a_server_says_neither_moves_the_cursor_nor_fills_the_screen() {
    let hostile =
        "\u{1b}[31m\u{1b}]52;c;QQ==\u{7}\u{9b}2J\r\u{202e}evil\u{2066}\u{200b}\u{feff}\u{1b}]8;;http://evil\u{1b}\\x";
    // All of it is searched for secrets, which takes its time.
    let endless = "x".repeat(900_000);
    for (message, detail) in [(hostile.to_owned(), hostile), (endless, "y")] {
        let body = serde_json::json!({"error": {"message": message, "detail": detail}, "status": "failure"});
        let server = serving(ResponseTemplate::new(403).set_body_json(body).insert_header("X-Is-Logged-In", "true"));
        for more in ["", " --json", " -vvv", " --color never"] {
            let mut world = World::new();
            world.set("SNOW_INSTANCE", &server.uri()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
            let outcome = world.run(&format!("test --table incident{more}")).expect(5);
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            let hidden = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200b}\u{feff}".contains(c);
            assert!(!said.contains(hidden), "{said:?}");
            assert!(said.len() < 6000, "{} bytes", said.len());
        }
    }
}
