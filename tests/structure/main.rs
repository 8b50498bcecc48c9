//! The structure of `src`, held by the compiler's own view of it.
//!
//! Every path that begins with `crate`, `super` or `self`, outside comments and
//! tests, is an arrow from one room to another. A room uses itself and the rooms
//! to its left in [`LAYERS`]; the sandbox uses `base` alone, so that the
//! look-alike cannot mirror how the product reads answers. And what is true of
//! one service alone stands where that service is.
//!
//! Both lists of exceptions are ratchets: what is new fails, and so does what is
//! no longer there.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot go on should panic")]

mod exceptions;
mod paths;
mod promises;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use exceptions::{FACTS_ELSEWHERE, WRONG_WAY};
use paths::{Source, read};

/// From what everything stands on to what a person sees.
const LAYERS: [&str; 15] = [
    "base", "model", "http", "store", "auth", "service", "config", "history", "engine", "check", "client", "gateway",
    "doctor", "report", "cli",
];

/// What only one service calls so, with where it is at home.
const FACTS: [(&str, &[&str]); 2] = [
    (
        "service::servicenow",
        &[
            "/api/now",
            "oauth_token.do",
            "oauth_auth.do",
            "sdk-oauth.do",
            "sysparm_",
            "x-is-logged-in",
            "x-sn-apikey",
            "useraccount",
            "servicenow site",
            "service-now.com",
        ],
    ),
    (
        "service::salesforce",
        &[
            "/services/data",
            "/services/oauth2",
            "/services/soap",
            "salesforce.com",
            "force.com",
            "sforce-",
            "invalid_session_id",
            "nextrecordsurl",
            "securitytoken",
            "select count()",
        ],
    ),
];

/// The look-alikes of the services have their facts, too, and the commands that start them.
const HOMES_OF_ALL: [&str; 3] = ["sandbox", "cli::commands::sandbox", "cli::commands::demo"];

/// Where the sources are: here, or where the tests were brought.
fn sources() -> PathBuf {
    let brought = std::env::var_os("SNOW_TEST_SOURCES").map(PathBuf::from);
    brought.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()).join("src")
}

/// The room that a module belongs to; `None` for the crate's root, which names
/// the rooms and nothing else.
fn room(module: &str) -> Option<&'static str> {
    let is_within = |prefix: &str| module == prefix || module.starts_with(&format!("{prefix}::"));
    let named = LAYERS.into_iter().chain(["sandbox"]).find(|room| is_within(room));
    assert!(named.is_some() || module.is_empty() || module == "main", "{module} is in no room");
    named
}

fn may_use(from: &str, to: &str) -> bool {
    let place = |room| LAYERS.iter().position(|layer| *layer == room);
    match (place(from), place(to)) {
        _ if from == to => true,
        (Some(from), Some(to)) => to < from,
        // The sandbox; only what a person calls may start one.
        (None, _) => to == "base",
        (Some(_), None) => from == "cli",
    }
}

/// The arrows that go the wrong way, as `module -> module`.
fn wrong_way(sources: &[Source]) -> BTreeSet<String> {
    let modules: BTreeSet<&str> = sources.iter().map(|source| source.module.as_str()).collect();
    // The last word may be a function.
    let module_of = |used: &str| {
        let parent = used.rsplit_once("::").map(|(parent, _)| parent);
        parent.filter(|parent| !modules.contains(used) && modules.contains(parent)).unwrap_or(used).to_owned()
    };
    let mut found = BTreeSet::new();
    for source in sources {
        let Some(from) = room(&source.module) else { continue };
        for used in &source.uses {
            let Some(to) = room(used) else {
                panic!("{} uses {used:?} of the crate's root: name the module that it is in", source.module);
            };
            if !may_use(from, to) {
                found.insert(format!("{} -> {}", source.module, module_of(used)));
            }
        }
    }
    found
}

/// The facts of a service that stand elsewhere, as `module: fact`.
fn facts_elsewhere(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources {
        let is_in = |home: &str| source.module == home || source.module.starts_with(&format!("{home}::"));
        for (_, facts) in FACTS.iter().filter(|(home, _)| !is_in(home) && !HOMES_OF_ALL.iter().any(|home| is_in(home)))
        {
            for fact in *facts {
                if source.texts.iter().any(|text| text.to_ascii_lowercase().contains(fact)) {
                    found.insert(format!("{}: {fact}", source.module));
                }
            }
        }
    }
    found
}

/// What is found must be what is listed, in its order.
#[track_caller]
fn compare(found: &BTreeSet<String>, listed: &[&str]) {
    let listed: BTreeSet<String> = listed.iter().map(|&entry| entry.to_owned()).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(found).collect();
    assert!(new.is_empty(), "these are new, and must not be: {new:#?}");
    assert!(stale.is_empty(), "these are gone: take them from tests/structure/exceptions.rs: {stale:#?}");
}

#[test]
fn every_room_uses_only_the_rooms_to_its_left() {
    compare(&wrong_way(&read(&sources())), WRONG_WAY);
}

#[test]
fn what_is_true_of_one_service_alone_stands_where_that_service_is() {
    compare(&facts_elsewhere(&read(&sources())), FACTS_ELSEWHERE);
}

/// The texts that name a document, as `module: snow.test/1`.
fn names_of_documents(sources: &[Source]) -> BTreeSet<String> {
    let is_name = |text: &str| {
        let version = text.strip_prefix("snow.").and_then(|rest| rest.split_once('/')).map(|(_, version)| version);
        version.is_some_and(|version| version.parse::<u32>().is_ok())
    };
    let texts = sources.iter().flat_map(|source| source.texts.iter().map(move |text| (&source.module, text)));
    let texts = texts.map(|(module, text)| (module, text.trim_matches('"')));
    texts.filter(|(_, text)| is_name(text)).map(|(module, text)| format!("{module}: {text}")).collect()
}

