//! The life of a session at Salesforce: renewed where the org refuses it by name, shared,
//! counted, and ended.

use serde_json::Value;
use snow_connect::sandbox::salesforce::fault::SignIn;
use snow_connect::sandbox::salesforce::scenario::Scenario;

use crate::world::salesforce::{ADMIN, Org};
use crate::world::{Answer, check};

/// What reads.
const READS: [&str; 3] =
    ["test acme", "query case -c acme --limit 1 --json", "api /services/data/v64.0/limits -c acme"];

/// An org with a connection that signed in this way.
fn connected(sign_in: SignIn) -> Org {
    let mut here = Org::new();
    here.connect(sign_in, "").expect(0);
    here
}

#[test]
fn a_session_that_was_refused_is_renewed_once_and_the_request_repeated_in_each_way_to_sign_in() {
    for &sign_in in SignIn::ALL {
        let mut here = connected(sign_in);
        for command in READS {
            let before = here.sessions();
            here.org.expire_access_tokens();
            here.world.run(command).expect(0);
            assert_eq!(here.sessions() - before, 1, "{} {command}", sign_in.as_str());
            // The new one is kept.
            here.world.run(command).expect(0);
            assert_eq!(here.sessions() - before, 1, "{} {command}", sign_in.as_str());
        }
    }
}

#[test]
fn a_refresh_token_that_is_replaced_at_each_refresh_is_kept() {
    let mut here = connected(SignIn::OAuth);
    here.org.set_scenario(Some(Scenario::Rotate));
    for command in READS.iter().chain(&["refresh acme", "test acme", "refresh acme"]) {
        here.org.expire_access_tokens();
        here.world.run(command).expect(0);
    }
}

#[test]
fn a_session_that_is_not_for_the_api_is_never_renewed() {
    for scenario in [Scenario::SessionNotForRest, Scenario::NotAttachedToAgent, Scenario::TokenScopes] {
        let mut here = connected(SignIn::Basic);
        here.org.set_scenario(Some(scenario));
        let before = here.sessions();
        for command in READS {
            here.world.run(command).expect(5);
        }
        assert_eq!(here.sessions(), before, "{}", scenario.as_str());
    }
}

#[test]
fn a_quota_that_is_used_up_is_told_by_the_first_request_and_no_other_is_sent() {
    let mut here = connected(SignIn::Basic);
    here.org.set_scenario(Some(Scenario::Quota));
    for command in READS {
        let (requests, sessions) = (here.org.requests(), here.sessions());
        here.world.run(command).expect(8);
        // A test looks first whether the org is awake.
        let most = if command.starts_with("test") { 2 } else { 1 };
        assert!(here.org.requests() - requests <= most, "{command}: {}", here.org.requests() - requests);
        assert_eq!(here.sessions(), sessions, "{command}");
    }
}

#[test]
fn a_user_that_is_not_told_costs_no_session() {
    let mut here = connected(SignIn::OAuth);
    here.org.set_scenario(Some(Scenario::UserinfoRefused));
    let before = here.sessions();
    let report = here.world.run("test acme --json").expect(0).json()["connections"][0].clone();
    let warning = &check(&report, "auth.identity")["error"];
    assert_eq!((&warning["code"], &warning["causes"][0]["code"]), (&"identity-unknown".into(), &"scope".into()));
    assert_eq!(here.sessions(), before);
}

/// A wrong password takes the place of the saved one, behind the back of `snow`.
fn with_wrong_password(here: &mut Org) {
    here.org.set_scenario(Some(Scenario::InvalidLogin));
    here.org.expire_access_tokens();
}

#[test]
fn a_password_that_is_refused_is_sent_once_a_command_and_after_three_no_more() {
    for command in ["test acme --json", READS[1], READS[2], "refresh acme --json"] {
        let mut here = connected(SignIn::Basic);
        with_wrong_password(&mut here);
        let before = here.org.soap_logins();
        for refusals in 1..=3 {
            here.world.run(command).expect(4);
            assert_eq!(here.org.soap_logins() - before, refusals, "{command}");
        }
        here.world.run(command).expect(4);
        assert_eq!(here.world.run("test acme --json").expect(4).error_code(), "refused-before");
        assert_eq!(here.org.soap_logins() - before, 3, "{command}");
        here.org.set_scenario(None);
        here.world.run("test acme --retry-refused").expect(0);
        assert_eq!(here.org.soap_logins() - before, 4);
        here.world.run(command).expect(0);
    }
}

#[test]
fn a_sign_in_that_is_refused_counts_and_one_that_is_good_ends_the_count() {
    let mut here = connected(SignIn::Basic);
    with_wrong_password(&mut here);
    let before = here.org.soap_logins();
    let (file, token) = (here.file("password"), here.file("token"));
    for _ in 0..3 {
        here.world.run(&format!("login acme --password-file {file} --security-token-file {token}")).expect(4);
    }
    assert_eq!(here.org.soap_logins() - before, 3);
    here.world.run("test acme").expect(4).says(&["refused-before"]);
    assert_eq!(here.org.soap_logins() - before, 3);
    here.org.set_scenario(None);
    here.world.run(&format!("login acme --password-file {file} --security-token-file {token}")).expect(0);
    here.world.run("test acme").expect(0);
}

