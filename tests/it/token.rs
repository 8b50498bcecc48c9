//! Signing in with an access token that another program gets: handed in, or printed by a
//! command, which is a real script here.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snow_connect::Engine;
use snow_connect::base::variables::Variables;
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{IDENTITY_TOKEN_PATH, Sandbox, SandboxOptions};

use crate::scenarios::identity_token;
use crate::world::authorization_server::{APPLICATION_USER, AuthorizationServer, CLIENT_SECRET};
use crate::world::process::program_at;
use crate::world::wire::{Wire, http};
use crate::world::{Answer, Outcome, World, block_on};

pub fn sandbox() -> Sandbox {
    Sandbox::open(SandboxOptions::default()).unwrap()
}

/// Scripts of a person, and a file that each run is noted in.
pub struct Scripts(tempfile::TempDir);

impl Scripts {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A script, and the words that run it.
    pub fn script(&self, name: &str, body: &str) -> String {
        let path = self.path(name);
        program_at(&path, &format!("echo run >> {}\n{body}", self.path("runs").display()));
        path.display().to_string()
    }

    fn runs(&self) -> usize {
        std::fs::read_to_string(self.path("runs")).map_or(0, |text| text.lines().count())
    }

    /// A script that asks the identity provider of the sandbox, as an IdP's own program does.
    fn issuing(&self, sandbox: &Sandbox) -> String {
        let url = format!("{}{IDENTITY_TOKEN_PATH}?user=beth.anglin", sandbox.origin());
        self.script("issue", &format!("exec curl -sS '{url}'"))
    }
}

/// A connection `acme` whose token this command prints.
fn by_command(sandbox: &Sandbox, command: &str) -> (World, Outcome) {
    let mut world = World::new();
    let line = format!("connect {} --name acme --auth token --access-token-command -- {command}", sandbox.origin());
    let outcome = world.run(&line);
    (world, outcome)
}

/// A connection `acme` with a token that was handed in.
fn handed_in(sandbox: &Sandbox, token: &str) -> World {
    let mut world = World::new();
    let line = format!("connect {} --name acme --auth token --access-token-stdin", sandbox.origin());
    world.stdin(token).run(&line).expect(0);
    world
}

/// A JWT that ends at this time, with a signature that is none.
fn jwt(exp: i64) -> String {
    use base64::Engine as _;
    let part = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "aud": "sandbox-oidc", "sub": "beth.anglin", "exp": exp });
    format!("{}.{}.CANARY-signature", part(json!({ "alg": "RS256" })), part(claims))
}

fn failure(outcome: &Outcome) -> Value {
    let document = outcome.json();
    match &document["connections"][0]["checks"] {
        Value::Array(checks) => checks.iter().find(|check| check["status"] == "fail").unwrap()["error"].clone(),
        _ => document["error"].clone(),
    }
}

#[test]
fn a_token_from_standard_input_or_a_file_connects_and_is_saved_in_the_store_alone() {
    let sandbox = sandbox();
    let token = identity_token(&sandbox, "beth.anglin");
    let mut world = handed_in(&sandbox, &token);
    let config = world.config();
    assert!(config.contains("auth = \"token\"") && config.contains("username = \"beth.anglin\""), "{config}");
    assert!(!config.contains(&token), "{config}");
    world.run("test acme").expect(0).says(&["beth.anglin"]);
    assert_eq!(world.run("token acme").expect(0).stdout.trim(), token);

    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("token");
    std::fs::write(&file, format!("{}\n", identity_token(&sandbox, "svc.ci"))).unwrap();
    let line = format!("connect {} --name ci --access-token-file {}", sandbox.origin(), file.display());
    world.run(&line).expect(0);
    world.run("test ci").expect(0).says(&["svc.ci"]);
}

#[test]
fn a_person_is_asked_for_a_token_and_again_if_it_is_refused() {
    let sandbox = sandbox();
    let mut world = World::new();
    let token = identity_token(&sandbox, "beth.anglin");
    world.person([Answer::Secret("no-such-token"), Answer::Secret(token.leak())]);
    world.run(&format!("connect {} --name acme --auth token", sandbox.origin())).expect(0).says(&["beth.anglin"]);
}

