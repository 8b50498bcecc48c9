//! What `snow test` says of every answer that this version knows.

use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::{Outcome, PASSWORD, World, block_on, check};

/// Serves one answer for the Table API and tests against it.
fn judged(answer: ResponseTemplate) -> Outcome {
    let server = block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        server
    });
    test_environment(&server.uri(), "test --json")
}

fn test_environment(origin: &str, line: &str) -> Outcome {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", origin).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    world.run(line)
}

fn envelope(status: u16, message: &str, detail: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("Server", "ServiceNow")
        .insert_header("X-Is-Logged-In", "true")
        .insert_header("X-Transaction-ID", "4c1f09a2be77")
        .set_body_json(json!({"error": {"message": message, "detail": detail}, "status": "failure"}))
}

fn page(status: u16, title: &str) -> ResponseTemplate {
    let body = format!("<html><head><title>{title}</title></head><body></body></html>");
    ResponseTemplate::new(status).set_body_raw(body, "text/html;charset=UTF-8")
}

fn refused() -> ResponseTemplate {
    ResponseTemplate::new(401)
        .insert_header("WWW-Authenticate", "BASIC realm=\"Service-now\"")
        .set_body_json(json!({"error": {"detail": "Required to provide Auth information", "message": "User Not Authenticated"}, "status": "failure"}))
}

#[test]
fn each_answer_gives_its_code_and_exit_code() {
    let unscoped = "Access to unscoped api is not allowed";
    for (answer, exit_code, code) in [
        (page(200, "Instance Hibernating page"), 7, "instance-hibernating"),
        (
            ResponseTemplate::new(302).insert_header("Location", "https://developer.servicenow.com/x"),
            7,
            "instance-hibernating",
        ),
        (page(200, "Log in | ServiceNow"), 7, "login-page"),
        (ResponseTemplate::new(302).insert_header("Location", "/login.do"), 7, "login-page"),
        (ResponseTemplate::new(302).insert_header("Location", "/login_with_sso.do?glide_sso_id=1"), 7, "sso-redirect"),
        (ResponseTemplate::new(301).insert_header("Location", "https://other.example/"), 7, "redirected"),
        (ResponseTemplate::new(302), 7, "redirected"),
        (page(200, "Welcome to Hotel WiFi"), 7, "not-servicenow"),
        (ResponseTemplate::new(200).set_body_json(json!({"hello": 1})), 7, "not-servicenow"),
        (page(404, "Not found"), 7, "not-servicenow"),
        (refused(), 4, "basic-refused"),
        (page(401, "Unauthorized"), 4, "basic-refused"),
        (refused().insert_header("X-MFA_TOKEN", "invalid"), 4, "mfa-required"),
        (
            ResponseTemplate::new(401).insert_header("WWW-Authenticate", "BEARER realm=\"Service-now\""),
            4,
            "basic-not-offered",
        ),
        (envelope(403, "User Not Authorized", unscoped), 5, "scope-restricted"),
        (envelope(403, "User Not Authorized", "Failed API level ACL Validation"), 5, "api-acl"),
        (page(403, "Access denied"), 5, "forbidden-page"),
        (ResponseTemplate::new(429).insert_header("Retry-After", "30"), 8, "rate-limited"),
        (page(502, "Bad gateway"), 7, "instance-unavailable"),
        (ResponseTemplate::new(503).insert_header("Server", "snow_adc"), 7, "instance-unavailable"),
        (ResponseTemplate::new(504), 7, "gateway-timeout"),
        (envelope(500, "Transaction cancelled: maximum execution time exceeded", ""), 7, "transaction-cancelled"),
        (envelope(500, "java.lang.NullPointerException", ""), 7, "instance-error"),
        (
            ResponseTemplate::new(200).set_body_raw("{\"result\":[{\"sys_id\":", "application/json"),
            7,
            "truncated-answer",
        ),
        (envelope(400, "Requested URI does not represent any resource", ""), 10, "unexpected-answer"),
        (envelope(200, "late failure", ""), 10, "unexpected-answer"),
    ] {
        let outcome = judged(answer).expect(exit_code);
        assert_eq!(outcome.error_code(), code, "{}", outcome.stdout);
        let error = outcome.json()["connections"][0]["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find_map(|check| check.get("error"))
            .cloned();
        let error = error.expect("a failed check has its error");
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert!(error["next"].as_array().is_some_and(|next| !next.is_empty()), "{code} has nothing to do");
        assert!(!error.to_string().contains('{') || !error["message"].as_str().unwrap().contains('{'), "{error}");
    }
}

#[test]
fn the_transaction_id_and_the_servers_words_are_evidence() {
    let outcome = judged(envelope(403, "User Not Authorized", "Failed API level ACL Validation"));
    let report = &outcome.json()["connections"][0];
    let evidence = &check(report, "access.table")["error"]["evidence"];
    assert_eq!(evidence["http_status"], 403);
    assert_eq!(evidence["transaction_id"], "4c1f09a2be77");
    assert_eq!(evidence["server_detail"], "Failed API level ACL Validation");
    assert_eq!(check(report, "auth.request")["status"], "pass");
}

#[test]
fn a_missing_table_is_told_from_a_hidden_one() {
    let sandbox = snow_connect::sandbox::Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "joe.employee", "sandbox-joe");
    let outcome = world.run("test acme --table incidnt --json").expect(10);
    assert_eq!(outcome.error_code(), "table-missing");

    // Joe sees his own incident, which is not the first: not hidden.
    world.run("test acme --table incident").expect(0);
    sandbox.set_scenario(Some(snow_connect::sandbox::scenario::Scenario::TableHidden));
    let outcome = world.run("test acme --table incident --json").expect(5);
    assert_eq!(outcome.error_code(), "table-hidden");
    outcome.says(&["none of the first 8"]);
    // The default probe can only warn.
    world.run("test acme").expect(0);
}

