//! What must hold for any input from outside, tried with mutations of a corpus.
//!
//! Deterministic: the same seed gives the same inputs. `SNOW_FUZZ_ROUNDS` says
//! how many mutations each target gets, `SNOW_FUZZ_SEED` which. A failure names
//! target, seed and input; put the input into the corpus of its target.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot go on should panic")]

mod mutation;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use snow_connect::auth::credential::{CredentialKind, TokenAge};
use snow_connect::auth::oauth::AUTHORIZATION_CODE;
use snow_connect::auth::oauth::authorize::{Authorization, Callback};
use snow_connect::auth::oauth::callback::{Listener, Users};
use snow_connect::auth::oauth::outcome::{TokenOutcome, TokenRequest};
use snow_connect::base::error::{Failure, FailureInJson};
use snow_connect::base::secret::Secret;
use snow_connect::base::server_text::{MAX_CHARACTERS, Redactor};
use snow_connect::base::shown::is_hidden;
use snow_connect::config::ConfigFile;
use snow_connect::http::client::Response;
use snow_connect::http::retry_after;
use snow_connect::model::instance::Instance;
use snow_connect::model::oauth_client::{GrantType, OAuthClient};
use snow_connect::model::profile::Subject;
use snow_connect::model::tokens::TokenResponse;
use snow_connect::service::servicenow::classify::{Body, ClassifiedResponse, RequestKind};
use snow_connect::service::servicenow::oauth::DEFAULTS;
use snow_connect::service::servicenow::symptoms::diagnose;
use snow_connect::service::servicenow::token;

use mutation::{Mutator, each};

const SECRET: &str = "CANARY-secret";

fn redactor() -> Redactor {
    let mut redactor = Redactor::default();
    redactor.add(&Secret::new(SECRET.to_owned()).unwrap());
    redactor
}

