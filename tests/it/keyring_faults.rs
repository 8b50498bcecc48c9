//! A Secret Service that hangs, refuses, forgets and dies.

use std::time::{Duration, Instant};

use snow_connect::sandbox::Sandbox;

use crate::world::Outcome;
use crate::world::keyring::Session;
use crate::world::secret_service::{Fault, SecretService};

const TIMEOUT: Duration = Duration::from_secs(2);

/// A bus with the failing service on it, and an instance.
struct Scene {
    session: Session,
    service: SecretService,
    sandbox: Sandbox,
}

impl Scene {
    fn new() -> Self {
        let mut session = Session::without_keyring();
        session.set("SNOW_KEYRING_TIMEOUT", "2s");
        let service = SecretService::start(session.address());
        Self { session, service, sandbox: Sandbox::start(None, None).unwrap() }
    }

    fn connect(&mut self, name: &str, more: &str) -> Outcome {
        self.connect_as("beth.anglin", "sandbox-beth", name, more)
    }

    fn connect_as(&mut self, user: &str, password: &str, name: &str, more: &str) -> Outcome {
        let line =
            format!("connect {} --name {name} --username {user} --password-stdin --json {more}", self.sandbox.origin());
        self.session.run(&line, password)
    }

    fn run(&mut self, line: &str) -> Outcome {
        self.session.run(line, "")
    }