#[test]
fn a_document_is_named_by_the_type_that_has_its_schema() {
    let found = names_of_documents(&read(&sources()));
    assert!(found.is_empty(), "name these in base::schemas: {found:#?}");
    for text in ["const X: &str = \"snow.test/1\";", "fn f() { json!({ \"schema\": \"snow.test/1\" }) }"] {
        assert_eq!(names_of_documents(&[planted("cli", text)]), ["cli: snow.test/1".to_owned()].into());
    }
    assert_eq!(names_of_documents(&[planted("cli", "/// A `snow.test/1`.\nfn f() { g(\"snow.exe\") }")]), [].into());
}

/// A source of one module that is not on the disk.
fn planted(module: &str, text: &str) -> Source {
    Source::parse(module, text)
}

#[test]
fn an_arrow_to_the_right_is_found_in_every_way_to_write_it() {
    for (module, text, found) in [
        ("http::client", "use crate::config::Config;", "http::client -> config"),
        ("http::client", "use crate::{config::{self, Config}, base::x};", "http::client -> config"),
        ("http::client", "fn f() { let _ = super::super::config::load(); }", "http::client -> config::load"),
        ("http", "fn f(x: &dyn crate::report::Writer) {}", "http -> report"),
        ("sandbox::table", "use crate::http::client::Client;", "sandbox::table -> http::client"),
        ("check", "fn f() { tracing::info!(\"{}\", crate::cli::name()); }", "check -> cli::name"),
        ("check::run", "mod inner { use super::super::super::report::X; }", "check::run -> report"),
        ("store", "impl crate::engine::Engine for X {}", "store -> engine"),
        ("store", "#[cfg(feature = \"testing\")]\nuse crate::engine::Engine;", "store -> engine"),
        ("store", "const X: &[u8] = &[#[cfg(feature = \"cli\")] crate::report::ONE];", "store -> report"),
    ] {
        let found = [found.to_owned()].into();
        assert_eq!(wrong_way(&[planted(module, text)]), found, "{text}");
    }
}

#[test]
#[should_panic(expected = "name the module that it is in")]
fn what_the_root_hands_out_is_not_used_inside() {
    wrong_way(&[planted("check", "use crate::Engine;")]);
}

#[test]
fn an_arrow_to_the_left_within_a_room_or_in_a_test_is_none() {
    for (module, text) in [
        ("report", "use crate::{base::x, check::Report, doctor::Machine};"),
        ("report::html", "use super::text; use self::row::Row; fn f() { super::json::error() }"),
        ("http", "// use crate::config::Config;\n/// [`crate::config`]\nfn f() {}"),
        ("http", "#[cfg(test)]\nmod tests { use crate::config::Config; }"),
        ("http", "#[cfg(test)]\nuse crate::config::Config;"),
        ("cli::commands", "use crate::sandbox::Sandbox;"),
    ] {
        assert_eq!(wrong_way(&[planted(module, text)]), BTreeSet::new(), "{text}");
    }
}

#[test]
fn a_fact_of_servicenow_is_found_in_every_text_and_not_in_remarks() {
    let facts = |text: &str| facts_elsewhere(&[planted("check", text)]);
    for text in [
        "const X: &str = \"/api/now/table\";",
        "fn f() -> String { format!(\"{}/api/now/{}\", 1, 2) }",
        "fn f() { x(b\"/api/now\"); }",
    ] {
        assert_eq!(facts(text), ["check: /api/now".to_owned()].into(), "{text}");
    }
    assert_eq!(facts("fn f() { g(\"X-Is-Logged-In\") }"), ["check: x-is-logged-in".to_owned()].into());
    for text in
        ["/// Asks /api/now.\nfn f() {} // sysparm_limit", "#[cfg(test)]\nmod tests { const X: &str = \"/api/now\"; }"]
    {
        assert_eq!(facts(text), BTreeSet::new(), "{text}");
    }
    assert_eq!(facts_elsewhere(&[planted("sandbox::table", "const X: &str = \"/api/now\";")]), BTreeSet::new());
}

#[test]
fn every_promise_of_the_topic_on_security_has_tests_that_exist() {
    let topic = std::fs::read_to_string(sources().join("help/security.md")).unwrap();
    let tests = promises::tests_below(&sources().join("../tests/it"));
    assert_eq!(promises::faults(&topic, &tests), Vec::<String>::new());
    assert!(promises::promises(&topic).0.len() > 15);
}

#[test]
fn a_promise_without_a_test_or_with_one_that_is_none_is_found() {
    let tests = ["it_holds".to_owned()].into();
    let topic = |tests: &str| format!("# S\n\n## What is promised\n\n- **One**: it holds.\n\n## The tests\n{tests}\n");
    assert_eq!(promises::faults(&topic("\n- **One**: `it_holds`"), &tests), Vec::<String>::new());
    for wrong in ["", "\n- **One**:", "\n- **Two**: `it_holds`", "\n- **One**: `it_holds`\n  `it_does_not`"] {
        assert_ne!(promises::faults(&topic(wrong), &tests), Vec::<String>::new(), "{wrong}");
    }
}

#[test]
fn a_stale_exception_fails_as_a_new_one_does() {
    let found = ["a -> b".to_owned()].into();
    assert!(std::panic::catch_unwind(|| compare(&found, &[])).is_err());
    assert!(std::panic::catch_unwind(|| compare(&found, &["a -> b", "c -> d"])).is_err());
    compare(&found, &["a -> b"]);
}