#[test]
fn the_end_that_a_token_names_is_told_by_status_token_and_connect() {
    let sandbox = sandbox();
    let token = identity_token(&sandbox, "beth.anglin");
    let mut world = handed_in(&sandbox, &token);
    let session = world.run("status acme --json").expect(0).json()["session"].clone();
    assert_eq!(session["health"], "healthy", "{session}");
    let document = world.run("token acme --json").expect(0).json();
    assert_eq!(document["expires_at"], session["expires_at"], "{document}");
    world.run("token acme --min-ttl 30m").expect(0);
    world.run("token acme --min-ttl 2h").expect(11).says(&["access token"]);
    world.run("status --all --within 2h").expect(11).says(&["acme"]);
}

#[test]
fn a_token_that_has_ended_is_not_sent_and_login_takes_the_next_one() {
    let sandbox = sandbox();
    let mut world = handed_in(&sandbox, &identity_token(&sandbox, "beth.anglin"));
    let ended = jwt(chrono::Utc::now().timestamp() - 60);
    world.guard(&ended);
    let before = sandbox.requests();
    world.stdin(&ended).run("login acme --access-token-stdin --json").expect(4);
    world.clock = || chrono::Utc::now() + chrono::TimeDelta::hours(2);
    for line in ["test acme --json", "token acme --json", "api table/incident -c acme --json"] {
        let failure = failure(&world.run(line).expect(4));
        assert_eq!(failure["code"], "session-expired", "{line}: {failure}");
        assert_eq!(failure["next"], json!(["snow login acme --access-token-stdin"]), "{line}");
    }
    assert_eq!(sandbox.requests(), before, "none of them was sent");
    world.run("status acme").expect(0).says(&["expired", "snow login acme"]);
}

#[test]
fn signing_out_forgets_the_token_without_revoking_it_and_nothing_renews_it() {
    let sandbox = sandbox();
    let token = identity_token(&sandbox, "beth.anglin");
    let mut world = handed_in(&sandbox, &token);
    world.guard(&token);
    world.run("refresh acme").expect(2).says(&["an access token", "no session to renew"]);
    let document = world.run("logout acme --yes --json").expect(0).json();
    assert_eq!(document["connections"][0]["revoked"], Value::Null);
    assert_eq!(sandbox.revocations(), 0);
    world.run("test acme --json").expect(4).says(&["no saved access token for acme"]);
    // It is as good as before.
    handed_in(&sandbox, &token);
}

#[test]
fn a_command_prints_the_token_whenever_one_is_needed_and_nothing_is_stored() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let script = scripts.issuing(&sandbox);
    let (mut world, connected) = by_command(&sandbox, &script);
    connected.expect(0);
    assert_eq!(scripts.runs(), 1, "a sign-in is one need");
    let config = world.config();
    assert!(config.contains(&format!("access_token_command = [\"{script}\"]")), "{config}");
    world.run("test acme").expect(0).says(&["beth.anglin"]);
    assert_eq!(scripts.runs(), 2);
    assert!(world.run("token acme").expect(0).stdout.starts_with("eyJ"));
    let shown = world.run("show acme --json").expect(0).json();
    assert_eq!(shown["connection"]["access_token_command"], json!([script]));
    world.run("show acme").expect(0).says(&["access_token_command", &script]);
    world.run("refresh acme").expect(0).says(&["renewed", "good for"]);
    world.run("login acme").expect(0).says(&["signed in as beth.anglin"]);
    world.run("doctor").says(&["acme gets its access token from"]);
    world.run("logout acme --yes").expect(0);
    world.run("test acme").expect(0);
}

