//! Signing in at an authorization server that is not ours: PKCE is required,
//! refresh tokens are good for one use, and a second use ends the session.

use std::collections::BTreeSet;
#[cfg(target_os = "linux")]
use std::io::{BufRead, BufReader};
#[cfg(target_os = "linux")]
use std::process::Stdio;

use serde_json::{Value, json};
use snow_connect::store::{Field, ItemKey};

use crate::oauth::free_port;
use crate::world::ask::Ask;
use crate::world::authorization_server::{
    APPLICATION_USER, AuthorizationServer, CLIENT_SECRET, Person, Request, USER, USER_PASSWORD,
};
use crate::world::browser::get;
#[cfg(target_os = "linux")]
use crate::world::keyring::Session;
use crate::world::{Outcome, World, block_on, check};

const WRONG_SECRET: &str = "CANARY-oidc-wrong-secret";

/// A server and a world whose browser is a person who presses a button.
struct Story {
    server: AuthorizationServer,
    world: World,
}

impl Story {
    fn new(settings: &Value) -> Self {
        let server = AuthorizationServer::start(settings);
        let mut story = Self { server, world: World::new() };
        story.world.guard(USER_PASSWORD);
        story.world.guard(CLIENT_SECRET);
        story.world.guard(WRONG_SECRET);
        story.person_presses("allow");
        story
    }

    /// A new server with the connection `acme` of the public client.
    fn connected() -> Self {
        let mut story = Self::new(&json!({}));
        story.run(&story.connect_line("--client-id public")).expect(0);
        story
    }

    fn person_presses(&mut self, decision: &'static str) {
        self.world.browser(move |url| {
            let url = url.to_owned();
            std::thread::spawn(move || get(&Person::default().sign_in(&url, decision)));
        });
    }

    fn connect_line(&self, flags: &str) -> String {
        let redirect_uri = format!("http://127.0.0.1:{}/callback", free_port());
        format!("connect {} --name acme --redirect-uri {redirect_uri} {flags}", self.server.instance())
    }

    fn run(&mut self, line: &str) -> Outcome {
        self.world.run(line)
    }

    /// Runs `line` for a client whose secret is handed in.
    fn run_with_secret(&mut self, line: &str, secret: &str) -> Outcome {
        self.world.stdin(secret).run(&format!("{line} --client-secret-stdin"))
    }

    fn access_token(&mut self) -> String {
        self.run("token acme").expect(0).stdout.trim().to_owned()
    }

    /// The refresh token, as a thief would read it from the store.
    fn saved_refresh_token(&mut self) -> String {
        let id = self.run("show acme --json").json()["connection"]["id"].as_str().unwrap().parse().unwrap();
        let key = ItemKey::new(id, Field::SESSION);
        let record = block_on(self.world.store.read(key)).unwrap().expect("a session is saved");
        let record: Value = serde_json::from_str(record.expose()).unwrap();
        record["refresh_token"].as_str().expect("a refresh token").to_owned()
    }

    fn status_at_instance(&self, access_token: &str) -> u16 {
        let url = format!("{}/api/now/ui/user/current_user", self.server.instance());
        Ask::new("GET", &url).bearer(access_token).send().status
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.server.secrets().iter().for_each(|secret| self.world.guard(secret));
        }
    }
}

fn error(outcome: &Outcome) -> Value {
    outcome.json()["error"].clone()
}

#[track_caller]
fn assert_advises(error: &Value, command: &str) {
    let next = error["next"].as_array().expect("advice");
    assert!(next.iter().any(|advice| advice.as_str().unwrap().contains(command)), "{command:?} is not in {error}");
}

// ---- the life of a session ----

#[test]
fn a_browser_signs_in_with_pkce_and_the_issuer_is_accepted() {
    let mut story = Story::new(&json!({}));
    let line = story.connect_line("--client-id public --json");
    let document = story.run(&line).expect(0).json();
    assert_eq!(document["connection"]["username"], USER);
    assert_eq!(check(&document["test"], "auth.identity")["status"], "pass");
    let redeemed = story.server.token_requests("authorization_code");
    assert_eq!(redeemed.len(), 1);
    assert!(redeemed[0].field("code_verifier").is_some() && redeemed[0].field("client_secret").is_none());
}

#[test]
fn a_session_outlives_ten_refreshes_with_rotation() {
    let mut story = Story::connected();
    for _ in 0..10 {
        story.run("refresh acme").expect(0);
    }
    let sent = story.server.token_requests("refresh_token");
    let different: BTreeSet<_> = sent.iter().map(|request| request.field("refresh_token")).collect();
    assert_eq!((sent.len(), different.len()), (10, 10));
    story.run("test acme").expect(0).says(&[USER]);
}

