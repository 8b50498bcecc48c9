//! The OAuth side of the embedded instance, as a person in a browser meets it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use snow_connect::sandbox::SandboxOptions;

use crate::world::ask::Ask;
use crate::world::browser::{get, parameter, post, sign_in};
use crate::world::oauth::{
    CALLBACK, SDK_CLIENT, VERIFIER, assert_access_denied, authorization_url, sandbox, token, who,
};

#[test]
fn a_sign_in_ends_at_the_redirect_uri_with_a_code_and_the_state() {
    let sandbox = sandbox(SandboxOptions::default());
    let callback = sign_in(&authorization_url(&sandbox, &[]), "beth.anglin", "allow");
    assert!(callback.starts_with(&format!("{CALLBACK}?code=")), "{callback}");
    assert_eq!(parameter(&callback, "state"), "5747617465");
    let code = parameter(&callback, "code");
    assert_eq!(code.len(), 86);
    assert!(code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{code}");
}

#[test]
fn a_request_that_names_no_good_client_or_place_ends_on_a_page() {
    let sandbox = sandbox(SandboxOptions::default());
    for (change, text) in [
        (("client_id", "nobody"), "Invalid client_id"),
        (("client_id", ""), "Invalid client_id"),
        (("redirect_uri", "https://evil.example/callback"), "Invalid redirect_uri"),
        (("redirect_uri", "http://localhost:8914/callback"), "Invalid redirect_uri"),
        (("redirect_uri", ""), "Invalid redirect_uri"),
        (("client_id", SDK_CLIENT), "Invalid redirect_uri"),
        (("client_id", "sandbox-ci"), "Invalid redirect_uri"),
        (("state", ""), "Missing State parameter in request."),
    ] {
        let page = get(&authorization_url(&sandbox, &[change]));
        assert_eq!((page.status, page.header("Location")), (400, None), "{change:?}");
        assert!(page.body.contains(&format!("<h1>{text}</h1>")), "{change:?}: {}", page.body);
    }
}

#[test]
fn any_loopback_redirect_uri_is_registered() {
    let sandbox = sandbox(SandboxOptions::default());
    for redirect_uri in ["http://127.0.0.1:50123/oauth/callback", "http://[::1]:50123/?a=b"] {
        let url = authorization_url(&sandbox, &[("redirect_uri", redirect_uri)]);
        assert!(sign_in(&url, "admin", "allow").starts_with(redirect_uri), "{redirect_uri}");
    }
}

#[test]
fn what_is_wrong_with_a_request_is_told_at_the_redirect_uri() {
    let sandbox = sandbox(SandboxOptions::default());
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge", "too-short"), "invalid_request"),
    ] {
        let callback = get(&authorization_url(&sandbox, &[change])).location();
        assert_eq!(callback, format!("{CALLBACK}?error={error}&state=5747617465"), "{change:?}");
    }
    let twice = format!("{}&scope=other", authorization_url(&sandbox, &[]));
    assert_eq!(parameter(&get(&twice).location(), "error"), "invalid_request");
}

#[test]
fn a_person_can_say_no() {
    let sandbox = sandbox(SandboxOptions::default());
    let callback = sign_in(&authorization_url(&sandbox, &[]), "beth.anglin", "deny");
    assert_eq!(callback, format!("{CALLBACK}?error=access_denied&state=5747617465"));
}

#[test]
fn a_wrong_password_shows_the_page_again_and_gives_no_consent() {
    let sandbox = sandbox(SandboxOptions::default());
    let transaction = get(&authorization_url(&sandbox, &[])).hidden("transaction");
    let login = format!("{}/oauth_login.do", sandbox.origin());
    let page = post(&login, &[("transaction", &transaction), ("user_name", "admin"), ("user_password", "sandbox-joe")]);
    assert!(page.body.contains("User name or password invalid"), "{}", page.body);
    assert_eq!(page.hidden("transaction"), transaction);
    let consent = format!("{}/oauth_consent.do", sandbox.origin());
    let page = post(&consent, &[("transaction", &transaction), ("decision", "allow")]);
    assert_eq!((page.status, page.header("Location")), (400, None));
}

