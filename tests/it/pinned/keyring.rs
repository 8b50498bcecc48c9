//! A real keyring that a program of then filled is read, renewed and written
//! back; its items have the attributes that they had.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use super::{IN_KEYRING, Issued, PORT, Secrets, items_of, with_live_tokens};
use crate::world::keyring::Session;

fn members(record: &str) -> Map<String, Value> {
    serde_json::from_str(record).unwrap_or_else(|error| panic!("{error}: {record:?}"))
}

#[test]
fn a_keyring_of_then_signs_in_and_is_renewed() {
    let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
    let mut session = Session::new();
    let port = format!(":{}", sandbox.origin().rsplit_once(':').unwrap().1);
    let here = |text: &str| text.replace(PORT, &port);
    let directory = session.home().join(".config/snow");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.toml"), here(IN_KEYRING.config)).unwrap();
    let Secrets::Items(items) = IN_KEYRING.secrets else { panic!("they are items") };
    let mut issued = Issued::new();
    for (account, record) in items_of(items) {
        let record = with_live_tokens(&sandbox, &mut issued, &here(record));
        let words = ["store", "--label", "snow", "service", "snow", "username", account];
        assert_eq!(session.secret_tool(&words, &record).code, 0);
    }
    for name in ["acme", "public", "confidential", "ci"] {
        session.run(&format!("test {name}"), "").expect(0);
    }
    for name in ["public", "confidential", "ci"] {
        session.run(&format!("refresh {name}"), "").expect(0);
        let account = format!("{}/session", IN_KEYRING.id(name));
        let then = members(items_of(items).find(|(known, _)| *known == account).unwrap().1);
        let now = members(&session.secret_tool(&["lookup", "service", "snow", "username", &account], "").stdout);
        let keys = |record: &Map<String, Value>| -> BTreeSet<String> {
            record.keys().filter(|key| *key != "not_lengthened").cloned().collect()
        };
        assert_eq!(keys(&now), keys(&then), "{name}");
        assert!(now["generation"].as_u64() > then["generation"].as_u64(), "{name}");
    }
}

#[test]
fn an_item_is_filed_as_it_was_then() {
    let mut session = Session::new();
    let line = "connect https://acme.example --name acme --username u --no-test --password-stdin";
    session.run(line, "not one of the sandbox").expect(0);
    let config = session.config();
    let (_, id) = config.split_once("id = \"").unwrap();
    let account = format!("{}/password", id.split('"').next().unwrap());
    let found = session.secret_tool(&["search", "--all", "service", "snow"], "");
    // The attributes go to standard error.
    let text = format!("{}{}", found.stdout, found.stderr).replace(&account, "ACCOUNT");
    // Places and times differ, and the daemon gives an item a schema when it saves it.
    let is_ours = |line: &&str| !line.contains("ed = ") && !line.starts_with("[/") && !line.starts_with("schema = ");
    let mut lines: Vec<&str> = text.lines().filter(is_ours).collect();
    lines.sort_unstable();
    assert_eq!(lines, FILED);
}

const FILED: [&str; 4] = [
    "attribute.service = snow",
    "attribute.username = ACCOUNT",
    "label = keyring:ACCOUNT@snow",
    r#"secret = {"v":1,"origins":{"instance":"https://acme.example"},"username":"u","password":"not one of the sandbox"}"#,
];
