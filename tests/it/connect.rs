//! `connect`, `login`, `logout` and `remove`, with a store in memory.

use std::io::Write;
use std::process::{Command, Stdio};

use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::world::keyring::Session;
use crate::world::session::Scripted;
use crate::world::wire::{Wire, http};
use crate::world::{Answer, Shown, World};

/// Ways to sign in, as a person chooses them.
pub const PASSWORD: Answer = Answer::Pick("User name and password");
const CLIENT_CREDENTIALS: Answer = Answer::Pick("Client credentials");
const API_KEY: Answer = Answer::Pick("API key");

#[test]
fn a_person_answers_three_questions_and_is_connected() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.person([PASSWORD, Answer::Text("beth.anglin"), Answer::Secret("sandbox-beth")]);
    let outcome = world.run(&format!("connect {} --name acme", sandbox.origin())).expect(0);
    outcome.says(&["Connected to acme as beth.anglin", "the default", "keyring", "snow test"]);
    assert!(world.config().contains("username = \"beth.anglin\""));
}

#[test]
fn a_question_is_asked_again_until_its_answer_fits() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let origin: &'static str = sandbox.origin().leak();
    let mut world = World::new();
    let instance = [Answer::Text(""), Answer::Text("foo bar"), Answer::Text("https://u:p@x"), Answer::Text(origin)];
    let user = [PASSWORD, Answer::Text(""), Answer::Text("beth.anglin"), Answer::Secret("sandbox-beth")];
    world.person(instance.into_iter().chain(user));
    let outcome = world.run("connect").expect(0);
    outcome.says(&[
        "! Enter the name or the address",
        "! The instance contains a space",
        "! Enter a user name.",
        "as beth.anglin",
    ]);
    // The name that the host suggests is taken now.
    let second = [Answer::Text("no such/name"), Answer::Text("127-0-0-1"), Answer::Secret("sandbox-admin")];
    world.person(second);
    let outcome = world.run(&format!("connect {origin} --username admin")).expect(0);
    outcome.says(&["is already taken; choose another", "Saved as \"127-0-0-1\""]);
}

#[test]
fn a_refused_password_may_be_typed_twice_more() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let line = format!("connect {} --name acme --username admin", sandbox.origin());
    let mut world = World::new();
    // Enter keeps the user name.
    let again = |password| [Answer::Text(""), Answer::Secret(password)];
    let wrong = [Answer::Secret("wrong-one")].into_iter().chain(again("wrong-two"));
    world.person(wrong.clone().chain(again("sandbox-admin")));
    world.run(&line).expect(0).says(&["Try again (2 left)", "Try again (1 left)"]);

    let mut world = World::new();
    world.person(wrong.chain(again("wrong-three")));
    world.run(&line).expect(4).says(&["rejected the sign-in of admin"]);
    assert_eq!(world.config(), "");
}

#[test]
fn what_is_missing_without_a_terminal_is_named() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.run("connect").expect(3).says(&["snow connect INSTANCE"]);
    world.run(&format!("connect {}", sandbox.origin())).expect(3).says(&["--username"]);
    let outcome = world.run(&format!("connect {} --username admin --json", sandbox.origin())).expect(3);
    assert_eq!(outcome.error_code(), "no-terminal");
    outcome.says(&["--password-stdin"]);
    assert_eq!(sandbox.requests(), 0);
}

#[test]
fn a_sleeping_instance_stops_a_person_before_the_password_is_typed() {
    let sandbox = Sandbox::start(None, Some(Scenario::Hibernating)).unwrap();
    let mut world = World::new();
    world.person([Answer::Confirm(false)]);
    let outcome = world.run(&format!("connect {} --username admin", sandbox.origin())).expect(7);
    outcome.says(&["hibernating", "developer.servicenow.com"]);
}

#[test]
fn a_refused_sign_in_saves_nothing_and_the_store_stays_empty() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let line = format!("connect {} --username admin --password-stdin --json", sandbox.origin());
    let outcome = world.stdin("wrong-password").run(&line).expect(4);
    assert_eq!(outcome.json()["schema"], "snow.error/1");
    assert_eq!(outcome.error_code(), "basic-refused");
    assert_eq!(world.config(), "");
    assert_eq!(sandbox.requests(), 1);
}

