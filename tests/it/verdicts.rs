//! What `snow test` says of every answer that this version knows.

use serde_json::{Value, json};
use snow_connect::error::Code;
use snow_connect::servicenow::symptoms::Symptom;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::wire::{Wire, first_error, http, run_against};
use crate::world::{Outcome, PASSWORD, World, block_on, check};

/// Serves one answer for the Table API and tests against it.
fn judged(answer: ResponseTemplate) -> Outcome {
    let server = block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        server
    });
    run_against(&server.uri(), "test --json")
}

fn envelope(status: u16, message: &str, detail: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("Server", "ServiceNow")
        .insert_header("X-Is-Logged-In", "true")
        .insert_header("X-Transaction-ID", "4c1f09a2be77")
        .set_body_json(json!({"error": {"message": message, "detail": detail}, "status": "failure"}))
}

/// Exchanges of our own in the shapes of recorded ones, with what they mean:
/// code, class, exit code, and what became of the sign-in.
macro_rules! exchanges {
    ($($name:literal)*) => { &[$(include_str!(concat!("exchanges/", $name, ".json"))),*] };
}
const EXCHANGES: &[&str] = exchanges! {
    "200_cancelled_late"
    "200_current_user"
    "200_cut_json"
    "200_hibernating"
    "200_hotel"
    "200_late_error"
    "200_login_form_without_title"
    "200_login_page"
    "200_no_row_and_none_counted"
    "200_no_row_of_many"
    "200_other_json"
    "200_rows"
    "200_rows_of_2016"
    "200_rows_with_pages"
    "201_created"
    "202_queued"
    "202_with_result"
    "301_elsewhere"
    "302_developer_portal"
    "302_login"
    "302_single_sign_on"
    "302_without_location"
    "400_front_end"
    "400_invalid_table"
    "400_requested_uri"
    "401_bearer_alone"
    "401_cookie_session"
    "401_negotiate"
    "401_of_2021"
    "401_of_2023"
    "401_of_2026"
    "401_page"
    "401_second_factor"
    "401_second_factor_and_bearer"
    "403_acl_exception"
    "403_api_acl"
    "403_business_rule"
    "403_missing_scope"
    "403_page"
    "403_query"
    "403_unscoped"
    "404_no_record"
    "404_other_json"
    "404_page"
    "404_requested_uri"
    "407_proxy"
    "429_node"
    "429_rule"
    "500_cancelled"
    "500_exception"
    "500_page"
    "502_front_end"
    "503_front_end"
    "503_json"
    "504_front_end"
};
const IDENTITY: &str = "/api/now/ui/user/current_user";

fn exchanges() -> impl Iterator<Item = Value> {
    EXCHANGES.iter().map(|text| serde_json::from_str(text).unwrap())
}

