//! What is written now has the form that it had then.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use super::{
    BY_IDENTITY, BY_PASSPHRASE, CA, Here, IN_KEYRING, Key, Left, Secrets, as_then, form, ids_of, items_in_memory,
    items_of, records_of, sealed_file, state, then, without_times,
};
use crate::oauth::{free_port, signs_in};
use crate::world::World;

/// Where the browser came back when the homes were made.
const CALLBACK_PORT: &str = ":48915/";

/// Somebody who makes a home, at the time of then.
struct Maker {
    world: World,
    sandbox: Sandbox,
    callback: String,
}

impl Maker {
    fn new() -> Self {
        let mut world = World::new();
        world.clock = then;
        signs_in(&mut world, "beth.anglin", "allow");
        std::fs::write(world.home().join("ca.pem"), CA).unwrap();
        Self { world, sandbox: Sandbox::start(None, None).unwrap(), callback: format!(":{}/", free_port()) }
    }

    /// A command that ends with this code. In a word `~` stands for a space.
    fn run(&mut self, code: i32, line: &str, stdin: &str) {
        let origin = self.sandbox.origin();
        let line = line
            .replace("ORIGIN", &origin)
            .replace("ELSEWHERE", &origin.replace("127.0.0.1", "localhost"))
            .replace("CALLBACK", &format!("http://127.0.0.1{}callback", self.callback))
            .replace("HOME", self.world.home().to_str().unwrap());
        let words: Vec<String> = line.split_whitespace().map(|word| word.replace('~', " ")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.world.stdin(stdin).run_words(&words).expect(code);
    }

    fn meets(&mut self, scenario: Scenario, commands: &[(i32, &str)]) {
        self.sandbox.set_scenario(Some(scenario));
        for (code, line) in commands {
            self.run(*code, line, "");
        }
        self.sandbox.set_scenario(None);
    }

    /// Every kind of connection, and everything that can be remembered of one.
    fn in_keyring(&mut self) {
        self.run(
            0,
            "connect ORIGIN --name acme --username beth.anglin --password-stdin --label env=dev --label team=it/ops \
             --table incident,sys_user --description A~\"first\"~one --api-version v1",
            "sandbox-beth",
        );
        self.run(0, "connect ORIGIN --name public --client-id sandbox-public --redirect-uri CALLBACK --default", "");
        self.run(
            0,
            "connect ORIGIN --name confidential --client-id sandbox-confidential --client-secret-stdin --no-pkce \
             --scope useraccount~more --redirect-uri CALLBACK --authorization-url ELSEWHERE/oauth_auth.do \
             --token-url ELSEWHERE/oauth_token.do --revocation-url ELSEWHERE/oauth_revoke_token.do",
            "sandbox-confidential-secret",
        );
        self.run(
            0,
            "connect ORIGIN --name ci --auth client-credentials --client-id sandbox-ci --client-secret-stdin",
            "sandbox-ci-secret",
        );
        self.run(
            0,
            "connect https://acme.example --name walled --username beth.anglin --password-stdin --no-test \
             --ca-cert HOME/ca.pem --proxy http://proxy.example:3128",
            "Wälled/in \"8\"",
        );
        self.run(0, "connect ORIGIN --name locked --username joe.employee --password-stdin", "sandbox-joe");
        self.run(0, "connect ORIGIN --name doubtful --username svc.ci --password-stdin", "sandbox-svc");
        for name in ["over", "cut-off"] {
            let line = format!("connect ORIGIN --name {name} --client-id sandbox-public --redirect-uri CALLBACK");
            self.run(0, &line, "");
        }
        // The same token once more, which is remembered.
        self.run(0, "refresh public", "");
        self.meets(Scenario::BasicRefused, &[(4, "test locked"), (4, "test locked"), (4, "test locked")]);
        self.meets(Scenario::BasicRefused, &[(4, "test doubtful"), (4, "test doubtful")]);
        self.meets(Scenario::AccessDenied, &[(5, "test acme"), (5, "test confidential --table incident")]);
        self.run(0, "test acme", "");
        self.meets(Scenario::Hibernating, &[(7, "test public"), (7, "test confidential")]);
        self.meets(Scenario::TokenCut, &[(7, "refresh cut-off")]);
        self.meets(Scenario::RefreshRefused, &[(4, "refresh over")]);
    }

    /// Every kind of secret.
    fn in_file(&mut self, key: Key) {
        self.world.set("SNOW_STORE", "file");
        key.give_to(&mut self.world);
        self.run(0, "connect ORIGIN --name basic --username admin --password-stdin", "sandbox-admin");
        self.run(
            0,
            "connect ORIGIN --name oauth --client-id sandbox-confidential --client-secret-stdin --redirect-uri CALLBACK",
            "sandbox-confidential-secret",
        );
        self.run(
            0,
            "connect ORIGIN --name ci --auth client-credentials --client-id sandbox-ci --client-secret-stdin",
            "sandbox-ci-secret",
        );
    }

    fn back(&self, text: &str) -> String {
        Here::of(&self.world, &self.sandbox).back(text).replace(&self.callback, CALLBACK_PORT)
    }
}

/// What lies in a home by what it is called: names stand for ids, and what
/// differs from run to run is replaced.
type Forms = BTreeMap<String, String>;

/// The items and, where they are in `secrets.age`, the whole of its content.
type Items = (BTreeMap<String, String>, Option<String>);

fn forms(config: &str, (items, content): Items, state: &[(String, String)], tree: &str) -> Forms {
    let ids = ids_of(config);
    assert!(ids.iter().all(|(_, id)| id.len() == 36 && id.as_bytes()[14] == b'4'), "{ids:?}");
    let named = |text: &str| ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(id, name));
    let mut tree: Vec<String> = tree.lines().map(named).collect();
    // Empty, and only some connections had one then.
    tree.retain(|line| !ids.iter().any(|(name, _)| line.contains(&format!("/locks/{name}.lock"))));
    tree.sort_unstable();
    let mut forms = Forms::from([("config.toml".to_owned(), named(config)), ("files".to_owned(), tree.join("\n"))]);
    forms.extend(items.iter().map(|(account, record)| (named(account), form(&named(record)))));
    if let Some(content) = content {
        let mut content: Value = serde_json::from_str(&content).unwrap();
        content["records"] = Value::Null;
        forms.insert("secrets.age".to_owned(), content.to_string());
    }
    for (file, text) in state {
        let mut document = as_then(serde_json::from_str(&named(text)).unwrap());
        for entries in document.as_object_mut().unwrap().values_mut().filter_map(Value::as_object_mut) {
            let entries = std::mem::take(entries).into_iter();
            forms.extend(entries.map(|(name, entry)| (format!("{file}: {name}"), form(&entry.to_string()))));
        }
        forms.insert(file.clone(), form(&document.to_string()));
    }
    forms
}

