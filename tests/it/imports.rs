//! `snow import`: a team file, variables of Ansible, entries of other programs; and files
//! that mean harm.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use snow_connect::base::secret::Secret;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::ItemKey;
use snow_connect::store::keyring::error::KeyringError;
use snow_connect::store::memory::MemoryStore;

use crate::world::browser::{get, sign_in};
use crate::world::store::PickyStore;
use crate::world::{Answer, Outcome, World, block_on, items};

/// A team file with this text, and the path of it.
fn file(world: &World, text: impl AsRef<[u8]>) -> PathBuf {
    let path = world.home().join("team.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// Imports a team file with this text.
fn import(world: &mut World, text: impl AsRef<[u8]>, flags: &str) -> Outcome {
    let path = file(world, text);
    world.run(&format!("import {} {flags}", path.display()))
}

const HEAD: &str = "schema = \"snow-team/1\"\n";

/// A team file with one client at `origin`.
fn client(origin: &str, more: &str) -> String {
    format!(
        "{HEAD}[connections.ci]\ninstance = \"{origin}\"\nauth = \"client-credentials\"\nclient_id = \"sandbox-ci\"\n{more}"
    )
}

#[test]
fn a_colleague_turns_a_team_file_into_a_working_connection_with_one_sign_in() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let port = crate::oauth::free_port();
    let mut one = World::new();
    one.browser(|url| {
        let url = url.to_owned();
        std::thread::spawn(move || drop(get(&sign_in(&url, "beth.anglin", "allow"))));
    });
    let (origin, redirect) = (sandbox.origin(), format!("--redirect-uri http://127.0.0.1:{port}/callback"));
    one.run(&format!("connect {origin} --name people --client-id sandbox-public {redirect} --label env=test"))
        .expect(0);
    let flags = "--auth client-credentials --client-id sandbox-ci --client-secret-stdin --table incident";
    one.stdin("sandbox-ci-secret").run(&format!("connect {origin} --name ci {flags}")).expect(0);
    one.connect("typed", &origin, "beth.anglin", "sandbox-beth");
    let team = one.run("export --all").expect(0).stdout;
    assert!(!team.contains("beth.anglin"), "{team}");

    let mut other = World::new();
    other.browser(|url| {
        let url = url.to_owned();
        std::thread::spawn(move || drop(get(&sign_in(&url, "joe.employee", "allow"))));
    });
    let outcome = import(&mut other, &team, "--username joe.employee").expect(0);
    outcome.says(&["people: imported", "ci: imported", "Sign in: snow login people"]);
    other.run("test people").expect(4).says(&["no-credential"]);
    other.run("login people").expect(0).says(&["signed in as joe.employee"]);
    other.stdin("sandbox-ci-secret").run("login ci --client-secret-stdin").expect(0);
    other.stdin("sandbox-joe").run("login typed --password-stdin").expect(0);
    other.run("test --all").expect(0);
    let shown = other.run("show ci --json").expect(0).json();
    assert_eq!(shown["connection"]["tables"], json!(["incident"]));
    assert_ne!(shown["connection"]["id"], one.run("show ci --json").expect(0).json()["connection"]["id"]);
    // The default is for the colleague to choose.
    assert_eq!(other.run("list --json").expect(0).json()["default"], Value::Null);
}

#[test]
fn a_dry_run_shows_what_would_be_taken_and_saves_nothing() {
    let mut world = World::new();
    let text = client("https://acme.service-now.com", "token_url = \"https://other.example/token\"\nid = \"x\"\n");
    let document = import(&mut world, &text, "--dry-run --json").expect(0).json();
    assert_eq!(document["schema"], "snow.import/1");
    assert_eq!(document["dry_run"], true);
    let connection = &document["connections"][0];
    assert_eq!(
        (&connection["name"], &connection["id"], &connection["signed_in"]),
        (&"ci".into(), &Value::Null, &false.into())
    );
    assert_eq!(connection["elsewhere"], json!([{ "key": "token_url", "value": "https://other.example/token" }]));
    assert_eq!(connection["left_out"], json!(["id"]));
    import(&mut world, &text, "--dry-run").expect(0).says(&["ci: would be imported", "needs a yes: token_url"]);
    assert_eq!(world.config(), "");
}

#[test]
fn one_name_that_is_taken_keeps_all_of_the_file_out() {
    let mut world = World::new();
    import(&mut world, client("https://acme.service-now.com", ""), "").expect(0);
    let before = world.config();
    let both = client("https://acme.service-now.com", "[connections.new]\ninstance = \"acme\"\nauth = \"api-key\"\n");
    import(&mut world, &both, "").expect(3).says(&["connection-exists", "called ci", "snow rename ci NEW"]);
    assert_eq!(world.config(), before);
    assert_eq!(import(&mut world, &both, "--dry-run --json").expect(3).error_code(), "connection-exists");
    import(&mut world, &both, "--only new").expect(0).says(&["new: imported"]);
    import(&mut world, &both, "--only other").expect(3).says(&["nothing-to-import", "It has: ci, new"]);
}

#[test]
fn what_a_team_file_must_not_bring_is_left_out_and_said() {
    let mut world = World::new();
    let text = format!(
        "{HEAD}version = 1\ndefault = \"ci\"\n[connections.ci]\ninstance = \"acme\"\nauth = \"client-credentials\"\n\
         client_id = \"x\"\nusername = \"root\"\nid = \"0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11\"\nrevision = 7\n\
         store = \"file\"\nstore_read = [\"sh\"]\nstore_write = [\"sh\"]\nstore_delete = [\"sh\"]\n\
         access_token_command = [\"sh\", \"-c\", \"id\"]\nheaders = [\"X-Key\"]\npassword = \"hunter2-of-the-file\"\n"
    );
    world.guard("hunter2-of-the-file");
    let outcome = import(&mut world, &text, "").expect(0);
    outcome.says(&["left out: default, version"]);
    outcome.says(&["left out of ci: access_token_command, headers, id, password, revision, store, store_delete"]);
    std::fs::remove_file(world.home().join("team.toml")).unwrap();
    let config = world.config();
    for word in ["default", "0f4c2f0e", "root", "sh", "X-Key", "\"file\"", "hunter2"] {
        assert!(!config.contains(word), "{word} in {config}");
    }
    assert!(config.contains("store = \"keyring\"") && config.contains("revision = 1"), "{config}");
}

#[test]
fn a_setting_of_another_way_to_sign_in_is_left_out_and_said() {
    let mut world = World::new();
    let text = format!(
        "{HEAD}[connections.a]\ninstance = \"acme\"\nauth = \"api-key\"\ntoken_url = \"https://x.example/t\"\n"
    );
    import(&mut world, text, "").expect(0).says(&["left out of a: token_url"]);
    assert!(!world.config().contains("token_url"), "{}", world.config());
}

#[test]
fn what_leads_elsewhere_needs_a_yes() {
    let mut world = World::new();
    let authority = world.home().join("ca.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let made = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    std::fs::write(&authority, made.pem()).unwrap();
    for setting in [
        "token_url = \"https://evil.example/token\"".to_owned(),
        "authorization_url = \"https://evil.example/authorize\"".to_owned(),
        "token_url = \"https://acme.service-now.com:8443/token\"".to_owned(),
        "proxy = \"http://evil.example:3128\"".to_owned(),
        format!("ca_cert = {:?}", authority.display().to_string()),
    ] {
        let text = client("https://acme.service-now.com", &format!("{setting}\n"));
        let (shown, _) = setting.split_once(" = ").unwrap();
        let outcome = import(&mut world, &text, "").expect(3);
        outcome.says(&["no-terminal", "--yes", &format!("ci: {shown} = ")]);
        let path = file(&world, &text);
        let line = format!("import {}", path.display());
        world.person([Answer::Confirm(false)]).run(&line).expect(130).says(&["Nothing was changed"]);
        assert_eq!(world.config(), "");
        world.person([Answer::Confirm(true)]).run(&line).expect(0);
        world.run("remove ci --yes").expect(0);
        world.write_config("");
        import(&mut world, &text, "--yes").expect(0);
        world.run("remove ci --yes").expect(0);
        world.write_config("");
    }
    // At the instance itself there is nothing to ask.
    let own = client("https://acme.service-now.com", "token_url = \"https://acme.service-now.com/token.do\"\n");
    import(&mut world, own, "").expect(0);
}

#[test]
fn a_connection_with_a_password_needs_the_user_of_the_colleague() {
    let text = format!("{HEAD}[connections.a]\ninstance = \"acme\"\nauth = \"basic\"\n");
    let mut world = World::new();
    import(&mut world, &text, "").expect(3).says(&["no-terminal", "--username USER"]);
    assert_eq!(world.config(), "");
    let path = file(&world, &text);
    let answers = [Answer::Text(""), Answer::Text("joe.employee")];
    world.person(answers).run(&format!("import {}", path.display())).expect(0);
    assert!(world.config().contains("username = \"joe.employee\""), "{}", world.config());
    world.run("import ansible --username x").expect(2).says(&["--username is for a team file"]);
}

#[test]
fn a_hostile_file_gains_nothing() {
    let sure = |more: &str| client("https://acme.service-now.com", more).into_bytes();
    let deep = format!("x = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("huge", [sure(""), vec![b'#'; 2 * 1024 * 1024]].concat()),
        ("deep", sure(&deep)),
        ("deep keys", sure(&format!("{} = 1\n", vec!["a"; 50_000].join(".")))),
        ("empty", Vec::new()),
        ("no schema", b"[connections.a]\ninstance = \"acme\"\nauth = \"oauth\"\nclient_id = \"x\"\n".to_vec()),
        ("another schema", b"schema = \"snow-team/2\"\n".to_vec()),
        ("schema of another type", b"schema = 1\n".to_vec()),
        ("connections of another type", format!("{HEAD}connections = [1, 2]\n").into_bytes()),
        ("connection of another type", format!("{HEAD}[connections]\na = \"x\"\n").into_bytes()),
        ("tables of another type", sure("tables = \"incident\"\n")),
        ("labels of another type", sure("labels = [1]\n")),
        ("read_only of another type", sure("read_only = \"yes\"\n")),
        (
            "a path as a name",
            format!("{HEAD}[connections.\"../../x\"]\ninstance = \"acme\"\nauth = \"api-key\"\n").into_bytes(),
        ),
        (
            "escapes in a name",
            format!("{HEAD}[connections.\"\\u001b[2J\"]\ninstance = \"acme\"\nauth = \"api-key\"\n").into_bytes(),
        ),
        ("escapes in a value", sure("description = \"\\u001b]0;x\\u0007\"\n")),
        ("escapes in a label", sure("labels = { a = \"\\u202e\" }\n")),
        ("escapes in a URL", sure("token_url = \"https://x.example/\\u001b[2J\"\n")),
        ("a raw escape", sure("description = \"\u{1b}[2J\"\n")),
        ("a user in a URL", sure("token_url = \"https://u:p@x.example/\"\n")),
        ("http", client("http://acme.example", "").into_bytes()),
        ("a name twice", [sure(""), b"[connections.ci]\nauth = \"oauth\"\n".to_vec()].concat()),
        (
            "a name in another case",
            [sure(""), b"[connections.CI]\ninstance = \"acme\"\nauth = \"api-key\"\n".to_vec()].concat(),
        ),
        (
            "the reserved name",
            format!("{HEAD}[connections.environment]\ninstance = \"acme\"\nauth = \"api-key\"\n").into_bytes(),
        ),
        ("not UTF-8", [sure(""), vec![b'#', 0xff, 0xfe]].concat()),
        ("UTF-16", "schema".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a relative authority", sure("ca_cert = \"../ca.pem\"\n")),
        ("no way to sign in", format!("{HEAD}[connections.a]\ninstance = \"acme\"\n").into_bytes()),
        ("an unknown way", format!("{HEAD}[connections.a]\ninstance = \"acme\"\nauth = \"magic\"\n").into_bytes()),
        ("nothing", HEAD.as_bytes().to_vec()),
    ];
    let mut world = World::new();
    for (what, bytes) in cases {
        let outcome = import(&mut world, &bytes, "--yes");
        assert_eq!(outcome.code, 3, "{what}: {outcome:?}");
        assert!(!outcome.stderr.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{what}: {outcome:?}");
        assert!(outcome.stderr.len() < 4000, "{what}: {}", outcome.stderr.len());
        assert_eq!(world.config(), "", "{what}");
        let json = import(&mut world, &bytes, "--yes --json");
        assert!(["config-invalid", "nothing-to-import"].contains(&json.error_code().as_str()), "{what}: {json:?}");
    }
    // Editors on Windows write a mark.
    import(&mut world, [b"\xef\xbb\xbf".to_vec(), sure("")].concat(), "").expect(0);
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_not_read() {
    let mut world = World::new();
    let at = |world: &World, name: &str| world.home().join(name);
    let made = std::process::Command::new("mkfifo").arg(at(&world, "fifo")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink(at(&world, "nowhere"), at(&world, "dangling")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at(&world, "device")).unwrap();
    std::fs::write(at(&world, "key"), "CANARY-of-a-private-key\n").unwrap();
    std::os::unix::fs::symlink(at(&world, "key"), at(&world, "link")).unwrap();
    for name in ["fifo", "dangling", "device", "link", ".", "missing"] {
        let outcome = world.run(&format!("import {}", at(&world, name).display())).expect(3);
        assert!(!outcome.stderr.contains("CANARY"), "{name}: {}", outcome.stderr);
        outcome.says(&["config-invalid"]);
    }
    assert_eq!(world.config(), "");
}

#[test]
fn a_setting_whose_file_is_missing_is_known_before_anything_is_saved() {
    let mut world = World::new();
    let text = client("https://acme.service-now.com", "ca_cert = \"/nowhere/ca.pem\"\n");
    import(&mut world, text, "--yes").expect(3).says(&["ca-cert-invalid"]);
    assert_eq!(world.config(), "");
}

#[test]
fn the_variables_of_ansible_become_a_connection_that_works() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let origin = sandbox.origin();
    let sets: [(&str, &[(&str, &str)]); 3] = [
        ("basic", &[("SN_USERNAME", "beth.anglin"), ("SN_PASSWORD", "sandbox-beth")]),
        (
            "client-credentials",
            &[
                ("SN_GRANT_TYPE", "client_credentials"),
                ("SN_CLIENT_ID", "sandbox-ci"),
                ("SN_SECRET_ID", "sandbox-ci-secret"),
                ("SN_TIMEOUT", "20"),
            ],
        ),
        ("api-key", &[("SN_API_KEY", "now_sandbox_beth")]),
    ];
    for (auth, variables) in sets {
        let mut world = World::new();
        world.set("SN_HOST", &origin);
        for (name, value) in variables {
            world.set(name, value);
        }
        let document = world.run("import ansible --json").expect(0).json();
        let connection = &document["connections"][0];
        assert_eq!((&connection["auth"], &connection["signed_in"]), (&auth.into(), &true.into()));
        let name = connection["name"].as_str().unwrap().to_owned();
        world.run(&format!("test {name}")).expect(0);
        world.run("import ansible").expect(3).says(&["connection-exists"]);
    }
}

#[test]
fn an_import_that_died_between_an_entry_and_its_secret_is_gone_on_with() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.set("SN_HOST", &sandbox.origin()).set("SN_USERNAME", "beth.anglin").set("SN_PASSWORD", "sandbox-beth");
    let imported = world.run("import ansible --json").expect(0).json()["connections"][0].clone();
    let (name, id) = (imported["name"].as_str().unwrap(), imported["id"].as_str().unwrap());
    let key = ItemKey::new(id.parse().unwrap(), items::PASSWORD);
    // With its secret it is taken, and so is one with other settings.
    world.run("import ansible").expect(3).says(&["connection-exists"]);
    block_on(world.store.delete(key.clone())).unwrap();
    world.run(&format!("edit {name} --set description=mine")).expect(0);
    world.run("import ansible").expect(3).says(&["connection-exists"]);
    world.run(&format!("edit {name} --unset description")).expect(0);
    let again = world.run("import ansible --json").expect(0).json();
    assert_eq!(again["connections"][0]["id"], id);
    world.run(&format!("test {name}")).expect(0);
}

#[test]
fn variables_that_ansible_would_refuse_are_refused() {
    let refused = |variables: &[(&str, &str)]| {
        let mut world = World::new();
        for (name, value) in variables {
            world.set(name, value);
        }
        let outcome = world.run("import ansible --json").expect(3);
        assert_eq!(world.config(), "");
        outcome.error_code()
    };
    let host = ("SN_HOST", "https://acme.service-now.com");
    assert_eq!(refused(&[]), "nothing-to-import");
    for variables in [
        &[host][..],
        &[host, ("SN_USERNAME", "a"), ("SN_API_KEY", "b")],
        &[host, ("SN_ACCESS_TOKEN", "b")],
        &[host, ("SN_CLIENT_ID", "a"), ("SN_CLIENT_SECRET", "b")],
        &[host, ("SN_CLIENT_ID", "a"), ("SN_CLIENT_SECRET", "b"), ("SN_GRANT_TYPE", "x")],
        &[("SN_HOST", "http://acme.example"), ("SN_API_KEY", "b")],
        &[host, ("SN_USERNAME", "a\u{1b}[2J")],
    ] {
        assert_eq!(refused(variables), "environment-incomplete", "{variables:?}");
    }
}

/// An item of now-sdk with these aliases.
fn now_sdk(aliases: &Value) -> Secret {
    Secret::derived(aliases.to_string()).unwrap()
}

fn basic(origin: &str) -> Value {
    json!({ "isDefault": true, "creds": {
        "instanceUrl": origin, "type": "basic", "username": "beth.anglin", "password": "sandbox-beth"
    } })
}

#[test]
fn entries_that_cannot_be_taken_are_named_and_the_others_come() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let store = Arc::new(MemoryStore::default());
    world.store = store.clone();
    world.run("import now-sdk").expect(3).says(&["nothing-to-import", "now-sdk auth --list"]);
    let aliases = json!({
        "good": basic(&sandbox.origin()),
        "GOOD": basic(&sandbox.origin()),
        "../up": basic(&sandbox.origin()),
        "\u{1b}[2J": basic(&sandbox.origin()),
        "plain": { "creds": { "instanceUrl": "http://acme.example", "type": "basic", "username": "a", "password": "b" } },
        "odd": { "creds": { "instanceUrl": "acme", "type": "saml" } },
        "broken": { "creds": [] },
        "bad-token": { "creds": { "instanceUrl": "acme", "type": "oauth", "access_token": "ä" } },
    });
    store.put_of_another("ServiceNow", "now-sdk", now_sdk(&aliases));
    let document = world.run("import now-sdk --dry-run --json").expect(0).json();
    let skipped: Vec<&str> =
        document["skipped"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(skipped, ["\\u{1b}[2J", "../up", "bad-token", "broken", "good", "odd", "plain"]);
    let outcome = world.run("import now-sdk").expect(0);
    outcome.says(&["odd is skipped: it signs in with \"saml\"", "good: imported"]);
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
    world.run("test good").expect(0);
    store.put_of_another("ServiceNow", "now-sdk", Secret::derived("no JSON".to_owned()).unwrap());
    world.run("import now-sdk").expect(3).says(&["config-invalid", "now-sdk 4.9"]);
}

#[test]
fn a_store_that_fails_in_the_middle_leaves_nothing_of_the_import() {
    let mut world = World::new();
    // The second password is not taken.
    let store = Arc::new(PickyStore::refusing(|key, record| {
        let is_second = key.field == items::PASSWORD && record.expose().contains("second");
        is_second.then(|| KeyringError::Locked.into())
    }));
    world.store = store.clone();
    let mut second = basic("https://second.service-now.com");
    second["creds"]["username"] = "second".into();
    let aliases = json!({ "first": basic("https://first.service-now.com"), "second": second });
    store.kept().put_of_another("ServiceNow", "now-sdk", now_sdk(&aliases));
    world.run("import now-sdk").expect(9).says(&["keyring-locked"]);
    assert_eq!(world.run("list --json").expect(0).json()["connections"], json!([]));
    assert_eq!(store.kept().count(), 0);
    world.run("import now-sdk --only first").expect(0);
}

/// Imports a file of Adobe's Flow Service with this text.
fn import_adobe(world: &mut World, text: &str) -> Outcome {
    let path = file(world, text);
    let outcome = world.run(&format!("import adobe {}", path.display()));
    // It may hold a password, and snow leaves it where it is.
    std::fs::remove_file(path).unwrap();
    outcome
}

#[test]
fn what_was_exported_for_adobe_comes_back_as_the_same_connection() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut one = World::new();
    one.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    one.run("edit acme --set description=Production").expect(0);
    let body = one.run("export acme --as adobe").expect(0).stdout;

    let mut other = World::new();
    import_adobe(&mut other, &body).expect(0).says(&["acme: imported", "Sign in: snow login acme"]);
    other.stdin("sandbox-beth").run("login acme --password-stdin").expect(0);
    assert_eq!(other.run("export acme --as adobe").expect(0).stdout, body);
}

#[test]
fn an_answer_of_adobe_is_taken_with_the_name_of_the_instance_and_its_password() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let entry = |spec: &str, auth: &str| {
        json!({
            "id": "0f0e", "etag": "\"1\"", "name": "Source for the lake",
            "auth": {"specName": auth, "params": {
                "server": sandbox.origin(), "username": "beth.anglin", "password": "sandbox-beth"}},
            "connectionSpec": {"id": spec, "version": "1.0"},
        })
    };
    let ours = "eb13cb25-47ab-407f-ba89-c0125281c563";
    let items = json!({"items": [
        entry("0b6a41f2-7d2f-4c2d-9d0e-2f1a6f0b9c11", "Basic Authentication"),
        entry(ours, "Kerberos"),
        entry(ours, "Basic Authentication"),
        entry(ours, "Basic Authentication"),
    ]});
    let outcome = import_adobe(&mut world, &items.to_string()).expect(0);
    let name = sandbox.origin().trim_start_matches("http://").replace(['.', ':'], "-");
    outcome.says(&[
        "its connectionSpec is not one that snow knows",
        "it signs in with \"Kerberos\"",
        "another entry has this name",
        &format!("{name}: imported"),
        &format!("left out of {name}: id, etag"),
    ]);
    world.run(&format!("test {name}")).expect(0);
}

