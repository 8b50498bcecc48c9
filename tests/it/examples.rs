//! The examples of the help do what the help says.

use std::path::Path;
use std::sync::Arc;

use clap::CommandFactory;
use snow_connect::base::secret::Secret;
use snow_connect::cli::args::Cli;
use snow_connect::cli::command::{COLUMNS, command, examples, split, with_all_below};
use snow_connect::sandbox::Sandbox;
use snow_connect::store::memory::MemoryStore;

use crate::oauth::free_port;
use crate::topics::Desk;
use crate::world::browser::{get, sign_in};
use crate::world::process::Serving;
use crate::world::vault::{ROOT, Vault};
use crate::world::{Answer, World};

/// The examples of all commands, without remarks, and of a pipeline the part that is ours.
fn all() -> Vec<String> {
    let root = command(COLUMNS);
    let commands = with_all_below(&root).into_iter();
    let lines: Vec<String> = commands.filter_map(examples).flat_map(|text| lines_of(&text)).collect();
    assert!(lines.len() > 50, "{lines:?}");
    lines
}

fn lines_of(examples: &str) -> Vec<String> {
    let whole = examples.replace(" \\\n      ", " ");
    let commands = whole.lines().filter(|line| !line.trim_start().starts_with('#'));
    let ours = |line: &str| split(line).0.split([';', '|', '>', '<']).next().unwrap().trim().to_owned();
    commands.map(ours).collect()
}

#[test]
fn every_example_is_a_command_of_ours() {
    for line in all() {
        let words = words(&line);
        assert!(line.starts_with("snow "), "{line}");
        if let Err(error) = Cli::command().try_get_matches_from(words) {
            panic!("{line}: {error}");
        }
    }
}

/// The words of a line, as a shell splits it.
fn words(line: &str) -> Vec<String> {
    shlex::split(line).unwrap_or_else(|| panic!("quotes do not match: {line}"))
}

/// A world in which an example can run: the connections that it names, all at one
/// look-alike instance, and the files.
fn prepared(sandbox: &Sandbox, line: &str) -> World {
    let mut world = World::new();
    let origin = sandbox.origin();
    if line.starts_with("snow connect") {
        world.browser(|url| {
            let url = url.to_owned();
            std::thread::spawn(move || drop(get(&sign_in(&url, "beth.anglin", "allow"))));
        });
        return world;
    }
    if line.starts_with("snow import") {
        with_sources(&mut world, &origin);
        return world;
    }
    if line.contains(" app ") {
        world.connect("acme", &origin, "admin", "sandbox-admin");
        return world;
    }
    if line.starts_with("snow refresh") || line.starts_with("snow token") {
        let flags = "--auth client-credentials --client-id sandbox-ci --client-secret-stdin";
        world.stdin("sandbox-ci-secret").run(&format!("connect {origin} --name acme {flags}")).expect(0);
    }
    for name in ["acme", "acme-test", "dev12345"] {
        if !world.config().contains(&format!("[connections.{name}]")) {
            world.connect(name, &origin, "beth.anglin", "sandbox-beth");
            world.run(&format!("edit {name} --set labels.env=prod")).expect(0);
        }
    }
    world.browser(|_| {});
    // The revision that an example names.
    for revision in 2..4 {
        world.run(&format!("edit acme --set description={revision}")).expect(0);
    }
    world
}

/// What other programs have.
fn with_sources(world: &mut World, origin: &str) {
    let store = Arc::new(MemoryStore::default());
    let alias = r#"{"acme":{"creds":{"instanceUrl":"ORIGIN","type":"basic","username":"a","password":"b"}}}"#;
    let item = Secret::derived(alias.replace("ORIGIN", origin)).unwrap();
    store.put_of_another("ServiceNow", "now-sdk", item);
    world.store = store;
    let directory = world.home().join(".config/servicenow");
    std::fs::create_dir_all(&directory).unwrap();
    let profile = format!("[profiles.acme-uat]\ninstance = \"{origin}\"\nusername = \"a\"\n");
    std::fs::write(directory.join("config.toml"), profile).unwrap();
    world.set("SN_HOST", origin).set("SN_API_KEY", "a-key");
}