#[test]
fn a_command_is_edited_as_words_or_as_json_and_another_way_to_sign_in_has_none() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let (mut world, connected) = by_command(&sandbox, &scripts.issuing(&sandbox));
    connected.expect(0);
    world.run("edit acme --set access_token_command=helper,--quiet").expect(0);
    assert!(world.config().contains("access_token_command = [\"helper\", \"--quiet\"]"), "{}", world.config());
    let words = ["edit", "acme", "--set", r#"access_token_command=["helper","a, b"]"#];
    world.run_words(&words).expect(0);
    assert!(world.config().contains(r#"access_token_command = ["helper", "a, b"]"#), "{}", world.config());
    for wrong in ["", "./helper", "[1]", "[]", "[\"\"]"] {
        world.run(&format!("edit acme --set access_token_command={wrong}")).expect(2).says(&["access_token_command"]);
    }
    world.run("edit acme --unset access_token_command").expect(0);
    world.run("test acme --json").expect(4).says(&["no saved access token"]);
    let config = world.config().replace("auth = \"token\"", "auth = \"token\"\naccess_token_command = \"sh -c id\"");
    std::fs::write(world.home().join(".config/snow/config.toml"), config).unwrap();
    world.run("list").expect(3).says(&["config.toml"]);
}

#[test]
fn a_token_beside_a_command_is_a_usage_error() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let script = scripts.issuing(&sandbox);
    let mut world = World::new();
    let connect = format!("connect {} --name acme", sandbox.origin());
    let line = format!("{connect} --access-token-stdin --access-token-command -- {script}");
    world.stdin("x").run(&line).expect(2).says(&["access_token_command is set"]);
    world.run(&format!("{connect} --access-token-command -- {script}")).expect(0);
    world.stdin("x").run("login acme --access-token-stdin").expect(2).says(&["--unset access_token_command"]);
    world.run(&format!("{connect} --access-token-command")).expect(2);
    world.run(&format!("{connect} --auth token -- {script}")).expect(2);
    world.run(&format!("{connect} --auth basic --access-token-command -- {script}")).expect(2);
    // Another program behind the same name is a replacement.
    let other = scripts.script("other", "exit 1");
    world.run(&format!("{connect} --access-token-command -- {other}")).expect(3).says(&["--force"]);
}

#[test]
fn a_refused_token_of_a_command_causes_one_more_run_and_no_loop() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let (mut world, connected) = by_command(&sandbox, &scripts.issuing(&sandbox));
    connected.expect(0);
    sandbox.set_scenario(Some(Scenario::IdentityTokenRefused));
    let (runs, requests) = (scripts.runs(), sandbox.requests());
    let failure = failure(&world.run("test acme --json").expect(4));
    assert_eq!(
        (&failure["code"], &failure["evidence"]["symptom"]),
        (&json!("bearer-refused"), &json!("given-token-refused"))
    );
    assert_eq!(scripts.runs() - runs, 2);
    // Two requests to the API, and one for each token.
    assert_eq!(sandbox.requests() - requests, 4);
    world.run("api table/incident -c acme").expect(4);
    assert_eq!(scripts.runs() - runs, 4);
}

#[test]
fn a_command_with_a_new_token_each_time_gets_along_with_one_time_tokens() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let (mut world, connected) = by_command(&sandbox, &scripts.issuing(&sandbox));
    connected.expect(0);
    sandbox.set_scenario(Some(Scenario::OneTimeToken));
    world.run("test acme --table incident,problem").expect(0).says(&["beth.anglin"]);
}

#[test]
fn a_token_that_is_good_for_one_request_is_named_so() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    // The program keeps its token until that ends, as those of clouds do.
    let token = scripts.path("kept");
    let url = format!("{}{IDENTITY_TOKEN_PATH}?user=beth.anglin", sandbox.origin());
    let body = format!("test -s {0} || curl -sS '{url}' > {0}\ncat {0}", token.display());
    let (mut world, connected) = by_command(&sandbox, &scripts.script("kept-token", &body));
    connected.expect(0);
    sandbox.set_scenario(Some(Scenario::OneTimeToken));
    let failure = failure(&world.run("test acme --json").expect(4));
    assert_eq!(failure["evidence"]["symptom"], "given-token-taken-once", "{failure}");
    assert_eq!(failure["causes"][0]["code"], "one-time-token", "{failure}");
    assert!(failure["next"].to_string().contains("JTI"), "{failure}");
}

#[test]
fn requests_at_the_same_time_share_one_run() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let url = format!("{}{IDENTITY_TOKEN_PATH}?user=beth.anglin", sandbox.origin());
    let script = scripts.script("slow", &format!("sleep 0.3\nexec curl -sS '{url}'"));
    let (world, connected) = by_command(&sandbox, &script);
    connected.expect(0);
    let before = scripts.runs();
    let variables = Variables::new(std::iter::empty::<(&str, &str)>());
    let engine = Engine::testing(variables, Some(world.home().to_owned()), Some(world.store.clone())).unwrap();
    block_on(async {
        let client = engine.connection("acme").unwrap().open().await.unwrap();
        let asked = (0..8).map(|_| client.get("table/incident"));
        for answer in futures_util::future::join_all(asked).await {
            assert_eq!(answer.unwrap().status(), 200);
        }
    });
    assert_eq!(scripts.runs() - before, 1);
}

