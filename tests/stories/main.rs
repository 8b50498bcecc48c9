//! What a person does with `snow`, from outside: the same stories on this
//! system, on Windows as wine plays it (`tests/windows`) and in an empty root
//! (`tests/static`). Each has a home of its own.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot go on should panic")]

#[path = "../it/world/ask.rs"]
#[allow(dead_code, reason = "these stories need a part of it")]
mod ask;
#[path = "../it/world/browser.rs"]
#[allow(dead_code, reason = "these stories need a part of it")]
mod browser;
#[path = "../it/world/tls.rs"]
#[allow(dead_code, reason = "these stories need a part of it")]
mod tls;

mod person;
mod system;

mod by_hand;
mod files;
mod oauth;
mod secrets;
mod stopping;
mod words;

use snow_connect::sandbox::{Sandbox, SandboxOptions};

use person::Person;

fn sandbox() -> Sandbox {
    Sandbox::open(SandboxOptions::default()).expect("an instance")
}

/// A person with a connection `acme` by password.
fn with_a_password(sandbox: &Sandbox) -> Person {
    let person = Person::new();
    connect_with_a_password(&person, sandbox);
    person
}

fn connect_with_a_password(person: &Person, sandbox: &Sandbox) {
    let origin = sandbox.origin();
    let words = ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--password-stdin"];
    person.run_with(&words, "sandbox-beth\n").expect(0);
}

/// A port on which nothing listens.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().unwrap().port()
}
