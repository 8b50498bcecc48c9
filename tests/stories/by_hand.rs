//! The first five minutes: the demo, and a connection by password from its
//! making to its end.

use crate::person::Person;
use crate::sandbox;
use crate::tls::{Authority, Leaf};

#[test]
fn the_demo_tells_its_story_and_leaves_nothing() {
    let mut person = Person::new();
    let temporary = person.home().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let seen = person.seen("temporary");
    for name in ["TMPDIR", "TMP", "TEMP"] {
        person.set(name, &seen);
    }
    person.run("demo").expect(0).says("Nothing is left on this machine.");
    assert!(!person.config_path().exists() && !person.state_path().exists());
    assert_eq!(std::fs::read_dir(temporary).unwrap().count(), 0);
    let steps = person.run("demo --json").expect(0).json()["steps"].as_array().unwrap().len();
    assert!(steps > 5, "{steps}");
}

#[test]
fn a_connection_by_password_from_its_making_to_its_end() {
    let sandbox = sandbox();
    let person = Person::new();
    person.file("pass wörd", "sandbox-beth");
    let (origin, password) = (sandbox.origin(), person.seen("pass wörd"));
    let words =
        ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--password-file", &password, "--json"];
    let made = person.run_with(&words, "").expect(0).json();
    assert_eq!(made["saved"], "new");
    assert_eq!(made["test"]["identity"]["user_name"], "beth.anglin");
    assert!(person.config().contains("[connections.acme]"), "{}", person.config());

    person.run("test").expect(0).says("acme");
    let tested = person.run("test acme --json").expect(0).json();
    assert_eq!(tested["connections"][0]["identity"]["user_name"], "beth.anglin");
    person.run("list").expect(0).says("beth.anglin");
    person.run_with(&["edit", "acme", "--set", "description=Größe ≥ 1"], "").expect(0);
    person.run("rename acme emca").expect(0);
    let listed = person.run("list --json").expect(0).json();
    assert_eq!(listed["connections"][0]["name"], "emca");
    assert_eq!(listed["connections"][0]["description"], "Größe ≥ 1");
    assert!(listed["connections"][0]["last_test"].is_object(), "{listed}");
    person.run("test emca").expect(0);
    person.run("status").expect(0).says("emca");

    // Signed out, and signed in again.
    person.run("logout emca --yes").expect(0);
    let code = person.run("test emca --json").code;
    assert_ne!(code, 0);
    person.run_with(&["login", "emca", "--password-stdin"], "sandbox-beth").expect(0);
    person.run("test emca").expect(0);
    person.run("remove emca --yes").expect(0);
    assert_eq!(person.run("list --json").expect(0).json()["connections"].as_array().unwrap().len(), 0);
}

#[test]
fn the_sandbox_serves_and_the_environment_alone_is_enough() {
    let mut person = Person::new();
    let port = crate::free_port().to_string();
    // Its document shows the passwords of its users, so the text is not read.
    let serving = person.start(&format!("sandbox --port {port} --quiet --color never"));
    let origin = format!("http://127.0.0.1:{port}");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_err() {
        assert!(std::time::Instant::now() < until, "it does not serve");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut ci = Person::new();
    ci.set("SNOW_INSTANCE", &origin);
    ci.set("SNOW_USERNAME", "beth.anglin");
    ci.file("secret", "sandbox-beth");
    let secret = ci.seen("secret");
    ci.set("SNOW_PASSWORD_FILE", &secret);
    ci.run("test --output json").expect(0);
    assert!(!ci.config_path().exists());
    serving.press(crate::system::Key::Interrupt);
    serving.ends_unread(0);
    person.unset("CI");
}

#[test]
fn a_certificate_is_checked_by_the_authority_that_is_given_and_by_no_other() {
    let mut person = Person::new();
    let sandbox = sandbox();
    let authority = Authority::new();
    let front = authority.front(Leaf::Good, &sandbox.origin());
    authority.save(&person.home().join("autörity.pem"));
    let (origin, file) = (front.origin(), person.seen("autörity.pem"));
    let connect = ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--password-stdin", "--json"];
    let refused = person.run_with(&connect, "sandbox-beth").json();
    let code = refused["error"]["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("tls-"), "{refused}");
    assert_eq!(sandbox.requests(), 0);
    if !person.checks_certificates() {
        // Even with the authority: what cannot be checked is not trusted.
        person.run_with(&[&connect[..], &["--ca-cert", &file]].concat(), "sandbox-beth").expect(6);
        assert_eq!(sandbox.requests(), 0);
        return;
    }
    let with_authority = [&connect[..], &["--ca-cert", &file]].concat();
    person.run_with(&with_authority, "sandbox-beth").expect(0);
    person.run("test acme").expect(0);
    if !person.is_on_windows() {
        person.run("remove acme --yes").expect(0);
        person.set("SSL_CERT_FILE", &file);
        person.run_with(&connect, "sandbox-beth").expect(0);
    }
}