#[test]
fn each_trouble_of_a_command_is_told_and_nothing_is_saved() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    for (name, body, words) in [
        (
            "fails",
            "echo CANARY-out; echo 'please sign in' >&2; exit 3",
            &["the access token command ", "fails failed", "exit status: 3", "please sign in"][..],
        ),
        ("two-lines", "echo one; echo two", &["did not print an access token", "more than one line"]),
        ("megabyte", "head -c 1000000 /dev/zero | tr '\\0' a", &["printed more than 64 KiB"]),
        ("endless", "yes", &["printed more than 64 KiB"]),
        ("silent", "true", &["printed no access token"]),
        ("json", "echo '{\"accessToken\":\"x\"}'", &["characters that no access token has"]),
        ("killed", "kill -9 $$", &["killed failed", "signal: 9"]),
        ("binary", "printf '\\377\\376'", &["not valid UTF-8"]),
    ] {
        let (mut world, outcome) = by_command(&sandbox, &format!("{} --json", scripts.script(name, body)));
        // The flag after the program is the program's.
        assert!(!outcome.stdout.starts_with('{'), "{}", outcome.stdout);
        outcome.expect(9).says(words);
        let line = format!(
            "connect {} --name acme --json --auth token --access-token-command -- {}",
            sandbox.origin(),
            scripts.path(name).display()
        );
        let failure = failure(&world.run(&line).expect(9));
        assert_eq!((&failure["code"], &failure["class"]), (&json!("command-failed"), &json!("store")), "{failure}");
        assert!(!failure.to_string().contains("CANARY"), "{failure}");
        world.run("list --json").expect(0);
        assert!(!world.home().join(".config/snow/config.toml").exists() || !world.config().contains("acme"));
    }
    assert_eq!(sandbox.requests(), 0, "nothing was sent");
}

#[test]
fn a_program_that_is_not_there_or_may_not_run_is_named_and_doctor_sees_it() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    by_command(&sandbox, "no-such-program-of-an-idp")
        .1
        .expect(9)
        .says(&["the access token command no-such-program-of-an-idp was not found"]);
    let plain = scripts.path("plain");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    let plain = plain.display().to_string();
    by_command(&sandbox, &plain).1.expect(9).says(&["could not be started", "ermission denied"]);
    let (mut world, connected) = by_command(&sandbox, &scripts.issuing(&sandbox));
    connected.expect(0);
    world.run("edit acme --set access_token_command=no-such-program-of-an-idp").expect(0);
    let checks = world.run("doctor --json").json()["checks"].clone();
    let check = checks.as_array().unwrap().iter().find(|check| check["id"] == "command.program").unwrap();
    assert_eq!((&check["status"], &check["code"]), (&json!("warn"), &json!("command-failed")), "{check}");
    assert!(check["message"].as_str().unwrap().contains("no-such-program-of-an-idp is missing"), "{check}");
}

#[test]
fn a_command_that_hangs_is_ended_with_all_that_it_started() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let pid = scripts.path("pid");
    let script = scripts.script("hangs", &format!("sleep 600 &\necho $! > {}\nwait", pid.display()));
    let mut world = World::new();
    let line = format!(
        "connect {} --name acme --timeout 1s --auth token --access-token-command -- {script}",
        sandbox.origin()
    );
    let started = Instant::now();
    world.run(&line).expect(9).says(&["did not end within", "no one answers"]);
    assert!(started.elapsed() < Duration::from_secs(20));
    let pid: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    assert!(!is_running(pid), "the program that it started runs on");
}

