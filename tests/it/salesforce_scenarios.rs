//! Each scenario of the embedded org answers as its line says, and the org is well again
//! without it.

use serde_json::json;
use snow_connect::sandbox::salesforce::SalesforceSandbox;
use snow_connect::sandbox::salesforce::fault::{Fault, Grant, SignIn};
use snow_connect::sandbox::salesforce::scenario::Scenario;

use crate::jwt_bearer::Keys;
use crate::world::World;
use crate::world::ask::Reply;
use crate::world::browser::{get, parameter, post};
use crate::world::salesforce::{
    ADMIN, ADMIN_SECRET, VERIFIER, assertion, authorization_url, authorized, built_in_key, claims, client_credentials,
    element, jwt_bearer, login, org, query, redeem, refresh, session, sign_in,
};

const CASES: &str = "SELECT Id, Subject FROM Case LIMIT 1";

/// What a grant is answered.
fn granted(org: &SalesforceSandbox, grant: Grant, scenario: Scenario) -> Reply {
    match grant {
        Grant::AuthorizationCode => authorized(org),
        Grant::Refresh => {
            org.set_scenario(None);
            let first = authorized(org).expect(200).json();
            org.set_scenario(Some(scenario));
            refresh(org, first["refresh_token"].as_str().unwrap())
        }
        Grant::ClientCredentials => client_credentials(org),
        Grant::JwtBearer => {
            let keys = Keys::new();
            built_in_key(org, &keys);
            jwt_bearer(org, &assertion(&keys, "built-in.pem", &claims(org)))
        }
        Grant::Any => {
            for grant in [Grant::AuthorizationCode, Grant::Refresh, Grant::ClientCredentials] {
                let [one, other] = [grant, Grant::JwtBearer].map(|grant| granted(org, grant, scenario));
                assert_eq!((one.status, one.body), (other.status, other.body), "{}", scenario.as_str());
            }
            granted(org, Grant::ClientCredentials, scenario)
        }
    }
}

#[test]
fn each_scenario_gives_the_answer_of_its_line_and_without_it_all_is_well() {
    let org = org(None);
    for &scenario in Scenario::ALL {
        let name = scenario.as_str();
        for fault in scenario.faults() {
            org.set_scenario(None);
            let before = session(&org);
            org.set_scenario(Some(scenario));
            match *fault {
                Fault::Door(status, media_type, body) => {
                    let answer = get(&format!("{}/services/data", org.origin())).expect(status);
                    assert_eq!(
                        (answer.header("Content-Type"), answer.body.as_str()),
                        (Some(media_type), body),
                        "{name}"
                    );
                }
                Fault::Login(code, text) => {
                    let answer = login(&org, "u/64.0", ADMIN, ADMIN_SECRET).expect(500);
                    let prefix = if scenario == Scenario::FaultWithoutPrefix { "" } else { "sf:" };
                    assert_eq!(element(&answer, "faultcode"), format!("{prefix}{code}"), "{name}");
                    let text = text.replace('\'', "&#39;");
                    assert_eq!(element(&answer, "faultstring"), format!("{code}: {text}"), "{name}");
                    assert_eq!(element(&answer, "sf:exceptionCode"), code, "{name}");
                    assert_eq!(element(&answer, "sf:exceptionMessage"), text, "{name}");
                }
                Fault::Token(grant, error, description) => {
                    let answer = granted(&org, grant, scenario).expect(400);
                    assert_eq!(answer.json(), json!({ "error": error, "error_description": description }), "{name}");
                }
                Fault::Authorize(error, description) => {
                    let address = get(&authorization_url(&org, &[])).location();
                    let said = ["error", "error_description", "state"].map(|part| parameter(&address, part));
                    assert_eq!(said, [error, description, "a state"], "{name}");
                }
                Fault::Data(status, code, message) => {
                    let answer = query(&org, &before, CASES).expect(status);
                    assert_eq!(answer.json(), json!([{ "message": message, "errorCode": code }]), "{name}");
                }
                Fault::Quirk(_) => quirk(&org, scenario, &before),
            }
        }
    }
    org.set_scenario(None);
    login(&org, "u/64.0", ADMIN, ADMIN_SECRET).expect(200);
    assert_eq!(query(&org, &session(&org), CASES).expect(200).json()["totalSize"], 1);
}