/// Nobody can make a directory there, root neither.
const NOWHERE: &str = "/proc/snow/config.toml";

#[cfg(target_os = "linux")]
#[test]
fn a_connections_file_that_cannot_be_written_is_noticed_before_anything_is_sent() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let line = format!("connect {} --config {NOWHERE} --json", sandbox.origin());
    let outcome = world.stdin("sandbox-admin").run(&format!("{line} --username admin --password-stdin")).expect(3);
    assert_eq!(outcome.error_code(), "config-unwritable");
    world.browser(|_| panic!("no browser is opened for what cannot be saved"));
    world.set("BROWSER", "any");
    let redirect = format!("--redirect-uri http://127.0.0.1:{}/callback", crate::oauth::free_port());
    let outcome = world.run(&format!("{line} --client-id sandbox-public {redirect}")).expect(3);
    assert_eq!(outcome.error_code(), "config-unwritable");
    assert_eq!(sandbox.requests(), 0);
}

#[test]
fn a_known_connection_is_tested_and_updated_and_not_replaced_by_accident() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");

    let outcome = world.run("connect acme --json").expect(0);
    assert_eq!(outcome.json()["saved"], "unchanged");
    assert_eq!(outcome.json()["connection"]["revision"], 1);

    let outcome = world.run("connect acme --table incident --label env=dev --json").expect(0);
    assert_eq!(outcome.json()["saved"], "updated");
    assert_eq!(outcome.json()["connection"]["revision"], 2);
    assert_eq!(outcome.json()["connection"]["tables"][0], "incident");

    let outcome = world.run("connect acme --username admin --json").expect(3);
    assert_eq!(outcome.error_code(), "connection-exists");
    let id = world.run("show acme --json").json()["connection"]["id"].clone();
    let outcome = world
        .stdin("sandbox-admin")
        .run("connect acme --username admin --password-stdin --force --yes --json")
        .expect(0);
    assert_eq!(outcome.json()["connection"]["id"], id);
    assert_eq!(outcome.json()["test"]["identity"]["user_name"], "admin");
}

#[test]
fn a_new_password_that_is_refused_leaves_the_saved_one() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let outcome = world.stdin("wrong-password").run("connect acme --password-stdin --json").expect(4);
    assert_eq!(outcome.json()["schema"], "snow.connect/1");
    assert_eq!(outcome.json()["saved"], "unchanged");
    assert_eq!(outcome.error_code(), "basic-refused");
    world.run("test acme").expect(0);
}

#[test]
fn an_address_finds_its_connection_and_a_slip_is_not_a_new_one() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("dev12345", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let outcome = world.run(&format!("connect {}/nav_to.do?uri=x --json", sandbox.origin())).expect(0);
    assert_eq!(outcome.json()["connection"]["name"], "dev12345");

    let outcome = world.run("connect dev12346 --json").expect(3);
    assert_eq!(outcome.error_code(), "ambiguous-target");

    world.connect("other", &sandbox.origin(), "admin", "sandbox-admin");
    let outcome = world.run(&format!("connect {} --json", sandbox.origin())).expect(3);
    assert_eq!(outcome.error_code(), "ambiguous-target");
    let outcome = world.run(&format!("connect {} --username admin --json", sandbox.origin())).expect(0);
    assert_eq!(outcome.json()["connection"]["name"], "other");
    world.person([Answer::Choose(1)]);
    let outcome = world.run(&format!("connect {} --json", sandbox.origin())).expect(0);
    assert_eq!(outcome.json()["connection"]["name"], "other");
    world.run("connect dev12345 --name other").expect(2);
}

#[test]
fn without_a_test_nothing_is_sent_and_the_connection_is_saved_unproven() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let line = format!("connect {} --name acme --username admin --password-stdin --no-test --json", sandbox.origin());
    let outcome = world.stdin("sandbox-admin").run(&line).expect(0);
    assert_eq!(outcome.json()["saved"], "new");
    assert_eq!(outcome.json()["test"], serde_json::Value::Null);
    assert_eq!(outcome.json()["connection"]["last_test"], serde_json::Value::Null);
    assert_eq!(sandbox.requests(), 0);
    world.run("test acme").expect(0);
}

