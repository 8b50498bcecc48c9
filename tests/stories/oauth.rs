//! The sign-in by browser, which is played from outside, and what comes after.

use std::time::Duration;

use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::person::Person;
use crate::{free_port, sandbox};

/// Signs in as `acme` by the browser.
fn signed_in(person: &Person, sandbox: &Sandbox) {
    let uri = format!("http://127.0.0.1:{}/callback", free_port());
    let line = format!(
        "connect {} --name acme --client-id sandbox-public --redirect-uri {uri} --no-browser --json",
        sandbox.origin()
    );
    let mut connecting = person.start(&line);
    let page = connecting.signs_in("beth.anglin");
    assert_eq!(page.status, 200, "{page:?}");
    let document = connecting.ends().expect(0).json();
    assert_eq!(document["connection"]["username"], "beth.anglin");
}

#[test]
fn a_browser_signs_in_and_the_session_is_renewed_used_and_ended() {
    let sandbox = sandbox();
    let person = Person::new();
    signed_in(&person, &sandbox);
    person.run("test acme").expect(0);
    let token = person.run("token acme").expect(0).stdout;
    sandbox.expire_access_tokens();
    person.run("refresh acme").expect(0);
    assert_ne!(person.run("token acme").expect(0).stdout, token);
    person.run("test acme --json").expect(0);
    assert_eq!(sandbox.token_requests().refresh_token, 1);
    person.run("logout acme --yes").expect(0);
    assert!(sandbox.revocations() > 0);
    person.run("token acme").expect(4).says("snow login acme");
}

#[test]
fn ten_commands_at_the_end_of_a_token_renew_it_once() {
    let ttl = Duration::from_secs(40);
    let sandbox = Sandbox::open(SandboxOptions { rotate: true, access_ttl: ttl, ..Default::default() }).unwrap();
    let person = Person::new();
    signed_in(&person, &sandbox);
    // Nothing tells that the instance ended it: each meets a 401.
    sandbox.expire_access_tokens();
    let codes: Vec<_> = std::thread::scope(|scope| {
        let test = || person.run("test acme --json").code;
        let running: Vec<_> = (0..10).map(|_| scope.spawn(test)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(codes, [0; 10]);
    assert_eq!(sandbox.token_requests().refresh_token, 1);
    person.run("test acme").expect(0);
}

#[test]
fn tokens_longer_than_an_item_of_the_store_are_kept() {
    let sandbox = Sandbox::start(None, Some(Scenario::LongTokens)).unwrap();
    let person = Person::new();
    signed_in(&person, &sandbox);
    let token = person.run("token acme").expect(0).stdout;
    assert!(token.len() > 2560, "{}", token.len());
    for _ in 0..3 {
        sandbox.expire_access_tokens();
        person.run("refresh acme").expect(0);
        person.run("test acme").expect(0);
    }
    assert_ne!(person.run("token acme").expect(0).stdout, token);
    // Short ones take the place of the long ones.
    sandbox.set_scenario(None);
    sandbox.expire_access_tokens();
    person.run("refresh acme").expect(0);
    assert!(person.run("token acme").expect(0).stdout.len() < 100);
    person.run("test acme").expect(0);
    person.run("remove acme --yes").expect(0);
}