/// A server that answers the path of an exchange as the exchange does, and
/// everything else as an instance does for user `beth`.
fn server_of(exchange: &Value) -> Wire {
    let (request, response) = (&exchange["request"], &exchange["response"]);
    let mut headers = String::new();
    for (name, value) in response["headers"].as_object().unwrap() {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values {
            headers.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap()));
        }
    }
    let body = match &response["body"] {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    let answer = http(response["status"].as_u64().unwrap().try_into().unwrap(), &headers, &body);
    let start = format!("GET {}", request["path"].as_str().unwrap());
    Wire::replies(move |head| match head {
        _ if head.starts_with(&start) => answer.clone(),
        _ if head.contains(IDENTITY) => http(200, "", r#"{"result":{"user_name":"beth"}}"#),
        _ => http(200, "", r#"{"result":[{"sys_id":"1"}]}"#),
    })
}

/// `--table` for the table that an exchange asks for, where it is not the probe.
fn table_flag(exchange: &Value) -> String {
    let table = exchange["request"]["path"].as_str().unwrap().strip_prefix("/api/now/table/");
    table.filter(|table| *table != "sys_user").map(|table| format!(" --table {table}")).unwrap_or_default()
}

#[test]
fn each_exchange_gives_its_code_class_and_exit_code() {
    for exchange in exchanges() {
        let (name, expected) = (&exchange["name"], &exchange["expect"]);
        let server = server_of(&exchange);
        let outcome = run_against(&server.origin(), &format!("test --json{}", table_flag(&exchange)));
        let report = &outcome.json()["connections"][0];
        assert_eq!(json!(outcome.code), expected["exit_code"], "{name}: {report}");
        assert_eq!(report["class"], expected["class"], "{name}: {report}");
        if expected["code"].is_null() {
            assert_eq!(report["code"], Value::Null, "{name}: {report}");
            continue;
        }
        let error = first_error(&outcome);
        assert_eq!(error["code"], expected["code"], "{name}: {report}");
        // What a person reads is complete, and every answer leaves its traces.
        let words = format!("{} {}", error["message"], error["next"]);
        assert!(!words.contains(['{', '}']), "{name}: {error}");
        assert!(error["next"].as_array().is_some_and(|next| !next.is_empty()), "{name} has nothing to do");
        let headers = &exchange["response"]["headers"];
        assert_eq!(error["evidence"]["http_status"], exchange["response"]["status"], "{name}");
        assert_eq!(error["evidence"]["transaction_id"], headers["X-Transaction-ID"], "{name}");
        let judged = expected["sign_in"] != "unjudged";
        assert!(!(judged && words.contains("not judged")), "{name}: {error}");
        let status = &check(report, "auth.request")["status"];
        assert_eq!(status == "pass", expected["sign_in"] == "good", "{name}: {report}");
    }
}

/// Section 2 of the contract, step 5.
#[test]
fn what_proves_the_sign_in_is_saved_and_nothing_else() {
    for exchange in exchanges() {
        let (name, expected) = (&exchange["name"], &exchange["expect"]);
        let server = server_of(&exchange);
        let mut world = World::new();
        let line = format!(
            "connect {} --name x --username beth --password-stdin --json{}",
            server.origin(),
            table_flag(&exchange)
        );
        let outcome = world.stdin(PASSWORD).run(&line);
        assert_eq!(json!(outcome.code), expected["exit_code"], "{name}: {}", outcome.stdout);
        let is_saved = world.config().contains("[connections.x]");
        assert_eq!(is_saved, expected["sign_in"] == "good", "{name}: {}", outcome.stdout);
        let schema = if is_saved { "snow.connect/1" } else { "snow.error/1" };
        assert_eq!(outcome.json()["schema"], schema, "{name}");
        // Refused or not judged, the password went out once.
        assert!(is_saved || server.requests() == 1, "{name}: {:?}", server.heads());
        let counted = std::fs::read_to_string(world.home().join(".local/state/snow/refusals.json")).unwrap_or_default();
        assert_eq!(counted.contains("beth"), expected["sign_in"] == "refused", "{name}: {counted}");
    }
}

#[test]
fn every_symptom_has_an_exchange_so_that_breaking_its_evidence_fails_a_test() {
    let codes: Vec<&str> = Symptom::codes().map(Code::as_str).collect();
    let expected: Vec<Value> = exchanges().map(|exchange| exchange["expect"]["code"].clone()).collect();
    for (at, code) in codes.iter().enumerate() {
        assert!(expected.contains(&json!(code)), "no exchange shows {code}");
        // Were two symptoms to share a code, one could hide that the other broke.
        assert!(!codes[..at].contains(code), "{code} stands twice");
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
    let outcome = run_against(&server.uri(), "test --json").expect(0);
    let report = &outcome.json()["connections"][0];
    assert_eq!(check(report, "auth.identity")["status"], "warn");
    assert_eq!(check(report, "auth.identity")["error"]["code"], "identity-unknown");
    assert_eq!(report["identity"]["source"], "configured");
}

#[test]
fn an_echoed_password_is_masked() {
    let echo = format!("you sent {PASSWORD} to us");
    let outcome = judged(envelope(403, &echo, "Authorization: Basic YmV0aDpDQU5BUlktcGFzcyB3b3JkL8O8"));
    outcome.says(&["[hidden]"]);
}

#[test]
fn the_network_is_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = run_against(&format!("http://{closed}"), "test --json").expect(6);
    assert_eq!(outcome.error_code(), "connection-refused");

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", silent.local_addr().unwrap());
    let outcome = run_against(&origin, "test --json --timeout 300ms").expect(6);
    assert_eq!(outcome.error_code(), "timeout");

    let outcome = run_against("https://no-such-host.invalid", "test --json").expect(6);
    assert_eq!(outcome.error_code(), "dns-failure");

    let hangs_up = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", hangs_up.local_addr().unwrap());
    std::thread::spawn(move || hangs_up.incoming().for_each(drop));
    let outcome = run_against(&origin, "test --json").expect(6);
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
        let outcome = run_against(&front.origin(), &line).expect(6);
        assert_eq!(outcome.error_code(), code, "{}", outcome.stdout);
        assert_eq!(check(&outcome.json()["connections"][0], "network.tls")["status"], "fail");
    }
    assert_eq!(sandbox.requests(), 0);
}