#[test]
fn a_password_that_has_expired_saves_nothing() {
    let mut here = Org::new();
    here.org.set_scenario(Some(Scenario::PasswordExpired));
    here.connect(SignIn::Basic, "").expect(4).says(&["password-expired"]);
    assert_eq!(here.world.config(), "");
}

#[test]
fn where_a_token_response_leads_elsewhere_nothing_is_saved_or_asked_there() {
    for scenario in [Scenario::OtherInstance, Scenario::OtherIdHost] {
        let mut here = Org::new();
        here.org.set_scenario(Some(scenario));
        let outcome = here.connect(SignIn::OAuth, "-vv").expect(10);
        assert!(!outcome.stderr.contains("GET https://elsewhere"), "{}", outcome.stderr);
        assert_eq!(here.world.config(), "");
    }
}

#[test]
fn a_refused_password_may_be_typed_again_with_the_user_and_the_security_token() {
    let mut here = Org::new();
    let line = format!("connect {} --spec salesforce-service-cloud --name acme --auth basic", here.org.origin());
    here.world.person([
        Answer::Text("admin@sandbox.example.typo"),
        Answer::Secret("sandbox-admin"),
        Answer::Secret("AdminToken00000000000001"),
        Answer::Text(ADMIN),
        Answer::Secret("sandbox-admin"),
        Answer::Secret("AdminToken00000000000001"),
    ]);
    here.world.run(&line).expect(0).says(&["rejected the sign-in of admin@sandbox.example.typo", "Try again (2 left)"]);
    assert_eq!(here.org.soap_logins(), 2);
    here.world.run("test acme").expect(0);
}

#[test]
fn where_the_security_token_is_the_cause_it_alone_is_asked_for_again() {
    let mut here = Org::new();
    here.org.set_scenario(Some(Scenario::SecurityTokenMissing));
    let (origin, file) = (here.org.origin(), here.file("password"));
    here.world.person([Answer::Secret(""), Answer::Secret("AdminToken00000000000001"), Answer::Secret("")]);
    let line = format!("connect {origin} --spec salesforce-service-cloud --username {ADMIN} --password-file {file}");
    here.world.run(&line).expect(4).says(&["requires the security token", "Try again (2 left)", "Try again (1 left)"]);
    assert_eq!(here.org.soap_logins(), 3);
    let questions = here.world.questions.lock().unwrap();
    assert!(questions.iter().all(|question| question.contains("Security token")), "{questions:?}");
}

#[test]
fn a_session_of_soap_is_forgotten_and_no_revocation_is_asked_for() {
    let mut here = connected(SignIn::Basic);
    let before = here.org.requests();
    let ended = here.world.run("logout acme --yes --json").expect(0).json();
    assert_eq!(ended["connections"][0]["revoked"], Value::Null, "{ended}");
    assert_eq!(here.org.requests(), before);
    assert_eq!(here.world.run("test acme --json").expect(4).error_code(), "no-credential");
}

#[test]
fn a_session_of_oauth_is_revoked() {
    for sign_in in [SignIn::OAuth, SignIn::ClientCredentials, SignIn::JwtBearer] {
        for command in ["logout acme --yes --json", "remove acme --yes --json"] {
            let mut here = connected(sign_in);
            let ended = here.world.run(command).expect(0).json();
            assert_eq!(ended["connections"][0]["revoked"], true, "{} {ended}", sign_in.as_str());
        }
    }
}

#[test]
fn the_end_of_sign_ins_with_a_password_is_a_warning_of_the_doctor() {
    let mut here = connected(SignIn::Basic);
    let report = here.world.run("doctor --json").json();
    let checks = report["checks"].as_array().unwrap();
    let ends = checks.iter().find(|check| check["id"] == "sign-in.ends").unwrap_or_else(|| panic!("{report}"));
    assert_eq!(ends["status"], "warn");
    here.world.run("list --json").expect(0).says(&["salesforce-service-cloud"]);
    let status = here.world.run("status acme --json").expect(0).json();
    assert_eq!((&status["session"]["health"], &status["session"]["expires_at"]), (&"healthy".into(), &Value::Null));
    here.world.run("logout acme --yes").expect(0);
    assert_eq!(here.world.run("status acme --json").expect(0).json()["session"]["health"], "absent");
}

#[test]
fn a_token_is_printed_for_a_session_and_one_whose_end_is_not_known_meets_no_minimum() {
    for &sign_in in SignIn::ALL {
        let mut here = connected(sign_in);
        let token = here.world.run("token acme --format raw").expect(0).stdout;
        assert!(token.starts_with("00D") && token.contains('!'), "{token}");
        here.world.run("token acme --min-ttl 1h --format raw");
        let before = here.sessions();
        here.world.run("refresh acme").expect(0);
        assert_eq!(here.sessions() - before, 1);
    }
}

