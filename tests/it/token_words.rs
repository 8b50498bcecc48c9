//! What a token endpoint says of its reason counts, and so does what an API says of a
//! token that this run got.

use std::sync::Mutex;

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;

use crate::oauth::{connect_line, connected, free_port, sandbox, signs_in};
use crate::world::browser::{get, parameter};
use crate::world::session::{Scripted, world_with};
use crate::world::wire::{Wire, first_error, header, http, run_as_client};
use crate::world::{PASSWORD, World, check};

const JSON: &str = "Content-Type: application/json\r\n";

/// A token endpoint that refuses in these words.
fn refusing(error: &str, description: &str) -> Scripted {
    let body = json!({ "error": error, "error_description": description }).to_string();
    Scripted::token_endpoint(http(400, JSON, &body))
}

fn causes(failure: &Value) -> Vec<&str> {
    failure["causes"].as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect()
}

/// A browser that comes back with a code.
fn comes_back(world: &mut World) {
    world.browser(|url| {
        let back = format!("{}?code=CANARY-code&state={}", parameter(url, "redirect_uri"), parameter(url, "state"));
        std::thread::spawn(move || get(&back));
    });
}

fn browser_line(origin: &str) -> String {
    let port = free_port();
    format!("connect {origin} --name x --client-id a-client --redirect-uri http://127.0.0.1:{port}/callback --json")
}

#[test]
fn each_word_against_client_credentials_has_causes_of_its_own() {
    let no_user = "Received client_credentials grant_type request however integration user is not configured for OAuth";
    for (error, description, causes_in_order, said) in [
        ("unauthorized_client", no_user, &["no-application-user"][..], "integration user is not configured"),
        (
            "unauthorized_client",
            "",
            &["grant-not-enabled", "no-application-user", "other-instance"],
            "unauthorized_client",
        ),
        ("invalid_client", "", &["wrong-client"], "invalid_client"),
        ("invalid_grant", "no user", &["no-application-user", "user", "grant-not-enabled"], "and said: no user"),
        ("invalid_scope", "", &["scope-not-allowed"], "invalid_scope"),
        ("unsupported_grant_type", "", &["grant-not-enabled", "no-application-user", "other-instance"], "unsupported"),
        (
            "server_error",
            "The grant type is not allowed.",
            &["grant-not-enabled", "no-application-user", "other-instance"],
            "The grant type is not allowed.",
        ),
        ("invalid_request", "two clients", &["other-endpoint"], "two clients"),
        (
            "server_error",
            "clock is wrong",
            &["wrong-secret", "grant-not-enabled", "no-application-user"],
            "and said: clock is wrong.",
        ),
        (
            "server_error",
            "access_denied",
            &["wrong-secret", "grant-not-enabled", "no-application-user"],
            "without a reason",
        ),
    ] {
        let instance = refusing(error, description);
        let failure = first_error(&run_as_client(&instance.origin(), "test --json").expect(4));
        assert_eq!(
            (&failure["code"], causes(&failure)),
            (&json!("token-refused"), causes_in_order.to_vec()),
            "{failure}"
        );
        let message = failure["message"].as_str().unwrap();
        assert!(message.contains(said), "{said:?} is not in {message}");
        assert_eq!(message.contains("without a reason"), said == "without a reason", "{message}");
        let blames = message.contains("wrong") || failure["next"].to_string().contains("SNOW_CLIENT_SECRET");
        let is_blamed = ["wrong-client", "wrong-secret"].contains(&causes_in_order[0]);
        assert!(is_blamed || !blames, "client id and secret are not the trouble: {failure}");
    }
}

#[test]
fn each_word_against_a_code_has_causes_of_its_own() {
    for (error, description, first, said) in [
        ("invalid_grant", "", "code-expired", "accepted the client but rejected the authorization code"),
        ("invalid_grant", "redirect_uri does not match", "redirect-uri", "redirect_uri does not match"),
        ("unauthorized_client", "", "grant-not-enabled", "the grant authorization_code"),
        ("server_error", "user has no role", "secret-missing", "and said: user has no role"),
        ("server_error", "access_denied", "secret-missing", "without a reason"),
    ] {
        let instance = refusing(error, description);
        let mut world = World::new();
        comes_back(&mut world);
        let failure = world.run(&browser_line(&instance.origin())).expect(4).json()["error"].clone();
        assert_eq!((&failure["code"], causes(&failure)[0]), (&json!("token-refused"), first), "{failure}");
        let message = failure["message"].as_str().unwrap();
        assert!(message.contains(said), "{said:?} is not in {message}");
        assert_eq!(message.contains("without a reason"), said == "without a reason", "{message}");
    }
}