#[test]
fn a_used_refresh_token_sent_again_ends_the_session_and_a_login_repairs_it() {
    let mut story = Story::connected();
    story.run("refresh acme").expect(0);
    let before = story.world.config();
    let used = story.server.token_requests("refresh_token")[0].field("refresh_token").unwrap().to_owned();
    assert_eq!(story.server.refresh(&used).json()["error"], "invalid_grant");

    let outcome = story.run("test acme --json").expect(4);
    assert_eq!(outcome.error_code(), "session-expired");
    let error = error(&story.run("refresh acme --json").expect(4));
    assert_eq!(error["code"], "session-expired");
    assert_eq!(error["evidence"]["oauth_error"], "invalid_grant");
    assert_advises(&error, "snow login acme");
    assert_eq!(story.world.config(), before);

    story.run("login acme").expect(0).says(&["acme: signed in as beth.anglin"]);
    story.run("refresh acme").expect(0);
    story.run("test acme").expect(0);
}

#[test]
fn a_stolen_refresh_token_that_was_used_ends_the_session_for_the_thief_as_well() {
    let mut story = Story::connected();
    let stolen = story.saved_refresh_token();
    let loot = story.server.refresh(&stolen).json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(story.status_at_instance(&loot), 200);

    let outcome = story.run("refresh acme --json").expect(4);
    assert_eq!(error(&outcome)["code"], "session-expired");
    assert_eq!(story.status_at_instance(&loot), 401);

    story.run("login acme").expect(0);
    story.run("test acme").expect(0);
}

