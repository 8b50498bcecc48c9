//! Ctrl-C, Ctrl-Break, closed pipes, exit codes.

use crate::person::Person;
use crate::system::Key;
use crate::{free_port, sandbox, with_a_password};

#[test]
fn a_key_ends_a_sign_in_with_the_code_of_its_signal_and_saves_nothing() {
    let sandbox = sandbox();
    for (key, code) in [(Key::Interrupt, 130), (Key::Break, 131)] {
        for form in ["", " --json"] {
            let person = Person::new();
            let uri = format!("http://127.0.0.1:{}/callback", free_port());
            let origin = sandbox.origin();
            let mut connecting = person.start(&format!(
                "connect {origin} --name acme --client-id sandbox-public --redirect-uri {uri} --no-browser{form}"
            ));
            connecting.until_it_says("/oauth_auth.do?");
            connecting.press(key);
            let outcome = connecting.ends().expect(code);
            if form.is_empty() {
                outcome.says("Cancelled. Nothing was changed.");
            } else {
                assert_eq!(outcome.json()["error"]["exit_code"], code);
            }
            assert_eq!(person.config(), "");
        }
    }
}

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let sandbox = sandbox();
    let person = with_a_password(&sandbox);
    person.run("test nobody").expect(3);
    person.run("frobnicate").expect(2);
    person.run_with(&["login", "acme", "--password-stdin"], "wrong").expect(4);
    person.run("test acme").expect(0);
    person.run(&format!("edit acme --set instance=http://127.0.0.1:{}", free_port())).expect(0);
    let outcome = person.run("test acme --json");
    assert_ne!(outcome.code, 0);
    assert_eq!(i64::from(outcome.code), outcome.json()["exit_code"].as_i64().unwrap());
}

#[test]
fn a_pipe_that_is_closed_early_ends_it_without_a_word() {
    let sandbox = sandbox();
    let person = with_a_password(&sandbox);
    for line in ["list", "list --json", "man", "help environment", "completion bash", "sandbox --list"] {
        let mut running = person.start(line);
        drop(running.child.stdout.take());
        let outcome = running.ends();
        assert!(outcome.code == 0 || outcome.code == 141, "{line}: {outcome:?}");
        assert_eq!(outcome.stderr, "", "{line}");
    }
}