#[test]
fn a_hidden_table_fails_the_command_and_the_connection_is_saved_all_the_same() {
    let sandbox = Sandbox::start(None, Some(Scenario::TableHidden)).unwrap();
    let mut world = World::new();
    let line =
        format!("connect {} --name acme --username admin --password-stdin --table incident --json", sandbox.origin());
    let outcome = world.stdin("sandbox-admin").run(&line).expect(5);
    assert_eq!(outcome.json()["saved"], "new");
    assert_eq!(outcome.error_code(), "table-hidden");
    assert!(world.config().contains("[connections.acme]"));
}

#[test]
fn logout_keeps_the_connection_and_login_repairs_it() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.run("logout acme --yes").expect(0);
    let outcome = world.run("test acme --json").expect(4);
    assert_eq!(outcome.error_code(), "no-credential");
    let outcome = world.stdin("wrong-password").run("login acme --password-stdin --json").expect(4);
    assert_eq!(outcome.error_code(), "basic-refused");
    let outcome = world.stdin("sandbox-beth").run("login acme --password-stdin --json").expect(0);
    assert_eq!(outcome.json()["schema"], "snow.connection/1");
    world.run("test acme").expect(0);
    // A deletion can be repeated.
    world.run("logout acme --yes").expect(0);
    world.run("logout --all --yes").expect(0);
}

#[test]
fn what_deletes_or_replaces_wants_yes_without_a_person() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let (config, asked) = (world.config(), sandbox.requests());
    let file = world.home().join("password");
    std::fs::write(&file, "sandbox-admin").unwrap();
    let replace = format!("connect acme --username admin --password-file {} --force", file.display());
    for line in ["remove acme", "logout acme", "logout", "logout --all", &replace] {
        let refused = |world: &mut World, line: &str| {
            let outcome = world.run(line).expect(3);
            assert_eq!(outcome.error_code(), "no-terminal", "{line}");
            outcome.says(&["needs a confirmation", "--yes", "Nothing was changed"]);
            assert_eq!(world.config(), config, "{line}");
        };
        refused(&mut world, &format!("{line} --json"));
        refused(world.person([]), &format!("{line} --json --no-input"));
        for variable in ["CI", "SNOW_NO_INPUT"] {
            refused(world.set(variable, "1").person([]), &format!("{line} --json"));
            world.unset(variable);
        }
    }
    std::fs::remove_file(file).unwrap();
    // Nothing was sent, and the password is still there.
    assert_eq!(sandbox.requests(), asked);
    world.run("test acme").expect(0);
}

#[test]
fn a_person_is_asked_once_before_something_is_deleted_or_replaced() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let config = world.config();
    let replace = "connect acme --username admin --force";
    for line in ["remove acme", "logout acme", "logout --all", replace] {
        let outcome = world.person([Answer::Confirm(false)]).run(line).expect(130);
        outcome.says(&["Nothing was changed"]);
        assert_eq!(world.config(), config, "{line}");
    }
    world.run("test acme").expect(0);
    // What replaces nothing asks nothing.
    world.run("connect acme --force --description words").expect(0);
    world.person([Answer::Confirm(true), Answer::Secret("sandbox-admin")]).run(replace).expect(0);
    world.person([Answer::Confirm(true)]).run("logout acme").expect(0);
    world.person([]).run("remove acme --yes").expect(0);
}

#[test]
fn remove_asks_a_person_and_obeys_a_script() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.person([Answer::Confirm(false)]).run("remove acme").expect(130).says(&["Nothing was changed"]);
    let outcome = world.run("remove acme --json --yes").expect(0);
    assert_eq!(outcome.json()["schema"], "snow.remove/1");
    assert_eq!(outcome.json()["connections"][0]["revoked"], serde_json::Value::Null);
    assert!(!world.config().contains("acme"));
    let outcome = world.run("remove acme --json --yes").expect(3);
    assert_eq!(outcome.error_code(), "unknown-connection");
}

#[test]
fn a_password_that_was_refused_three_times_is_kept_back() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    sandbox.set_scenario(Some(Scenario::BasicRefused));
    for _ in 0..3 {
        assert_eq!(world.run("test acme --json").expect(4).error_code(), "basic-refused");
    }
    let sent = sandbox.requests();
    let outcome = world.run("test acme --json").expect(4);
    assert_eq!(outcome.error_code(), "refused-before");
    assert_eq!(sandbox.requests(), sent);

    sandbox.set_scenario(None);
    world.run("test acme --retry-refused").expect(0);
    world.run("test acme").expect(0);
}