impl Left {
    fn forms(&self) -> Forms {
        let owned = |(account, record): (&str, &str)| (account.to_owned(), record.to_owned());
        let items = match self.secrets {
            Secrets::Items(items) => (items_of(items).map(owned).collect(), None),
            Secrets::Sealed { content, .. } => (records_of(content), Some(content.to_owned())),
        };
        forms(self.as_made, items, &self.state.iter().copied().map(owned).collect::<Vec<_>>(), self.tree)
    }
}

impl Maker {
    fn forms(&self, key: Option<Key>) -> Forms {
        let items = match key {
            None => (items_in_memory(&self.world), None),
            Some(key) => {
                let content = key.open(&std::fs::read(sealed_file(&self.world)).unwrap());
                (records_of(&content), Some(content))
            }
        };
        let items = (items.0.into_iter().map(|(account, record)| (account, self.back(&record))).collect(), items.1);
        let state = ["tests.json", "sessions.json", "refusals.json"].iter().filter_map(|file| {
            let text = std::fs::read_to_string(state(&self.world).join(file)).ok()?;
            Some(((*file).to_owned(), self.back(&text)))
        });
        let mut tree = Vec::new();
        for directory in [".config/snow", ".local/share/snow", ".local/state/snow"] {
            list(self.world.home(), Path::new(directory), &mut tree);
        }
        forms(&without_times(&self.back(&self.world.config())), items, &state.collect::<Vec<_>>(), &tree.join("\n"))
    }
}

/// The path and mode of a file, and of everything below a directory.
fn list(home: &Path, path: &Path, tree: &mut Vec<String>) {
    let Ok(metadata) = home.join(path).symlink_metadata() else { return };
    tree.push(format!("{} {:o}", path.display(), metadata.permissions().mode() & 0o7777));
    if metadata.is_dir() {
        for entry in std::fs::read_dir(home.join(path)).unwrap() {
            list(home, &path.join(entry.unwrap().file_name()), tree);
        }
    }
}

#[track_caller]
fn assert_same(now: &Forms, then: &Forms) {
    for (what, then) in then {
        let now = now.get(what).unwrap_or_else(|| panic!("{what} is not written"));
        assert!(now == then, "{what}\n was {then}\n now {now}");
    }
    let new: Vec<_> = now.keys().filter(|what| !then.contains_key(*what)).collect();
    assert!(new.is_empty(), "new: {new:?}");
}

#[test]
fn a_home_is_made_as_it_was_with_secrets_in_the_keyring() {
    let mut maker = Maker::new();
    maker.in_keyring();
    assert_same(&maker.forms(None), &IN_KEYRING.forms());
}

#[test]
fn a_home_is_made_as_it_was_with_secrets_in_a_file_under_a_passphrase() {
    let (mut maker, key) = (Maker::new(), Key::Passphrase("horse, battery"));
    maker.in_file(key);
    assert_same(&maker.forms(Some(key)), &BY_PASSPHRASE.forms());
}

#[test]
fn a_home_is_made_as_it_was_with_secrets_in_a_file_under_an_identity() {
    let Secrets::Sealed { key, .. } = BY_IDENTITY.secrets else { panic!("it has a file") };
    let mut maker = Maker::new();
    maker.in_file(key);
    assert_same(&maker.forms(Some(key)), &BY_IDENTITY.forms());
}
