//! The recipes of the topic on runners, with a real OpenBao: what its administrator does,
//! and a workflow of GitHub and a job of GitLab that sign in with a JWT. The look-alike of
//! who signs it is [`Issuer`].

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::issuer::Issuer;
use crate::world::process::{snow, tool};
use crate::world::runner::{Machine, block, blocks, recipe};
use crate::world::team::{TOPIC, Team};
use crate::world::wire::{Wire, header, http};

const WORKFLOW: &str = ".github/workflows/servicenow-vault.yml";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const REQUEST_TOKEN: &str = "CANARY-token-that-asks-for-an-id-token";

/// A team whose Vault takes what this issuer signs, by the commands below this heading.
fn team(heading: &str, address: &str, issuer: &Issuer) -> Team {
    let team = Team::new();
    let script = block(TOPIC, heading, "sh");
    assert!(script.contains(&format!("oidc_discovery_url={address}")), "{script}");
    team.vault.administer(&script.replace(address, &issuer.origin()), &[]);
    team
}

/// What GitHub says of a job, by its documentation.
fn of_github() -> Value {
    json!({
        "jti": "9f3d1c", "sub": "repo:OWNER/REPOSITORY:ref:refs/heads/main", "ref": "refs/heads/main",
        "sha": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "repository": "OWNER/REPOSITORY",
        "repository_owner": "OWNER", "repository_id": "74", "repository_owner_id": "65",
        "repository_visibility": "private", "run_id": "30433642", "run_number": "7", "run_attempt": "1",
        "runner_environment": "github-hosted", "actor": "beth", "actor_id": "12", "workflow": "servicenow",
        "head_ref": "", "base_ref": "", "event_name": "schedule", "ref_type": "branch", "ref_protected": "true",
        "job_workflow_ref": format!("OWNER/REPOSITORY/{WORKFLOW}@refs/heads/main"),
    })
}

/// The service that gives an ID token to a job, for the audience that it names. The signed
/// token is for `vault`.
fn id_tokens(jwt: String) -> Wire {
    Wire::replies(move |head| {
        let is_asked = head.starts_with("GET /jobs/7/idtoken?api-version=2.0&audience=vault ");
        if !is_asked || header(head, "Authorization") != Some(&format!("Bearer {REQUEST_TOKEN}")) {
            return http(401, "", "");
        }
        http(200, "Content-Type: application/json\r\n", &json!({ "value": jwt }).to_string())
    })
}

/// Runs the workflow of the topic in a job about which GitHub says this.
fn run_workflow(team: &Team, issuer: &Issuer, changes: Value) -> Value {
    let mut claims = of_github();
    claims["aud"] = json!("vault");
    changes.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
    let jwt = issuer.sign(&claims);
    let (machine, tokens) = (Machine::new(), id_tokens(jwt.clone()));
    machine.put_workflow(&machine.repository(), TOPIC, WORKFLOW);
    let told = machine.github(json!({
        "workflow": WORKFLOW, "checkout": { "team.toml": team.file },
        "id_token": { "url": format!("{}/jobs/7/idtoken?api-version=2.0", tokens.origin()), "token": REQUEST_TOKEN },
    }));
    team.check(&told.to_string(), &[&jwt, REQUEST_TOKEN]);
    told
}

#[test]
fn a_workflow_of_github_signs_in_with_its_own_token() {
    let issuer = Issuer::new();
    let team = team("GitHub Actions", GITHUB, &issuer);
    let told = run_workflow(&team, &issuer, json!({}));
    let [checkout, test] = &told["steps"].as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!(checkout["with"]["persist-credentials"], "false", "{checkout}");
    assert_eq!(test["exit_code"], 0, "{test}");
    assert_eq!((&test["outputs"]["ok"], &test["outputs"]["passed"]), (&json!("true"), &json!("1")), "{test}");

    for (changes, says) in [
        (json!({ "repository": "OWNER/ANOTHER" }), "claim \"repository\" does not match any associated bound claim"),
        (json!({ "ref": "refs/heads/topic" }), "claim \"ref\" does not match any associated bound claim"),
        (json!({ "aud": "another" }), "invalid audience (aud) claim"),
        (json!({ "exp": chrono::Utc::now().timestamp() - 600 }), "token is expired"),
    ] {
        let told = run_workflow(&team, &issuer, changes);
        let test = &told["steps"][1];
        assert_eq!(test["exit_code"], 9, "{test}");
        let log = test["log"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(log.contains("rejected the sign-in at auth/jwt") && log.contains(says), "{log}");
        assert!(told["summary"].as_str().unwrap().contains("vault-login-refused"), "{told}");
    }
}

#[test]
fn github_and_zizmor_find_nothing_in_the_workflow_that_signs_in_to_vault() {
    let machine = Machine::new();
    let repository = machine.repository();
    machine.put_workflow(&repository, TOPIC, WORKFLOW);
    let told = machine.github(json!({ "withs": [], "judge": [WORKFLOW] }));
    assert_eq!(told["complaints"], json!([]));
    machine.zizmor(&repository).expect(0);
    // Without the permission no token is given.
    let path = repository.join(WORKFLOW);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("id-token: write", "id-token: none")).unwrap();
    let step = machine.github(json!({ "workflow": WORKFLOW, "id_token": { "url": "x" } }))["steps"][1].take();
    assert_eq!(step["exit_code"], 2, "{step}");
    assert!(step["commands"][0]["message"].as_str().unwrap().contains("the permission id-token: write"), "{step}");
}

