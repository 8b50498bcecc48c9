//! The life of a session, when all goes well and when the token endpoint says
//! no: renewed in time, once, and never lost.

use std::time::Duration;

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::oauth::connected;
use crate::world::oauth::who;
use crate::world::session::{self, Scripted, saved, set_clock, tokens, world_with};
use crate::world::wire::http;
use crate::world::{Outcome, World, block_on, check};

const TABLE: &str = "/api/now/table/sys_user";

fn sandbox(rotate: bool) -> Sandbox {
    Sandbox::open(SandboxOptions { rotate, ..SandboxOptions::default() }).unwrap()
}

fn refreshes(sandbox: &Sandbox) -> usize {
    sandbox.token_requests().refresh_token
}

fn token(world: &mut World) -> String {
    world.run("token acme").expect(0).stdout.trim().to_owned()
}

fn works(sandbox: &Sandbox, token: &str) -> bool {
    who(sandbox, &Value::from(token)) == Ok("beth.anglin".to_owned())
}

fn health(world: &mut World) -> String {
    world.run("status acme --json").expect(0).json()["session"]["health"].as_str().unwrap().to_owned()
}

fn connection(outcome: &Outcome) -> Value {
    outcome.json()["connections"][0].clone()
}

#[test]
fn a_token_that_is_good_for_a_while_is_used_without_a_request_and_without_the_lock() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = world_with(&instance.origin(), 900, json!({}));
    let before = saved(&world);
    assert_eq!(token(&mut world), session::ACCESS_TOKEN);
    assert_eq!(instance.received().len(), 0);
    assert_eq!(saved(&world), before);
    assert!(!world.home().join(".local/state/snow/locks").exists());
}

#[test]
fn a_token_is_renewed_a_minute_before_it_ends_and_not_earlier() {
    let sandbox = sandbox(true);
    let mut world = connected(&sandbox);
    let first = token(&mut world);
    set_clock(&mut world, 1799 - 65);
    assert_eq!(token(&mut world), first);
    assert_eq!(refreshes(&sandbox), 0);
    set_clock(&mut world, 1799 - 55);
    let second = token(&mut world);
    assert_ne!(second, first);
    assert!(works(&sandbox, &second));
    assert_eq!(token(&mut world), second);
    assert_eq!(refreshes(&sandbox), 1);
}