#[test]
fn a_transaction_is_decided_once() {
    let sandbox = sandbox(SandboxOptions::default());
    let page = get(&authorization_url(&sandbox, &[]));
    let transaction = page.hidden("transaction");
    let (login, consent) =
        (format!("{}/oauth_login.do", sandbox.origin()), format!("{}/oauth_consent.do", sandbox.origin()));
    let person = [("transaction", transaction.as_str()), ("user_name", "admin"), ("user_password", "sandbox-admin")];
    post(&login, &person);
    let decision = [("transaction", transaction.as_str()), ("decision", "allow")];
    assert_eq!(post(&consent, &decision).status, 302);
    assert_eq!(post(&consent, &decision).status, 400);
    assert_eq!(post(&login, &person).status, 400);
    assert_eq!(post(&consent, &[("transaction", "x"), ("decision", "allow")]).status, 400);
}

#[test]
fn the_pages_load_nothing_run_nothing_and_are_not_kept() {
    let sandbox = sandbox(SandboxOptions::default());
    let page = get(&authorization_url(&sandbox, &[]));
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    // A browser holds the redirect to the program against the policy as well.
    assert!(policy.contains("form-action 'self' http://127.0.0.1:8914;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(page.header("Cache-Control").unwrap().contains("no-store"));
    assert_eq!(page.header("Referrer-Policy"), Some("no-referrer"));
    for foreign in ["<script", "src=", "url(", "@import", "https://"] {
        assert!(!page.body.contains(foreign), "{foreign}");
    }
    let style = page.body.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let digest = STANDARD.encode(Sha256::digest(style));
    assert!(policy.contains(&format!("'sha256-{digest}'")), "the policy allows the style of the page");
}

#[test]
fn the_sign_in_page_says_it_is_made_up_and_names_every_user() {
    let sandbox = sandbox(SandboxOptions::default());
    let page = get(&authorization_url(&sandbox, &[]));
    assert!(page.body.contains("Everything here is made up."));
    for user in snow_connect::sandbox::USERS {
        assert!(page.body.contains(&format!("{} / {}", user.user_name, user.password)), "{}", user.user_name);
    }
}

#[test]
fn what_a_client_sends_is_escaped_on_the_pages() {
    let sandbox = sandbox(SandboxOptions::default());
    let scope = "\"><script>alert('1')</script>&";
    let page = get(&authorization_url(&sandbox, &[("scope", scope)]));
    let person = [
        ("transaction", page.hidden("transaction")),
        ("user_name", "admin".to_owned()),
        ("user_password", "sandbox-admin".to_owned()),
    ];
    let person: Vec<_> = person.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = post(&format!("{}/oauth_login.do", sandbox.origin()), &person);
    assert!(page.body.contains("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;"), "{}", page.body);
    assert!(!page.body.contains("<script"), "{}", page.body);
    let page = get(&format!("{}/sdk-oauth.do?code=%3Cscript%3E", sandbox.origin()));
    assert!(!page.body.contains("<script"), "{}", page.body);
}

#[test]
fn the_client_of_servicenow_shows_its_code_on_a_page() {
    let sandbox = sandbox(SandboxOptions::default());
    let changes = [("client_id", SDK_CLIENT), ("redirect_uri", "/sdk-oauth.do"), ("scope", "")];
    let callback = sign_in(&authorization_url(&sandbox, &changes), "beth.anglin", "allow");
    assert!(callback.starts_with("/sdk-oauth.do?code="), "{callback}");
    let code = parameter(&callback, "code");
    let page = get(&format!("{}{callback}", sandbox.origin()));
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&format!(">{code}<")), "{}", page.body);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "/sdk-oauth.do"),
        ("client_id", SDK_CLIENT),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(who(&sandbox, &token(&sandbox, &form).json()["access_token"]), Ok("beth.anglin".to_owned()));
}

#[test]
fn the_page_of_that_client_is_there_without_a_code() {
    let sandbox = sandbox(SandboxOptions::default());
    let page = get(&format!("{}/sdk-oauth.do", sandbox.origin()));
    assert_eq!((page.status, page.body.contains("No code yet")), (200, true));
    let page = get(&format!("{}/sdk-oauth.do?error=access_denied", sandbox.origin()));
    assert_eq!((page.status, page.body.contains("Access was denied")), (200, true));
}

#[test]
fn a_form_is_read_to_its_limit_and_no_further() {
    let sandbox = sandbox(SandboxOptions::default());
    let url = format!("{}/oauth_token.do", sandbox.origin());
    let send = |length| {
        let form = Ask::new("POST", &url).header("Content-Type", "application/x-www-form-urlencoded");
        form.body(vec![b'x'; length]).send()
    };
    assert_access_denied(&send(64 * 1024));
    let (message, detail) = send(64 * 1024 + 1).expect(413).error();
    assert_eq!(message, "Exception while reading request");
    assert!(detail.contains("content-length = 65537 bytes. Max allowed: 65536 bytes."), "{detail}");
}
