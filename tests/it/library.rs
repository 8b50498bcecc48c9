//! The crate as other programs use it, by what it hands out and nothing else.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use snow_connect::base::variables::Variables;
use snow_connect::sandbox::Sandbox;
use snow_connect::{Class, Client, Code, Connection, Engine, Failure};

use crate::oauth;
use crate::world::process::{finish, program};
use crate::world::wire::{Wire, header, http};
use crate::world::{PASSWORD, World, block_on};

fn sandbox() -> Sandbox {
    Sandbox::start(None, None).unwrap()
}

/// An engine in this world, with these variables.
fn engine_with(world: &World, variables: &[(&str, &str)]) -> Engine {
    let home = Some(world.home().to_owned());
    Engine::testing(Variables::new(variables.iter().copied()), home, Some(world.store.clone())).unwrap()
}

fn engine(world: &World) -> Engine {
    engine_with(world, &[])
}

/// What a program describes, as user `beth` of a server of the test.
fn described(world: &World, origin: &str) -> Connection {
    engine(world).describe(origin, "basic", &[("username", "beth")], PASSWORD).unwrap()
}

fn opened(world: &World, origin: &str) -> Client {
    block_on(described(world, origin).open()).unwrap()
}

/// A failure as it would be logged, with everything in it.
fn all_of(failure: &Failure) -> String {
    format!("{failure} {failure:?}")
}

#[test]
fn a_saved_connection_gets_rows_and_opening_it_sends_nothing() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let before = sandbox.requests();
    block_on(async {
        let connection = engine(&world).connection("acme").unwrap();
        assert_eq!(connection.instance(), sandbox.origin());
        let client = connection.open().await.unwrap();
        assert_eq!(sandbox.requests(), before);
        let response = client.get("table/incident?sysparm_limit=3").await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.headers().contains_key("x-total-count"), "{:?}", response.headers());
        let rows: Value = response.check().await.unwrap().json().await.unwrap();
        assert_eq!(rows["result"].as_array().unwrap().len(), 3);
        let url = format!("{}/api/now/table/incident?sysparm_limit=1", sandbox.origin());
        assert_eq!(client.get(&url).await.unwrap().status(), 200);
        assert_eq!(sandbox.requests(), before + 2);
        let report = connection.with_tables(&["incident"]).unwrap().test().await;
        assert!(report.is_ok(), "{:?}", report.failure());
        assert_eq!((report.name.as_str(), report.identity.unwrap().user_name.as_str()), ("acme", "beth.anglin"));
    });
}

#[test]
fn an_unknown_name_fails_as_the_program_does() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let failure = engine(&world).connection("acmee").unwrap_err();
    let error = world.run("test acmee --json").expect(3).json()["error"].clone();
    assert_eq!(failure.code().as_str(), error["code"]);
    let steps: Vec<String> = failure.steps().iter().map(ToString::to_string).collect();
    assert_eq!(serde_json::to_value(steps).unwrap(), error["next"]);
    assert_eq!(engine(&world).connection("no name").unwrap_err().code(), Code::UnknownConnection);
}

#[test]
fn what_variables_or_a_program_describe_is_tested_and_used() {
    let sandbox = sandbox();
    let (world, origin) = (World::new(), sandbox.origin());
    let variables = [("SNOW_INSTANCE", &*origin), ("SNOW_USERNAME", "svc.ci"), ("SNOW_PASSWORD", "sandbox-svc")];
    let by_variables = engine_with(&world, &variables).described().unwrap();
    let engine = engine(&world);
    let by_key = engine.describe(&origin, "api-key", &[], "now_sandbox_beth").unwrap();
    let by_client = [("client_id", "sandbox-service")];
    let by_client = engine.describe(&origin, "client-credentials", &by_client, "not-its-secret").unwrap();
    block_on(async {
        for connection in [by_variables, by_key] {
            let report = connection.test().await;
            assert!(report.is_ok(), "{:?}", report.failure());
            let client = connection.open().await.unwrap();
            assert_eq!(client.get("/api/now/table/incident").await.unwrap().status(), 200);
        }
        let failure = by_client.open().await.unwrap().get("table/incident").await.unwrap_err();
        assert_eq!(failure.class(), Class::Auth);
        assert!(!all_of(&failure).contains("not-its-secret"));
    });
    assert_eq!(std::fs::read_dir(world.home()).unwrap().count(), 0);
}

