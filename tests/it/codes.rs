//! The codes of failures, as a whole.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use snow_connect::base::code::Code;
use snow_connect::cli::explain::explanation;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::Field;
use snow_connect::store::keyring::error::KeyringError;

use crate::world::World;
use crate::world::store::PickyStore;

/// What the tests and the screens say, without the texts that name every code.
fn said_by_tests(directory: &Path) -> String {
    let mut said = String::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            said.push_str(&said_by_tests(&path));
        } else if !name.starts_with("explain") && !name.starts_with("help") {
            said.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
    said
}

// The columns of a code are held by the compiler.
#[test]
fn every_code_has_a_text_and_a_test_that_provokes_it() {
    let said = said_by_tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"));
    let mut missing = Vec::new();
    for code in Code::ALL {
        let word = code.as_str();
        assert!(!explanation(*code).summary.is_empty(), "{word}");
        let forms = [format!("\"{word}\""), format!("snow explain {word}")];
        if !forms.iter().any(|form| said.contains(form)) {
            missing.push(word);
        }
    }
    assert!(missing.is_empty(), "no test or screen has: {missing:?}");
}

#[test]
fn a_secret_that_does_not_fit_into_the_store_is_said_with_its_size_and_leaves_nothing() {
    let (mut world, sandbox) = (World::new(), Sandbox::start(None, None).unwrap());
    // As the Credential Manager, whose items are small.
    world.store = Arc::new(PickyStore::refusing(|key, record| {
        (key.field != Field::PROBE).then(|| KeyringError::TooLarge { size: record.expose().len(), limit: 16 }.into())
    }));
    let line = format!("connect {} --username beth.anglin --password-stdin --json", sandbox.origin());
    let outcome = world.stdin("sandbox-beth").run(&line).expect(9);
    let error = &outcome.json()["error"];
    assert_eq!(error["code"], "secret-too-large");
    assert_eq!(error["evidence"]["limit"], 16);
    assert!(error["evidence"]["size"].as_u64().unwrap() > 16);
    assert_eq!(world.run("list --json").expect(0).json()["connections"], serde_json::json!([]));
}