/// The example with what is true here: the instance, its users and clients, and where
/// files are.
fn with_what_is_here(line: &str, files: &Path, sandbox: &Sandbox) -> String {
    let home = files.display();
    let port = free_port();
    let mut line = line.trim_start_matches("snow ").to_owned();
    if let Some(rest) = line.strip_prefix("connect ") {
        let (target, flags) = rest.split_once(' ').unwrap_or((rest, ""));
        let name = if flags.contains("--name") { String::new() } else { format!("--name {target}") };
        let client = format!("--client-id sandbox-public --redirect-uri http://127.0.0.1:{port}/callback");
        let more = match flags {
            _ if flags.contains("client-credentials") => format!("--client-secret-file {home}/secret"),
            _ if flags.contains("--client-id") || flags.contains("--password-file") => String::new(),
            _ => format!("--username beth.anglin --password-file {home}/pw"),
        };
        let flags = if more.contains("secret") {
            flags.replace("8f2c41d0", "sandbox-ci")
        } else {
            flags.replace("--client-id 8f2c41d0", &client)
        };
        line = format!("connect {} {name} {flags} {more}", sandbox.origin());
    }
    for (example, here) in [
        ("svc.ci", "beth.anglin"),
        ("--password-file pw", &format!("--password-file {home}/pw")),
        ("8f2c41d0", "sandbox-ci"),
        ("team.toml", &format!("{home}/team.toml")),
        ("connection.json", &format!("{home}/connection.json")),
        (" key.pem", &format!(" {home}/key.pem")),
        (" cert.pem", &format!(" {home}/cert.pem")),
        ("report.", &format!("{home}/report.")),
        ("=incidents.", &format!("={home}/incidents.")),
        (" incidents.", &format!(" {home}/incidents.")),
        ("SYS_ID", &an_incident(sandbox)),
        ("snow-bundle.json", &format!("{home}/snow-bundle.json")),
        ("--out acme.json", &format!("--out {home}/acme.json")),
        ("~/", &format!("{home}/")),
    ] {
        line = line.replace(example, here);
    }
    line
}

/// The key of an incident that is there.
fn an_incident(sandbox: &Sandbox) -> String {
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let rows = world.run("query incident --limit 1 --json").expect(0).json();
    rows["rows"][0]["sys_id"].as_str().unwrap().to_owned()
}

#[test]
fn every_example_runs() {
    let sandbox = Sandbox::start(None, None).unwrap();
    // Outside of the home, which is searched for secrets.
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("pw"), "sandbox-beth").unwrap();
    std::fs::write(files.path().join("secret"), "sandbox-ci-secret").unwrap();
    let desk = Desk::new();
    let team = format!("schema = \"snow-team/1\"\n[connections.acme]\ninstance = \"{}\"\n", sandbox.origin());
    std::fs::write(files.path().join("team.toml"), format!("{team}auth = \"api-key\"\n")).unwrap();
    let body = serde_json::json!({
        "name": "of-adobe", "connectionSpec": {"id": "eb13cb25-47ab-407f-ba89-c0125281c563"},
        "auth": {"specName": "Basic Authentication", "params": {"endpoint": sandbox.origin(), "username": "beth.anglin"}},
    });
    std::fs::write(files.path().join("connection.json"), body.to_string()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    for (name, content) in [("key.pem", key.serialize_pem()), ("cert.pem", certificate.pem())] {
        let path = files.path().join(name);
        std::fs::write(&path, content).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    for example in all() {
        if example.starts_with("snow sandbox") && !example.contains("--list") {
            // It serves until it is stopped.
            let line = example.replace("--port 8910", "--port 0");
            Serving::start(&line.split(' ').skip(2).collect::<Vec<_>>());
            continue;
        }
        if example.starts_with("snow proxy") {
            let line = example.replace("--json", "").replace("--port 8080", &format!("--port {}", free_port()));
            let until_it_serves = "until [ -s out ]; do kill -0 $!; sleep 0.05; done; kill $!; wait $!; rm out";
            desk.with_programs(&[], &format!("{line} --json > out &\n{until_it_serves}")).expect(0);
            continue;
        }
        if example.starts_with("snow exec") {
            // It takes the place of the process.
            desk.with_programs(&["ansible-playbook", "mcp-server-servicenow", "python3"], &example).expect(0);
            continue;
        }
        let mut world = prepared(&sandbox, &example);
        if example == "snow credential get" {
            world.stdin("{\"uri\":\"https://acme.service-now.com/\"}").run("credential get").expect(0);
            continue;
        }
        let line = with_what_is_here(&example, files.path(), &sandbox);
        let vault = line.contains("https://vault.example:8200").then(Vault::start);
        let line = match &vault {
            Some(vault) => line.replace("https://vault.example:8200", vault.origin()),
            None => line,
        };
        world.set("SNOW_STORE_PASSPHRASE", "correct horse battery").set("VAULT_TOKEN", ROOT);
        let answers = match line.split(' ').next().unwrap() {
            "use" | "guide" if line.len() < 6 => vec![Answer::Choose(0)],
            "logout" | "remove" if !line.contains("--yes") => vec![Answer::Confirm(true)],
            "store" if line.contains("migrate") && !line.contains("--yes") => vec![Answer::Confirm(true)],
            "connect" if line.contains("sandbox-public") => vec![Answer::Secret("")],
            "app" if line.contains("create") && !line.contains("--yes") && !line.contains("--dry-run") => {
                vec![Answer::Confirm(true)]
            }
            "login" if !line.contains("--password-file") => vec![Answer::Secret("sandbox-beth")],
            _ => vec![],
        };
        let line_words = words(&line);
        let outcome = world.person(answers).run_words(&line_words.iter().map(String::as_str).collect::<Vec<_>>());
        // What is wrong with this machine is not the example's fault.
        let is_doctor = line.starts_with("doctor") && outcome.code != 2;
        assert!(outcome.code == 0 || is_doctor, "{example}: {line}\n{}\n{}", outcome.stdout, outcome.stderr);
    }
}