#[test]
fn what_is_saved_and_how_to_ask_for_a_scope_is_told_to_those_it_is_true_of() {
    let kept = "Everything saved was kept.";
    for (error, way_out) in [("invalid_scope", "SNOW_SCOPE"), ("invalid_client", "SNOW_CLIENT_ID")] {
        let instance = refusing(error, "");
        let described = run_as_client(&instance.origin(), "test --json").expect(4);
        described.says(&[way_out]);
        assert!(!described.stdout.contains("saved") && !described.stdout.contains("--scope"), "{}", described.stdout);

        let mut world = world_with(&instance.origin(), -1, json!({}));
        world.run("token acme").expect(4).says(&[kept]);

        let line = format!(
            "connect {} --name x --auth client-credentials --client-id a --client-secret-stdin --json",
            instance.origin()
        );
        let new = World::new().stdin(PASSWORD).run(&line).expect(4);
        assert!(!new.stdout.contains(kept) && !new.stdout.contains("SNOW_"), "{}", new.stdout);
    }
    let instance = Scripted::token_endpoint(http(503, "Server: snow_adc\r\n", ""));
    let described = run_as_client(&instance.origin(), "test --json").expect(7);
    assert!(
        described.stdout.contains("Nothing was checked.") && !described.stdout.contains("saved"),
        "{}",
        described.stdout
    );
}

