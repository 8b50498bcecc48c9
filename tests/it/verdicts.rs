//! What `snow test` says of every answer that this version knows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use snow_connect::service::servicenow::symptoms::symptoms;
use snow_connect::store::memory::MemoryStore;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::session::world_with;
use crate::world::wire::{
    Asks, Wire, first_error, http, run_against, run_as_client, run_with_certificate, run_with_key, run_with_token,
};
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
    "200_as_guest"
    "200_attachments"
    "200_cancelled_late"
    "200_count"
    "200_current_user"
    "200_cut_json"
    "200_error_with_rows"
    "200_firewall"
    "200_hibernating"
    "200_hibernating_heading"
    "200_hibernating_name"
    "200_hotel"
    "200_late_error"
    "200_login_form_without_title"
    "200_login_page"
    "200_no_row_and_none_counted"
    "200_no_row_of_many"
    "200_other_json"
    "200_row_without_field"
    "200_rows"
    "200_rows_of_2016"
    "200_rows_with_pages"
    "200_terms"
    "201_created"
    "202_bot_challenge"
    "202_queued"
    "202_with_result"
    "301_elsewhere"
    "301_other_origin"
    "302_authorization_request"
    "302_cookie"
    "302_developer_portal"
    "302_identity_provider"
    "302_identity_request"
    "302_logged_out"
    "302_login"
    "302_portal"
    "302_single_sign_on"
    "302_terms"
    "302_timed_out"
    "302_without_location"
    "400_as_guest"
    "400_certificate"
    "400_certificate_sent"
    "400_front_end"
    "400_header_too_large"
    "400_invalid_table"
    "400_large_payload"
    "400_no_certificate"
    "400_other"
    "400_requested_uri"
    "400_requires_tls"
    "401_access_token"
    "401_given_token_taken_once"
    "401_saved_token"
    "401_api_key"
    "401_bearer_alone"
    "401_certificate"
    "401_certificate_not_asked_for"
    "401_cookie_session"
    "401_cookie_session_and_token"
    "401_cut_by_gateway"
    "401_gateway"
    "401_missing_rights"
    "401_negotiate"
    "401_new_token"
    "401_new_token_of_a_client"
    "401_of_2021"
    "401_of_2023"
    "401_of_2026"
    "401_page"
    "401_second_factor"
    "401_second_factor_and_bearer"
    "401_security_constraints"
    "401_token_taken_once"
    "401_unquoted_realm"
    "401_web_services"
    "403_acl_exception"
    "403_api_acl"
    "403_as_guest"
    "403_bot_challenge"
    "403_business_rule"
    "403_firewall"
    "403_gateway"
    "403_incident"
    "403_missing_scope"
    "403_missing_scope_of_a_key"
    "403_other"
    "403_page"
    "403_query"
    "403_unscoped"
    "403_web_services"
    "404_foreign_envelope"
    "404_no_record"
    "404_other_json"
    "404_page"
    "404_requested_uri"
    "405_bot_challenge"
    "405_elsewhere"
    "405_json"
    "406_json"
    "407_proxy"
    "413_large_payload"
    "414_front_end"
    "415_json"
    "429_no_header"
    "429_node"
    "429_rule"
    "431_front_end"
    "499_front_end"
    "500_cancelled"
    "500_exception"
    "500_page"
    "502_front_end"
    "502_own_proxy"
    "503_bot_challenge"
    "503_front_end"
    "503_json"
    "504_front_end"
    "504_own_proxy"
    "511_terms"
    "522_own_proxy"
};
const TOKENS: &str = r#"{"access_token":"CANARY-of-a-token","token_type":"Bearer","expires_in":1799,"scope":""}"#;
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
    // Where an exchange says so, the first request is answered well.
    let is_first = AtomicBool::new(exchange["taken_first"] == true);
    Wire::replies(move |head| match head {
        _ if head.starts_with(&start) && !is_first.swap(false, Ordering::SeqCst) => answer.clone(),
        _ if head.starts_with("POST /oauth_token.do") => http(200, "", TOKENS),
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
        let line = format!("test --json{}", table_flag(&exchange));
        let outcome = match exchange["credential"].as_str() {
            Some("token") => run_with_token(&server.origin(), &line),
            Some("api-key") => run_with_key(&server.origin(), &line),
            Some("certificate") => run_with_certificate(&server.origin(), &line, Asks::Yes),
            Some("unasked-certificate") => run_with_certificate(&server.origin(), &line, Asks::No),
            Some("client") => run_as_client(&server.origin(), &line),
            // It has ended, and is renewed first.
            Some("session") => world_with(&server.origin(), -1, json!({})).run(&line),
            // An earlier run got it, and nothing renews it.
            Some("saved-token") => world_with(&server.origin(), 600, json!({ "refresh_token": null })).run(&line),
            _ => run_against(&server.origin(), &line),
        };
        let report = &outcome.json()["connections"][0];
        assert_eq!(json!(outcome.code), expected["exit_code"], "{name}: {report}");
        assert_eq!(report["class"], expected["class"], "{name}: {report}");
        if expected["code"].is_null() {
            assert_eq!(report["code"], Value::Null, "{name}: {report}");
            continue;
        }
        let error = first_error(&outcome);
        assert_eq!(error["code"], expected["code"], "{name}: {report}");
        assert_eq!(error["evidence"]["symptom"], expected["symptom"], "{name}: {report}");
        // What a person reads is complete, and every answer leaves its traces.
        let words = format!("{} {}", error["message"], error["next"]);
        assert!(!words.contains(['{', '}']), "{name}: {error}");
        assert!(error["next"].as_array().is_some_and(|next| !next.is_empty()), "{name} has nothing to do");
        let headers = &exchange["response"]["headers"];
        assert_eq!(error["evidence"]["http_status"], exchange["response"]["status"], "{name}");
        assert_eq!(error["evidence"]["transaction_id"], headers["X-Transaction-ID"], "{name}");
        let judged = expected["sign_in"] != "unjudged";
        assert!(!(judged && words.contains("not checked")), "{name}: {error}");
        let status = &check(report, "auth.request")["status"];
        assert_eq!(status == "pass", expected["sign_in"] == "good", "{name}: {report}");
    }
}

