//! Every way a token endpoint can answer a refresh: what is said of it, how
//! the command ends, and what is saved or kept.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::world::keyring::Session;
use crate::world::reach;
use crate::world::session::{
    self, ACCESS_TOKEN, CLIENT_SECRET, REFRESH_TOKEN, Scripted, saved, time, token_answer, world_with,
    world_with_secret,
};
use crate::world::wire::{Wire, first_error, http, run_as_client};

/// A good answer with other members; null removes one.
fn answer_with(changes: Value) -> Vec<u8> {
    let mut body = json!({
        "access_token": "second-access", "refresh_token": "second-refresh", "token_type": "Bearer",
        "expires_in": 1800, "scope": "useraccount",
    });
    let members = body.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.remove(key)),
            _ => drop(members.insert(key.clone(), value.clone())),
        }
    }
    token_answer(&body)
}

fn raw(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

// D2
#[test]
fn a_lifetime_in_any_shape_is_read_and_bounded() {
    let ten_years = 3650 * 86_400;
    let lives = [
        (json!(1799), 1799),
        (json!("1800"), 1800),
        (json!(" 1800 "), 1800),
        (json!(1799.9), 1799),
        (json!("1799.9"), 1799),
        (json!(0), 0),
        (json!(-1), 0),
        (json!("-5"), 0),
        (json!(i64::MIN), 0),
        (json!(1e308), ten_years),
        (json!(u64::MAX), ten_years),
        (json!("1e400"), ten_years),
    ];
    for (expires_in, seconds) in lives {
        let instance = Scripted::token_endpoint(answer_with(json!({ "expires_in": expires_in })));
        let mut world = world_with(&instance.origin(), -1, json!({}));
        world.run("refresh acme").expect(0);
        let record = saved(&world);
        let life = time(&record["expires_at"]) - time(&record["obtained_at"]);
        assert_eq!(life, TimeDelta::seconds(seconds), "{expires_in}");
        assert_eq!(record["access_token"], "second-access", "{expires_in}");
        assert_eq!(record["refresh_token"], "second-refresh", "{expires_in}");
        world.run("status acme").expect(0);
    }
}

// D2
#[test]
fn a_lifetime_that_is_not_said_is_not_known() {
    let mut without = json!({ "access_token": "second-access", "token_type": "Bearer" });
    for expires_in in [None, Some(Value::Null)] {
        if let Some(expires_in) = expires_in {
            without["expires_in"] = expires_in;
        }
        let instance = Scripted::token_endpoint(token_answer(&without));
        let mut world = world_with(&instance.origin(), -1, json!({}));
        world.run("refresh acme").expect(0);
        assert_eq!(saved(&world).get("expires_at"), None);
        let outcome = world.run("token acme --json").expect(0);
        assert_eq!(outcome.json()["expires_at"], Value::Null);
        assert_eq!(instance.token_requests(), 1, "is used until it is rejected");
    }
}

// D2
#[test]
fn a_lifetime_that_makes_no_sense_is_said_once_and_costs_no_token() {
    for expires_in in [json!("abc"), json!(true), json!([1800]), json!({}), json!(""), json!("NaN")] {
        let instance = Scripted::token_endpoint(answer_with(json!({ "expires_in": expires_in })));
        let mut world = world_with(&instance.origin(), -1, json!({}));
        let outcome = world.run("refresh acme --json").expect(10);
        assert_eq!(outcome.error_code(), "unexpected-answer", "{expires_in}");
        let record = saved(&world);
        assert_eq!(record["refresh_token"], "second-refresh", "a refresh token that may be the only one: {expires_in}");
        assert_eq!(record.get("expires_at"), None, "{expires_in}");
        assert_eq!(record.get("refreshing"), None, "{expires_in}");
        assert_eq!(world.run("token acme").expect(0).stdout, "second-access\n", "{expires_in}");
        world.run("test acme").expect(0);
        assert_eq!(instance.token_requests(), 1, "{expires_in}");
    }
}

// D2: the new token is good, whatever was said about its life.
#[test]
fn a_request_that_was_refused_is_repeated_with_a_token_whose_life_makes_no_sense() {
    let nonsense = answer_with(json!({ "expires_in": "abc" }));
    let instance = Scripted::plays(move |request, _| match request.path.as_str() {
        "/oauth_token.do" => Some(nonsense.clone()),
        _ if request.authorization() == Some("Bearer second-access") => None,
        _ => Some(http(401, "WWW-Authenticate: BEARER\r\n", "").into_bytes()),
    });
    let mut world = world_with(&instance.origin(), 900, json!({}));
    let outcome = world.run("test acme --json").expect(0);
    assert_eq!(instance.token_requests(), 1);
    assert_eq!(outcome.json()["connections"][0]["identity"]["user_name"], "beth.anglin");
}

// D3
#[test]
fn bearer_is_read_in_any_case_and_no_other_type_is_used() {
    for kind in ["bearer", "BEARER", "Bearer"] {
        let instance = Scripted::token_endpoint(answer_with(json!({ "token_type": kind })));
        let mut world = world_with(&instance.origin(), -1, json!({}));
        assert_eq!(world.run("token acme").expect(0).stdout, "second-access\n");
    }
    for kind in [Value::Null, json!("mac"), json!("DPoP"), json!(""), json!(7), json!(["Bearer"])] {
        refused(answer_with(json!({ "token_type": kind })), "unexpected-answer", 10, true);
    }
}

// D4
#[test]
fn a_token_that_no_header_can_carry_is_refused_and_nothing_of_it_saved() {
    let bad = [
        Value::Null,
        json!(""),
        json!("a\r\nX-Evil: 1"),
        json!("a\nb"),
        json!("with space"),
        json!("täöü"),
        json!("\u{0}"),
        json!(12345),
        json!(["a"]),
        json!("x".repeat(64 * 1024)),
    ];
    for token in bad {
        refused(answer_with(json!({ "access_token": token })), "unexpected-answer", 10, true);
    }
    for token in [json!(7), json!("a\r\nb"), json!("x".repeat(64 * 1024))] {
        refused(answer_with(json!({ "refresh_token": token })), "unexpected-answer", 10, true);
    }
}

// D4
#[test]
fn a_long_token_that_a_header_can_carry_is_used() {
    let long = "x".repeat(8 * 1024);
    let instance = Scripted::token_endpoint(answer_with(json!({ "access_token": long, "refresh_token": long })));
    let mut world = world_with(&instance.origin(), -1, json!({}));
    world.run("test acme").expect(0);
    assert_eq!(saved(&world)["refresh_token"], long);
}

// D5
#[test]
fn an_answer_that_is_none_is_classified_and_keeps_the_session() {
    let good = r#"{"access_token":"second-access","token_type":"Bearer","expires_in":1800}"#;
    let utf16 = |text: &str| {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    let page = "<html><head><title>Something else</title></head><body>hello</body></html>";
    let html = "Content-Type: text/html\r\n";
    let json = "Content-Type: application/json\r\n";
    // The answer, code, exit code, and whether the endpoint may have acted.
    let answers: Vec<(Vec<u8>, &str, i32, bool)> = vec![
        (http(400, html, "<html><title>Bad</title></html>").into(), "not-servicenow", 7, false),
        (http(400, json, "{}").into(), "not-servicenow", 7, false),
        (http(200, html, page).into(), "not-servicenow", 7, false),
        (http(200, html, "<form><input name=user_password></form>").into(), "login-page", 7, false),
        (http(204, "", "").into(), "not-servicenow", 7, true),
        (http(200, json, "").into(), "not-servicenow", 7, true),
        (raw("[]"), "unexpected-answer", 10, true),
        (raw(r#"[{"access_token":"x","token_type":"Bearer"}]"#), "unexpected-answer", 10, true),
        (raw("null"), "unexpected-answer", 10, true),
        (raw("\"text\""), "unexpected-answer", 10, true),
        (raw("{}"), "unexpected-answer", 10, true),
        (raw(utf16(good)), "not-servicenow", 7, true),
        (raw(format!("{good}junk")), "not-servicenow", 7, true),
        (raw(format!("{good}{good}")), "not-servicenow", 7, true),
        (raw("access_token=second-access&token_type=bearer"), "not-servicenow", 7, true),
        (raw("[".repeat(100_000)), "not-servicenow", 7, true),
        (http(403, html, page).into(), "forbidden-page", 5, false),
        // The words of a gateway, in the member that OAuth has for its own.
        (http(401, json, r#"{"error":"Authentication attempt failed"}"#).into(), "gateway-refused", 4, false),
        (http(403, json, r#"{"error":"Forbidden"}"#).into(), "forbidden-page", 5, false),
        (http(400, json, r#"{"error":"Bad Request"}"#).into(), "not-servicenow", 7, false),
        (http(404, json, r#"{"message":"no route"}"#).into(), "not-servicenow", 7, false),
        (http(401, "WWW-Authenticate: Key realm=\"edge\"\r\n", r#"{"error":{"#).into(), "gateway-refused", 4, false),
        (http(302, "Location: /logout_success.do\r\n", "").into(), "login-page", 7, false),
        (http(302, "Location: https://id.example/x?SAMLRequest=y\r\n", "").into(), "sso-redirect", 7, false),
        (http(418, "", "short and stout").into(), "not-servicenow", 7, false),
    ];
    for (answer, code, exit, may_have_acted) in answers {
        refused(answer, code, exit, may_have_acted);
    }
}

#[test]
fn the_words_of_a_gateway_at_the_token_endpoint_are_not_those_of_oauth() {
    for status in [400, 401, 403] {
        let body = r#"{"error":"Not at this hour"}"#;
        let server = Wire::answers(http(status, "Server: edge\r\n", body));
        let outcome = run_as_client(&server.origin(), "test --json");
        let error = first_error(&outcome);
        assert_ne!(error["code"], "token-refused", "{error}");
        assert_eq!(error["evidence"]["server_message"], "Not at this hour", "{error}");
        assert!(!error.to_string().contains("wrong client"), "{error}");
    }
    // An instance may have words that no RFC knows.
    let server = Wire::answers(http(401, "Server: ServiceNow\r\n", r#"{"error":"Not at this hour"}"#));
    let error = first_error(&run_as_client(&server.origin(), "test --json").expect(4));
    assert_eq!(
        (&error["code"], &error["evidence"]["oauth_error"]),
        (&json!("token-refused"), &json!("Not at this hour"))
    );
    let server = Wire::answers(http(400, "", r#"{"error":"invalid_client"}"#));
    let error = first_error(&run_as_client(&server.origin(), "test --json").expect(4));
    assert_eq!((&error["code"], error["evidence"].get("server_message")), (&json!("token-refused"), None));
}

#[test]
fn a_token_endpoint_at_another_address_is_named_with_the_command() {
    let location = "Location: https://acme-it.service-now.com/oauth_token.do\r\n";
    let instance = Scripted::token_endpoint(http(301, location, "").into_bytes());
    let outcome = world_with(&instance.origin(), -1, json!({})).run("refresh acme --json").expect(7);
    assert_eq!(outcome.error_code(), "redirected");
    outcome.says(&["snow edit acme --set instance=https://acme-it.service-now.com"]);
}

// D5
#[test]
fn what_is_json_all_the_same_is_read() {
    let good = r#"{"access_token":"second-access","token_type":"Bearer","expires_in":1800}"#;
    let twice = good.replacen('{', r#"{"access_token":"first-access","#, 1);
    let answers = [
        raw(format!("\u{feff}{good}")),
        raw(format!("\r\n {good} \r\n")),
        http(200, "Content-Type: text/html\r\n", good).into_bytes(),
        http(200, "Content-Type: text/plain;charset=UTF-16\r\n", good).into_bytes(),
        // RFC 8259 leaves it open which of two members counts; here the last.
        raw(twice),
        answer_with(json!({ "expires_in": 1800, "unknown": {"a": [1, 2]}, "id_token": "x.y.z" })),
    ];
    for answer in answers {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let instance = Scripted::token_endpoint(answer);
        let mut world = world_with(&instance.origin(), -1, json!({}));
        assert_eq!(world.run("token acme").expect(0).stdout, "second-access\n", "{shown}");
    }
}

// D5, A11, A13, H1
#[test]
fn an_endpoint_that_echoes_our_secrets_is_not_repeated() {
    const STATUSES: [u16; 3] = [400, 401, 200];
    for (number, words) in echoes().into_iter().enumerate() {
        // One after the other is enough to meet each kind of words and each status.
        let statuses = &STATUSES[number % 3..][..1];
        for &status in reach(statuses, &STATUSES) {
            let instance = Scripted::token_endpoint(echo(status, &words));
            let mut world = world_with_secret(&instance.origin(), -1);
            world.guard(ACCESS_TOKEN);
            world.run("token acme --json").expect(4);
            world.run("refresh acme").expect(4);
            let outcome = world.run("test acme").expect(4);
            let bytes = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!bytes.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']), "{bytes:?}");
        }
    }
}

// A4: the same at the greatest verbosity, in the program itself.
#[test]
fn nothing_secret_is_logged_about_a_refresh() {
    let mut home = Session::new();
    let bodies = echoes();
    let count = bodies.len();
    let instance = Scripted::plays(move |request, before| match request.path.as_str() {
        "/oauth_token.do" if before < count => Some(echo(400, &bodies[before])),
        "/oauth_token.do" => Some(answer_with(json!({ "access_token": "CANARY-second-access" }))),
        _ => None,
    });
    let origin = instance.origin();
    session::put_into_keyring(&home, &origin, &session::record(&origin, -1, json!({ "has_client_secret": true })));
    session::put_item(&home, "client-secret", &session::client_secret(&origin));
    for secret in [ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET, "CANARY-second-access", "second-refresh"] {
        home.guard(secret);
    }
    for _ in 0..count {
        let outcome = home.run("refresh acme -vvv", "").expect(4);
        outcome.says(&["/oauth_token.do returned 400"]);
    }
    home.run("refresh acme -vvv", "").expect(0).says(&["/oauth_token.do returned 200"]);
    home.run("test acme -vvv", "").expect(0);
}

/// Our secrets in the encodings that a server may choose, and what a terminal
/// would obey.
fn echoes() -> Vec<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let secrets = [ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET];
    let percent = |secret: &str| secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let hex = |secret: &str| secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let escaped = |secret: &str| secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    let html =
        |secret: &str| secret.chars().map(|character| format!("&#{};", u32::from(character))).collect::<String>();
    let form = |secret: &str| url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    let mut echoes = Vec::new();
    for secret in secrets {
        echoes.extend([secret.to_owned(), percent(secret), form(secret), hex(secret), hex(secret).to_uppercase()]);
        echoes.extend([escaped(secret), html(secret)]);
        for before in ["", "x", "xy"] {
            echoes.push(STANDARD.encode(format!("{before}{secret}")));
            echoes.push(URL_SAFE_NO_PAD.encode(format!("{before}{secret} and more")));
        }
        echoes.push(format!("\u{1b}[2K{secret}\u{1b}]8;;http://x\u{7}\r\u{202e}\u{9b}1m"));
    }
    echoes
}

/// A refusal whose every place for words has these.
fn echo(status: u16, words: &str) -> Vec<u8> {
    let body = json!({ "error": "invalid_grant", "error_description": format!("no: {words}"), "error_uri": words });
    http(status, "Content-Type: application/json\r\n", &body.to_string()).into_bytes()
}

/// The answer ends `snow token` with this code, nothing of it is saved, and
/// the session stays what it was; with a mark where its refresh token may be
/// spent.
#[track_caller]
fn refused(answer: Vec<u8>, code: &str, exit: i32, may_have_acted: bool) {
    let shown: String = String::from_utf8_lossy(&answer).chars().take(300).collect();
    let instance = Scripted::token_endpoint(answer);
    let mut world = world_with(&instance.origin(), -1, json!({}));
    world.guard(ACCESS_TOKEN);
    let before = saved(&world);
    let started = std::time::Instant::now();
    let outcome = world.run("token acme --json");
    assert_eq!((outcome.code, outcome.error_code().as_str()), (exit, code), "{shown}\n{}", outcome.stdout);
    assert!(started.elapsed() < Duration::from_secs(5), "{shown}");
    assert_eq!(instance.token_requests(), 1, "{shown}");
    let mut record = saved(&world);
    assert_eq!(record.get("refreshing").is_some(), may_have_acted, "{shown}");
    record.as_object_mut().unwrap().remove("refreshing");
    assert_eq!(record, before, "{shown}");
    let text = world.run("token acme").expect(exit);
    assert_eq!(text.stdout, "", "{shown}");
    assert!(text.stderr.chars().count() < 3000, "{}", text.stderr);
}