#[test]
fn the_variable_that_holds_the_secret_is_the_one_to_correct() {
    let instance = refusing("invalid_client", "");
    let unauthorized = Wire::answers(http(401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", ""));
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("secret");
    std::fs::write(&file, PASSWORD).unwrap();
    for (origin, who, secret) in [
        (instance.origin(), "SNOW_CLIENT_ID", "SNOW_CLIENT_SECRET"),
        (unauthorized.origin(), "SNOW_USERNAME", "SNOW_PASSWORD"),
    ] {
        for (variable, value) in [(secret.to_owned(), PASSWORD), (format!("{secret}_FILE"), file.to_str().unwrap())] {
            let mut world = World::new();
            world.set("SNOW_INSTANCE", &origin).set(who, "beth").set(&variable, value);
            let next = world.run("test --json").expect(4).json()["connections"][0]["checks"].to_string();
            assert!(next.contains(&format!("Correct {who} and {variable}\"")), "{next}");
        }
    }
}

#[test]
fn an_error_at_the_callback_has_causes_of_its_own() {
    let instance = refusing("server_error", "access_denied");
    for (query, first, words) in [
        (
            "error=unauthorized_client&error_description=not+trusted",
            "wrong-client",
            &["a-client", "one instance", "Application Registry", "snow guide oauth", "not trusted"][..],
        ),
        ("error=invalid_client", "wrong-client", &["a-client", "snow guide oauth"]),
        (
            "error=invalid_request&error_description=redirect_uri+unknown",
            "redirect-uri",
            &["register exactly http://127.0.0.1:"],
        ),
        ("error=invalid_request", "other-endpoint", &["invalid_request"]),
        ("error=unsupported_response_type", "grant-not-enabled", &["authorization_code"]),
        ("error=temporarily_unavailable", "instance", &["Run the command again"]),
        ("error=access_denied", "denied", &["allow the access"]),
        ("error=invalid_scope", "scope-not-allowed", &["--scope", " --set scope=SCOPE"]),
    ] {
        let mut world = World::new();
        world.browser(move |url| {
            let back = format!("{}?{query}&state={}", parameter(url, "redirect_uri"), parameter(url, "state"));
            std::thread::spawn(move || get(&back));
        });
        let outcome = world.run(&browser_line(&instance.origin())).expect(4);
        assert_eq!(outcome.error_code(), "login-denied", "{query}");
        assert_eq!(causes(&outcome.json()["error"])[0], first, "{query}");
        outcome.says(words);
    }
}

#[test]
fn a_new_token_that_the_api_refuses_is_no_success() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    sandbox.set_scenario(Some(Scenario::BearerRefused));
    signs_in(&mut world, "beth.anglin", "allow");
    let outcome = world.run("login acme").expect(4);
    outcome.says(&["rejected an access token that was just issued", "\"Securely scoped\"", "\"Broadly scoped\""]);
    assert!(!outcome.stdout.contains("signed in"), "{}", outcome.stdout);
    signs_in(&mut world, "beth.anglin", "allow");
    let failure = world.run("login acme --json").expect(4).json()["error"].clone();
    assert_eq!((&failure["code"], causes(&failure)[0]), (&json!("bearer-refused"), "scope-restriction"));

    let mut world = World::new();
    signs_in(&mut world, "beth.anglin", "allow");
    let outcome = world.run(&format!("{} --json", connect_line(&sandbox))).expect(4);
    let report = &outcome.json()["test"];
    let failure = &check(report, "auth.request")["error"];
    assert_eq!(
        (&failure["evidence"]["symptom"], causes(failure)[0]),
        (&json!("new-token-refused"), "scope-restriction")
    );
    assert!(!failure.to_string().contains("revoked"), "{failure}");
}

#[test]
fn a_new_token_of_a_client_that_the_api_refuses_is_about_its_user() {
    let instance = Scripted::plays(|request, _| {
        let refused = || http(401, "WWW-Authenticate: Basic realm=\"Service-now\"\r\n", "").into_bytes();
        request.path.starts_with("/api/now/").then(refused)
    });
    let failure = first_error(&run_as_client(&instance.origin(), "test --json").expect(4));
    assert_eq!(failure["code"], "bearer-refused");
    assert_eq!(causes(&failure)[..2], ["no-application-user", "guest-user"], "{failure}");
    let next = failure["next"].to_string();
    assert!(next.contains("OAuth Application User") && !next.contains("SNOW_ACCESS_TOKEN"), "{next}");
}

#[test]
fn a_token_that_is_taken_once_and_refused_the_next_time_is_good_for_one_request() {
    let of_one_request = || {
        Scripted::plays(|request, _| {
            static TAKEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
            let refused = || http(401, "WWW-Authenticate: BEARER realm=\"Service-now\"\r\n", "").into_bytes();
            let token = format!("{:?} {:?}", header(&request.head, "host"), request.authorization());
            let mut taken = TAKEN.lock().unwrap();
            let is_api = request.path.starts_with("/api/now/") && request.authorization().is_some();
            if is_api && taken.contains(&token) {
                return Some(refused());
            }
            taken.push(token);
            None
        })
    };
    for flag in ["", " --table incident,problem"] {
        let instance = of_one_request();
        let failure = first_error(&run_as_client(&instance.origin(), &format!("test --json{flag}")).expect(4));
        assert_eq!((&failure["code"], causes(&failure)[0]), (&json!("bearer-refused"), "one-time-token"), "{failure}");
    }
    let instance = of_one_request();
    let mut world = World::new();
    comes_back(&mut world);
    let report = world.run(&browser_line(&instance.origin())).expect(4).json()["test"].clone();
    let failure = &check(&report, "auth.identity")["error"];
    assert_eq!((&failure["code"], causes(failure)[0]), (&json!("bearer-refused"), "one-time-token"), "{report}");
}

#[test]
fn a_sign_in_that_names_no_user_calls_no_client_one() {
    let instance = Scripted::plays(|request, _| match request.path.as_str() {
        "/api/now/ui/user/current_user" => Some(http(403, JSON, "{}").into_bytes()),
        _ => None,
    });
    let line = format!(
        "connect {} --name x --auth client-credentials --client-id a-client --client-secret-stdin",
        instance.origin()
    );
    let mut world = World::new();
    let connected = world.stdin(PASSWORD).run(&line).expect(0);
    assert!(connected.stdout.contains("x: connected (client-credentials)"), "{}", connected.stdout);
    let again = world.run("login x").expect(0);
    assert!(again.stdout.contains("x: signed in\n"), "{}", again.stdout);
}