/// Section 2 of the contract, step 5.
#[test]
fn what_proves_the_sign_in_is_saved_and_nothing_else() {
    for exchange in exchanges().filter(|exchange| exchange["credential"].is_null()) {
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
        // Counted towards the lockout only where the password may be wrong.
        assert_eq!(counted.contains("beth"), expected["code"] == "basic-refused", "{name}: {counted}");
    }
}

#[test]
fn every_symptom_has_an_exchange_so_that_breaking_its_evidence_fails_a_test() {
    let expected: Vec<Value> = exchanges().map(|exchange| exchange["expect"]["symptom"].clone()).collect();
    let mut names = BTreeSet::new();
    for symptom in symptoms() {
        let name = symptom.name;
        assert!(expected.contains(&json!(name)), "no exchange shows {name}");
        // Were two to share a name, one could hide that the other broke.
        assert!(names.insert(name), "{name} duplicated");
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

/// Runs the same test with `--json` and without, and gives the error and the text.
fn told(answer: &str, flags: &str) -> (Value, String) {
    let server = Wire::answers(answer);
    let error = first_error(&run_against(&server.origin(), &format!("test --json{flags}")));
    let outcome = run_against(&server.origin(), &format!("test{flags}"));
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    (error, text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn what_answers_in_front_of_an_instance_is_named_by_what_it_shows() {
    let page = "<title>Just a moment...</title>";
    let entities = "<title>Denied</title>Reference&#32;&#35;18&#46;2f5e&#46;7d1c";
    for (status, headers, body, shown, reference) in [
        (403, "Server: cloudflare\r\nCF-RAY: 7b20-AMS\r\n", page, &["Just a moment", "cloudflare"][..], "7b20-AMS"),
        (403, "Server: Edge\r\n", entities, &["Denied", "Edge"], "18.2f5e.7d1c"),
        (403, "x-amzn-RequestId: 0f4c-9b\r\n", r#"{"message":"Missing token"}"#, &["Missing token"], "0f4c-9b"),
        (
            401,
            "X-Kong-Request-Id: 5a11\r\nWWW-Authenticate: Key realm=\"edge\"\r\n",
            "",
            &["Key realm=\"edge\""],
            "5a11",
        ),
        (502, "Server: nginx/1.24.0\r\nX-Azure-Ref: 0abc\r\n", "", &["nginx/1.24.0"], "0abc"),
    ] {
        let (error, text) = told(&http(status, headers, body), "");
        assert_eq!(error["evidence"]["reference"], reference, "{error}");
        assert!(error["message"].as_str().unwrap().contains("not checked"), "{error}");
        for words in shown.iter().chain([&reference]) {
            assert_eq!(text.matches(words).count(), 1, "{words} is said once: {text}");
        }
    }
    // An instance behind a CDN has a transaction, by which it finds the request itself.
    let headers = "Server: edge\r\nCF-RAY: 7b20\r\nX-Transaction-ID: 12ab\r\n";
    let (error, text) = told(&http(403, headers, ""), "");
    assert_eq!(error["evidence"].get("reference"), None, "{error}");
    assert!(text.contains("transaction 12ab") && !text.contains("server edge"), "{text}");
}

#[test]
fn text_shows_where_a_redirect_points_and_what_a_front_end_calls_itself() {
    let (error, text) = told(&http(302, "Location: /logout_success.do\r\nServer: snow_adc\r\n", ""), "");
    assert_eq!(error["code"], "login-page");
    assert!(text.contains("/logout_success.do") && text.contains("server snow_adc"), "{text}");
    let (_, text) = told(&http(401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", ""), "");
    assert!(text.contains("challenge BASIC realm=\"Service-now\""), "{text}");
}

#[test]
fn a_redirect_to_the_same_path_gives_the_command_with_that_origin_and_no_other() {
    for (location, origin) in [
        ("https://acme-it.service-now.com/api/now/table/sys_user?x=1", Some("https://acme-it.service-now.com")),
        ("https://acme.example:8443/api/now/table/sys_user", Some("https://acme.example:8443")),
        // Another path, a password in the clear, and what a shell would run.
        ("https://acme.example/welcome", None),
        ("http://acme.example/api/now/table/sys_user", None),
        ("https://a;reboot/api/now/table/sys_user", None),
        ("https://$(reboot)/api/now/table/sys_user", None),
    ] {
        let server = Wire::answers(http(301, &format!("Location: {location}\r\n"), ""));
        let outcome = run_against(&server.origin(), "test --json").expect(7);
        let error = first_error(&outcome);
        assert_eq!(error["code"], "redirected", "{error}");
        assert!(error["message"].as_str().unwrap().contains("not checked"), "{error}");
        let next = error["next"].to_string();
        assert_eq!(next.contains("SNOW_INSTANCE"), origin.is_some(), "{error}");
        assert!(next.contains(origin.unwrap_or_default()), "{error}");

        let mut world = World::new();
        let line = format!("connect {} --name x --username beth --password-stdin --json", server.origin());
        let next = world.stdin(PASSWORD).run(&line).json()["error"]["steps"].clone();
        let command = origin.map(|origin| format!("snow connect {origin}"));
        assert_eq!(next[0]["command"].as_str(), command.as_deref(), "{location}: {next}");
    }
}

#[test]
fn where_the_probe_meets_a_gateway_another_table_is_proposed() {
    let foreign = http(404, "", r#"{"statusCode":404,"message":"Resource not found"}"#);
    let (error, _) = told(&foreign, "");
    let commands = |error: &Value| {
        error["steps"].as_array().unwrap().iter().any(|step| step["command"] == "snow test --table TABLE")
    };
    assert!(commands(&error), "{error}");
    assert!(error["causes"].as_array().unwrap().iter().any(|cause| cause["code"] == "some-tables"), "{error}");
    assert!(error["next"].to_string().contains("--header"), "{error}");
    let (error, _) = told(&foreign, " --table u_note");
    assert!(!commands(&error), "a table was named: {error}");
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
    outcome.says(&["none of the first 100"]);
    // The default probe can only warn.
    world.run("test acme").expect(0);
}

/// A server with a body and headers for the first path that a request's head
/// begins with, and 404 for the rest.
fn answering(answers: Vec<(&'static str, u16, &'static str, &'static str)>) -> Wire {
    Wire::replies(move |head| {
        let path = head.strip_prefix("GET ").unwrap_or("");
        let answer = answers.iter().find(|(start, ..)| path.starts_with(start));
        answer.map_or_else(|| http(404, "", ""), |(_, status, headers, body)| http(*status, headers, body))
    })
}

/// What was asked, in order: path and query.
fn questions(server: &Wire) -> Vec<String> {
    server.heads().iter().map(|head| head.split(' ').nth(1).unwrap_or("").to_owned()).collect()
}

const LOGGED_IN: &str = "X-Is-Logged-In: true\r\n";
const NONE: &str = r#"{"result":[]}"#;
const ONE: &str = r#"{"result":[{"sys_id":"1"}]}"#;
const BETH: &str = r#"{"result":{"user_name":"Beth"}}"#;

#[test]
fn the_checks_come_in_their_order_with_their_times() {
    let server = answering(vec![("/api/now/table/", 200, "", ONE), (IDENTITY, 200, "", BETH)]);
    let outcome = run_against(&server.origin(), "test --json --table incident,problem").expect(0);
    let document = outcome.json();
    let report = &document["connections"][0];
    let checks: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    let expected = "config.connection store.secret network.dns network.connect instance.servicenow instance.awake \
                    auth.request access.table access.table auth.identity";
    assert_eq!(checks.join(" "), expected);
    let targets: Vec<_> =
        report["checks"].as_array().unwrap().iter().filter_map(|check| check["target"].as_str()).collect();
    assert_eq!(targets, ["incident", "problem"]);
    assert!(report["duration_ms"].is_u64() && document["duration_ms"].is_u64(), "{document}");
    assert!(check(report, "network.connect")["ms"].is_u64() && check(report, "access.table")["ms"].is_u64());
    // An address is not looked up, and the user name is not told by its case.
    assert_eq!(check(report, "network.dns")["status"], "skip");
    assert_eq!(check(report, "auth.identity")["status"], "pass");
    assert_eq!(report["identity"], json!({"user_name": "Beth", "source": "instance"}));
    // One row, one field, no count: nothing is read that is not needed.
    let asked = questions(&server);
    assert_eq!(asked[0].split('?').next(), Some("/api/now/table/incident"));
    for part in ["sysparm_limit=1", "sysparm_fields=sys_id", "sysparm_no_count=true"] {
        assert!(asked[0].contains(part), "{asked:?}");
    }
    assert_eq!(asked.len(), 3);
}

#[test]
fn the_first_failure_in_order_gives_the_code_and_the_rest_is_skipped() {
    for (status, headers, failing, code) in [
        (200, "Content-Type: text/html\r\n", "instance.servicenow", "not-servicenow"),
        (503, "", "instance.awake", "instance-unavailable"),
        (401, "", "instance.servicenow", "gateway-refused"),
        (401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", "auth.request", "basic-refused"),
        (429, "", "auth.request", "rate-limited"),
    ] {
        let server = Wire::answers(http(status, headers, "x"));
        let report = run_against(&server.origin(), "test --json --table a,b").json()["connections"][0].clone();
        assert_eq!(report["code"], code);
        let statuses: Vec<_> = report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|check| (check["id"].clone(), check["status"].clone()))
            .collect();
        let at = statuses.iter().position(|(id, _)| id == failing).unwrap();
        assert_eq!(statuses[at].1, "fail", "{report}");
        // Nothing shows that an instance answered, so nothing says so.
        let unproven = ["network.dns", "instance.servicenow", "instance.awake"];
        let is_fitting = |(id, status): &(Value, Value)| {
            if unproven.iter().any(|unproven| id == unproven) { status == "skip" } else { status == "pass" }
        };
        assert!(statuses[..at].iter().all(is_fitting), "{report}");
        assert!(statuses[at + 1..].iter().all(|(_, status)| status == "skip"), "{report}");
        assert_eq!(statuses.len(), 10, "{report}");
        assert_eq!(server.requests(), 1);
    }
}

#[test]
fn each_table_is_judged_by_itself_and_the_first_failure_counts() {
    let invalid = r#"{"error":{"message":"Invalid table b","detail":null},"status":"failure"}"#;
    let denied = r#"{"error":{"message":"Operation Failed","detail":"x"},"status":"failure"}"#;
    let server = answering(vec![
        ("/api/now/table/b?", 400, "", invalid),
        ("/api/now/table/c?", 403, "", denied),
        ("/api/now/table/", 200, "", ONE),
        (IDENTITY, 200, "", BETH),
    ]);
    let outcome = run_against(&server.origin(), "test --json --table a --table b,c,d").expect(10);
    let report = &outcome.json()["connections"][0];
    assert_eq!((&report["code"], &report["class"]), (&json!("table-missing"), &json!("api")));
    let tables: Vec<_> =
        report["checks"].as_array().unwrap().iter().filter(|check| check["id"] == "access.table").collect();
    let seen: Vec<_> = tables.iter().map(|check| format!("{}={}", check["target"], check["status"])).collect();
    assert_eq!(seen.join(" ").replace('"', ""), "a=pass b=fail c=fail d=pass");
    assert_eq!(check(report, "auth.identity")["status"], "pass");

    // A limit is not hammered at.
    let server = answering(vec![("/api/now/table/a?", 200, LOGGED_IN, ONE), ("/api/now/table/b?", 429, "", "")]);
    let outcome = run_against(&server.origin(), "test --json --table a,b,c,d").expect(8);
    assert_eq!(outcome.error_code(), "rate-limited");
    assert_eq!(questions(&server).len(), 2);
}

#[test]
fn the_default_probe_warns_of_what_is_its_own_and_fails_for_the_rest() {
    let server = |status, body| answering(vec![("/api/now/table/", status, "", body), (IDENTITY, 200, "", BETH)]);
    let envelope = |message: &str| format!(r#"{{"error":{{"message":"{message}","detail":null}}}}"#);
    for (status, message, explicit, code) in [
        (403, "Operation Failed", 5, "access-denied"),
        (403, "Insufficient rights to query records", 5, "query-forbidden"),
        (400, "Invalid table sys_user", 10, "table-missing"),
    ] {
        let server = server(status, envelope(message).leak());
        let outcome = run_against(&server.origin(), "test --json").expect(0);
        let report = &outcome.json()["connections"][0];
        assert_eq!(check(report, "access.table")["status"], "warn", "{report}");
        let warning = &check(report, "access.table")["error"];
        assert_eq!(warning["code"], code);
        assert_eq!(outcome.json()["summary"]["warned"], 1);
        // A warning of the probe proves less than it seems.
        let proven = "No table was given, so this only tests the sign-in.";
        assert!(warning["message"].as_str().unwrap().ends_with(proven), "{warning}");
        assert!(warning["next"][0].as_str().unwrap().ends_with("--table NAME"), "{warning}");
        let named = run_against(&server.origin(), "test --json --table sys_user").expect(explicit);
        assert!(!named.stdout.contains("No table was given"), "{}", named.stdout);
    }
    let closed = server(403, envelope("Failed API level ACL Validation").leak());
    let outcome = run_against(&closed.origin(), "test --json").expect(5);
    assert_eq!(outcome.error_code(), "api-acl");
    assert_eq!(check(&outcome.json()["connections"][0], "auth.identity")["status"], "skip");
    assert_eq!(closed.requests(), 1);
}

#[test]
fn an_empty_answer_is_asked_once_more_and_only_the_count_makes_it_hidden() {
    for (count, explicit, words) in [
        (
            "X-Is-Logged-In: true\r\nX-Total-Count: 725\r\nX-Transaction-ID: 12ab\r\n",
            ("fail", 5),
            "none of the first 100",
        ),
        ("X-Is-Logged-In: true\r\nX-Total-Count: 7\r\nX-Transaction-ID: 12ab\r\n", ("fail", 5), "none of the first 7"),
        (
            "X-Is-Logged-In: true\r\nX-Total-Count: 0\r\nX-Transaction-ID: 12ab\r\n",
            ("warn", 0),
            "empty or its rows are hidden",
        ),
        (
            "X-Is-Logged-In: true\r\nX-Total-Count: many\r\nX-Transaction-ID: 12ab\r\n",
            ("warn", 0),
            "empty or its rows are hidden",
        ),
        ("X-Is-Logged-In: true\r\nX-Transaction-ID: 12ab\r\n", ("warn", 0), "empty or its rows are hidden"),
    ] {
        for (flag, (status, code)) in [(" --table sys_user", explicit), ("", ("warn", 0))] {
            let server = answering(vec![("/api/now/table/", 200, count, NONE), (IDENTITY, 200, "", BETH)]);
            let outcome = run_against(&server.origin(), &format!("test --json{flag}")).expect(code);
            let report = &outcome.json()["connections"][0];
            let table = check(report, "access.table");
            assert_eq!(table["status"], status, "{count}{flag}: {report}");
            assert_eq!(table["error"]["code"], "table-hidden");
            // The evidence is that of the second look.
            assert_eq!(table["error"]["evidence"]["transaction_id"], "12ab", "{table}");
            assert_eq!(table["error"]["evidence"]["http_status"], 200);
            outcome.says(&[words]);
            let next = table["error"]["next"][0].as_str().unwrap();
            assert_eq!(next.contains("--table NAME"), flag.is_empty() || code == 0, "{table}");
            assert_eq!(outcome.stdout.contains("only tests the sign-in"), flag.is_empty(), "{table}");
            let asked = questions(&server);
            assert!(asked[1].contains("sysparm_limit=100") && !asked[1].contains("sysparm_no_count"), "{asked:?}");
            assert_eq!(asked.len(), 3, "{asked:?}");
            // The sign-in and the identity do not hang on it.
            assert_eq!(check(report, "auth.request")["status"], "pass");
            assert_eq!(check(report, "auth.identity")["status"], "pass");
        }
    }
    // A row further on is a row.
    let server = Wire::replies(|head| match head {
        _ if head.contains(IDENTITY) => http(200, "", BETH),
        _ if head.contains("sysparm_limit=100") => http(200, "", ONE),
        _ => http(200, "", NONE),
    });
    let outcome = run_against(&server.origin(), "test --json --table incident").expect(0);
    assert_eq!(check(&outcome.json()["connections"][0], "access.table")["status"], "pass");
}

#[test]
fn sys_user_is_asked_for_the_identity_on_404_alone_and_must_give_one_row() {
    const OWN: &str = "/api/now/table/sys_user?sysparm_limit=2";
    let mine = r#"{"result":[{"sys_id":"1","user_name":"beth"}]}"#;
    let two = r#"{"result":[{"sys_id":"1","user_name":"beth"},{"sys_id":"2","user_name":"x"}]}"#;
    for (identity, rows, known, requests) in [
        (404, mine, true, 3),
        (404, two, false, 3),
        (404, NONE, false, 3),
        (404, r#"{"result":[{"sys_id":"1","user_name":""}]}"#, false, 3),
        (404, r#"{"result":[{"sys_id":"1","user_name":7}]}"#, false, 3),
        (400, mine, false, 2),
        (403, mine, false, 2),
        (401, mine, false, 2),
        (500, mine, false, 2),
        (302, mine, false, 2),
    ] {
        let server = answering(vec![
            (IDENTITY, identity, "X-Transaction-ID: 12ab\r\n", ""),
            (OWN, 200, "X-Transaction-ID: 12ab\r\n", rows),
            ("/api/now/table/", 200, "", ONE),
        ]);
        let outcome = run_against(&server.origin(), "test --json").expect(0);
        let report = &outcome.json()["connections"][0];
        let found = check(report, "auth.identity");
        assert_eq!(questions(&server).len(), requests, "{identity} {rows}");
        assert_eq!(found["status"], if known { "pass" } else { "warn" }, "{identity} {rows}: {report}");
        assert_eq!(report["identity"]["source"], if known { "instance" } else { "configured" });
        assert_eq!(report["identity"]["user_name"], "beth");
        if !known {
            assert_eq!(found["error"]["code"], "identity-unknown");
            assert_eq!(found["error"]["evidence"]["transaction_id"], "12ab", "{found}");
        }
    }
}

#[test]
fn another_identity_than_the_user_is_a_warning() {
    let other = r#"{"result":{"user_name":"admin"}}"#;
    let server =
        answering(vec![("/api/now/table/", 200, "", ONE), (IDENTITY, 200, "X-Transaction-ID: 12ab\r\n", other)]);
    let outcome = run_against(&server.origin(), "test --json").expect(0);
    let report = &outcome.json()["connections"][0];
    let found = check(report, "auth.identity");
    assert_eq!((&found["status"], &found["error"]["code"]), (&json!("warn"), &json!("user-mismatch")), "{report}");
    assert_eq!(found["error"]["evidence"]["transaction_id"], "12ab");
    assert_eq!(report["identity"], json!({"user_name": "admin", "source": "instance"}));
    assert_eq!(report["ok"], true);
}

#[test]
fn the_user_guest_is_nobody_who_signed_in() {
    let guest = r#"{"result":{"user_name":"guest"}}"#;
    let server = Wire::replies(move |head| match head {
        _ if head.starts_with("POST /oauth_token.do") => http(200, "", TOKENS),
        _ if head.contains(IDENTITY) => http(200, "X-Transaction-ID: 12ab\r\n", guest),
        _ => http(200, "", ONE),
    });
    let outcome = run_as_client(&server.origin(), "test --json").expect(4);
    let report = &outcome.json()["connections"][0];
    let error = &check(report, "auth.request")["error"];
    assert_eq!(
        (&error["code"], &error["causes"][0]["code"]),
        (&json!("answered-as-guest"), &json!("no-application-user"))
    );
    assert_eq!(error["evidence"]["transaction_id"], "12ab");
    assert_eq!(report["identity"], Value::Null);
    let outcome = run_against(&server.origin(), "test --json").expect(4);
    assert_eq!(first_error(&outcome)["causes"][0]["code"], "header-removed");
    // Who asked for that user got it.
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "guest").set("SNOW_PASSWORD", PASSWORD);
    world.run("test --json").expect(0);
}

#[test]
fn a_password_is_saved_only_if_a_user_is_signed_in() {
    let beth = r#"{"result":{"user_name":"beth"}}"#;
    let guest = r#"{"result":{"user_name":"guest"}}"#;
    let (yes, no) = (LOGGED_IN, "X-Is-Logged-In: false\r\n");
    // What the table says of the user, what the question for the user says, and whether that
    // is a sign-in.
    for (of_table, of_identity, user, is_good) in [
        ("", "", guest, false),
        ("", no, beth, false),
        (no, yes, beth, false),
        ("", "", beth, true),
        ("", yes, beth, true),
        (yes, "", beth, true),
    ] {
        let server = Wire::replies(move |head| match head {
            _ if head.contains(IDENTITY) => http(200, of_identity, user),
            _ => http(200, of_table, ONE),
        });
        let mut world = World::new();
        let memory = Arc::new(MemoryStore::default());
        world.store = memory.clone();
        let line = format!("connect {} --name acme --username beth --password-stdin --json", server.origin());
        let outcome = world.stdin(PASSWORD).run(&line).expect(if is_good { 0 } else { 4 });
        let case = format!("{of_table:?} {of_identity:?}: {}", outcome.stdout);
        assert_eq!(world.config().contains("connections.acme"), is_good, "{case}");
        assert_eq!(memory.count() > 0, is_good, "{case}");
        if !is_good {
            assert_eq!(outcome.error_code(), "answered-as-guest", "{case}");
        }
    }
}

#[test]
fn a_token_that_opens_tables_and_not_the_question_who_it_is_of_is_no_one_time_token() {
    let server =
        answering(vec![(IDENTITY, 401, "WWW-Authenticate: BEARER\r\n", ""), ("/api/now/table/", 200, "", ONE)]);
    let outcome = run_with_token(&server.origin(), "test --json").expect(0);
    let found = &check(&outcome.json()["connections"][0], "auth.identity").clone();
    assert_eq!((&found["status"], &found["error"]["code"]), (&json!("warn"), &json!("identity-unknown")), "{found}");
    assert_eq!(questions(&server).len(), 3, "the table is asked once more: {:?}", questions(&server));
}

#[test]
fn a_transaction_id_is_named_where_one_came() {
    for (headers, is_named) in [("", false), ("X-Transaction-ID: 12ab\r\n", true)] {
        let headers = format!("WWW-Authenticate: BEARER realm=\"Service-now\"\r\n{headers}");
        let server = Wire::answers(http(401, &headers, ""));
        let next = first_error(&run_with_token(&server.origin(), "test --json").expect(4))["next"].to_string();
        assert_eq!(next.contains("transaction id"), is_named, "{next}");
        assert!(next.contains("Set SNOW_ACCESS_TOKEN to a new token"), "{next}");
    }
}

#[test]
fn an_echoed_password_is_masked() {
    let echo = format!("you sent {PASSWORD} to us");
    let outcome = judged(envelope(403, &echo, "Authorization: Basic YmV0aDpDQU5BUlktcGFzcyB3b3JkL8O8"));
    outcome.says(&["****"]);
}