/// What takes more than one answer. `before` is a session from before the scenario.
fn quirk(org: &SalesforceSandbox, scenario: Scenario, before: &str) {
    let at = |path: &str| format!("{}{path}", org.origin());
    let asked = || query(org, before, CASES);
    match scenario {
        Scenario::PasswordExpired => {
            let answer = login(org, "u/64.0", ADMIN, ADMIN_SECRET).expect(200);
            assert_eq!(element(&answer, "passwordExpired"), "true");
            let refused = query(org, &element(&answer, "sessionId"), CASES).expect(403).json();
            assert_eq!(refused[0]["errorCode"], "INVALID_OPERATION_WITH_EXPIRED_PASSWORD");
        }
        Scenario::TwoSessions => {
            let answer = login(org, "u/64.0", ADMIN, ADMIN_SECRET).expect(200);
            assert_eq!(answer.body.matches("<sessionId>").count(), 2);
        }
        Scenario::BillionLaughs | Scenario::ExternalEntity => {
            let answer = login(org, "u/64.0", ADMIN, ADMIN_SECRET).expect(200);
            let (declared, used) = match scenario {
                Scenario::BillionLaughs => ("<!ENTITY lol9 \"&lol8;", "<organizationName>&lol9;</organizationName>"),
                _ => ("SYSTEM \"file:///etc/hostname\"", "<organizationName>&file;</organizationName>"),
            };
            assert!(answer.body.contains(declared) && answer.body.contains(used), "{answer:?}");
        }
        Scenario::RedirectUri => {
            let answer = get(&authorization_url(org, &[])).expect(400);
            let said = "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration";
            assert_eq!(answer.body, said);
        }
        Scenario::AppBlocked => {
            assert!(get(&authorization_url(org, &[])).expect(200).body.contains("OAUTH_APPROVAL_ERROR_GENERIC"));
        }
        Scenario::Rotate => {
            let first = authorized(org).expect(200).json()["refresh_token"].as_str().unwrap().to_owned();
            let second = refresh(org, &first).expect(200).json()["refresh_token"].as_str().unwrap().to_owned();
            refresh(org, &first).expect(400);
            refresh(org, &second).expect(200);
        }
        Scenario::NoRefreshToken => assert_eq!(authorized(org).expect(200).json().get("refresh_token"), None),
        Scenario::OtherInstance => {
            assert_eq!(authorized(org).expect(200).json()["instance_url"], "https://elsewhere.example.com");
        }
        Scenario::OtherIdHost => {
            let id = authorized(org).expect(200).json()["id"].clone();
            assert!(id.as_str().unwrap().starts_with("https://elsewhere.example.com/id/00D"), "{id}");
        }
        Scenario::IntrospectionOff => {
            let client = [("client_id", "sandbox-ci"), ("client_secret", "sandbox-ci-secret"), ("token", before)];
            let refused = post(&at("/services/oauth2/introspect"), &client).expect(401).json();
            assert_eq!(refused["error"], "invalid_client");
        }
        Scenario::UserinfoRefused => {
            let answer = crate::world::ask::Ask::new("GET", &at("/services/oauth2/userinfo")).bearer(before).send();
            assert_eq!(answer.expect(403).body, "Bad_OAuth_Token");
        }
        Scenario::RevocationRefused => {
            let answer = post(&at("/services/oauth2/revoke"), &[("token", before)]).expect(400);
            assert!(answer.body.starts_with("error=unsupported_token_type&"), "{answer:?}");
            assert_eq!(answer.header("Content-Type"), Some("application/x-www-form-urlencoded"));
        }
        Scenario::SessionExpired => {
            assert_eq!(asked().expect(401).json()[0]["errorCode"], "INVALID_SESSION_ID");
            query(org, &session(org), CASES).expect(200);
            asked().expect(401);
        }
        Scenario::SessionFault => {
            assert_eq!(element(&asked().expect(500), "faultcode"), "sf:INVALID_SESSION_ID");
        }
        Scenario::QuotaNear => {
            let usage = asked().expect(200).header("Sforce-Limit-Info").unwrap().to_owned();
            let used: usize =
                usage.strip_prefix("api-usage=").unwrap().strip_suffix("/15000").unwrap().parse().unwrap();
            assert!((14_990..=15_000).contains(&used), "{usage}");
        }
        Scenario::CaseHidden => {
            assert_eq!(asked().expect(400).json()[0]["errorCode"], "INVALID_TYPE");
            query(org, before, "SELECT Id FROM Account").expect(200);
        }
        Scenario::FieldHidden => {
            assert_eq!(asked().expect(400).json()[0]["errorCode"], "INVALID_FIELD");
            query(org, before, "SELECT Id FROM Case").expect(200);
        }
        Scenario::NoCases => {
            assert_eq!(asked().expect(200).json(), json!({ "totalSize": 0, "done": true, "records": [] }));
        }
        other => panic!("{} is tested nowhere", other.as_str()),
    }
}

#[test]
fn a_code_is_good_once_and_for_its_verifier_alone() {
    let org = org(None);
    let code = || parameter(&sign_in(&authorization_url(&org, &[]), "allow"), "code");
    let wrong = redeem(&org, &code(), "another verifier of enough characters for one").expect(400).json();
    assert_eq!(wrong["error"], "invalid_grant");
    let code = code();
    redeem(&org, &code, VERIFIER).expect(200);
    let again = redeem(&org, &code, VERIFIER).expect(400).json();
    assert_eq!(again["error_description"], "invalid authorization code");
}

#[test]
fn the_command_lists_the_scenarios_of_the_service_and_knows_no_others() {
    let mut world = World::new();
    for service in ["salesforce", "salesforce-service-cloud"] {
        let list = world.run(&format!("sandbox --service {service} --list --json")).expect(0).json();
        let listed = list["scenarios"].as_array().unwrap();
        assert_eq!(listed.len(), Scenario::ALL.len());
        for (one, scenario) in listed.iter().zip(Scenario::ALL) {
            assert_eq!(one["name"], scenario.as_str());
            assert_eq!(one["answer"], scenario.answer());
            assert_eq!(scenario.as_str().parse(), Ok(*scenario));
        }
    }
    let text = world.run("sandbox --service salesforce --list").expect(0);
    for scenario in Scenario::ALL {
        text.says(&[scenario.as_str(), scenario.description(), &scenario.answer()]);
    }
    for line in text.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for sign_in in SignIn::ALL {
        assert!(Scenario::ALL.iter().any(|scenario| scenario.auth() == *sign_in), "{}", sign_in.as_str());
    }
    world.run("sandbox --service salesforce --scenario hibernating").expect(2).says(&["password-expired", "html-200"]);
    world.run("sandbox --scenario password-expired").expect(2).says(&["hibernating"]);
}
