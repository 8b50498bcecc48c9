//! The OAuth side of the embedded instance, as a client meets it: what becomes
//! tokens, how long they are good, and what ends them.

use std::time::Duration;

use serde_json::json;
use snow_connect::sandbox::SandboxOptions;

use crate::world::ask::{Ask, Reply};
use crate::world::browser::{get, parameter, post, sign_in};
use crate::world::oauth::{
    CALLBACK, SDK_CLIENT, VERIFIER, assert_access_denied, authorization_url, code, redeem, refresh, sandbox, token,
    tokens, who,
};

#[test]
fn a_code_becomes_tokens_of_the_recorded_shape() {
    let sandbox = sandbox(SandboxOptions::default());
    let answer = redeem(&sandbox, &code(&sandbox));
    assert_eq!(answer.header("Content-Type"), Some("application/json;charset=UTF-8"));
    assert!(answer.header("Cache-Control").unwrap().contains("no-store"));
    let body = answer.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["access_token", "refresh_token", "scope", "token_type", "expires_in"]);
    assert_eq!(body["scope"], "useraccount");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 1799);
    assert_ne!(body["access_token"], body["refresh_token"]);
}

#[test]
fn an_access_token_speaks_for_the_user_who_signed_in() {
    let sandbox = sandbox(SandboxOptions::default());
    let tokens = tokens(&sandbox);
    assert_eq!(who(&sandbox, &tokens["access_token"]), Ok("beth.anglin".to_owned()));
    let url = format!("{}/api/now/table/incident?sysparm_limit=1", sandbox.origin());
    let answer = Ask::new("GET", &url).bearer(tokens["access_token"].as_str().unwrap()).send();
    assert_eq!((answer.status, answer.header("X-Is-Logged-In")), (200, Some("true")));
}

#[test]
fn a_code_is_good_once() {
    let sandbox = sandbox(SandboxOptions::default());
    let code = code(&sandbox);
    assert_eq!(redeem(&sandbox, &code).status, 200);
    assert_access_denied(&redeem(&sandbox, &code));
}

#[test]
fn a_code_is_good_for_a_short_time() {
    let sandbox = sandbox(SandboxOptions { code_ttl: Duration::from_millis(200), ..SandboxOptions::default() });
    let code = code(&sandbox);
    std::thread::sleep(Duration::from_millis(250));
    assert_access_denied(&redeem(&sandbox, &code));
}

#[test]
fn a_code_needs_the_same_redirect_uri_the_same_client_and_its_verifier() {
    let sandbox = sandbox(SandboxOptions::default());
    for (name, value) in [
        ("redirect_uri", "http://127.0.0.1:8914/Callback"),
        ("redirect_uri", ""),
        ("code_verifier", "another-verifier-of-more-than-forty-three-characters-0123"),
        ("code_verifier", ""),
        ("client_id", SDK_CLIENT),
        ("client_id", "nobody"),
        ("client_secret", "a-public-client-has-none"),
        ("code", "x"),
        ("grant_type", ""),
    ] {
        let code = code(&sandbox);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("client_id", "sandbox-public"),
            ("code_verifier", VERIFIER),
        ];
        form.retain(|(key, _)| *key != name);
        form.push((name, value));
        assert_access_denied(&token(&sandbox, &form));
    }
}

#[test]
fn a_public_client_must_use_pkce_and_a_confidential_one_need_not() {
    let sandbox = sandbox(SandboxOptions::default());
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    for (client_id, secret, status) in [
        ("sandbox-public", "", 401),
        ("sandbox-confidential", "sandbox-confidential-secret", 200),
        ("sandbox-confidential", "wrong", 401),
        ("sandbox-confidential", "", 401),
    ] {
        let url = authorization_url(&sandbox, &[&without[..], &[("client_id", client_id)]].concat());
        let code = parameter(&sign_in(&url, "admin", "allow"), "code");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("client_id", client_id),
            ("client_secret", secret),
        ];
        assert_eq!(token(&sandbox, &form).status, status, "{client_id} {secret}");
    }
}