#[test]
fn a_description_that_makes_no_sense_is_told_without_its_secret() {
    let world = World::new();
    let engine = engine(&world);
    for (instance, method, settings, secret, said) in [
        ("http://acme.example", "basic", &[("username", "u")][..], PASSWORD, "unencrypted"),
        (
            "acme",
            "oauth",
            &[],
            PASSWORD,
            "works without a person: use basic, client-credentials, api-key, token, jwt-bearer or certificate",
        ),
        ("acme", "basic", &[], PASSWORD, "missing setting username"),
        ("acme", "basic", &[("username", "u"), ("client_id", "x")], PASSWORD, "no setting client_id"),
        ("acme", "basic", &[("username", "a:b")], PASSWORD, "username: "),
        ("acme", "token", &[], "CANARY one\nCANARY two", "more than one line"),
    ] {
        let failure = engine.describe(instance, method, settings, secret).unwrap_err();
        assert!(failure.to_string().contains(said), "{failure}");
        assert!(!all_of(&failure).contains("CANARY"), "{failure:?}");
        assert!(!failure.steps().is_empty(), "{failure:?}");
    }
    let failure = engine_with(&world, &[("SNOW_INSTANCE", "acme")]).described().unwrap_err();
    assert_eq!(failure.code(), Code::EnvironmentIncomplete);
}

