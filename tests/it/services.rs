//! The same stories of every service: a connection from its first day to its last, written
//! once, and lived through at each. Its rows are in `services_rows`, and the programs that use
//! it in `services_programs`.

use std::fs;

use serde_json::{Value, json};
use snow_connect::sandbox::salesforce::fault::SignIn;

use crate::world::place::{Place, each};

#[test]
fn a_connection_is_made_tested_listed_and_says_which_service_it_is_of() {
    each(|place| {
        let report = place.run("test acme --json").expect(0).json();
        let checks = report["connections"][0]["checks"].as_array().unwrap();
        let name = place.spec.split('-').next().unwrap();
        assert!(checks.iter().any(|check| check["id"] == format!("instance.{name}") && check["status"] == "pass"));
        let listed = place.run("list --json").expect(0).json();
        assert_eq!(listed["connections"][0]["spec"], place.spec);
        assert_eq!(listed["connections"][0]["last_test"]["ok"], true);
        let (origin, shown) = (place.origin(), place.shown());
        assert_eq!((&shown["instance"], &shown["state"]), (&json!(origin), &json!("enabled")));
        place.run("status acme --json").expect(0);
    });
}

#[test]
fn a_connection_that_was_saved_fits_the_schema_of_its_service() {
    each(|place| {
        let schema = place.run(&format!("spec {} --json", place.spec)).expect(0).json()["specs"][0]["schema"].clone();
        let config: Value = toml::from_str(&place.world().config()).unwrap();
        let entry = &config["connections"]["acme"];
        jsonschema::validate(&schema, entry).unwrap_or_else(|error| panic!("{}: {error}: {entry}", place.spec));
    });
}

#[test]
fn a_wrong_secret_is_refused_and_nothing_is_saved() {
    for mut place in Place::all() {
        let (origin, spec) = (place.origin(), place.spec);
        for flags in [
            "--username beth.anglin --password-stdin",
            "--auth client-credentials --client-id sandbox-ci --client-secret-stdin",
        ] {
            let line = format!("connect {origin} --spec {spec} --name wrong {flags}");
            place.world().stdin("CANARY-wrong").run(&line).expect(4);
            assert_eq!(place.run("list --json").json()["connections"], json!([]), "{line}");
        }
    }
}

#[test]
fn an_instance_that_is_not_there_is_a_fault_of_the_network() {
    for mut place in Place::all() {
        let port = crate::oauth::free_port();
        let spec = place.spec;
        let line = format!("connect http://127.0.0.1:{port} --spec {spec} --name away --username u --password-stdin");
        let outcome = place.world().stdin("CANARY-away").run(&format!("{line} --json")).expect(6);
        assert_eq!(outcome.error_code(), "connection-refused");
    }
}

#[test]
fn a_session_that_ended_is_renewed_once_and_the_request_goes_on() {
    each(|place| {
        if !place.has_session() {
            place.run("refresh acme").expect(2).says(&["no session to renew"]);
            return;
        }
        let before = place.run("token acme --json").expect(0).json()["access_token"].clone();
        place.expire();
        let path = place.api;
        place.run_words(&["api", "-c", "acme", path]).expect(0);
        let after = place.run("token acme --json").expect(0).json()["access_token"].clone();
        assert_ne!(before, after, "{}", place.spec);
        place.expire();
        place.run("test acme").expect(0);
        place.run("refresh acme").expect(0);
    });
}

#[test]
fn what_breaks_has_a_code_and_a_step_and_is_explained() {
    each(|place| {
        for (at_servicenow, at_salesforce, code) in [
            ("rate-limited", "quota", 8),
            ("instance-unavailable", "server-unavailable", 7),
            ("instance-error", "unknown-exception", 7),
            ("login-page", "html-200", 7),
        ] {
            place.suffers(at_servicenow, at_salesforce);
            let report = place.run("test acme --json").expect(code).json()["connections"][0].clone();
            let failed = report["checks"].as_array().unwrap().iter().find(|check| check["status"] == "fail");
            let error = &failed.unwrap()["error"];
            assert!(!error["next"].as_array().unwrap().is_empty(), "{error}");
            let name = report["code"].as_str().unwrap().to_owned();
            place.run(&format!("explain {name}")).expect(0).says(&[&name]);
            place.run("test acme").expect(code).says(&[&format!("snow explain {name}")]);
            let path = place.api;
            place.run_words(&["api", "-c", "acme", path]).expect(code);
        }
        place.recovers();
        place.run("test acme").expect(0);
    });
}