#[test]
fn a_verifier_without_a_challenge_is_refused() {
    let sandbox = sandbox(SandboxOptions::default());
    let changes = [("code_challenge", ""), ("code_challenge_method", ""), ("client_id", "sandbox-confidential")];
    let code = parameter(&sign_in(&authorization_url(&sandbox, &changes), "admin", "allow"), "code");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", "sandbox-confidential"),
        ("client_secret", "sandbox-confidential-secret"),
        ("code_verifier", VERIFIER),
    ];
    assert_access_denied(&token(&sandbox, &form));
}

#[test]
fn token_parameters_count_in_a_form_body_alone() {
    let sandbox = sandbox(SandboxOptions::default());
    let url = format!("{}/oauth_token.do", sandbox.origin());
    let form = "grant_type=client_credentials&client_id=sandbox-ci&client_secret=sandbox-ci-secret";
    let json = r#"{"grant_type":"client_credentials","client_id":"sandbox-ci","client_secret":"sandbox-ci-secret"}"#;
    let urlencoded = "application/x-www-form-urlencoded; charset=utf-8";
    let send = |method, url: &str, content_type, body: &str| -> Reply {
        Ask::new(method, url).header("Content-Type", content_type).body(body).send()
    };
    assert_eq!(send("POST", &url, urlencoded, form).status, 200);

    assert_access_denied(&send("POST", &url, "application/json", json));
    assert_access_denied(&Ask::new("POST", &url).body(form).send());
    assert_access_denied(&send("POST", &format!("{url}?{form}"), urlencoded, ""));
    assert_access_denied(&send("POST", &format!("{url}?scope=x"), urlencoded, form));
    assert_access_denied(&get(&format!("{url}?{form}")));
    assert_access_denied(&send("POST", &url, urlencoded, &format!("{form}&client_id=sandbox-ci")));
}

#[test]
fn a_client_proves_itself_in_the_body_and_not_in_the_header() {
    let sandbox = sandbox(SandboxOptions::default());
    let url = format!("{}/oauth_token.do", sandbox.origin());
    let form = [("grant_type", "client_credentials")];
    let asked = Ask::new("POST", &url).basic("sandbox-ci", "sandbox-ci-secret").form(&form);
    assert_access_denied(&asked.send());
}

#[test]
fn a_client_gets_its_own_grants_and_nobody_the_password_grant() {
    let sandbox = sandbox(SandboxOptions::default());
    for (grant_type, client_id, client_secret) in [
        ("password", "sandbox-confidential", "sandbox-confidential-secret"),
        ("password", "sandbox-public", ""),
        ("client_credentials", "sandbox-confidential", "sandbox-confidential-secret"),
        ("client_credentials", "sandbox-public", ""),
        ("client_credentials", "sandbox-ci", "sandbox-ci-secrets"),
        ("refresh_token", "sandbox-ci", "sandbox-ci-secret"),
    ] {
        let form = [
            ("grant_type", grant_type),
            ("client_id", client_id),
            ("client_secret", client_secret),
            ("username", "admin"),
            ("password", "sandbox-admin"),
            ("refresh_token", "x"),
        ];
        assert_access_denied(&token(&sandbox, &form));
    }
}

#[test]
fn client_credentials_act_as_the_application_user_and_are_not_refreshed() {
    let sandbox = sandbox(SandboxOptions::default());
    let form =
        [("grant_type", "client_credentials"), ("client_id", "sandbox-ci"), ("client_secret", "sandbox-ci-secret")];
    let body = token(&sandbox, &form).json();
    assert_eq!(body.get("refresh_token"), None);
    assert_eq!((&body["scope"], &body["expires_in"]), (&json!(""), &json!(1799)));
    assert_eq!(who(&sandbox, &body["access_token"]), Ok("svc.ci".to_owned()));
}