#[test]
fn a_refresh_sends_the_refresh_token_in_the_form_and_no_scope() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = session::world_with_secret(&instance.origin(), -1);
    world.run("token acme").expect(0);
    let requests = instance.received_at("/oauth_token.do");
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.method, "POST");
    assert_eq!(request.form("grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(request.form("refresh_token").as_deref(), Some(session::REFRESH_TOKEN));
    assert_eq!(request.form("client_id").as_deref(), Some("sandbox-public"));
    assert_eq!(request.form("client_secret").as_deref(), Some(session::CLIENT_SECRET));
    assert_eq!(request.form("scope"), None);
    assert_eq!(request.authorization(), None);
    assert!(request.head.starts_with("POST /oauth_token.do HTTP/1.1\r\n"), "{}", request.head);
}

// D8
#[test]
fn ten_refreshes_with_rotation_keep_the_session() {
    let sandbox = sandbox(true);
    let mut world = connected(&sandbox);
    let signed_in_at = saved(&world)["signed_in_at"].clone();
    let mut seen = vec![(saved(&world)["access_token"].clone(), saved(&world)["refresh_token"].clone())];
    for number in 1..=10 {
        world.run("refresh acme").expect(0);
        let record = saved(&world);
        assert_eq!(record["generation"], 1 + number);
        assert_eq!(record.get("refreshing"), None);
        seen.push((record["access_token"].clone(), record["refresh_token"].clone()));
        assert!(works(&sandbox, record["access_token"].as_str().unwrap()));
    }
    let count = seen.len();
    seen.sort_by_key(|pair| format!("{pair:?}"));
    seen.dedup();
    assert_eq!((seen.len(), count, refreshes(&sandbox)), (11, 11, 10));
    assert_eq!(saved(&world)["signed_in_at"], signed_in_at, "the refresh token counts from the sign-in");
    world.run("test acme").expect(0);
}

// D8, O3
#[test]
fn the_old_refresh_token_stays_where_an_answer_has_none() {
    for answer in [json!({}), json!({ "refresh_token": null }), json!({ "refresh_token": "" })] {
        let mut body = json!({ "access_token": "second", "token_type": "bearer", "expires_in": 1800 });
        body.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        let instance = Scripted::token_endpoint(session::token_answer(&body));
        let mut world = world_with(&instance.origin(), -1, json!({}));
        assert_eq!(token(&mut world), "second");
        assert_eq!(saved(&world)["refresh_token"], session::REFRESH_TOKEN, "{answer}");
        assert_eq!(saved(&world)["scope"], "useraccount", "the scope is that of before");
    }
}

// KB0791140
#[test]
fn a_refresh_that_gives_the_same_token_is_not_repeated_before_its_end() {
    let instance = Scripted::plays(|request, before| {
        (request.path == "/oauth_token.do" && before == 0)
            .then(|| tokens(session::ACCESS_TOKEN, session::REFRESH_TOKEN, 50))
    });
    let mut world = world_with(&instance.origin(), 50, json!({}));
    for _ in 0..3 {
        assert_eq!(token(&mut world), session::ACCESS_TOKEN);
    }
    assert_eq!(instance.token_requests(), 1);
    // Nor for somebody who wants more than there is.
    let outcome = world.run("token acme --min-ttl 10m --json").expect(11);
    assert_eq!(outcome.error_code(), "lifetime-too-short");
    assert_eq!(instance.token_requests(), 1);
    // But when it is over.
    set_clock(&mut world, 51);
    assert_eq!(token(&mut world), "new-access-1");
    assert_eq!(instance.token_requests(), 2);
}

#[test]
fn min_ttl_renews_early_and_says_so_where_that_does_not_help() {
    let instance = sandbox(true);
    let mut world = connected(&instance);
    world.run("token acme --min-ttl 29m").expect(0);
    assert_eq!(refreshes(&instance), 0);
    set_clock(&mut world, 600);
    let outcome = world.run("token acme --min-ttl 29m --json").expect(0);
    assert_eq!(refreshes(&instance), 1);
    assert_eq!(outcome.json()["schema"], "snow.token/1");
    let outcome = world.run("token acme --min-ttl 45m --json").expect(11);
    assert_eq!(refreshes(&instance), 2);
    assert_eq!(outcome.error_code(), "lifetime-too-short");
    assert!(outcome.json()["error"]["evidence"]["expires_at"].is_string());
}

// T2, D9
#[test]
fn a_refused_access_token_costs_one_refresh_and_one_retry() {
    let instance = Scripted::plays(|request, _| {
        (request.authorization() == Some(&format!("Bearer {}", session::ACCESS_TOKEN)))
            .then(|| http(401, "WWW-Authenticate: BEARER realm=\"Service-now\"\r\n", "").into_bytes())
    });
    let mut world = world_with(&instance.origin(), 900, json!({}));
    let tested = connection(&world.run("test acme --json").expect(0));
    assert_eq!(tested["credential"]["refreshed"], true);
    let paths: Vec<String> = instance.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, [TABLE, "/oauth_token.do", TABLE, "/api/now/ui/user/current_user"]);
    let headers: Vec<Option<String>> =
        instance.received().iter().map(|request| request.authorization().map(str::to_owned)).collect();
    let new = Some("Bearer new-access-0".to_owned());
    assert_eq!(headers, [Some(format!("Bearer {}", session::ACCESS_TOKEN)), None, new.clone(), new]);
    assert_eq!(saved(&world)["refresh_token"], "new-refresh-0");
}

// D9
#[test]
fn a_fresh_token_that_is_refused_as_well_ends_the_attempts() {
    let instance = Scripted::plays(|request, _| {
        request
            .path
            .starts_with("/api/")
            .then(|| http(401, "WWW-Authenticate: BEARER realm=\"Service-now\"\r\n", "").into_bytes())
    });
    for seconds in [900, -1] {
        let mut world = world_with(&instance.origin(), seconds, json!({}));
        let before = instance.received().len();
        let outcome = world.run("test acme --json").expect(4);
        assert_eq!(outcome.error_code(), "bearer-refused");
        let paths: Vec<String> = instance.received().drain(before..).map(|request| request.path).collect();
        match seconds {
            900 => assert_eq!(paths, [TABLE, "/oauth_token.do", TABLE]),
            _ => assert_eq!(paths, ["/oauth_token.do", TABLE]),
        }
        assert_eq!(saved(&world)["generation"], 2);
    }
}

