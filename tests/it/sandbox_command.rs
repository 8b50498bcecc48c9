//! `snow sandbox` itself: what it says when it serves, and what its flags do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::{Value, json};
use snow_connect::sandbox::salesforce;
use snow_connect::sandbox::scenario::SignIn;

use crate::world::World;
use crate::world::ask::Ask;
use crate::world::browser::post;
use crate::world::commands::assert_parses;
use crate::world::process::{Guard, Serving, snow};

#[test]
fn the_first_screen_suggests_a_command_for_each_way_to_sign_in() {
    for (service, ways) in [("servicenow", SignIn::ALL.len()), ("salesforce", salesforce::fault::SignIn::ALL.len())] {
        let home = tempfile::tempdir().unwrap();
        let mut command = snow(home.path());
        command.args(["sandbox", "--service", service]).stdout(Stdio::piped());
        let mut process = Guard(command.spawn().unwrap());
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines().map(Result::unwrap);
        let text: Vec<String> = lines.by_ref().take_while(|line| !line.contains("until Ctrl-C")).collect();
        let text = text.join("\n").replace(" \\\n", " ");
        let suggested = text.lines().filter_map(|line| Some(format!("snow {}", line.split_once("snow ")?.1)));
        let suggested: Vec<Vec<String>> =
            suggested.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
        assert_eq!(suggested.len(), ways, "{text}");
        for words in suggested {
            assert_parses(&words);
            assert_eq!(words.contains(&"salesforce-service-cloud".to_owned()), service == "salesforce", "{words:?}");
        }
    }
}

#[test]
fn the_command_shows_its_clients() {
    let serving = Serving::start(&[]);
    let loopback = json!(["http://127.0.0.1:8914/callback", "http://127.0.0.1:*/*", "http://[::1]:*/*"]);
    let people = json!(["authorization_code", "refresh_token"]);
    let expected = json!([
        { "client_id": "sandbox-public", "client_secret": null, "redirect_uris": loopback, "grants": people },
        {
            "client_id": "sandbox-confidential",
            "client_secret": "sandbox-confidential-secret",
            "redirect_uris": loopback,
            "grants": people,
        },
        {
            "client_id": "sandbox-ci",
            "client_secret": "sandbox-ci-secret",
            "redirect_uris": [],
            "grants": ["client_credentials"],
        },
        {
            "client_id": "sandbox-jwt",
            "client_secret": "sandbox-jwt-secret",
            "redirect_uris": [],
            "grants": ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
        },
        {
            "client_id": "543e5655f77746a28228c6009a599dfb",
            "client_secret": null,
            "redirect_uris": ["/sdk-oauth.do"],
            "grants": people,
        },
    ]);
    assert_eq!(serving.document["clients"], expected);
}