#[test]
fn a_refresh_gives_the_same_access_token_while_it_is_valid() {
    let sandbox = sandbox(SandboxOptions::default());
    let first = tokens(&sandbox);
    std::thread::sleep(Duration::from_millis(1100));
    let second = refresh(&sandbox, &first["refresh_token"]).json();
    assert_eq!(second["access_token"], first["access_token"]);
    assert_eq!(second["refresh_token"], first["refresh_token"]);
    assert!(matches!(second["expires_in"].as_u64(), Some(1790..=1798)), "{second}");
}

#[test]
fn a_refresh_after_the_end_gives_a_new_access_token_and_the_same_refresh_token() {
    let sandbox = sandbox(SandboxOptions::default());
    let first = tokens(&sandbox);
    sandbox.expire_access_tokens();
    assert_eq!(who(&sandbox, &first["access_token"]), Err(401));
    let second = refresh(&sandbox, &first["refresh_token"]).json();
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["scope"], "useraccount");
    assert_eq!(who(&sandbox, &second["access_token"]), Ok("beth.anglin".to_owned()));
}

#[test]
fn two_sign_ins_of_one_user_with_one_client_and_scope_share_their_tokens() {
    let sandbox = sandbox(SandboxOptions::default());
    let (first, second) = (tokens(&sandbox), tokens(&sandbox));
    assert_eq!(first["access_token"], second["access_token"]);
    assert_eq!(first["refresh_token"], second["refresh_token"]);
    let url = authorization_url(&sandbox, &[("scope", "")]);
    let code = parameter(&sign_in(&url, "beth.anglin", "allow"), "code");
    let third = redeem(&sandbox, &code).json();
    assert_ne!(first["access_token"], third["access_token"]);
    assert_eq!(third["scope"], "");
}

#[test]
fn an_access_token_ends_when_it_was_said() {
    let sandbox = sandbox(SandboxOptions { access_ttl: Duration::from_secs(2), ..SandboxOptions::default() });
    let tokens = tokens(&sandbox);
    assert_eq!(tokens["expires_in"], 2);
    assert_eq!(who(&sandbox, &tokens["access_token"]), Ok("beth.anglin".to_owned()));
    std::thread::sleep(Duration::from_millis(2050));
    assert_eq!(who(&sandbox, &tokens["access_token"]), Err(401));
}

#[test]
fn a_life_of_a_minute_or_more_is_told_a_second_short() {
    for (access_ttl, told) in [(59, 59), (60, 59), (3600, 3599)] {
        let options = SandboxOptions { access_ttl: Duration::from_secs(access_ttl), ..SandboxOptions::default() };
        assert_eq!(tokens(&sandbox(options))["expires_in"], told, "{access_ttl}");
    }
}

#[test]
fn with_rotation_each_refresh_gives_new_tokens() {
    let sandbox = sandbox(SandboxOptions { rotate: true, ..SandboxOptions::default() });
    let first = tokens(&sandbox);
    let second = refresh(&sandbox, &first["refresh_token"]).json();
    let third = refresh(&sandbox, &second["refresh_token"]).json();
    for (one, other) in [(&first, &second), (&second, &third), (&first, &third)] {
        assert_ne!(one["access_token"], other["access_token"]);
        assert_ne!(one["refresh_token"], other["refresh_token"]);
    }
    assert_eq!(who(&sandbox, &third["access_token"]), Ok("beth.anglin".to_owned()));
}

#[test]
fn with_rotation_a_refresh_token_that_comes_again_ends_the_whole_sign_in() {
    let sandbox = sandbox(SandboxOptions { rotate: true, ..SandboxOptions::default() });
    let (bystander, first) = (tokens(&sandbox), tokens(&sandbox));
    let second = refresh(&sandbox, &first["refresh_token"]).json();
    assert_access_denied(&refresh(&sandbox, &first["refresh_token"]));
    assert_access_denied(&refresh(&sandbox, &second["refresh_token"]));
    assert_eq!(who(&sandbox, &first["access_token"]), Err(401));
    assert_eq!(who(&sandbox, &second["access_token"]), Err(401));
    assert_eq!(who(&sandbox, &bystander["access_token"]), Ok("beth.anglin".to_owned()));
}

