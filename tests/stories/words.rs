//! What is said about this system: its own names, and no other's.

use crate::person::Person;
use crate::{sandbox, with_a_password};

#[test]
fn a_missing_directory_is_named_as_this_system_names_it() {
    let mut person = Person::new();
    let (named, other) = if person.is_on_windows() { ("APPDATA", "HOME is") } else { ("HOME", "APPDATA") };
    person.set(named, "not absolute");
    let words = ["connect", "http://127.0.0.1:1", "--name", "x", "--username", "y", "--no-test", "--password-stdin"];
    let outcome = person.run_with(&words, "z");
    assert_ne!(outcome.code, 0);
    outcome.says(named);
    assert!(!outcome.stderr.contains(other), "{}", outcome.stderr);
}

#[test]
fn doctor_finds_nothing_wrong_and_names_the_directories() {
    let sandbox = sandbox();
    let person = with_a_password(&sandbox);
    let document = person.run("doctor --json").json();
    let checks = document["checks"].as_array().unwrap();
    let config = checks.iter().find(|check| check["id"] == "config.file").expect("a check of the file");
    assert_eq!(config["message"], format!("1 connection in {}", person.seen_config()));
    let failed: Vec<_> = checks.iter().filter(|check| check["status"] == "fail").map(|check| &check["code"]).collect();
    // Wine cannot check a certificate, and an empty root has no authority.
    let expected: &[&str] = if person.has_authorities() { &[] } else { &["tls-untrusted"] };
    assert_eq!(failed, expected, "{document}");
}

#[test]
fn commands_are_those_of_the_shell_here() {
    let person = Person::new();
    let (ours, other) = if person.is_on_windows() { ("$env:SNOW_", "export ") } else { ("export SNOW_", "$env:") };
    for line in ["explain keyring-unavailable", "guide client-credentials"] {
        let said = person.run(line).expect(0).stdout;
        assert!(said.contains(ours) && !said.contains(other), "{line}: {said}");
    }
    person.run("help platforms").expect(0).says("%APPDATA%");
}
