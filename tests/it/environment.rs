//! The connection that variables describe.

use snow_connect::sandbox::Sandbox;

use crate::world::World;
use crate::world::process::{finish, snow};

#[test]
fn variables_alone_are_enough_and_nothing_is_touched() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command
        .env("SNOW_INSTANCE", sandbox.origin())
        .env("SNOW_USERNAME", "svc.ci")
        .env("SNOW_PASSWORD", "sandbox-svc")
        // Anything that spoke to a bus would fail here.
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
        .args(["test", "--json"]);
    let outcome = finish(command, b"").expect(0);
    let report = &outcome.json()["connections"][0];
    assert_eq!(report["name"], "environment");
    assert_eq!(report["identity"]["user_name"], "svc.ci");
    assert_eq!(report["credential"]["store"], "environment");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_password_file_serves_as_well() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("pw");
    std::fs::write(&file, "sandbox-svc\n").unwrap();
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_USERNAME", "svc.ci");
    world.set("SNOW_PASSWORD_FILE", file.to_str().unwrap());
    world.run("test").expect(0);
}

#[test]
fn a_secret_in_a_variable_may_end_in_one_line_end() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_USERNAME", "svc.ci");
    for end in ["\n", "\r\n"] {
        world.set("SNOW_PASSWORD", &format!("sandbox-svc{end}")).run("test").expect(0);
    }
    for text in ["sandbox-svc\n\n", "\n", "sandbox\nsvc"] {
        let outcome = world.set("SNOW_PASSWORD", text).run("test --json").expect(3);
        assert_eq!(outcome.error_code(), "environment-incomplete", "{text:?}");
    }
}

/// As a file of variables or a form of a CI service may keep them.
#[test]
fn quotation_marks_around_a_secret_that_is_refused_are_noticed() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let described = |variables: &[(&str, &str)]| {
        let mut world = World::new();
        world.set("SNOW_INSTANCE", &sandbox.origin());
        for (name, value) in variables {
            world.set(name, value);
        }
        world.run("test --json").expect(4)
    };
    let client = ("SNOW_CLIENT_ID", "sandbox-ci");
    for variables in [
        vec![("SNOW_USERNAME", "svc.ci"), ("SNOW_PASSWORD", "\"sandbox-svc\"")],
        vec![("SNOW_USERNAME", "svc.ci"), ("SNOW_PASSWORD", "'sandbox-svc'")],
        vec![client, ("SNOW_CLIENT_SECRET", "\"sandbox-ci-secret\"")],
        vec![("SNOW_API_KEY", "'now_sandbox_svc'")],
        vec![("SNOW_ACCESS_TOKEN", "\"0123456789abcdef\"")],
    ] {
        let outcome = described(&variables);
        outcome.says(&["\"quotes\"", "Remove the quotation marks"]);
    }
    for variables in [
        vec![("SNOW_USERNAME", "svc.ci"), ("SNOW_PASSWORD", "\"sandbox-svc")],
        vec![client, ("SNOW_CLIENT_SECRET", "wrong-secret")],
    ] {
        assert!(!described(&variables).stdout.contains("quotation"));
    }
}

#[test]
fn an_incomplete_description_names_the_variable_and_never_falls_to_a_saved_connection() {
    let sandbox = Sandbox::start(None, None).unwrap();
    for (variables, named) in [
        (vec![("SNOW_INSTANCE", "")], "SNOW_INSTANCE"),
        (vec![("SNOW_INSTANCE", "dev1")], "SNOW_USERNAME"),
        (vec![("SNOW_PASSWORD", "x")], "SNOW_INSTANCE"),
        (vec![("SNOW_INSTANCE", "dev1"), ("SNOW_USERNAME", "u")], "SNOW_PASSWORD"),
        (vec![("SNOW_INSTANCE", "dev1"), ("SNOW_USERNAME", "u"), ("SNOW_PASSWORD", "")], "SNOW_PASSWORD"),
        (
            vec![
                ("SNOW_INSTANCE", "dev1"),
                ("SNOW_USERNAME", "u"),
                ("SNOW_PASSWORD", "p"),
                ("SNOW_PASSWORD_FILE", "/x"),
            ],
            "SNOW_PASSWORD_FILE",
        ),
        (vec![("SNOW_INSTANCE", "dev1"), ("SNOW_USERNAME", "u:v"), ("SNOW_PASSWORD", "p")], "SNOW_USERNAME"),
        (vec![("SNOW_INSTANCE", "dev1"), ("SNOW_CLIENT_ID", "x")], "SNOW_CLIENT_SECRET"),
        (vec![("SNOW_INSTANCE", "dev1"), ("SNOW_ACCESS_TOKEN", "")], "SNOW_ACCESS_TOKEN"),
        (vec![("SNOW_INSTANCE", "dev1"), ("SNOW_ACCESS_TOKEN", "x"), ("SNOW_USERNAME", "u")], "SNOW_ACCESS_TOKEN"),
        (
            vec![
                ("SNOW_INSTANCE", "dev1"),
                ("SNOW_CLIENT_ID", "x"),
                ("SNOW_CLIENT_SECRET", "y"),
                ("SNOW_TOKEN_URL", "http://idp.example/token"),
            ],
            "SNOW_TOKEN_URL",
        ),
        (vec![("SNOW_INSTANCE", "dev1"), ("SNOW_API_KEY", "")], "SNOW_API_KEY"),
        (vec![("SNOW_INSTANCE", "dev1"), ("SNOW_API_KEY", "x"), ("SNOW_PASSWORD", "y")], "SNOW_API_KEY"),
        (vec![("SNOW_AUTH", "magic")], "SNOW_AUTH"),
    ] {
        let mut world = World::new();
        world.connect("saved", &sandbox.origin(), "admin", "sandbox-admin");
        let before = sandbox.requests();
        for (name, value) in &variables {
            world.set(name, value);
        }
        let outcome = world.run("test --json").expect(3);
        assert_eq!(outcome.error_code(), "environment-incomplete", "{variables:?}");
        outcome.says(&[named]);
        assert_eq!(sandbox.requests(), before, "{variables:?}");
        // Naming a connection leaves the variables alone.
        world.run("test saved").expect(0);
        world.run("-c saved test").expect(0);
    }
}

#[test]
fn credentials_of_the_environment_never_reach_another_instance() {
    let (mine, other) = (Sandbox::start(None, None).unwrap(), Sandbox::start(None, None).unwrap());
    let mut world = World::new();
    world.connect("other", &other.origin(), "admin", "sandbox-admin");
    let before = other.requests();
    world.set("SNOW_INSTANCE", &mine.origin()).set("SNOW_USERNAME", "svc.ci").set("SNOW_PASSWORD", "sandbox-svc");
    world.run("test").expect(0);
    assert_eq!(other.requests(), before);
    world.stdin("sandbox-beth");
    let outcome =
        world.run(&format!("connect {} --name b --username beth.anglin --password-stdin", other.origin())).expect(0);
    outcome.says(&["SNOW_PASSWORD", "ignored here"]);
}