#[test]
fn a_refused_password_is_sent_once_in_a_run_whatever_connections_share_it() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("one", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let line = format!("connect {} --name two --username beth.anglin --password-stdin", sandbox.origin());
    world.stdin("sandbox-beth").run(&line).expect(0);
    sandbox.set_scenario(Some(Scenario::BasicRefused));
    let before = sandbox.requests();
    let outcome = world.run("test one two --json").expect(4);
    assert_eq!(outcome.json()["summary"]["failed"], 2);
    assert_eq!(sandbox.requests(), before + 1);
}

#[test]
fn after_a_refused_password_the_user_name_can_be_corrected() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let answers = [Answer::Secret("sandbox-beth"), Answer::Text("beth.anglin"), Answer::Secret("sandbox-beth")];
    let line = format!("connect {} --name acme --username beth.angln", sandbox.origin());
    world.person(answers).run(&line).expect(0).says(&["as beth.anglin"]);
    assert!(world.config().contains("username = \"beth.anglin\""), "{}", world.config());
    world.run("test acme").expect(0);
    // A saved connection is for its user.
    world.person(["wrong-one", "sandbox-beth"].map(Answer::Secret)).run("login acme").expect(0);
}

#[test]
fn a_wrong_client_secret_is_asked_for_again() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let line = format!("connect {} --name ci --auth client-credentials --client-id sandbox-ci", sandbox.origin());
    let (wrong, right, kept) = (Answer::Secret("mistyped"), Answer::Secret("sandbox-ci-secret"), Answer::Text(""));
    world.person([wrong.clone(), kept.clone(), right]);
    world.run(&line).expect(0).says(&["Perhaps the client id or the client secret is wrong", "Try again (2 left)"]);
    let answers = [wrong.clone(), kept.clone(), wrong.clone(), kept, wrong];
    let outcome = World::new().person(answers).run(&line).expect(4);
    outcome.says(&["do Check the client id, and enter the client secret again"]);
    // What was handed in is not asked for.
    world.stdin("mistyped");
    let outcome = world.run("login ci --client-secret-stdin --json").expect(4);
    let error = &outcome.json()["error"];
    assert_eq!(error["causes"][0]["code"], "wrong-secret");
    assert_eq!(error["next"][0], "Enter the client secret again: snow login ci");
}

#[test]
fn a_wrong_client_id_can_be_corrected() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let line = format!("connect {} --name ci --auth client-credentials", sandbox.origin());
    let secret = Answer::Secret("sandbox-ci-secret");
    let answers = [Answer::Text("sandbox-ic"), secret.clone(), Answer::Text("sandbox-ci"), secret.clone()];
    world.person(answers).run(&line).expect(0).says(&["Perhaps the client id or the client secret is wrong"]);
    assert!(world.config().contains("client_id = \"sandbox-ci\""), "{}", world.config());
    world.run("test ci").expect(0);
    // A saved connection is for its client.
    world.run("logout ci --yes").expect(0);
    world.person([Answer::Secret("mistyped"), secret]).run("login ci").expect(0);
}

#[test]
fn with_another_client_the_browser_signs_in_once_more() {
    let refused = http(401, "Content-Type: application/json\r\n", r#"{"error":"invalid_client"}"#).into_bytes();
    let server = Scripted::plays(move |request, before| {
        (request.path == "/oauth_token.do" && before == 0).then(|| refused.clone())
    });
    let address = |shown: &Shown| {
        let url = url::Url::parse(&shown.url).unwrap();
        let of = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        format!("http://127.0.0.1:8914/callback?code=of-{}&state={}", of("client_id"), of("state"))
    };
    let mut world = World::new();
    world.person([
        Answer::Secret(""),
        Answer::Pastes(address),
        Answer::Text("the-other"),
        Answer::Secret(""),
        Answer::Pastes(address),
    ]);
    let line = format!("connect {} --name acme --client-id one --manual", server.origin());
    world.run(&line).expect(0).says(&["rejected the OAuth client one", "Try again (2 left)"]);
    assert!(world.config().contains("client_id = \"the-other\""), "{}", world.config());
    let codes: Vec<_> = server.received_at("/oauth_token.do").iter().map(|request| request.form("code")).collect();
    assert_eq!(codes, [Some("of-one".to_owned()), Some("of-the-other".to_owned())]);
}

#[test]
fn every_way_to_sign_in_can_be_chosen() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let answers = [CLIENT_CREDENTIALS, Answer::Text("sandbox-ci"), Answer::Secret("sandbox-ci-secret")];
    world.person(answers).run(&format!("connect {} --name ci", sandbox.origin())).expect(0);
    let answers = [API_KEY, Answer::Secret("now_sandbox_beth")];
    world.person(answers).run(&format!("connect {} --name key", sandbox.origin())).expect(0);
    assert!(world.config().contains("client-credentials") && world.config().contains("api-key"), "{}", world.config());
}