#[test]
fn the_doctor_finds_all_in_order_and_its_bundle_has_the_connection_without_its_secrets() {
    each(|place| {
        let bundle = place.world().home().join("bundle.json");
        let ready = place.run(&format!("doctor --json --bundle {}", bundle.display())).expect(0).json();
        let checks = ready["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["status"] != "fail"), "{ready}");
        // That no secret is in it is looked at when the world ends.
        let bundle: Value = serde_json::from_str(&fs::read_to_string(bundle).unwrap()).unwrap();
        let bundled = &bundle["config"]["connections"][0];
        assert_eq!((&bundled["name"], &bundled["spec"]), (&json!("acme"), &json!(place.spec)), "{bundle}");
    });
}

#[test]
fn what_the_service_refuses_for_a_table_is_no_matter_of_the_sign_in() {
    each(|place| {
        let report = place.run("test acme --table no_such_table --json");
        let connection = &report.json()["connections"][0];
        assert!([5, 10].contains(&report.code), "{report:?}");
        let request = connection["checks"].as_array().unwrap().iter().find(|check| check["id"] == "auth.request");
        assert_eq!(request.unwrap()["status"], "pass", "{connection}");
    });
}

#[test]
fn a_change_wants_the_etag_and_a_disabled_connection_is_used_by_nothing() {
    each(|place| {
        let etag = place.shown()["etag"].as_str().unwrap().to_owned();
        place.run("edit acme --set description=new --if-match enope").expect(3).says(&["revision-conflict"]);
        place.run(&format!("edit acme --set description=new --if-match {etag}")).expect(0);
        assert_ne!(place.shown()["etag"], etag);
        place.run("edit acme --set state=disabled").expect(0);
        let path = place.api;
        for words in [&["test", "acme"][..], &["token", "acme"], &["api", "-c", "acme", path]] {
            assert_eq!(
                place.run_words(&[words, &["--json"]].concat()).error_code(),
                "connection-disabled",
                "{words:?}"
            );
        }
        place.run("edit acme --unset state").expect(0);
        place.run("test acme").expect(0);
    });
}

#[test]
fn a_connection_goes_to_a_colleague_and_to_adobe_and_comes_back() {
    each(|place| {
        let home = place.world().home().to_owned();
        let (team, adobe) = (home.join("team.toml"), home.join("adobe.json"));
        let shown = place.shown();
        fs::write(&team, place.run("export acme").expect(0).stdout).unwrap();
        let body = place.run("export acme --as adobe");
        let is_known = place.is_known_to_adobe();
        assert_eq!(body.code, if is_known { 0 } else { 2 }, "{body:?}");
        place.run("remove acme --yes").expect(0);
        place.run(&format!("import {} --username colleague@sandbox.example", team.display())).expect(0);
        let theirs = place.shown();
        for key in ["spec", "instance", "auth", "client_id", "tables"] {
            assert_eq!(theirs[key], shown[key], "{key}");
        }
        place.run("remove acme --yes").expect(0);
        if is_known {
            fs::write(&adobe, body.stdout).unwrap();
            place.run(&format!("import adobe {} --yes", adobe.display())).expect(0);
            let back = place.shown();
            for key in ["spec", "instance", "auth", "username", "client_id"] {
                // The user of a client is known once it signed in.
                if key == "username" && shown["auth"] == "client-credentials" {
                    continue;
                }
                assert_eq!(back[key], shown[key], "{key}");
            }
        }
    });
}

#[test]
fn signing_out_forgets_the_secrets_and_keeps_the_connection() {
    each(|place| {
        let outcome = place.run("logout acme --yes").expect(0);
        let tested = place.run("test acme --json");
        if place.keeps_its_key() {
            outcome.says(&["the private_key of acme is not kept by snow", "snow edit acme --set state=disabled"]);
            tested.expect(0);
        } else {
            assert_eq!(tested.expect(4).error_code(), "no-credential");
            assert!(!outcome.stderr.contains("is not kept by snow"), "{outcome:?}");
        }
        assert_eq!(place.shown()["name"], "acme");
        place.run("remove acme --yes").expect(0);
        assert_eq!(place.run("list --json").expect(0).json()["connections"], json!([]));
    });
}

#[test]
fn a_mixed_fleet_is_tested_at_once() {
    let [mut servicenow, mut salesforce] = Place::all();
    servicenow.connect(SignIn::Basic, "").expect(0);
    salesforce.connect(SignIn::ClientCredentials, "--label env=prod").expect(0);
    let entry = salesforce.world().config();
    let entry = entry.split("[connections.acme]").nth(1).unwrap();
    let mixed = format!("{}\n[connections.cloud]{entry}", servicenow.world().config());
    servicenow.world().write_config(mixed);
    let report = servicenow.run("test --all --json");
    let document = report.json();
    // The secret of the other is in another store here.
    let codes: Vec<_> = document["connections"].as_array().unwrap().iter().map(|entry| entry["code"].clone()).collect();
    assert_eq!(codes, [Value::Null, json!("no-credential")], "{document}");
    let listed = servicenow.run("list --json").expect(0).json();
    let specs: Vec<_> = listed["connections"].as_array().unwrap().iter().map(|entry| entry["spec"].clone()).collect();
    assert_eq!(specs, ["servicenow", "salesforce-service-cloud"]);
}