#[test]
fn a_step_of_github_asks_for_the_token_itself() {
    ["curl", "jq"].into_iter().for_each(|name| drop(tool(name)));
    let issuer = Issuer::new();
    let team = team("GitHub Actions", GITHUB, &issuer);
    let machine = Machine::new();
    std::fs::write(machine.home().join("team.toml"), &team.file).unwrap();
    let script = blocks(TOPIC, "GitHub Actions", "sh").pop().unwrap();
    let temporary = machine.home().to_str().unwrap();
    let mut claims = of_github();
    claims["aud"] = json!("vault");
    let jwt = issuer.sign(&claims);
    let tokens = id_tokens(jwt.clone());
    let url = format!("{}/jobs/7/idtoken?api-version=2.0", tokens.origin());
    for (token, code, says) in [(REQUEST_TOKEN, 0, "INC"), ("CANARY-another", 22, "error: 401")] {
        let mut shell = Command::new("bash");
        shell.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script]).current_dir(machine.home());
        let variables = [
            ("RUNNER_TEMP", temporary),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token),
        ];
        let outcome = machine.run(shell, &variables, "").expect(code);
        outcome.says(&[says]);
        team.check(&format!("{outcome:?}"), &[&jwt, token]);
        let mode = std::fs::metadata(machine.home().join("vault.jwt")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// What GitLab says of a job, by its documentation.
fn of_gitlab() -> Value {
    json!({
        "namespace_id": "72", "namespace_path": "GROUP", "project_id": "20", "project_path": "GROUP/PROJECT",
        "user_id": "1", "user_login": "beth", "user_email": "beth@team.example", "pipeline_id": "574",
        "pipeline_source": "schedule", "job_id": "302", "ref": "main", "ref_type": "branch",
        "ref_path": "refs/heads/main", "ref_protected": "true", "runner_id": 1, "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc", "project_visibility": "private",
        "jti": "235b3a54", "sub": "project_path:GROUP/PROJECT:ref_type:branch:ref:main",
    })
}

#[test]
fn a_job_of_gitlab_signs_in_with_its_id_token() {
    let issuer = Issuer::new();
    let team = team("GitLab", "https://gitlab.com", &issuer);
    for (claim, value, code, says) in [
        ("ref_protected", "true", 0, "PASS servicenow"),
        ("ref_protected", "false", 1, "claim \"ref_protected\" does not"),
        ("project_path", "GROUP/ANOTHER", 1, "claim \"project_path\" does not"),
    ] {
        let (machine, mut claims) = (Machine::new(), of_gitlab());
        claims[claim] = json!(value);
        // GitLab sets the variable that the recipe names, and this runner does not.
        let recipe = recipe(TOPIC, "# .gitlab-ci.yml");
        let mut named = recipe.lines().map(str::trim).skip_while(|line| *line != "id_tokens:").skip(1);
        let variable = named.next().and_then(|line| line.strip_suffix(':')).expect("a variable");
        claims["aud"] = json!(named.next().and_then(|line| line.strip_prefix("aud: ")).expect("an audience"));
        let jwt = issuer.sign(&claims);
        let variables = [(variable, jwt.as_str())];
        let (outcome, _) = machine.gitlab(TOPIC, &[("team.toml", &team.file)], &variables);
        let outcome = outcome.expect(code);
        outcome.says(&[says]);
        team.check(&format!("{outcome:?}"), &[&jwt]);
    }
}

#[test]
fn runners_at_once_renew_the_session_once() {
    let team = Team::new();
    let (role_id, secret_id) = team.vault.app_role(&json!({ "token_policies": ["snow"] }));
    let commands = block(TOPIC, "A runner uses the file", "sh");
    let [test, token] = commands.lines().collect::<Vec<_>>()[..] else { panic!("{commands}") };
    let homes: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let command = |home: &tempfile::TempDir, line: &str| {
        std::fs::write(home.path().join("team.toml"), &team.file).unwrap();
        let mut command = snow(home.path());
        command.env("SNOW_VAULT_ROLE_ID", &role_id).env("SNOW_VAULT_SECRET_ID", &secret_id);
        command.args(line.strip_prefix("snow ").expect("a command").split(' '));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let at_once = |line: &str| {
        let running: Vec<_> = homes.iter().map(|home| command(home, line).spawn().unwrap()).collect();
        running.into_iter().map(|process| process.wait_with_output().unwrap()).collect::<Vec<_>>()
    };
    let before = team.sandbox.token_requests().client_credentials;
    team.sandbox.expire_access_tokens();
    for output in at_once(test) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        team.check(&String::from_utf8_lossy(&[output.stdout, output.stderr].concat()), &[&secret_id]);
    }
    assert_eq!(team.sandbox.token_requests().client_credentials, before + 1);
    let tokens = at_once(token);
    assert!(tokens.iter().all(|output| output.status.success() && output.stdout == tokens[0].stdout));
    assert_eq!(team.sandbox.token_requests().client_credentials, before + 1);
    // The file of the team is read and never written.
    for home in &homes {
        assert_eq!(std::fs::read_to_string(home.path().join("team.toml")).unwrap(), team.file);
    }
}