#[test]
fn what_leaves_the_instance_or_is_reserved_is_refused_before_anything_is_sent() {
    let server = Wire::replies(|_| http(200, "", "{}"));
    let world = World::new();
    let client = opened(&world, &server.origin());
    block_on(async {
        for path in ["//evil.example/", "https://evil.example/", "/a/%2e%2e/b", "/\\evil.example", "/a\r\nb", ""] {
            let failure = client.get(path).await.unwrap_err();
            assert_eq!(failure.class(), Class::Usage, "{path}");
        }
        for (name, value) in
            [("Authorization", "CANARY"), ("Host", "evil.example"), ("X", "CANARY\r\nY: z"), ("a b", "c")]
        {
            let failure = client.request("GET", "/").header(name, value).send().await.unwrap_err();
            assert_eq!(failure.class(), Class::Usage, "{name}");
            assert!(!all_of(&failure).contains("CANARY"), "{failure:?}");
        }
        for method in ["", "A B", "CONNECT"] {
            assert_eq!(client.request(method, "/").send().await.unwrap_err().class(), Class::Usage, "{method}");
        }
    });
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_request_carries_its_headers_and_its_body() {
    let server = Wire::replies(|_| http(201, "", r#"{"result":{}}"#));
    let world = World::new();
    let client = opened(&world, &server.origin());
    block_on(async {
        let request = client.request("POST", "table/incident").header("X-Trace", "7").body(r#"{"a":1}"#);
        assert_eq!(request.send().await.unwrap().check().await.unwrap().status(), 201);
        let request = client.request("PUT", "/x").header("content-type", "text/plain").header("accept", "*/*");
        request.body("a").send().await.unwrap();
        client.get("/y").await.unwrap();
    });
    let heads = server.heads();
    assert!(heads[0].starts_with("POST /api/now/table/incident HTTP/1.1"), "{}", heads[0]);
    for (head, name, value) in [
        (0, "x-trace", Some("7")),
        (0, "content-type", Some("application/json")),
        (0, "accept", Some("application/json")),
        (0, "content-length", Some("7")),
        (1, "content-type", Some("text/plain")),
        (1, "accept", Some("*/*")),
        (2, "content-type", None),
    ] {
        assert_eq!(header(&heads[head], name), value, "{}", heads[head]);
    }
    assert!(heads.iter().all(|head| head.to_lowercase().contains("authorization: basic ")));
}

#[test]
fn a_saved_connection_sends_the_headers_of_its_gateway() {
    let server = Wire::replies(|_| http(200, "", r#"{"result":[]}"#));
    let mut world = World::new();
    let file = world.home().join("value");
    std::fs::write(&file, "gateway-value").unwrap();
    let flags = format!("--username beth --password-stdin --header-file X-Gateway-Key={} --no-test", file.display());
    world.stdin(PASSWORD).run(&format!("connect {} --name acme {flags}", server.origin())).expect(0);
    let client = block_on(engine(&world).connection("acme").unwrap().open()).unwrap();
    block_on(client.get("table/incident")).unwrap();
    assert_eq!(header(&server.heads()[0], "x-gateway-key"), Some("gateway-value"), "{:?}", server.heads());
}

#[test]
fn a_refused_token_is_renewed_once_and_only_what_reads_is_repeated() {
    let sandbox = sandbox();
    let world = oauth::connected(&sandbox);
    block_on(async {
        let client = engine(&world).connection("acme").unwrap().open().await.unwrap();
        let renewals = || sandbox.token_requests().refresh_token;
        assert_eq!(client.get("table/incident").await.unwrap().status(), 200);
        sandbox.expire_access_tokens();
        let before = (sandbox.requests(), renewals());
        assert_eq!(client.get("table/incident").await.unwrap().status(), 200);
        assert_eq!((sandbox.requests(), renewals()), (before.0 + 3, before.1 + 1));
        sandbox.expire_access_tokens();
        let before = (sandbox.requests(), renewals());
        let write = || client.request("POST", "table/incident").body("{}");
        let refused = write().send().await.unwrap();
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.check().await.unwrap_err().class(), Class::Auth);
        assert_eq!((sandbox.requests(), renewals()), (before.0 + 2, before.1 + 1));
        assert_ne!(write().send().await.unwrap().status(), 401);
        assert_eq!(renewals(), before.1 + 1);
        sandbox.revoke_all();
        let failure = match client.get("table/incident").await {
            Ok(response) => response.check().await.unwrap_err(),
            Err(failure) => failure,
        };
        assert_eq!(failure.class(), Class::Auth);
    });
}

#[test]
fn a_refused_password_is_not_sent_again() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let wrong = engine(&world).describe(&sandbox.origin(), "basic", &[("username", "beth.anglin")], "not-hers");
    block_on(async {
        let client = wrong.unwrap().open().await.unwrap();
        let refused = client.get("table/incident").await.unwrap();
        assert_eq!(refused.status(), 401);
        let before = sandbox.requests();
        let again = client.get("table/incident").await.unwrap_err();
        assert_eq!(again.class(), Class::Auth);
        assert_eq!(sandbox.requests(), before);
        let body = refused.check().await.unwrap_err();
        assert_eq!(body.code(), again.code());
        // Three in a row of a saved one, and nobody sends it any more.
        let refusals = world.home().join(".local/state/snow/refusals.json");
        let counted =
            format!(r#"{{"refusals":[{{"origin":"{}","user_name":"beth.anglin","count":3}}]}}"#, sandbox.origin());
        std::fs::write(refusals, counted).unwrap();
        let connection = engine(&world).connection("acme").unwrap();
        assert_eq!(connection.open().await.unwrap_err().code(), Code::RefusedBefore);
        assert_eq!(connection.test().await.failure().unwrap().code(), Code::RefusedBefore);
        assert_eq!(sandbox.requests(), before);
    });
}

#[test]
fn a_long_answer_is_streamed_and_one_that_stalls_or_breaks_off_is_told() {
    const LENGTH: usize = 70 * 1024 * 1024;
    let server = Wire::plays(|stream, head| {
        let length = if head.starts_with("GET /whole ") { LENGTH } else { LENGTH + 1 };
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let piece = vec![b'x'; 1024 * 1024];
        let pieces = if head.starts_with("GET /stalls ") { 1 } else { LENGTH / piece.len() };
        for _ in 0..pieces {
            if stream.write_all(&piece).is_err() {
                return;
            }
        }
        if head.starts_with("GET /stalls ") {
            std::thread::sleep(Duration::from_secs(5));
        }
    });
    let world = World::new();
    let client = opened(&world, &server.origin());
    block_on(async {
        let read = async |path| {
            let request = client.request("GET", path).timeout(Duration::from_secs(1));
            let mut response = request.send().await.unwrap().check().await.unwrap();
            let mut length = 0;
            loop {
                match response.chunk().await {
                    Ok(Some(chunk)) => length += chunk.len(),
                    Ok(None) => return Ok(length),
                    Err(failure) => return Err(failure.code()),
                }
            }
        };
        assert_eq!(read("/whole").await, Ok(LENGTH));
        assert_eq!(read("/stalls").await, Err(Code::Timeout));
        assert_eq!(read("/breaks").await, Err(Code::TruncatedAnswer));
        let whole = client.get("/whole").await.unwrap().bytes().await;
        assert_eq!(whole.unwrap_err().code(), Code::AnswerTooLarge);
    });
}

#[test]
fn no_answer_in_time_is_a_failure_of_the_network() {
    let server = Wire::plays(|_, _| std::thread::sleep(Duration::from_secs(5)));
    let world = World::new();
    let client = opened(&world, &server.origin());
    let request = client.request("POST", "/x").timeout(Duration::from_millis(300));
    assert_eq!(block_on(request.send()).unwrap_err().code(), Code::Timeout);
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_redirect_is_not_followed_and_no_failure_holds_what_was_echoed() {
    let other = Wire::replies(|_| http(200, "", "{}"));
    let elsewhere = format!("Location: {}/\r\n", other.origin());
    let server = Wire::replies(move |head| match head {
        _ if head.starts_with("GET /moved ") => http(302, &elsewhere, ""),
        _ if head.starts_with("GET /json ") => http(200, "", &format!("\"{PASSWORD}\"")),
        _ => {
            let said = format!(r#"{{"error":{{"message":"no {PASSWORD}","detail":null}},"status":"failure"}}"#);
            http(403, "", &said)
        }
    });
    let world = World::new();
    let client = opened(&world, &server.origin());
    block_on(async {
        let moved = client.get("/moved").await.unwrap();
        assert_eq!(moved.status(), 302);
        moved.check().await.unwrap_err();
        let forbidden = client.get("/forbidden").await.unwrap().check().await.unwrap_err();
        assert_eq!(forbidden.class(), Class::Forbidden);
        let no_number = client.get("/json").await.unwrap().json::<u8>().await.unwrap_err();
        assert_eq!(no_number.code(), Code::UnexpectedAnswer);
        for failure in [forbidden, no_number] {
            assert!(!all_of(&failure).contains("CANARY") && all_of(&failure).contains("****"), "{failure:?}");
        }
    });
    assert_eq!(other.requests(), 0);
}

#[test]
fn a_store_that_wants_a_key_fails_and_asks_nobody() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.set("SNOW_STORE", "file").set("SNOW_STORE_PASSPHRASE", "CANARY horse, battery");
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    block_on(async {
        let connection = engine(&world).connection("acme").unwrap();
        assert_eq!(connection.open().await.unwrap_err().class(), Class::Store);
        assert_eq!(connection.test().await.failure().unwrap().class(), Class::Store);
        let engine = engine_with(&world, &[("SNOW_STORE_PASSPHRASE", "CANARY horse, battery")]);
        let client = engine.connection("acme").unwrap().open().await.unwrap();
        assert_eq!(client.get("table/incident").await.unwrap().status(), 200);
    });
}

/// A program of `tests/examples`. `tests/run` names their folder where they stand
/// elsewhere than they were built.
#[allow(clippy::disallowed_methods, reason = "a test is told by a variable where the programs are")]
fn example(name: &str, world: &World) -> Command {
    let beside = || program().with_file_name("examples");
    let folder = std::env::var_os("SNOW_TEST_EXAMPLES").map_or_else(beside, PathBuf::from);
    let path = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is missing: cargo build --examples", path.display());
    let mut command = Command::new(path);
    command.env_clear().env("HOME", world.home()).current_dir(world.home());
    command.env("SNOW_STORE_PASSPHRASE", "CANARY horse, battery");
    command
}

#[test]
fn the_examples_run() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.set("SNOW_STORE", "file").set("SNOW_STORE_PASSPHRASE", "CANARY horse, battery");
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let rows = finish(example("get", &world), b"").expect(0).json();
    assert!(!rows["result"].as_array().unwrap().is_empty());

    let mut stream = example("stream", &world);
    stream.args(["acme", "table/incident?sysparm_limit=2", "rows.json"]);
    finish(stream, b"").expect(0);
    let copied: Value = serde_json::from_slice(&std::fs::read(world.home().join("rows.json")).unwrap()).unwrap();
    assert_eq!(copied["result"].as_array().unwrap().len(), 2);

    for (password, code, said) in [("sandbox-svc", 0, "ok\n"), ("not-its", 4, "basic-refused\n")] {
        let mut described = example("described", &world);
        described.env("SNOW_INSTANCE", sandbox.origin()).env("SNOW_USERNAME", "svc.ci").env("SNOW_PASSWORD", password);
        let outcome = finish(described, b"").expect(code);
        assert!(outcome.stdout.starts_with(said), "{}", outcome.stdout);
    }
}
