//! The page where a sign-in ends, in a real browser: from the form of the
//! instance to the last word.

use std::sync::Arc;

use serde_json::json;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::store::Field;
use snow_connect::store::keyring::error::KeyringError;

use crate::oauth::{connect_line, sandbox};
use crate::world::ask::Reply;
use crate::world::browser::get;
use crate::world::chromium::Chromium;
use crate::world::store::PickyStore;
use crate::world::waiting::{Waiting, meanwhile};
use crate::world::{Outcome, World};

/// What a person sees in the end, in light and dark, wide and narrow.
fn signs_in_with_chromium(
    world: &mut World,
    line: &str,
    decision: &'static str,
    name: &'static str,
) -> (Outcome, String) {
    meanwhile(world, line, move |waiting| {
        let mut chromium = Chromium::start();
        chromium.open(&waiting.url);
        chromium.fill("input[name=user_name][required]", "beth.anglin");
        chromium.fill("input[name=user_password][required]", "sandbox-beth");
        chromium.click("button.main");
        chromium.click(&format!("button[value={decision}]"));
        chromium.wait_until("document.title.endsWith('snow') && document.readyState === 'complete'");
        let text = chromium.value("document.body.innerText").as_str().unwrap().to_owned();
        for (scheme, width, height) in
            [("light", 900, 560), ("dark", 900, 560), ("light", 320, 640), ("dark", 320, 640)]
        {
            chromium.look(scheme, width, height);
            assert_eq!(chromium.flaws("h1, p, code"), json!([]), "{name} {scheme} {width}");
            let picture = chromium.picture(&format!("{name}-{scheme}-{width}"));
            assert!(picture.starts_with(b"\x89PNG") && picture.len() > 1000);
        }
        assert_eq!(chromium.complaints(), [] as [serde_json::Value; 0]);
        let requests = chromium.requests();
        assert!(requests.len() >= 4, "{requests:?}");
        for address in requests {
            assert!(address.starts_with("http://127.0.0.1:") || address == "about:blank", "{address}");
        }
        // Nothing on the page runs or loads.
        let loaded = chromium.value("document.scripts.length + document.images.length + document.links.length");
        assert_eq!(loaded, json!(0));
        text
    })
}

// N1, C21
#[test]
fn a_real_browser_signs_in_from_the_form_to_the_last_word() {
    let sandbox = sandbox();
    let mut world = World::new();
    let (outcome, text) = signs_in_with_chromium(&mut world, &connect_line(&sandbox), "allow", "signed-in");
    outcome.expect(0).says(&["beth.anglin"]);
    assert!(text.contains("Signed in") && text.contains("saved as \u{201c}acme\u{201d}"), "{text}");
    assert!(text.contains("snow test acme"), "{text}");
    world.run("test acme").expect(0);
}

#[test]
fn a_real_browser_shows_that_access_was_denied() {
    let sandbox = sandbox();
    let mut world = World::new();
    let (outcome, text) = signs_in_with_chromium(&mut world, &connect_line(&sandbox), "deny", "denied");
    outcome.expect(4);
    assert!(text.contains("Not signed in") && text.contains("did not grant the sign-in"), "{text}");
}

#[test]
fn a_real_browser_shows_that_no_token_came() {
    let sandbox = sandbox();
    sandbox.set_scenario(Some(Scenario::TokenRefused));
    let mut world = World::new();
    let (outcome, text) = signs_in_with_chromium(&mut world, &connect_line(&sandbox), "allow", "failed");
    outcome.expect(4);
    assert!(text.contains("Not signed in") && text.contains("issued no token for the sign-in"), "{text}");
}

fn landed(world: &mut World, sandbox: &Sandbox) -> (Outcome, Reply) {
    meanwhile(world, &connect_line(sandbox), Waiting::person_returns)
}

// C9, V4
#[test]
fn the_page_is_stored_nowhere_runs_nothing_and_holds_no_secret() {
    let sandbox = sandbox();
    let (outcome, (back, page)) = meanwhile(&mut World::new(), &connect_line(&sandbox), |waiting| {
        let back = waiting.granted();
        let page = get(&back);
        (back, page)
    });
    outcome.expect(0);
    let policy = page.header("Content-Security-Policy").unwrap();
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Connection", "close"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    for (name, value) in url::Url::parse(&back).unwrap().query_pairs() {
        assert!(!page.body.contains(value.as_ref()), "{name} is in the page");
    }
    assert!(!page.body.contains("<script") && !page.body.contains("http://") && !page.body.contains("https://"));
}

// C10
#[test]
fn the_page_says_success_only_after_the_session_is_saved() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.store =
        Arc::new(PickyStore::refusing(|key, _| (key.field == Field::SESSION).then(|| KeyringError::Denied.into())));
    let (outcome, page) = landed(&mut world, &sandbox);
    outcome.expect(9);
    assert!(page.body.contains("Not signed in") && !page.body.contains("is saved"), "{page:?}");
    assert!(!world.config().contains("connections"), "{}", world.config());
    assert_eq!(sandbox.token_requests().authorization_code, 1);
}

#[test]
fn a_real_browser_signs_in_at_the_address_of_the_sandbox() {
    let sandbox = sandbox();
    let mut chromium = Chromium::start();
    chromium.open(&sandbox.origin());
    for (scheme, width, height) in [("light", 900, 560), ("dark", 320, 640)] {
        chromium.look(scheme, width, height);
        assert_eq!(chromium.flaws("h1, p, label, button"), json!([]), "{scheme} {width}");
        chromium.picture(&format!("log-in-{scheme}-{width}"));
    }
    chromium.fill("input[name=user_name][required]", "beth.anglin");
    chromium.fill("input[name=user_password][required]", "sandbox-beth");
    chromium.click("button.main");
    chromium.wait_until("document.title.startsWith('Signed in') && document.readyState === 'complete'");
    let text = chromium.value("document.body.innerText").as_str().unwrap().to_owned();
    assert!(text.contains("Signed in as Beth Anglin"), "{text}");
    chromium.look("dark", 320, 640);
    assert_eq!(chromium.flaws("h1, p, code, dd"), json!([]));
    assert_eq!(chromium.complaints(), [] as [serde_json::Value; 0]);
    chromium.click("a");
    chromium.wait_until("document.title.startsWith('Log in') && document.readyState === 'complete'");
}