#[test]
fn the_command_suggests_each_way_to_sign_in_with_an_address_that_serves() {
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command.args(["sandbox", "--scenario", "slow-token"]).stdout(Stdio::piped());
    let mut process = Guard(command.spawn().unwrap());
    let lines = BufReader::new(process.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut suggested = lines.filter_map(|line| Some(line.split_once("snow connect ")?.1.to_owned()));
    let with_password = suggested.next().unwrap();
    let (origin, identity) = with_password.split_once(' ').unwrap();
    assert_eq!(identity, "--username beth.anglin");
    assert_eq!(suggested.next(), Some(format!("{origin} --client-id sandbox-public")));
    Ask::new("GET", &format!("{origin}/api/now/table/incident")).user("beth.anglin").send().expect(200);
}

#[test]
fn the_life_of_tokens_and_whether_they_rotate_can_be_chosen() {
    let issued = |words: &[&str]| {
        let serving = Serving::start(words);
        let client =
            [("grant_type", "client_credentials"), ("client_id", "sandbox-ci"), ("client_secret", "sandbox-ci-secret")];
        let token = || post(&format!("{}/oauth_token.do", serving.origin()), &client).json();
        let (first, second) = (token(), token());
        (first["expires_in"].clone(), first["access_token"] == second["access_token"])
    };
    assert_eq!(issued(&["--access-ttl", "90s", "--rotate"]), (json!(89), false));
    assert_eq!(issued(&[]), (json!(1799), true));
}

#[test]
fn the_number_of_rows_and_the_seed_decide_what_is_there() {
    let rows = |words: &[&str]| -> Vec<String> {
        let serving = Serving::start(words);
        let origin = serving.origin();
        let incidents = Ask::new("GET", &format!("{origin}/api/now/table/incident")).user("admin").send();
        incidents.expect(200).rows().iter().map(|row: &Value| row.to_string().replace(origin, "")).collect()
    };
    let (one, again, other) =
        (rows(&["--rows", "30"]), rows(&["--rows", "30"]), rows(&["--rows", "30", "--seed", "5"]));
    assert_eq!((one.len(), other.len()), (30, 30));
    assert_eq!(one, again);
    assert_ne!(one, other);
    assert_eq!(rows(&["--rows", "0"]), Vec::<String>::new());
}

#[test]
fn a_start_with_other_than_a_sensible_number_of_rows_is_refused() {
    let mut world = World::new();
    for bad in ["-1", "many", "200001"] {
        world.run(&format!("sandbox --rows={bad}")).expect(2).says(&["--rows"]);
    }
}

#[test]
fn a_page_whose_name_was_made_to_lead_here_gets_no_answer() {
    let serving = Serving::start(&["--host", "Front.example", "--host", "other.example"]);
    let status = |host: &str| {
        let mut stream = TcpStream::connect(serving.origin().trim_start_matches("http://")).unwrap();
        write!(stream, "GET /login.do HTTP/1.0\r\n{host}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    for host in [
        "127.0.0.1:1",
        "127.9.9.9",
        "[::1]:8910",
        "LOCALHOST",
        "dev.localhost:80",
        "front.example:443",
        "other.example",
    ] {
        assert_eq!(status(&format!("Host: {host}\r\n")), "200", "{host}");
    }
    for host in ["evil.example", "evil.example:8910", "127.0.0.1.evil.example", "10.0.0.1", "xlocalhost", ""] {
        assert_eq!(status(&format!("Host: {host}\r\n")), "421", "{host}");
    }
    assert_eq!(status(""), "421");
}

/// What a sandbox with these flags writes to standard error while `act` uses it.
fn log_of(words: &[&str], act: impl FnOnce(&str)) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command.args(["sandbox", "--json"]).args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Guard(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let document: Value = serde_json::from_str(&line).unwrap();
    act(document["instance"].as_str().unwrap());
    let mut stderr = process.0.stderr.take().unwrap();
    drop(process);
    let mut log = String::new();
    stderr.read_to_string(&mut log).unwrap();
    log
}

#[test]
fn each_request_is_logged_with_v_and_no_secret_is() {
    let use_it = |origin: &str| {
        let table = format!("{origin}/api/now/table/incident?sysparm_limit=1");
        // The same request is told as often as it comes, though it takes as long each time.
        for _ in 0..20 {
            Ask::new("GET", &table).user("admin").send().expect(200);
        }
        Ask::new("GET", &table).basic("admin", "CANARY-password").send().expect(401);
        Ask::new("GET", &format!("{origin}/sdk-oauth.do?code=CANARY-code&state=CANARY-state")).send().expect(200);
        post(&format!("{origin}/oauth_revoke_token.do"), &[("token", "CANARY-token")]);
    };
    let log = log_of(&["-v"], use_it);
    let lines: Vec<&str> = log.lines().map(|line| line.rsplitn(3, ' ').last().unwrap()).collect();
    let (same, lines) = lines.split_at(20);
    assert!(same.iter().all(|line| *line == "GET /api/now/table/incident?sysparm_limit=1 200"), "{log}");
    let expected = ["GET /api/now/table/incident?sysparm_limit=1 401", "GET /sdk-oauth.do?code=...&state=... 200"];
    assert_eq!(lines[..2], expected, "{log}");
    assert!(lines[2].starts_with("POST /oauth_revoke_token.do "), "{log}");
    assert!(log.lines().all(|line| line.ends_with(" ms")) && !log.contains("CANARY"), "{log}");
    assert_eq!(log_of(&[], use_it), "");
}

#[test]
fn a_connection_that_is_closed_without_an_answer_is_logged_too() {
    let log = log_of(&["-v", "--scenario", "connection-lost"], |origin| {
        let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let _ = stream.read_to_string(&mut String::new());
    });
    assert!(log.starts_with("GET / closed "), "{log}");
}

#[test]
fn its_address_opens_a_page_that_says_whether_a_password_is_right() {
    let serving = Serving::start(&["--scenario", "basic-refused"]);
    let origin = serving.origin();
    let page = Ask::new("GET", &format!("{origin}/")).send();
    assert_eq!(page.status, 200);
    for part in ["<label>User name<input name=\"user_name\"", "<label>Password<input", "<button class=\"main\">Sign in"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(page.header("Content-Security-Policy").unwrap().contains("form-action 'self'"));
    let log_in = |password| {
        post(&format!("{origin}/login.do"), &[("user_name", "beth.anglin"), ("user_password", password)]).body
    };
    let wrong = log_in("sandbox-joe");
    assert!(wrong.contains("User name or password invalid") && wrong.contains("Sign in</button>"), "{wrong}");
    let right = log_in("sandbox-beth");
    assert!(right.contains("Signed in as Beth Anglin") && right.contains("snow connect http://127.0.0.1:"), "{right}");
    assert!(!right.contains("sandbox-beth"), "{right}");
}