#[test]
fn a_new_connection_is_among_the_choices_and_its_own_test_is_what_to_try() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("one", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.connect("two", &sandbox.origin(), "admin", "sandbox-admin");
    let answers = [Answer::Choose(2), PASSWORD, Answer::Text("joe.employee"), Answer::Secret("sandbox-joe")];
    let outcome = world.person(answers).run(&format!("connect {}", sandbox.origin())).expect(0);
    outcome.says(&["as joe.employee", "Try snow test 127-0-0-1-"]);
    // The selected one needs no name.
    let outcome = world.person([]).run("connect one").expect(0);
    assert!(outcome.stdout.contains("Try   snow test     snow list"), "{}", outcome.stdout);
    let outcome = world.set("SNOW_CONNECTION", "two").person([]).run("connect one").expect(0);
    assert!(outcome.stdout.contains("Try   snow test one     snow list"), "{}", outcome.stdout);
}

#[test]
fn every_question_can_be_cancelled_with_one_ending() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let line = format!("connect {}", sandbox.origin());
    for answers in [
        vec![],
        vec![PASSWORD],
        vec![PASSWORD, Answer::Text("beth.anglin")],
        vec![PASSWORD, Answer::Text("beth.anglin"), Answer::Secret("wrong-one")],
        vec![CLIENT_CREDENTIALS],
        vec![CLIENT_CREDENTIALS, Answer::Text("sandbox-ci")],
        vec![API_KEY],
    ] {
        let outcome = world.person(answers.into_iter().chain([Answer::Cancels])).run(&line).expect(130);
        assert!(outcome.stderr.ends_with("\nCancelled. Nothing was changed.\n"), "{}", outcome.stderr);
        assert_eq!(world.config(), "");
    }
    let outcome = world.person([Answer::Cancels]).run("connect").expect(130);
    assert_eq!(outcome.stderr, "Cancelled. Nothing was changed.\n");
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    for line in ["remove acme", "logout acme", "login acme", "connect acme --username admin --force"] {
        let outcome = world.person([Answer::Cancels]).run(line).expect(130);
        assert!(outcome.stderr.ends_with("Cancelled. Nothing was changed.\n"), "{line}: {}", outcome.stderr);
    }
    world.run("test acme").expect(0);
}

#[test]
fn a_cancelled_command_tells_what_it_had_changed() {
    let (asked, is_asked) = std::sync::mpsc::channel();
    let asked = std::sync::Mutex::new(asked);
    // The identity never comes.
    let server = Wire::plays(move |stream, head| {
        if head.contains("current_user") {
            let _ = asked.lock().unwrap().send(());
            std::thread::sleep(std::time::Duration::from_secs(10));
        }
        let _ = stream.write_all(http(200, "X-Is-Logged-In: true\r\n", r#"{"result":[{"sys_id":"1"}]}"#).as_bytes());
    });
    let session = Session::new();
    let origin = server.origin();
    let words = ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--password-stdin"];
    let mut command = session.command(&words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    running.stdin.take().unwrap().write_all(b"sandbox-beth").unwrap();
    is_asked.recv_timeout(std::time::Duration::from_secs(30)).expect("the second request");
    assert!(Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap().success());
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.ends_with("Cancelled. acme is saved, and was not tested.\n"), "{said}");
    assert!(session.config().contains("[connections.acme]"));
}