/// Judges an answer, for a test or for a request of tokens.
fn judge<T>(
    answer: &Response,
    request: RequestKind<'_>,
    credential: CredentialKind,
    judge: impl FnOnce(&ClassifiedResponse<'_>) -> T,
) -> T {
    let (instance, redactor) = ("acme".parse().unwrap(), redactor());
    judge(&ClassifiedResponse {
        raw: answer,
        body: Body::read(answer),
        request,
        credential,
        subject: &Subject::New,
        instance: &instance,
        user: None,
        presented: Default::default(),
        redactor: &redactor,
    })
}

/// What a person or a script sees of a failure is harmless, short, without our
/// secret, and has something to do.
fn assert_fit_to_show(failure: &Failure) {
    let document = serde_json::to_value(FailureInJson::from(failure)).unwrap();
    assert_harmless(&document);
    let text = document.to_string();
    assert!(!text.contains(SECRET) && text.len() < 20_000, "{text}");
    assert!(!failure.steps().is_empty(), "nothing to do: {text}");
}

fn assert_harmless(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.chars().any(|c| is_hidden(c) || c.is_control()), "{text:?}"),
        Value::Array(values) => values.iter().for_each(assert_harmless),
        Value::Object(members) => members.values().for_each(assert_harmless),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// An answer of any status with this body, and headers made of `random`.
fn answer(body: Vec<u8>, random: &mut Mutator) -> Response {
    let statuses = [200, 201, 202, 204, 302, 400, 401, 403, 404, 405, 407, 413, 414, 429, 499, 500, 502, 503, 504, 599];
    let names = ["server", "location", "retry-after", "www-authenticate", "x-is-logged-in", "x-mfa_token", "date"];
    let status = statuses[random.below(statuses.len())];
    let mut headers = HeaderMap::new();
    for name in names {
        let mut value = body.clone();
        value.truncate(40);
        random.mutate(&mut value);
        if random.below(2) == 0
            && let Ok(value) = HeaderValue::from_bytes(&value)
        {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Response { status, headers, body, broken: None }
}

#[test]
fn any_answer_has_a_meaning_that_is_fit_to_show() {
    each("errors", include_str!("corpus/errors.txt"), |body, random| {
        let table = "incident".parse().unwrap();
        let answer = answer(body.to_vec(), random);
        for (asked, sent) in [
            (RequestKind::Table(&table), CredentialKind::Secret(&snow_connect::auth::basic::SPEC)),
            (RequestKind::Identity, CredentialKind::AccessToken { spec: &AUTHORIZATION_CODE, age: TokenAge::New }),
            (RequestKind::Preflight, CredentialKind::Nothing),
            (RequestKind::Revocation, CredentialKind::TokenRequest),
        ] {
            judge(&answer, asked, sent, |response| assert_fit_to_show(&diagnose(response)));
        }
    });
}

#[test]
fn any_token_answer_is_judged_and_only_usable_tokens_are_taken() {
    let client = OAuthClient::new(GrantType::AuthorizationCode, "id".parse().unwrap(), &DEFAULTS);
    each("tokens", include_str!("corpus/tokens.txt"), |body, random| {
        let answer = answer(body.to_vec(), random);
        let code = TokenRequest::Code { age: Duration::from_secs(3), has_pkce: true, is_pasted: false };
        let refresh = TokenRequest::Refresh { age: TimeDelta::days(1) };
        let assertion = TokenRequest::JwtBearer { signed_at: DateTime::UNIX_EPOCH };
        for request in [code, refresh, TokenRequest::ClientCredentials, assertion] {
            let outcome = judge(&answer, RequestKind::Token, CredentialKind::TokenRequest, |response| {
                token::judge(response, &request, &client, random.below(2) == 0)
            });
            match outcome {
                TokenOutcome::Tokens(tokens) => assert_usable(&tokens),
                TokenOutcome::Refused(failure)
                | TokenOutcome::Unavailable(failure)
                | TokenOutcome::Unclear(failure)
                | TokenOutcome::Lost(failure) => assert_fit_to_show(&failure),
            }
        }
        if let Ok(json) = serde_json::from_slice::<Value>(body)
            && let Ok(tokens) = TokenResponse::read(&json)
        {
            assert_usable(&tokens);
        }
    });
}

fn assert_usable(tokens: &TokenResponse) {
    for secret in std::iter::once(&tokens.access_token).chain(&tokens.refresh_token) {
        let text = secret.expose();
        assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
        HeaderValue::from_str(text).unwrap();
    }
}

#[test]
fn any_query_of_a_callback_brings_a_code_only_with_the_right_state() {
    let client = OAuthClient::new(GrantType::AuthorizationCode, "id".parse().unwrap(), &DEFAULTS);
    let attempt = Authorization::new(&client, &"acme".parse().unwrap());
    let state = attempt.url().query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    each("callbacks", include_str!("corpus/callbacks.txt"), |query, _| {
        let query = String::from_utf8_lossy(query).replace("STATE", &state).replace('#', "%23");
        // What is pasted may stand in quotes or brackets, which are no part of it.
        let pasted = query.trim_end().trim_end_matches(['"', '\'', '<', '>']);
        let address = format!("http://127.0.0.1:8914/callback?{query}");
        for (query, result) in [(&*query, attempt.judge(&query)), (pasted, attempt.judge_pasted(&address))] {
            if let Ok(Callback::Code(code)) = result {
                let states: Vec<_> =
                    url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state").collect();
                assert!(states.len() == 1 && states[0].1 == state, "{query}");
                assert!(!code.secret().is_empty() && code.secret().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    });
}

#[test]
fn no_request_to_the_listener_ends_the_wait_but_the_right_one() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut client = OAuthClient::new(GrantType::AuthorizationCode, "id".parse().unwrap(), &DEFAULTS);
    client.redirect_uri = format!("http://127.0.0.1:{port}/callback").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let listener = Listener::bind(&client.redirect_uri.loopback().unwrap()).unwrap();
    let browser = std::thread::spawn(move || {
        let say = |bytes: &[u8]| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read(&mut [0; 64]);
        };
        each("requests", include_str!("corpus/requests.txt"), |request, _| {
            let text = String::from_utf8_lossy(request).replace("PORT", &port.to_string());
            say(text.replace("RIGHT", "WRONG").as_bytes());
        });
        say(format!("GET /callback?state=RIGHT HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").as_bytes());
    });
    let judged = listener.wait(Users::default(), |query| if query == "state=RIGHT" { Ok(()) } else { Err(()) }, |_| ());
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(3600), judged).await }).unwrap();
    browser.join().unwrap();
}

#[test]
fn any_address_is_one_exact_origin_or_none() {
    each("instances", include_str!("corpus/instances.txt"), |text, _| {
        let text = String::from_utf8_lossy(text);
        let Ok(instance) = text.parse::<Instance>() else { return };
        let origin = instance.origin();
        assert_eq!(origin.parse::<Instance>().unwrap().origin(), origin, "{text:?}");
        assert!(origin.is_ascii() && !origin.contains(['@', '?', '#', '\\', ' ']), "{text:?} -> {origin}");
        let is_plain = origin.starts_with("http://");
        assert!(origin.starts_with("https://") || (is_plain && instance.is_loopback()), "{text:?} -> {origin}");
        assert_eq!(origin.matches('/').count(), 2, "{text:?} -> {origin}");
    });
}

#[test]
fn any_connections_file_is_read_or_refused_and_never_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    let file = ConfigFile { path: path.clone(), lock: directory.path().join("lock"), home: None };
    each("configs", include_str!("corpus/configs.txt"), |content, _| {
        std::fs::write(&path, content).unwrap();
        match file.load() {
            Ok(config) => {
                config.connections.values().for_each(|profile| assert!(!profile.instance.origin().is_empty()))
            }
            Err(error) => assert_harmless(&serde_json::to_value(FailureInJson::from(&Failure::from(error))).unwrap()),
        }
        assert_eq!(std::fs::read(&path).unwrap(), content);
    });
}

#[test]
fn any_retry_after_is_at_most_a_day() {
    each("retry_after", include_str!("corpus/retry_after.txt"), |value, _| {
        let wait = retry_after::read(&String::from_utf8_lossy(value), Utc::now());
        assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(86_400)), "{wait:?}");
    });
}

#[test]
fn any_text_of_a_server_comes_out_harmless_and_short() {
    let redactor = redactor();
    each("server_texts", include_str!("corpus/server_texts.txt"), |text, _| {
        let shown = redactor.server_text(&String::from_utf8_lossy(text));
        assert!(!shown.chars().any(|c| is_hidden(c) || c.is_control()), "{shown:?}");
        assert!(shown.chars().count() <= MAX_CHARACTERS + 1);
        assert!(!shown.starts_with("::") && !shown.contains(" ::") && !shown.contains("##["), "{shown:?}");
    });
}

#[test]
fn a_secret_is_masked_in_any_surroundings() {
    use base64::Engine as _;
    let redactor = redactor();
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    each("server_texts", include_str!("corpus/server_texts.txt"), |text, random| {
        let text = String::from_utf8_lossy(text).into_owned();
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let (before, after) = text.split_at(places.get(random.below(places.len() + 1)).copied().unwrap_or(text.len()));
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let json: String = SECRET.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        for echo in [SECRET.to_owned(), hex, percent, json, encode(SECRET.as_bytes())] {
            let shown = redactor.server_text(&format!("{before} {echo} {after}"));
            assert!(!shown.contains(&echo), "{echo} in {shown:?}");
            assert!(!shown.contains(SECRET), "{shown:?}");
        }
    });
}