    /// The names of the saved connections.
    fn names(&mut self) -> Vec<String> {
        let list = self.run("list --json").expect(0).json();
        let connections = list["connections"].as_array().unwrap();
        connections.iter().map(|connection| connection["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// Runs each case in a thread of its own: most of them wait for a deadline.
fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}

// E3
#[test]
fn a_service_that_never_answers_costs_one_deadline_whatever_it_was_asked() {
    let methods = ["OpenSession", "SearchItems", "ReadAlias", "Get", "CreateItem", "GetSecret", "Delete"];
    at_once(methods, |method| {
        let mut scene = Scene::new();
        scene.service.fail(method, Fault::Silence);
        let started = Instant::now();
        let outcome = scene.connect("acme", "").expect(9);
        let took = started.elapsed();
        assert_eq!(outcome.error_code(), "keyring-timeout", "{method}");
        assert!(took >= TIMEOUT && took < TIMEOUT + Duration::from_secs(1), "{method}: {took:?}");
        assert_eq!(scene.service.calls().last().map(String::as_str), Some(method), "it was asked again");
        assert_eq!(scene.session.config(), "", "{method}");
    });
}

// E3
#[test]
fn a_write_that_hangs_after_the_sign_in_keeps_what_was_saved_before() {
    at_once(["CreateItem", "SetSecret"], |method| {
        let mut scene = Scene::new();
        if method == "SetSecret" {
            scene.connect("acme", "").expect(0);
        }
        let before = scene.session.config();
        // The probe is the first item that is created.
        scene.service.fail_after(usize::from(method == "CreateItem"), method, Fault::Silence);
        let started = Instant::now();
        let outcome = scene.connect("acme", "").expect(9);
        assert_eq!(outcome.error_code(), "keyring-timeout", "{method}");
        assert!(started.elapsed() < TIMEOUT + Duration::from_secs(1), "{method}");
        scene.service.recover();
        match method {
            "SetSecret" => {
                assert_eq!(scene.session.config(), before);
                scene.run("test acme").expect(0);
            }
            _ => {
                assert_eq!(scene.names(), Vec::<String>::new());
                assert_eq!(scene.service.fields(), Vec::<String>::new());
                scene.connect("acme", "").expect(0);
            }
        }
    });
}

// E3, E14
#[test]
fn a_deletion_that_hangs_or_fails_keeps_the_connection_and_can_be_repeated() {
    let refusal = Fault::Refusal("org.freedesktop.DBus.Error.Failed");
    let cases = [
        ("remove", Fault::Silence, "keyring-timeout"),
        ("logout", Fault::Silence, "keyring-timeout"),
        ("remove", refusal, "keyring-unavailable"),
        ("logout", refusal, "keyring-unavailable"),
        ("remove", Fault::Dismissal, "keyring-denied"),
        ("logout", Fault::Dismissal, "keyring-denied"),
    ];
    at_once(cases, |(verb, fault, code)| {
        let mut scene = Scene::new();
        scene.connect("acme", "").expect(0);
        let before = scene.session.config();
        scene.service.fail("Delete", fault);
        let document = scene.run(&format!("{verb} acme --json --yes")).expect(9).json();
        let error = &document["connections"][0]["error"];
        assert_eq!(error["code"], code, "{verb}");
        assert!(error["message"].as_str().unwrap().contains("still in the keyring"), "{error}");
        assert_eq!(document["exit_code"], 9);
        assert_eq!(scene.session.config(), before);
        assert_eq!(scene.service.fields(), ["password"]);

        scene.service.recover();
        scene.run("test acme").expect(0);
        scene.run(&format!("{verb} acme --yes")).expect(0);
        assert_eq!(scene.service.fields(), Vec::<String>::new());
        assert_eq!(scene.names().is_empty(), verb == "remove");
    });
}

// E3
#[test]
fn after_one_deadline_the_keyring_is_not_asked_for_the_other_connections() {
    let mut scene = Scene::new();
    for name in ["one", "two", "three"] {
        scene.connect(name, "--no-test").expect(0);
    }
    scene.service.fail("GetSecret", Fault::Silence);
    scene.service.calls();
    let started = Instant::now();
    let document = scene.run("test --all --json").expect(9).json();
    assert!(started.elapsed() < TIMEOUT + Duration::from_secs(1));
    for connection in document["connections"].as_array().unwrap() {
        assert_eq!(connection["code"], "keyring-timeout");
    }
    assert_eq!(scene.service.calls().iter().filter(|call| *call == "GetSecret").count(), 1);
}

// E2
#[test]
fn a_person_is_told_once_that_the_keyring_is_waited_for_and_a_script_is_not() {
    let mut scene = Scene::new();
    scene.connect("acme", "").expect(0);
    scene.service.fail("GetSecret", Fault::Silence);
    let mut terminal = rexpect::session::spawn_command(scene.session.command(&["test", "acme"]), Some(10_000)).unwrap();
    let before = terminal.exp_string("Waiting for the keyring.").unwrap();
    assert_eq!(before.trim(), "");
    let after = terminal.exp_eof().unwrap();
    assert!(after.contains("the keyring did not respond within 2 seconds") && !after.contains("Waiting"), "{after}");
    let outcome = scene.run("test acme").expect(9);
    assert_eq!(outcome.stderr, "");
}

// E4
#[test]
fn a_dismissed_request_is_denied_and_changes_nothing() {
    at_once(["probe", "password", "unlock"], |what| {
        let mut scene = Scene::new();
        match what {
            "probe" => scene.service.fail("CreateItem", Fault::Dismissal),
            "password" => scene.service.fail_after(1, "CreateItem", Fault::Dismissal),
            _ => {
                scene.session.set("DISPLAY", ":7");
                scene.service.lock();
            }
        }
        let outcome = scene.connect("acme", "").expect(9);
        assert_eq!(outcome.error_code(), "keyring-denied", "{what}");
        outcome.says(&["access to the keyring was denied"]);
        assert_eq!(scene.names(), Vec::<String>::new());
        assert_eq!(scene.service.fields(), Vec::<String>::new());
    });
}

// E4
#[test]
fn a_dismissed_request_to_read_is_not_a_missing_password() {
    let mut scene = Scene::new();
    scene.connect("acme", "").expect(0);
    scene.session.set("WAYLAND_DISPLAY", "wayland-7");
    scene.service.lock();
    let outcome = scene.run("test acme --json").expect(9);
    assert_eq!(outcome.error_code(), "keyring-denied");
    assert!(!outcome.stdout.contains("no password"), "{}", outcome.stdout);
    assert_eq!(scene.names(), ["acme"]);
}

// E10
#[test]
fn a_service_that_drops_what_it_is_given_is_found_before_anything_is_asked() {
    for method in ["CreateItem", "Delete"] {
        let mut session = Session::without_keyring();
        let service = SecretService::start(session.address());
        service.fail(method, Fault::Pretence);
        // Nothing listens there, so a request would show.
        let outcome =
            session.run("connect http://127.0.0.1:9 --username admin --password-stdin --json", "sandbox-admin");
        assert_eq!(outcome.expect(9).error_code(), "store-unreliable", "{method}");
        assert_eq!(session.config(), "");
    }
}

// E10
#[test]
fn a_password_that_does_not_arrive_is_not_called_saved() {
    let mut scene = Scene::new();
    scene.service.fail_after(1, "CreateItem", Fault::Pretence);
    assert_eq!(scene.connect("acme", "").expect(9).error_code(), "store-unreliable");
    assert_eq!(scene.names(), Vec::<String>::new());

    scene.service.recover();
    scene.connect("acme", "").expect(0);
    let before = scene.session.config();
    scene.service.fail("SetSecret", Fault::Pretence);
    let outcome = scene.connect_as("admin", "sandbox-admin", "acme", "--description changed --force --yes").expect(9);
    assert_eq!(outcome.error_code(), "store-unreliable");
    assert_eq!(scene.session.config(), before);
    scene.run("test acme").expect(0).says(&["beth.anglin"]);
}

// E5
#[test]
fn a_service_that_restarts_at_any_step_of_a_command_does_not_end_it() {
    let methods = ["OpenSession", "SearchItems", "ReadAlias", "Get", "CreateItem", "GetSecret", "Delete", "SetSecret"];
    let cases = methods.into_iter().flat_map(|method| [(method, Fault::Restart), (method, Fault::RestartAfter)]);
    let mut scene = Scene::new();
    scene.connect("acme", "").expect(0);
    for (method, fault) in cases {
        scene.service.fail(method, fault);
        // To be saved anew, the password is set, and the probe goes all ways.
        scene.connect("acme", "").expect(0);
        scene.run("test acme").expect(0);
        assert_eq!(scene.service.fields(), ["password"], "{method}");
    }
}

// E5
#[test]
fn a_service_that_dies_for_good_is_a_clear_error_and_leaves_nothing() {
    let methods = ["OpenSession", "SearchItems", "ReadAlias", "Get", "CreateItem", "GetSecret", "Delete"];
    for method in methods {
        let mut scene = Scene::new();
        scene.service.fail(method, Fault::Death);
        let outcome = scene.connect("acme", "").expect(9);
        assert_eq!(outcome.error_code(), "keyring-unavailable", "{method}");
        outcome.says(&["No Secret Service is running on the D-Bus session bus."]);
        assert_eq!(scene.session.config(), "", "{method}");
    }
}

// E5, E15
#[test]
fn a_service_that_dies_between_the_sign_in_and_the_save_takes_the_entry_back() {
    let mut scene = Scene::new();
    scene.service.fail_after(1, "CreateItem", Fault::Death);
    assert_eq!(scene.connect("acme", "").expect(9).error_code(), "keyring-unavailable");
    assert_eq!(scene.names(), Vec::<String>::new());
}

// E15
#[test]
fn a_secret_that_cannot_replace_another_one_restores_the_former_connection() {
    let mut scene = Scene::new();
    scene.connect("other", "--default").expect(0);
    scene.connect("acme", "--description before").expect(0);
    let before = scene.session.config();
    scene.service.fail("SetSecret", Fault::Refusal("org.freedesktop.DBus.Error.Failed"));
    let changes = "--force --yes --default --description after --table incident";
    let outcome = scene.connect_as("admin", "sandbox-admin", "acme", changes).expect(9);
    assert_eq!(outcome.error_code(), "keyring-unavailable");
    assert_eq!(scene.session.config(), before);
    scene.service.recover();
    scene.run("test acme").expect(0).says(&["beth.anglin"]);
    assert_eq!(scene.service.fields(), ["password", "password"]);
}

// E15
#[test]
fn a_secret_is_not_left_behind_when_its_write_is_reported_as_failed() {
    let mut scene = Scene::new();
    // The item is made, and the reading back fails.
    scene.service.fail_after(1, "GetSecret", Fault::Refusal("org.freedesktop.DBus.Error.Failed"));
    scene.connect("acme", "").expect(9);
    assert_eq!(scene.names(), Vec::<String>::new());
    assert_eq!(scene.service.fields(), Vec::<String>::new());
}

#[test]
fn the_store_is_proven_before_the_instance_is_asked_and_the_probe_is_gone_after_it() {
    let mut scene = Scene::new();
    let outcome =
        scene.session.run("connect http://127.0.0.1:9 --username admin --password-stdin --json", "sandbox-admin");
    outcome.expect(6);
    let calls = scene.service.calls();
    let places = ["CreateItem", "GetSecret", "Delete"].map(|method| calls.iter().position(|call| call == method));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{calls:?}");
    assert_eq!(scene.service.fields(), Vec::<String>::new());

    scene.connect_as("beth.anglin", "not the password", "acme", "").expect(4);
    assert_eq!(scene.service.fields(), Vec::<String>::new());

    // Also where the probe could not be read back.
    scene.service.fail("GetSecret", Fault::Refusal("org.freedesktop.DBus.Error.Failed"));
    scene.connect("acme", "").expect(9);
    assert_eq!(scene.service.fields(), Vec::<String>::new());
}

#[test]
fn the_password_crosses_the_bus_encrypted() {
    let mut scene = Scene::new();
    scene.connect("acme", "").expect(0);
    assert_eq!(scene.service.fields(), ["password"]);
    assert!(!scene.service.holds(b"sandbox-beth"));
}

#[test]
fn one_session_with_the_keyring_serves_a_whole_command() {
    let mut scene = Scene::new();
    scene.connect("acme", "").expect(0);
    let calls = scene.service.calls();
    assert_eq!(calls.iter().filter(|call| *call == "OpenSession").count(), 1, "{calls:?}");
}

#[test]
fn what_the_service_says_is_never_repeated() {
    // The world's search finds the canary in the text of the refusal.
    let names = [
        "org.freedesktop.Secret.Error.IsLocked",
        "org.freedesktop.Secret.Error.NoSession",
        "org.freedesktop.Secret.Error.NoSuchObject",
        "org.freedesktop.DBus.Error.AccessDenied",
        "org.freedesktop.DBus.Error.Failed",
        "org.freedesktop.DBus.Error.NotSupported",
        "org.freedesktop.DBus.Error.Spawn.ChildExited",
        "com.example.Unknown",
    ];
    let codes = ["locked", "unavailable", "unavailable", "denied"].into_iter().chain(["unavailable"; 4]);
    for (name, code) in names.into_iter().zip(codes) {
        // A method and a property: their errors arrive in different types.
        for method in ["OpenSession", "Get"] {
            let mut scene = Scene::new();
            scene.service.fail(method, Fault::Refusal(name));
            let outcome = scene.connect("acme", "").expect(9);
            assert_eq!(outcome.error_code(), format!("keyring-{code}"), "{name} from {method}");
        }
    }
}