/// Whether a process runs. One that ended and was not waited for does not.
pub fn is_running(pid: i32) -> bool {
    for _ in 0..100 {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn what_a_command_echoes_of_its_token_is_masked() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let script =
        scripts.script("echoes", "echo CANARY-token-of-the-command; echo got CANARY-token-of-the-command >&2; exit 1");
    let outcome = by_command(&sandbox, &script).1.expect(9);
    outcome.says(&["It said: got ****"]);
    assert!(!outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
}

#[test]
fn a_team_file_cannot_name_a_command_and_an_export_has_none() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let (mut world, connected) = by_command(&sandbox, &scripts.issuing(&sandbox));
    connected.expect(0);
    let team = world.run("export acme --as team").expect(0).stdout;
    assert!(!team.contains("access_token_command"), "{team}");
    let file = scripts.path("team.toml");
    let proof = scripts.path("proof");
    let command = format!("access_token_command = [\"touch\", \"{}\"]\n", proof.display());
    std::fs::write(&file, team.replace("[connections.acme]\n", &format!("[connections.other]\n{command}"))).unwrap();
    world.run(&format!("import {} --yes", file.display())).says(&["access_token_command"]);
    assert!(!world.config().contains("touch"), "{}", world.config());
    world.run("test other");
    assert!(!proof.exists());
}

#[test]
fn a_program_gets_the_token_in_its_environment_as_a_tool_wants_it() {
    let (sandbox, scripts) = (sandbox(), Scripts::new());
    let (mut world, connected) = by_command(&sandbox, &scripts.issuing(&sandbox));
    connected.expect(0);
    world.run("env acme --for curl").expect(0).says(&["Authorization"]);
    let revealed = world.run("env acme --for curl --reveal").expect(0);
    assert!(revealed.stdout.contains("Bearer eyJ"), "{}", revealed.stdout);
}

#[test]
fn an_opaque_token_says_nothing_of_its_end_and_a_strange_one_is_sent_as_it_is() {
    let server = Wire::replies(|head| match head {
        _ if head.contains("current_user") => http(200, "", r#"{"result":{"user_name":"beth"}}"#),
        _ => http(200, "", r#"{"result":[{"sys_id":"1"}]}"#),
    });
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_ACCESS_TOKEN", "CANARY-opaque");
    assert_eq!(world.run("token --json").expect(0).json()["expires_at"], Value::Null);
    world.set("SNOW_ACCESS_TOKEN", &jwt(chrono::Utc::now().timestamp() - 5));
    assert_eq!(failure(&world.run("test --json").expect(4))["code"], "session-expired");
    assert_eq!(server.heads().len(), 0);
}

/// The words for a script that asks a real authorization server for a JWT.
fn issuing_for_real(scripts: &Scripts, server: &AuthorizationServer) -> String {
    let body = format!(
        "curl -sS '{}/oauth_token.do' -d grant_type=client_credentials -d client_id=machine \\\n  \
         --data-urlencode 'client_secret={CLIENT_SECRET}' -d scope=useraccount \\\n  \
         --data-urlencode resource=https://instance.example/api | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/'",
        server.origin()
    );
    scripts.script("issue-for-real", &body)
}

#[test]
fn a_jwt_that_a_real_server_signs_is_verified_by_its_keys_and_signs_in() {
    let (server, scripts) = (AuthorizationServer::start(&json!({})), Scripts::new());
    let script = issuing_for_real(&scripts, &server);
    let mut world = World::new();
    world.guard(CLIENT_SECRET);
    let line = format!("connect {} --name acme --auth token --access-token-command -- {script}", server.instance());
    world.run(&line).expect(0).says(&[APPLICATION_USER]);
    let document = world.run("token acme --json").expect(0).json();
    assert!(document["expires_at"].is_string(), "{document}");
    // The same claims by another key.
    let token = document["access_token"].as_str().unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature_of_another_key(&scripts, signed));
    let mut world = World::new();
    world.guard(&forged);
    world.set("SNOW_INSTANCE", server.instance()).set("SNOW_ACCESS_TOKEN", &forged);
    assert_eq!(failure(&world.run("test --json").expect(4))["code"], "bearer-refused");
}

/// The signature that openssl makes with a key that it makes.
fn signature_of_another_key(scripts: &Scripts, signed: &str) -> String {
    use base64::Engine as _;
    let (key, text) = (scripts.path("key.pem"), scripts.path("signed"));
    std::fs::write(&text, signed).unwrap();
    let run = |words: &[&str]| {
        let output = std::process::Command::new("openssl").args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let (key, text) = (key.to_str().unwrap(), text.to_str().unwrap());
    run(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key]);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(run(&["dgst", "-sha256", "-sign", key, text]))
}

#[test]
fn a_jwt_of_a_real_server_that_is_good_for_one_request_is_named_so() {
    let (server, scripts) = (AuthorizationServer::start(&json!({ "one_time": true })), Scripts::new());
    let script = issuing_for_real(&scripts, &server);
    let token = String::from_utf8(std::process::Command::new(&script).output().unwrap().stdout).unwrap();
    let mut world = World::new();
    world.guard(token.trim());
    world.set("SNOW_INSTANCE", server.instance()).set("SNOW_ACCESS_TOKEN", token.trim());
    let failure = failure(&world.run("test --json").expect(4));
    assert_eq!(failure["evidence"]["symptom"], "given-token-taken-once", "{failure}");
}