#[test]
fn a_file_that_adobe_did_not_write_is_refused() {
    let mut world = World::new();
    for text in ["", "[]", "{}", "{\"items\": 1}", "not json", "{\"connectionSpec\": 1"] {
        import_adobe(&mut world, text).expect(3).says(&["is not a connection of Adobe's Flow Service"]);
    }
    for text in ["{\"connectionSpec\": 1}", "{\"items\": []}", "{\"items\": [1]}"] {
        import_adobe(&mut world, text).expect(3).says(&["has no connection that can be imported"]);
    }
    world.run("import adobe").expect(2).says(&["Write snow import adobe FILE"]);
    world.run("import adobe missing.json").expect(3).says(&["there is no file"]);
    world.run("import ansible team.toml").expect(2).says(&["only adobe takes a file"]);
}

#[test]
fn a_body_of_adobe_for_salesforce_is_taken_by_either_id_and_either_way_to_sign_in() {
    let mut world = World::new();
    let body = |name: &str, id: &str, auth: &str, params: Value| json!({"name": name, "auth": {"specName": auth, "params": params}, "connectionSpec": {"id": id, "version": "1.0"}});
    let items = json!({"items": [
        body("by-password", "b66ab34-8619-49cb-96d1-39b37ede86ea", "Basic Authentication",
            json!({"username": "jo@acme.example", "password": "", "securityToken": ""})),
        body("by-client", "cfc0fee1-7dc0-40ef-b73e-d8b134c436f5", "OAuth2 Client Credential",
            json!({"environmentUrl": "https://acme.my.salesforce.com", "clientId": "3MVG9", "clientSecret": "",
                "apiVersion": "60.0"})),
    ]});
    import_adobe(&mut world, &items.to_string()).expect(0).says(&["by-password: imported", "by-client: imported"]);
    let shown = |world: &mut World, name: &str| world.run(&format!("show {name} --json")).expect(0).json();
    let by_password = shown(&mut world, "by-password")["connection"].clone();
    assert_eq!(by_password["spec"], "salesforce-service-cloud");
    assert_eq!(by_password["instance"], "https://login.salesforce.com");
    let by_client = shown(&mut world, "by-client")["connection"].clone();
    assert_eq!((&by_client["client_id"], &by_client["api_version"]), (&json!("3MVG9"), &json!("v60.0")));
    let body = world.run("export by-client --as adobe").expect(0).json();
    assert_eq!(body["auth"]["params"]["apiVersion"], "60.0");
    assert_eq!(body["auth"]["params"]["clientSecret"], "{{CLIENT_SECRET}}");
    assert_eq!(body["connectionSpec"]["id"], "cfc0fee1-7dc0-40ef-b73e-d8b134c436f5");
}