#[test]
fn an_identity_that_cannot_be_read_is_a_warning() {
    let server = block_on(async {
        let server = MockServer::start().await;
        let rows = ResponseTemplate::new(200).set_body_json(
            json!({"result": [{"sys_id": "1", "user_name": "beth"}, {"sys_id": "2", "user_name": "x"}]}),
        );
        Mock::given(path("/api/now/table/sys_user")).respond_with(rows).mount(&server).await;
        server
    });
    // 404 for the identity leads to sys_user, where two rows prove nothing.
    let outcome = test_environment(&server.uri(), "test --json").expect(0);
    let report = &outcome.json()["connections"][0];
    assert_eq!(check(report, "auth.identity")["status"], "warn");
    assert_eq!(check(report, "auth.identity")["error"]["code"], "identity-unknown");
    assert_eq!(report["identity"]["source"], "configured");
}

#[test]
fn an_echoed_password_is_masked() {
    let echo = format!("you sent {PASSWORD} to us");
    let outcome = judged(envelope(403, &echo, "Authorization: Basic YmV0aDpDQU5BUlktcGFzcyB3b3JkL8O8"));
    outcome.says(&["****"]);
}

#[test]
fn the_network_is_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = test_environment(&format!("http://{closed}"), "test --json").expect(6);
    assert_eq!(outcome.error_code(), "connection-refused");

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", silent.local_addr().unwrap());
    let outcome = test_environment(&origin, "test --json --timeout 300ms").expect(6);
    assert_eq!(outcome.error_code(), "timeout");

    let outcome = test_environment("https://no-such-host.invalid", "test --json").expect(6);
    assert_eq!(outcome.error_code(), "dns-failure");

    let hangs_up = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", hangs_up.local_addr().unwrap());
    std::thread::spawn(move || hangs_up.incoming().for_each(drop));
    let outcome = test_environment(&origin, "test --json").expect(6);
    assert_eq!(outcome.error_code(), "connection-lost");
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_told_apart_and_nothing_is_sent() {
    use crate::world::tls::{Authority, Leaf};
    let sandbox = snow_connect::sandbox::Sandbox::start(None, None).unwrap();
    let authority = Authority::new();
    for (leaf, given, code) in [
        (Leaf::Good, false, "tls-untrusted"),
        (Leaf::Expired, true, "tls-expired"),
        (Leaf::NotYetValid, true, "tls-expired"),
        (Leaf::OtherName, true, "tls-name-mismatch"),
    ] {
        let front = authority.front(leaf, &sandbox.origin());
        let files = tempfile::tempdir().unwrap();
        let ca = files.path().join("ca.pem");
        authority.save(&ca);
        let line = match given {
            true => format!("test --json --ca-cert {}", ca.display()),
            false => "test --json".to_owned(),
        };
        let outcome = test_environment(&front.origin(), &line).expect(6);
        assert_eq!(outcome.error_code(), code, "{}", outcome.stdout);
        assert_eq!(check(&outcome.json()["connections"][0], "network.tls")["status"], "fail");
    }
    assert_eq!(sandbox.requests(), 0);
}