#[cfg(target_os = "linux")]
#[test]
fn twenty_programs_at_expiry_refresh_once_and_the_session_survives() {
    let server = AuthorizationServer::start(&json!({ "access_ttl": 1 }));
    let mut session = Session::new();
    session.guard(USER_PASSWORD);
    connect_in(&session, &server);
    server.set_access_ttl(600);
    std::thread::sleep(std::time::Duration::from_millis(1100));

    let start = || session.command(&["token", "acme"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let programs: Vec<_> = (0..20).map(|_| start()).collect();
    let mut tokens = BTreeSet::new();
    for program in programs {
        let output = program.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        tokens.insert(String::from_utf8(output.stdout).unwrap());
    }
    assert_eq!(server.token_requests("refresh_token").len(), 1);
    assert_eq!(tokens.len(), 1, "all programs print the one new token");
    session.run("refresh acme", "").expect(0);
    session.run("test acme", "").expect(0).says(&[USER]);
    server.secrets().iter().for_each(|secret| session.guard(secret));
}

/// Connects the program itself as `acme`, signed in by a person; untested,
/// since the access token may be over by then.
#[cfg(target_os = "linux")]
fn connect_in(session: &Session, server: &AuthorizationServer) {
    let redirect_uri = format!("http://127.0.0.1:{}/callback", free_port());
    let flags =
        ["--name", "acme", "--client-id", "public", "--no-browser", "--no-test", "--redirect-uri", &redirect_uri];
    let mut command = session.command(&[&["connect", server.instance()], &flags[..]].concat());
    let mut program = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(program.stderr.take().expect("piped"));
    let mut heard = Vec::new();
    for line in said.lines().map(Result::unwrap) {
        if line.trim().starts_with(server.origin()) {
            get(&Person::default().sign_in(line.trim(), "allow"));
        }
        heard.push(line);
    }
    assert!(program.wait().unwrap().success(), "{heard:#?}");
}

#[test]
fn a_logout_revokes_both_tokens_at_the_server() {
    let mut story = Story::connected();
    let (access_token, refresh_token) = (story.access_token(), story.saved_refresh_token());
    assert!(story.server.is_active("public", &access_token) && story.server.is_active("public", &refresh_token));
    let document = story.run("logout acme --json --yes").expect(0).json();
    assert_eq!(document["connections"][0]["revoked"], true);
    assert!(!story.server.is_active("public", &access_token) && !story.server.is_active("public", &refresh_token));
    assert_eq!(story.status_at_instance(&access_token), 401);
    assert_eq!(story.server.refresh(&refresh_token).json()["error"], "invalid_grant");
}

// ---- clients with a secret ----

#[test]
fn a_confidential_client_sends_its_secret_with_every_request_for_tokens() {
    let mut story = Story::new(&json!({}));
    let line = story.connect_line("--client-id confidential");
    story.run_with_secret(&line, CLIENT_SECRET).expect(0);
    story.run("refresh acme").expect(0);
    let access_token = story.access_token();
    story.run("logout acme --yes").expect(0);
    assert!(!story.server.is_active("confidential", &access_token));
    let requests = story.server.requests();
    let to_the_server =
        |request: &&Request| ["/oauth_token.do", "/oauth_revoke_token.do"].contains(&request.path.as_str());
    let sent: Vec<_> = requests.iter().filter(to_the_server).collect();
    assert_eq!(sent.len(), 4, "a code, a refresh, and two tokens to revoke: {sent:#?}");
    assert!(sent.iter().all(|request| request.field("client_secret") == Some(CLIENT_SECRET)), "{sent:#?}");
}

#[test]
fn a_client_signs_in_for_itself_and_asks_again_when_its_token_ends() {
    let mut story = Story::new(&json!({ "access_ttl": 600 }));
    let line = format!("connect {} --name acme --auth client-credentials --client-id machine", story.server.instance());
    let document = story.run_with_secret(&format!("{line} --json"), CLIENT_SECRET).expect(0).json();
    assert_eq!(document["test"]["identity"]["user_name"], APPLICATION_USER);
    let first = story.access_token();
    assert_eq!(story.server.token_requests("client_credentials").len(), 1);
    story.world.clock = || chrono::Utc::now() + chrono::TimeDelta::seconds(600);
    let second = story.access_token();
    assert_ne!(second, first);
    assert_eq!(story.server.token_requests("client_credentials").len(), 2);
    assert_eq!(story.status_at_instance(&second), 200);
    story.run("logout acme --yes").expect(0);
    assert!(!story.server.is_active("machine", &second));
}

#[test]
fn a_wrong_client_secret_is_told_from_everything_else() {
    let mut story = Story::new(&json!({}));
    let line = format!("connect {} --name acme --auth client-credentials --client-id machine", story.server.instance());
    let outcome = story.run_with_secret(&format!("{line} --json"), WRONG_SECRET).expect(4);
    let error = error(&outcome);
    assert_eq!(error["code"], "token-refused");
    assert_eq!(error["evidence"]["oauth_error"], "invalid_client");
    assert_eq!(error["causes"][0]["code"], "wrong-client");
    assert!(
        error["causes"][0]["text"].as_str().unwrap().contains("the client id or the client secret is wrong"),
        "{error}"
    );
    assert_eq!(error["retryable"], false);
    assert_eq!(story.world.config(), "");
    story.run_with_secret(&line, CLIENT_SECRET).expect(0);
}

#[test]
fn a_confidential_client_without_its_secret_is_told_that_it_was_not_given() {
    let mut story = Story::new(&json!({}));
    let line = story.connect_line("--client-id confidential --json");
    let error = error(&story.run(&line).expect(4));
    assert_eq!(error["code"], "token-refused");
    assert!(error["causes"][0]["text"].as_str().unwrap().contains("a secret that was not given"), "{error}");
    assert_eq!(story.world.config(), "");
}

#[test]
fn a_client_that_variables_describe_is_told_which_variables_are_wrong() {
    let (mut story, _) = apart();
    let (instance, token_url) = (story.server.instance(), format!("{}/oauth_token.do", story.server.origin()));
    story.world.set("SNOW_INSTANCE", instance).set("SNOW_CLIENT_ID", "machine").set("SNOW_TOKEN_URL", &token_url);
    story.world.set("SNOW_CLIENT_SECRET", CLIENT_SECRET);
    story.run("test").expect(0).says(&[APPLICATION_USER]);
    story.world.set("SNOW_CLIENT_SECRET", WRONG_SECRET);
    let error = error(&story.run("token --json").expect(4));
    assert_eq!(error["code"], "token-refused");
    assert_advises(&error, "SNOW_CLIENT_ID and SNOW_CLIENT_SECRET");
}

#[test]
fn a_login_with_a_wrong_client_secret_leaves_the_session_as_it_was() {
    let mut story = Story::new(&json!({}));
    let line = story.connect_line("--client-id confidential");
    story.run_with_secret(&line, CLIENT_SECRET).expect(0);
    let outcome = story.run_with_secret("login acme --json", WRONG_SECRET).expect(4);
    assert_eq!(error(&outcome)["code"], "token-refused");
    assert_advises(&error(&outcome), "snow login acme");
    story.run("refresh acme").expect(0);
    story.run("test acme").expect(0);
}

// ---- before a code is sent ----

#[test]
fn a_server_that_requires_pkce_is_named_as_such() {
    let mut story = Story::new(&json!({}));
    let line = story.connect_line("--client-id public --no-pkce --json");
    let outcome = story.run(&line).expect(4);
    let error = error(&outcome);
    assert_eq!(error["code"], "login-denied");
    assert_eq!(error["evidence"]["oauth_error"], "invalid_request");
    assert_eq!(error["causes"][0]["code"], "pkce-required");
    assert_advises(&error, "without --no-pkce");
    assert!(story.server.token_requests("authorization_code").is_empty());
    assert_eq!(story.world.config(), "");
}

#[test]
fn a_saved_connection_without_pkce_is_told_how_to_switch_it_on() {
    let mut story = Story::connected();
    story.run("edit acme --set pkce=false").expect(0);
    let error = error(&story.run("login acme --json").expect(4));
    assert_eq!(error["causes"][0]["code"], "pkce-required");
    assert_advises(&error, "snow edit acme --set pkce=true");
    story.run("edit acme --set pkce=true").expect(0);
    story.run("login acme").expect(0);
}

#[test]
fn the_code_of_another_issuer_is_not_sent() {
    let mut story = Story::new(&json!({ "issuer": "https://other.example" }));
    let line = story.connect_line("--client-id public --json");
    let error = error(&story.run(&line).expect(10));
    assert_eq!(error["code"], "unexpected-answer");
    assert_eq!(error["evidence"]["issuer"], "https://other.example");
    assert!(story.server.requests().iter().all(|request| request.path != "/oauth_token.do"));
    assert_eq!(story.world.config(), "");
}

#[test]
fn a_person_who_denies_gives_no_code() {
    let mut story = Story::new(&json!({}));
    story.person_presses("deny");
    let line = story.connect_line("--client-id public --json");
    let error = error(&story.run(&line).expect(4));
    assert_eq!(error["code"], "login-denied");
    assert_eq!(error["evidence"]["oauth_error"], "access_denied");
    assert!(story.server.token_requests("authorization_code").is_empty());
}

// ---- a token endpoint at another origin ----

/// A story whose authorization server stands apart from the instance, and the
/// flags that say so.
fn apart() -> (Story, String) {
    let story = Story::new(&json!({ "apart": true }));
    let origin = story.server.origin();
    assert_ne!(origin, story.server.instance());
    let flags = format!(
        "--authorization-url {origin}/oauth_auth.do --token-url {origin}/oauth_token.do \
         --revocation-url {origin}/oauth_revoke_token.do"
    );
    (story, flags)
}

/// Nothing of one side's was sent to the other.
#[track_caller]
fn assert_secrets_stay_apart(server: &AuthorizationServer, access_tokens: &[String]) {
    let mut of_the_server = server.secrets();
    of_the_server.push(CLIENT_SECRET.to_owned());
    let encoded = |secret: &String| url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    let mut asked = BTreeSet::new();
    for request in server.requests() {
        let is_instance = request.at == "instance";
        let foreign = if is_instance { of_the_server.as_slice() } else { access_tokens };
        for secret in foreign {
            let leaked = request.text.contains(secret.as_str()) || request.text.contains(&encoded(secret));
            assert!(!leaked, "{secret} came to the {} at {}", request.at, request.path);
        }
        assert_eq!(is_instance, !request.path.starts_with("/oauth_"), "{} at the {}", request.path, request.at);
        asked.insert(request.at);
    }
    assert_eq!(asked.len(), 2, "both were asked");
}

#[test]
fn codes_and_refresh_tokens_go_to_the_token_endpoint_and_access_tokens_to_the_instance() {
    let (mut story, flags) = apart();
    let line = story.connect_line(&format!("--client-id confidential {flags}"));
    story.run_with_secret(&line, CLIENT_SECRET).expect(0);
    let mut access_tokens = vec![story.access_token()];
    story.run("refresh acme").expect(0);
    access_tokens.push(story.access_token());
    assert_ne!(access_tokens[0], access_tokens[1]);
    story.run("test acme").expect(0).says(&[USER]);
    let document = story.run("logout acme --json --yes").expect(0).json();
    assert_eq!(document["connections"][0]["revoked"], true);
    assert!(story.server.secrets().len() >= 3, "a code, a verifier and a refresh token");
    assert_secrets_stay_apart(&story.server, &access_tokens);
    // The access token ended with the refresh token that it came with.
    assert_eq!(story.status_at_instance(&access_tokens[1]), 401);
}

#[test]
fn the_secret_of_a_client_for_itself_goes_to_the_token_endpoint_alone() {
    let (mut story, _) = apart();
    let line = format!(
        "connect {} --name acme --auth client-credentials --client-id machine --token-url {}/oauth_token.do",
        story.server.instance(),
        story.server.origin()
    );
    story.run_with_secret(&line, CLIENT_SECRET).expect(0);
    let access_token = story.access_token();
    story.run("test acme").expect(0).says(&[APPLICATION_USER]);
    story.run("logout acme --yes").expect(0);
    assert_secrets_stay_apart(&story.server, &[access_token]);
}