#[test]
fn a_fleet_of_both_services_is_tested_in_one_run() {
    let mut here = connected(SignIn::Basic);
    let instance = crate::oauth::sandbox();
    here.world.connect("snow", &instance.origin(), "beth.anglin", "sandbox-beth");
    let report = here.world.run("test --all --json").expect(0).json();
    assert_eq!(report["summary"]["passed"], 2, "{report}");
    here.org.set_scenario(Some(Scenario::Quota));
    let report = here.world.run("test --all --json").expect(8).json();
    assert_eq!((&report["summary"]["passed"], &report["summary"]["failed"]), (&1.into(), &1.into()), "{report}");
    instance.set_scenario(Some(snow_connect::sandbox::scenario::Scenario::Hibernating));
    here.world.run("test --all --json").expect(12);
    here.org.set_scenario(Some(Scenario::Maintenance));
    here.world.run("test --all --json").expect(7);
}

#[cfg(target_os = "linux")]
mod with_the_program {
    use std::process::Stdio;

    use serde_json::{Value, json};
    use snow_connect::sandbox::salesforce::fault::SignIn;
    use snow_connect::sandbox::salesforce::scenario::Scenario;

    use crate::world::gateway::Gateway;
    use crate::world::keyring::Session;
    use crate::world::pty::Terminal;
    use crate::world::salesforce::{ADMIN, Org, authorized};
    use crate::world::session;

    #[test]
    fn processes_whose_session_is_refused_at_the_same_time_share_one_refresh_token() {
        let here = Org::new();
        let origin = here.org.origin();
        let tokens = authorized(&here.org).expect(200).json();
        let changes = json!({
            "client_id": "sandbox-web", "scope": "api id refresh_token", "expires_at": Value::Null,
            "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"],
        });
        let home = Session::new();
        session::put_into_keyring(&home, &origin, &session::record(&origin, 900, changes));
        let config = home.config().replace("sandbox-public", "sandbox-web");
        let config = format!("{config}spec = \"salesforce-service-cloud\"\n");
        std::fs::write(home.home().join(".config/snow/config.toml"), config).unwrap();
        here.org.set_scenario(Some(Scenario::Rotate));
        for round in 1..=2 {
            here.org.expire_access_tokens();
            let before = here.sessions();
            let runs: Vec<_> = (0..8)
                .map(|_| {
                    let mut command = home.command(&["test", "acme", "--json"]);
                    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
                })
                .collect();
            for run in runs {
                let output = run.wait_with_output().unwrap();
                assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
            }
            assert_eq!(here.sessions() - before, 1, "round {round}");
        }
    }

    #[test]
    fn a_gateway_renews_a_session_of_each_way_to_sign_in() {
        let path = "/services/data/v64.0/limits";
        for sign_in in [SignIn::Basic, SignIn::ClientCredentials, SignIn::JwtBearer] {
            let (here, mut home) = (Org::new(), Session::new());
            let line = here.connect_line(sign_in);
            assert_eq!(home.run(&line, "").code, 0, "{line}");
            let gateway = Gateway::start(home.command(&[]), &["acme"]);
            gateway.ask("GET", path).send().expect(200);
            let before = here.sessions();
            here.org.expire_access_tokens();
            for _ in 0..2 {
                gateway.ask("GET", path).send().expect(200);
            }
            assert_eq!(here.sessions() - before, 1, "{}", sign_in.as_str());
            // A refusal of what the session may do is passed on.
            here.org.set_scenario(Some(Scenario::SessionNotForRest));
            gateway.ask("GET", path).send().expect(403);
            assert_eq!(here.sessions() - before, 1, "{}", sign_in.as_str());
        }
    }

    #[test]
    fn a_person_types_the_password_and_the_security_token_again() {
        let (here, home) = (Org::new(), Session::new());
        let origin = here.org.origin();
        let words = ["connect", &origin, "--spec", "salesforce-service-cloud", "--name", "acme", "--username", ADMIN];
        let mut terminal = Terminal::start(home.home(), &home.command(&words));
        for (password, token, after) in [
            ("sandbox-wrong", "", "again (2 left)."),
            ("sandbox-admin", "AdminToken00000000000001", "Connected to acme"),
        ] {
            if after.starts_with("Connected") {
                terminal.wait_for("User name");
                terminal.send("\r");
            }
            terminal.wait_for("Password of admin@sandbox.example (not shown) ");
            assert!(!terminal.shows_keys());
            terminal.send(&format!("{password}\r"));
            terminal.wait_for("Security token");
            terminal.send(&format!("{token}\r"));
            terminal.wait_for(after);
        }
        let (code, screen) = terminal.end();
        assert_eq!(code, 0, "{screen}");
        assert!(!screen.contains("sandbox-wrong") && !screen.contains("AdminToken"), "{screen}");
        assert_eq!(here.org.soap_logins(), 2);
    }
}