#[test]
fn a_refresh_token_is_good_for_its_own_client_alone() {
    let sandbox = sandbox(SandboxOptions { rotate: true, ..SandboxOptions::default() });
    let first = tokens(&sandbox);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", first["refresh_token"].as_str().unwrap()),
        ("client_id", SDK_CLIENT),
    ];
    assert_access_denied(&token(&sandbox, &form));
    assert_eq!(refresh(&sandbox, &first["refresh_token"]).status, 200);
}

#[test]
fn revoking_an_access_token_leaves_the_refresh_token() {
    let sandbox = sandbox(SandboxOptions::default());
    let first = tokens(&sandbox);
    let url = format!("{}/oauth_revoke_token.do", sandbox.origin());
    let answer = post(&url, &[("token", first["access_token"].as_str().unwrap())]);
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(who(&sandbox, &first["access_token"]), Err(401));
    let second = refresh(&sandbox, &first["refresh_token"]).json();
    assert_ne!(second["access_token"], first["access_token"]);
}

#[test]
fn revoking_a_refresh_token_ends_its_access_tokens() {
    let sandbox = sandbox(SandboxOptions::default());
    let url = format!("{}/oauth_revoke_token.do", sandbox.origin());
    let first = tokens(&sandbox);
    let refresh_token = first["refresh_token"].as_str().unwrap();
    assert_eq!(post(&url, &[("token", refresh_token)]).status, 200);
    assert_eq!(who(&sandbox, &first["access_token"]), Err(401));
    assert_access_denied(&refresh(&sandbox, &first["refresh_token"]));

    let second = tokens(&sandbox);
    assert_eq!(get(&format!("{url}?token={}", second["refresh_token"].as_str().unwrap())).status, 200);
    assert_eq!(who(&sandbox, &second["access_token"]), Err(401));
}

#[test]
fn revoking_what_is_unknown_succeeds() {
    let sandbox = sandbox(SandboxOptions::default());
    let url = format!("{}/oauth_revoke_token.do", sandbox.origin());
    let answer = post(&url, &[("token", "x")]);
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(post(&url, &[]).status, 400);
    assert_eq!(sandbox.revocations(), 2);
}

#[test]
fn an_unknown_bearer_token_is_refused_as_such() {
    let sandbox = sandbox(SandboxOptions::default());
    let answer = Ask::new("GET", &format!("{}/api/now/table/sys_user", sandbox.origin())).bearer("x").send();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("WWW-Authenticate"), Some("BEARER realm=\"Service-now\""));
    assert_eq!(answer.header("X-Is-Logged-In"), None);
    let expected = json!({
        "error": { "message": "User is not authenticated", "detail": "Required to provide Auth information" },
        "status": "failure",
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn a_test_can_end_all_tokens_or_all_refresh_tokens() {
    let sandbox = sandbox(SandboxOptions::default());
    let first = tokens(&sandbox);
    sandbox.forget_refresh_tokens();
    assert_access_denied(&refresh(&sandbox, &first["refresh_token"]));
    assert_eq!(who(&sandbox, &first["access_token"]), Ok("beth.anglin".to_owned()));
    let second = tokens(&sandbox);
    sandbox.revoke_all();
    assert_eq!(who(&sandbox, &first["access_token"]), Err(401));
    assert_eq!(who(&sandbox, &second["access_token"]), Err(401));
    assert_access_denied(&refresh(&sandbox, &second["refresh_token"]));
}

#[test]
fn token_requests_are_counted_by_their_grant() {
    let sandbox = sandbox(SandboxOptions::default());
    let first = tokens(&sandbox);
    refresh(&sandbox, &first["refresh_token"]);
    refresh(&sandbox, &json!("bad"));
    token(&sandbox, &[("grant_type", "client_credentials")]);
    token(&sandbox, &[("grant_type", "password")]);
    get(&format!("{}/oauth_token.do", sandbox.origin()));
    let counted = sandbox.token_requests();
    assert_eq!((counted.authorization_code, counted.refresh_token), (1, 2));
    assert_eq!((counted.client_credentials, counted.other, counted.total()), (1, 1, 5));
}
