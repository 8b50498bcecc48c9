//! The same stories of every service: programs that use a connection, through the gateway or
//! with the credential itself. They are processes, and their secrets are in the file store.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::world::gateway::Gateway;
use crate::world::place::{Place, each};
use crate::world::process::{finish, program, tool};

/// The status that curl gets with these words, and the body.
fn curl(words: &[&str]) -> (String, String) {
    let mut command = tool("curl");
    command.args(["-sS", "--max-time", "60", "-w", "\n%{http_code}"]).args(words);
    let answer = finish(command, b"").expect(0).stdout;
    let (body, status) = answer.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

/// The same at a gateway, with its password.
fn at(gateway: &Gateway, target: &str, words: &[&str]) -> (String, String) {
    let (user, url) = (format!("any:{}", gateway.password()), format!("{}{target}", gateway.url()));
    curl(&[&["-u", &user, &url], words].concat())
}

fn each_as_a_program(story: impl Fn(&mut Place)) {
    each(|place| {
        place.run("remove acme --yes").expect(0);
        place.keeps_secrets_in_a_file();
        place.connect(place.way, "").expect(0);
        story(place);
    });
}

#[test]
fn curl_reads_through_the_gateway_and_writes_where_it_may() {
    each_as_a_program(|place| {
        let (api, create) = (place.api, place.url_of_rows());
        let reading = Gateway::start(place.program(), &["acme"]);
        assert_eq!(reading.document["connection"], "acme");
        let (status, body) = at(&reading, api, &[]);
        assert_eq!(status, "200", "{body}");
        let row = place.row("By curl");
        let write = ["-H", "Content-Type: application/json", "-d", &row];
        let writing = Gateway::start(place.program(), &["acme", "--write"]);
        let before = place.requests();
        assert_eq!(at(&reading, &create, &write).0, "405");
        for closed in place.closed {
            assert_eq!(at(&reading, closed, &[]).0, "403", "{closed}");
            assert_eq!(at(&writing, closed, &["-d", "grant_type=client_credentials"]).0, "403", "{closed}");
        }
        let (status, _) = curl(&["-u", "any:wrong", &format!("{}{api}", reading.url())]);
        assert_eq!((status.as_str(), place.requests()), ("401", before), "nothing of that reaches the service");
        let (status, body) = at(&writing, &create, &write);
        assert_eq!(status, "201", "{body}");
        let fitting = place.condition(place.text, "By curl");
        let words = ["query", place.table, "-c", "acme", "--count", "--filter", &fitting];
        assert_eq!(place.run_words(&words).expect(0).stdout.trim(), "1");
    });
}

#[test]
fn the_gateway_renews_a_session_that_ended() {
    each_as_a_program(|place| {
        let gateway = Gateway::start(place.program(), &["acme"]);
        assert_eq!(at(&gateway, place.api, &[]).0, "200");
        let before = place.sign_ins();
        for _ in 0..2 {
            place.expire();
            for _ in 0..2 {
                let (status, body) = at(&gateway, place.api, &[]);
                assert_eq!(status, "200", "{body}");
            }
        }
        assert_eq!(place.sign_ins() - before, if place.has_session() { 2 } else { 0 });
    });
}

#[test]
fn the_credential_is_handed_to_a_program_that_runs_and_to_one_that_reads_a_file() {
    each_as_a_program(|place| {
        let path = place.api;
        let mut exec = place.program();
        exec.args(["exec", "acme", "--"]).arg(program()).args(["api", path]);
        let answer = finish(exec, b"").expect(0).json();
        assert!(answer.is_object(), "{answer}");
        let file = place.world().home().join("curl.conf");
        let mut env = place.program();
        env.args(["env", "acme", "--for", "curl", "--out"]).arg(&file);
        finish(env, b"").expect(0);
        let url = format!("{}{path}", place.origin());
        let (status, body) = curl(&["-K", file.to_str().unwrap(), &url]);
        assert_eq!(status, "200", "{body}");
        // It has a secret, which none of the other files may have.
        std::fs::remove_file(file).unwrap();
    });
}

#[test]
fn a_program_is_handed_the_credential_that_is_valid_now() {
    each(|place| {
        place.world().is_public();
        let header = place.run("token acme --format header").expect(0).stdout;
        assert!(header.starts_with("Authorization: "), "{header}");
        let request = format!("{{\"uri\":\"{}{}\"}}", place.origin(), place.api);
        let helped = place.world().stdin(&request).run("credential get").expect(0).json();
        let value = helped["headers"]["Authorization"][0].as_str().unwrap();
        assert_eq!(header.trim_end(), format!("Authorization: {value}"));
        let text = place.run("env acme --for curl --reveal").expect(0).stdout;
        assert!(text.contains("header = ") || text.contains("user = "), "{text}");
        let hidden = place.run("env acme --for curl").expect(0).stdout;
        assert!(!hidden.contains(value.split(' ').nth(1).unwrap()), "{hidden}");
    });
}

#[test]
fn the_list_of_tools_has_those_of_the_service() {
    for mut place in Place::all() {
        let listed = place.run("env --list --json").expect(0).json();
        let tools = listed["tools"].as_array().unwrap();
        let takes = |tool: &Value| tool["services"].as_array().unwrap().contains(&place.spec.into());
        assert!(tools.iter().any(takes), "{listed}");
    }
}

#[test]
fn the_service_is_opened_in_a_browser_at_its_own_pages_alone() {
    each(|place| {
        let opened: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = opened.clone();
        place.world().browser(move |url| seen.lock().unwrap().push(url.to_owned()));
        let origin = place.origin();
        for (words, page) in [
            (&["open", "acme"][..], "/".to_owned()),
            (&["open", "acme", "/x/y"], "/x/y".to_owned()),
            (&["open", "acme", &format!("table/{}", place.table)], place.page.to_owned()),
            (&["open", "acme", &format!("{origin}/z?a=b")], "/z?a=b".to_owned()),
        ] {
            place.run_words(words).expect(0);
            assert_eq!(opened.lock().unwrap().pop(), Some(format!("{origin}{page}")), "{words:?}");
        }
        for path in ["//evil.example/", "https://evil.example/", "/../x", "\\x/"] {
            place.run_words(&["open", "acme", path]).expect(2);
        }
        assert_eq!(opened.lock().unwrap().len(), 0);
    });
}