// T2
#[test]
fn a_403_is_no_reason_to_renew() {
    let sandbox = sandbox(true);
    let mut world = connected(&sandbox);
    sandbox.set_scenario(Some(Scenario::ScopeRestricted));
    let outcome = world.run("test acme --json").expect(5);
    assert_eq!(outcome.error_code(), "scope-restricted");
    assert_eq!(refreshes(&sandbox), 0);
}

#[test]
fn what_a_gateway_refuses_says_nothing_of_the_session() {
    for (headers, body) in [
        ("", ""),
        ("Server: kong\r\nWWW-Authenticate: Key realm=\"kong\"\r\n", r#"{"message":"No API key found in request"}"#),
        ("Content-Type: text/html\r\n", "<html><title>401 Authorization Required</title></html>"),
    ] {
        let answer = http(401, headers, body);
        let instance =
            Scripted::plays(move |request, _| (request.path == "/oauth_token.do").then(|| answer.clone().into_bytes()));
        let mut world = world_with(&instance.origin(), -1, json!({}));
        let before = saved(&world);
        assert_eq!(world.run("token acme --json").expect(4).error_code(), "gateway-refused", "{body}");
        assert_eq!(instance.token_requests(), 1, "{body}");
        assert_eq!(saved(&world), before, "{body}");
        assert_ne!(health(&mut world), "dead", "{body}");
    }
}

// D6, D7
#[test]
fn a_refused_refresh_deletes_nothing_and_the_next_command_tries_again() {
    let refusals = [
        (401, r#"{"error":"server_error","error_description":"access_denied"}"#, "session-expired"),
        (400, r#"{"error":"invalid_grant"}"#, "session-expired"),
        (401, r#"{"error":"invalid_client"}"#, "token-refused"),
        (400, r#"{"error":"unauthorized_client"}"#, "token-refused"),
        (400, r#"{"error":"invalid_scope"}"#, "token-refused"),
        (400, r#"{"error":"unsupported_grant_type"}"#, "token-refused"),
        (200, r#"{"error":"invalid_grant","error_description":"expired"}"#, "session-expired"),
        (
            401,
            r#"{"error":{"message":"User Not Authenticated","detail":"Required to provide Auth information"},"status":"failure"}"#,
            "session-expired",
        ),
    ];
    for (status, body, code) in refusals {
        let answer = http(status, "Content-Type: application/json\r\n", body);
        let instance = Scripted::plays(move |request, before| {
            (request.path == "/oauth_token.do" && before < 2).then(|| answer.clone().into_bytes())
        });
        let mut world = world_with(&instance.origin(), -1, json!({}));
        let before = saved(&world);
        for attempt in 1..=2 {
            let outcome = world.run("token acme --json").expect(4);
            assert_eq!(outcome.error_code(), code, "{body}");
            assert_eq!(instance.token_requests(), attempt, "{body}");
            let mut record = saved(&world);
            assert!(record["refused_at"].is_string(), "{body}");
            record.as_object_mut().unwrap().remove("refused_at");
            assert_eq!(record, before, "{body}");
            assert_eq!(health(&mut world), "dead", "{body}");
        }
        // The user was unlocked, the client switched on again.
        assert_eq!(token(&mut world), "new-access-2", "{body}");
        assert_eq!(saved(&world).get("refused_at"), None, "{body}");
        assert_eq!(health(&mut world), "healthy", "{body}");
    }
}

// D7
#[test]
fn a_refused_refresh_never_opens_a_browser_and_names_the_way_out() {
    let sandbox = sandbox(true);
    let mut world = connected(&sandbox);
    world.browser(|_| panic!("a browser was opened"));
    sandbox.revoke_all();
    for line in ["token acme --min-ttl 31m", "refresh acme", "test acme"] {
        let outcome = world.run(line);
        assert_eq!(outcome.code, if line.starts_with("token") { 11 } else { 4 }, "{outcome:?}");
        if !line.starts_with("token") {
            outcome.says(&["snow login acme"]);
        }
    }
}

#[test]
fn a_token_that_is_still_good_is_used_where_it_cannot_be_renewed() {
    let refusal = http(400, "Content-Type: application/json\r\n", r#"{"error":"invalid_grant"}"#);
    let answers = [refusal, http(503, "", "busy"), http(429, "Retry-After: 7\r\n", "")];
    for answer in answers {
        let instance = Scripted::token_endpoint(answer.clone());
        let mut world = world_with(&instance.origin(), 30, json!({}));
        assert_eq!(token(&mut world), session::ACCESS_TOKEN, "{answer}");
        let tested = connection(&world.run("test acme --json").expect(0));
        assert_eq!(check(&tested, "auth.token")["status"], "warn", "{answer}");
        assert_eq!(saved(&world)["refresh_token"], session::REFRESH_TOKEN);
        // Not where more was asked for.
        world.run("refresh acme").says(&["acme"]);
        assert_eq!(world.run("token acme --min-ttl 1m --json").expect(11).error_code(), "lifetime-too-short");
    }
}

// D13
#[test]
fn what_is_transient_keeps_the_session_as_it_was() {
    let hibernating = "<html><head><title>Instance Hibernating page</title></head></html>";
    let answers = [
        (http(503, "Content-Type: text/html\r\n", "<html><title>503</title></html>"), 7, "instance-unavailable"),
        (http(429, "Retry-After: 3600\r\n", ""), 8, "rate-limited"),
        (http(429, "", r#"{"error":"too_many_requests"}"#), 8, "rate-limited"),
        (http(200, "Content-Type: text/html\r\n", hibernating), 7, "instance-hibernating"),
        (http(404, "Content-Type: text/html\r\n", "<html>"), 7, "not-servicenow"),
        (http(302, "Location: https://developer.servicenow.com/dev.do\r\n", ""), 7, "instance-hibernating"),
        (http(503, "", r#"{"error":"server_error"}"#), 7, "instance-unavailable"),
    ];
    for (answer, exit, code) in answers {
        let instance = Scripted::token_endpoint(answer.clone());
        let mut world = world_with(&instance.origin(), -1, json!({}));
        let before = saved(&world);
        let outcome = world.run("token acme --json").expect(exit);
        assert_eq!(outcome.error_code(), code, "{answer}");
        assert_eq!(instance.token_requests(), 1, "{answer}");
        assert_eq!(saved(&world), before, "{answer}");
        assert_ne!(health(&mut world), "dead", "{answer}");
        // And it goes on when the instance does.
        let well = Scripted::plays(|_, _| None);
        world.write_config(session::config(&well.origin(), ""));
        let mut record = before.clone();
        record["origins"]["instance"] = well.origin().into();
        session::write_record(&world, snow_connect::store::Field::SESSION, &record);
        assert_eq!(token(&mut world), "new-access-0");
    }
}

// D13
#[test]
fn an_instance_that_cannot_be_reached_costs_no_session() {
    let sandbox = sandbox(true);
    let origin = sandbox.origin();
    let mut world = connected(&sandbox);
    let (before, port) = (saved(&world), origin.rsplit(':').next().unwrap().parse().unwrap());
    drop(sandbox);
    set_clock(&mut world, 1799 - 30);
    assert_eq!(token(&mut world), before["access_token"].as_str().unwrap());
    set_clock(&mut world, 1801);
    assert_eq!(world.run("token acme --json").expect(6).error_code(), "connection-refused");
    assert_eq!(saved(&world), before);
    // Another instance at the same address knows nothing of it, and says so.
    let _other = Sandbox::start(Some(port), None).unwrap();
    assert_eq!(world.run("token acme --json").expect(4).error_code(), "session-expired");
    assert_eq!(saved(&world)["refresh_token"], before["refresh_token"]);
}

// D13
#[test]
fn an_endpoint_that_never_answers_costs_one_deadline_and_no_session() {
    let instance = Scripted::plays(|request, before| {
        if request.path == "/oauth_token.do" && before == 0 {
            std::thread::sleep(Duration::from_secs(3));
        }
        None
    });
    let mut world = world_with(&instance.origin(), -1, json!({}));
    let started = std::time::Instant::now();
    assert_eq!(world.run("token acme --json --timeout 1s").expect(6).error_code(), "timeout");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let record = saved(&world);
    assert_eq!(record["refresh_token"], session::REFRESH_TOKEN);
    assert!(record["refreshing"].is_string(), "what the request did is not known");
    assert_eq!(token(&mut world), "new-access-1");
    assert_eq!(saved(&world).get("refreshing"), None);
}

// D14
#[test]
fn a_lost_answer_is_asked_for_once_more_with_the_same_refresh_token() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"access_token\":\"x"
        .to_vec();
    for lost in [cut, Vec::new(), b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()] {
        let bytes = lost.clone();
        let instance = Scripted::plays(move |request, before| {
            (request.path == "/oauth_token.do" && before == 0).then(|| bytes.clone())
        });
        let mut world = world_with(&instance.origin(), -1, json!({}));
        assert_eq!(token(&mut world), "new-access-1", "{:?}", String::from_utf8_lossy(&lost));
        let asked = instance.received_at("/oauth_token.do");
        let tokens: Vec<_> = asked.iter().map(|request| request.form("refresh_token").unwrap()).collect();
        assert_eq!(tokens, [session::REFRESH_TOKEN; 2]);
    }
}

// D14
#[test]
fn an_answer_that_is_lost_twice_keeps_the_session_and_its_mark() {
    let sandbox = sandbox(false);
    let mut world = connected(&sandbox);
    sandbox.set_scenario(Some(Scenario::TokenCut));
    assert_eq!(world.run("refresh acme --json").expect(7).error_code(), "truncated-answer");
    assert_eq!(refreshes(&sandbox), 2);
    assert!(saved(&world)["refreshing"].is_string());
    sandbox.set_scenario(None);
    world.run("refresh acme").expect(0);
    assert_eq!(saved(&world).get("refreshing"), None);
}

// D14
#[test]
fn a_session_that_was_lost_with_the_answer_says_so_until_somebody_signs_in() {
    let sandbox = sandbox(true);
    let mut world = connected(&sandbox);
    sandbox.set_scenario(Some(Scenario::TokenCut));
    let outcome = world.run("refresh acme --json").expect(4);
    assert_eq!(outcome.error_code(), "session-expired");
    assert_eq!(refreshes(&sandbox), 2);
    outcome.says(&["the response was lost", "snow login acme", "interrupted_at"]);
    sandbox.set_scenario(None);
    world.run("refresh acme --json").expect(4).says(&["the response was lost", "interrupted_at"]);
    world.run("login acme").expect(0);
    assert!(works(&sandbox, &token(&mut world)));
    assert_eq!(saved(&world).get("refreshing"), None);
}

#[test]
fn an_answer_that_came_too_late_and_a_refusal_after_it_are_named_together() {
    let instance = Scripted::plays(|request, _| {
        (request.path == "/oauth_token.do")
            .then(|| http(400, "Content-Type: application/json\r\n", r#"{"error":"invalid_grant"}"#).into_bytes())
    });
    let marked = json!({ "refreshing": "2026-11-20T12:00:00Z" });
    let mut world = world_with(&instance.origin(), -1, marked);
    let outcome = world.run("token acme --json").expect(4);
    assert_eq!(outcome.error_code(), "session-expired");
    assert_eq!(outcome.json()["error"]["evidence"]["interrupted_at"], "2026-11-20T12:00:00+00:00");
}

#[test]
fn what_a_server_did_before_an_unclear_answer_is_not_taken_for_nothing() {
    let answers = [
        (http(500, "", "oops"), 7),
        (http(502, "Content-Type: text/html\r\n", "<html>"), 7),
        (http(504, "Content-Type: text/html\r\n", "<html>"), 7),
        (http(200, "Content-Type: application/json\r\n", r#"{"access_token":"a","token_type":"mac"}"#), 10),
    ];
    for (answer, exit) in answers {
        let instance = Scripted::token_endpoint(answer.clone());
        let mut world = world_with(&instance.origin(), -1, json!({}));
        world.run("token acme").expect(exit);
        assert_eq!(instance.token_requests(), 1, "{answer}");
        let record = saved(&world);
        assert_eq!(record["refresh_token"], session::REFRESH_TOKEN, "{answer}");
        assert!(record["refreshing"].is_string(), "the refresh token may be spent: {answer}");
    }
}

// D11
#[test]
fn a_clock_a_year_ahead_or_behind_costs_one_refresh_and_no_loop() {
    const YEAR: i64 = 365 * 86_400;
    for rotate in [true, false] {
        for skew in [YEAR, -YEAR] {
            let sandbox = sandbox(rotate);
            let mut world = connected(&sandbox);
            for (clock, expected) in [(skew, 1), (skew + 30, 1), (0, 2), (5, 2)] {
                set_clock(&mut world, clock);
                for _ in 0..2 {
                    let token = token(&mut world);
                    assert!(works(&sandbox, &token), "{skew} {clock}");
                }
                assert!(refreshes(&sandbox) <= expected, "rotate {rotate}, {skew}: {} at {clock}", refreshes(&sandbox));
            }
            // A second way around: whatever was saved under the wrong clock is not believed.
            sandbox.expire_access_tokens();
            set_clock(&mut world, 0);
            world.run("test acme").expect(0);
        }
    }
}

// D11
#[test]
fn a_token_saved_under_a_wrong_clock_does_not_last_for_ever() {
    let instance = Scripted::plays(|_, _| None);
    let year = 365 * 86_400;
    let ahead = |seconds: i64| json!((chrono::Utc::now() + chrono::TimeDelta::seconds(seconds)).to_rfc3339());
    for not_lengthened in [false, true] {
        let changes = json!({
            "obtained_at": ahead(year), "expires_at": ahead(year + 1800), "not_lengthened": not_lengthened,
        });
        let mut world = world_with(&instance.origin(), 900, changes);
        let before = instance.token_requests();
        assert!(token(&mut world).starts_with("new-access-"), "not_lengthened {not_lengthened}");
        assert_eq!(instance.token_requests(), before + 1);
    }
}

// D1
#[test]
fn without_a_refresh_token_a_session_ends_with_its_access_token() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = world_with(&instance.origin(), 900, json!({ "refresh_token": null }));
    assert_eq!(token(&mut world), session::ACCESS_TOKEN);
    set_clock(&mut world, 880);
    assert_eq!(token(&mut world), session::ACCESS_TOKEN);
    set_clock(&mut world, 901);
    let outcome = world.run("token acme --json").expect(4);
    assert_eq!(outcome.error_code(), "session-expired");
    outcome.says(&["snow login acme"]);
    assert_eq!(instance.received().len(), 0);
    assert_eq!(saved(&world)["access_token"], session::ACCESS_TOKEN);
}

// D2
#[test]
fn a_token_whose_end_is_not_known_is_used_until_it_is_refused() {
    let sandbox = Sandbox::start(None, Some(Scenario::ExpiresMissing)).unwrap();
    let mut world = connected(&sandbox);
    set_clock(&mut world, 100_000);
    token(&mut world);
    world.run("test acme").expect(0);
    assert_eq!(refreshes(&sandbox), 0);
    sandbox.expire_access_tokens();
    world.run("test acme").expect(0);
    assert_eq!(refreshes(&sandbox), 1);
    assert_eq!(world.run("token acme --min-ttl 1s --json").expect(11).error_code(), "lifetime-too-short");
}

#[test]
fn what_another_process_renewed_meanwhile_is_taken_over() {
    // Its token is refused, and while it asks for another one, somebody else
    // has brought it: it must be used, and nothing be asked for.
    let sandbox = sandbox(true);
    let mut world = connected(&sandbox);
    let mut other = World::new();
    other.write_config(world.config());
    other.store = world.store.clone();
    other.run("refresh acme").expect(0);
    let renewed = saved(&world)["access_token"].clone();
    assert_eq!(token(&mut world), renewed.as_str().unwrap());
    assert_eq!(refreshes(&sandbox), 1);
}

#[test]
fn a_renewal_waits_for_the_lock_and_takes_what_the_holder_brought() {
    let sandbox = sandbox(true);
    let mut world = connected(&sandbox);
    let id = world.run("show acme --json").expect(0).json()["connection"]["id"].as_str().unwrap().to_owned();
    let path = world.home().join(format!(".local/state/snow/locks/{id}.lock"));
    let lock = snow_connect::base::files::Lock::acquire(&path, Duration::ZERO).unwrap().expect("nobody has it");
    set_clock(&mut world, 1800);
    let store = world.store.clone();
    let key = snow_connect::store::ItemKey::new(id.parse().unwrap(), snow_connect::store::Field::SESSION);
    let mut renewed = saved(&world);
    renewed["generation"] = 2.into();
    renewed["access_token"] = "brought-by-the-holder".into();
    renewed["expires_at"] = json!((chrono::Utc::now() + chrono::TimeDelta::hours(2)).to_rfc3339());
    let holder = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        let text = snow_connect::base::secret::Secret::new(renewed.to_string()).unwrap();
        block_on(store.write(key, &text)).unwrap();
        drop(lock);
    });
    assert_eq!(token(&mut world), "brought-by-the-holder");
    holder.join().unwrap();
    assert_eq!(refreshes(&sandbox), 0);
}
