//! Secrets that another program keeps: scripts, pass with a real GnuPG, age, and the
//! credential helpers of Docker.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::Outcome;
use crate::world::process::{finish, program_at, snow, tool};

const PASSWORD: &str = "sandbox-beth";

/// A home with programs of its own, and an instance.
struct Scene {
    home: tempfile::TempDir,
    sandbox: Sandbox,
}

impl Scene {
    fn new() -> Self {
        Self::at(Sandbox::start(None, None).unwrap())
    }

    fn at(sandbox: Sandbox) -> Self {
        Self { home: tempfile::Builder::new().prefix("s").tempdir().unwrap(), sandbox }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A program of its own, and where it is.
    fn program(&self, name: &str, body: &str) -> String {
        let path = self.path(name);
        program_at(&path, body);
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = snow(self.home.path());
        command.args(words).env("GNUPGHOME", self.path("gpg")).env("PASSWORD_STORE_DIR", self.path("pass"));
        command
    }

    fn run(&self, words: &[&str]) -> Outcome {
        finish(self.command(words), b"")
    }

    fn connect(&self, more: &[&str]) -> Outcome {
        let origin = self.sandbox.origin();
        let words = ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--store", "command"];
        let words: Vec<&str> = words.into_iter().chain(more.iter().copied()).collect();
        let is_given = more.contains(&"--password-stdin");
        finish(self.command(&words), if is_given { PASSWORD.as_bytes() } else { b"" })
    }

    fn config(&self) -> String {
        std::fs::read_to_string(self.path(".config/snow/config.toml")).unwrap()
    }
}

/// Three programs that keep items in files of this folder, and count their runs.
fn files(scene: &Scene) -> [String; 3] {
    let folder = scene.path("items");
    std::fs::create_dir_all(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    let file = format!("file={folder}/$1-$2; echo $0 $* >> {folder}/../runs");
    [
        scene.program("reads", &format!("{file}; [ -e $file ] || {{ echo 'no such item' >&2; exit 1; }}; cat $file")),
        scene.program("writes", &format!("{file}; cat > $file")),
        scene.program("deletes", &format!("{file}; rm -f $file")),
    ]
}

fn all_three(scene: &Scene) -> Vec<String> {
    let [reads, writes, deletes] = files(scene).map(|program| format!("{program} {{id}} {{field}}"));
    ["--store-read", &reads, "--store-write", &writes, "--store-delete", &deletes].map(str::to_owned).to_vec()
}

fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn a_connection_lives_in_programs_from_connect_to_remove() {
    let scene = Scene::new();
    let flags = all_three(&scene);
    let flags: Vec<&str> = borrowed(&flags).into_iter().chain(["--password-stdin"]).collect();
    scene.connect(&flags).expect(0);
    let config: toml::Value = toml::from_str(&scene.config()).unwrap();
    let acme = &config["connections"]["acme"];
    assert_eq!(acme["store"].as_str(), Some("command"));
    let reads: Vec<&str> = acme["store_read"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(reads[1..], ["{id}", "{field}"]);
    let id = acme["id"].as_str().unwrap();
    let item = scene.path("items").join(format!("{id}-password"));
    let record: Value = serde_json::from_str(&std::fs::read_to_string(&item).unwrap()).unwrap();
    assert_eq!(
        (&record["password"], &record["origins"]["instance"]),
        (&json!(PASSWORD), &json!(scene.sandbox.origin()))
    );
    scene.run(&["test", "acme"]).expect(0);
    scene.run(&["show", "acme"]).says(&["store_read", "reads", "not bound to an origin"]);
    // The proof leaves nothing.
    assert_eq!(std::fs::read_dir(scene.path("items")).unwrap().count(), 1);
    // A record goes where it was saved for.
    let elsewhere = scene.config().replace("127.0.0.1", "localhost");
    std::fs::write(scene.path(".config/snow/config.toml"), &elsewhere).unwrap();
    assert_eq!(scene.run(&["test", "acme", "--json"]).expect(9).json()["connections"][0]["code"], "origin-mismatch");
    std::fs::write(scene.path(".config/snow/config.toml"), elsewhere.replace("localhost", "127.0.0.1")).unwrap();
    scene.run(&["remove", "acme", "--yes"]).expect(0);
    assert!(!item.exists());
}

#[test]
fn a_secret_that_somebody_else_keeps_is_read_and_nothing_is_saved() {
    let scene = Scene::new();
    let prints = scene.program("prints", &format!("echo {PASSWORD}"));
    scene
        .connect(&["--store-read", &format!("{prints} x")])
        .expect(0)
        .says(&["stay where the store command reads them"]);
    scene.run(&["test", "acme"]).expect(0);
    scene.run(&["show", "acme"]).says(&["not bound to an origin"]);
    scene.run(&["doctor"]).says(&["only reads", "not bound to an origin"]);
    let outcome = scene.connect(&["--store-read", &format!("{prints} x"), "--password-stdin"]).expect(2);
    outcome.says(&["only reads"]);
    scene.run(&["logout", "acme", "--yes"]).expect(0).says(&["stay where the store command reads them"]);
    scene.run(&["test", "acme"]).expect(0);
    scene.run(&["remove", "acme", "--yes"]).expect(0);
}

#[test]
fn the_places_are_filled_in_arguments_and_variables_and_no_shell_reads_them() {
    let scene = Scene::new();
    let sees = scene.path("sees");
    let body = format!(
        "printf '%s|' \"$@\" $SNOW_STORE_NAME $SNOW_STORE_FIELD ${{SNOW_STORE_ID:+id}} ${{SNOW_PASSWORD:-hidden}} > {}; echo {PASSWORD}",
        sees.display()
    );
    let prints = scene.program("prints", &body);
    let line = format!("{prints} '$(id) {{name}}' {{field}};ls '{{x}}'");
    let words = [
        "connect",
        &scene.sandbox.origin(),
        "--name",
        "acme",
        "--username",
        "beth.anglin",
        "--store",
        "command",
        "--store-read",
        &line,
    ];
    let mut command = scene.command(&words);
    command.env("SNOW_PASSWORD", "not-for-others");
    finish(command, b"").expect(0);
    assert_eq!(std::fs::read_to_string(sees).unwrap(), "$(id) acme|password;ls|{x}|acme|password|id|hidden|");
}

#[test]
fn a_session_is_saved_by_a_program_and_renewed() {
    let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
    let scene = Scene::at(sandbox);
    let flags = all_three(&scene);
    let secret = scene.path("client-secret");
    std::fs::write(&secret, "sandbox-ci-secret").unwrap();
    let origin = scene.sandbox.origin();
    let words = [
        "connect",
        &origin,
        "--name",
        "acme",
        "--auth",
        "client-credentials",
        "--client-id",
        "sandbox-ci",
        "--client-secret-file",
        secret.to_str().unwrap(),
        "--store",
        "command",
    ];
    scene.run(&words.into_iter().chain(borrowed(&flags)).collect::<Vec<_>>()).expect(0);
    let first = scene.run(&["token", "acme"]).expect(0).stdout;
    assert_eq!(scene.run(&["token", "acme"]).expect(0).stdout, first);
    scene.sandbox.expire_access_tokens();
    scene.run(&["refresh", "acme"]).expect(0);
    assert_ne!(scene.run(&["token", "acme"]).expect(0).stdout, first);
    scene.run(&["logout", "acme", "--yes"]).expect(0);
    assert_eq!(std::fs::read_dir(scene.path("items")).unwrap().count(), 0);
}

#[test]
fn a_client_whose_secret_only_is_read_gets_a_token_in_each_run() {
    let scene = Scene::new();
    let prints = scene.program("prints", "echo sandbox-ci-secret");
    let origin = scene.sandbox.origin();
    let client = [
        "connect",
        &origin,
        "--name",
        "acme",
        "--client-id",
        "sandbox-ci",
        "--store",
        "command",
        "--store-read",
        &prints,
    ];
    let words: Vec<&str> = client.into_iter().chain(["--auth", "client-credentials"]).collect();
    scene.run(&words).expect(0);
    let before = scene.sandbox.token_requests().client_credentials;
    scene.run(&["test", "acme"]).expect(0);
    scene.run(&["token", "acme"]).expect(0);
    assert_eq!(scene.sandbox.token_requests().client_credentials, before + 2);
    // A browser sign-in has something to save.
    let words: Vec<&str> = client.into_iter().chain(["--auth", "oauth", "--force", "--yes"]).collect();
    scene.run(&words).expect(2).says(&["needs a store that saves its session", "--store-write"]);
}

#[test]
fn a_program_that_fails_is_told_with_what_it_said_and_without_what_it_printed() {
    let scene = Scene::new();
    let bodies = [
        ("fails", "echo CANARY-secret; echo 'locked: CANARY-secret' >&2; exit 3", "It ended with exit status: 3"),
        ("prints-much", "yes", "printed more than 64 KiB"),
        ("prints-lines", "echo a; echo b", "is no secret"),
        ("prints-bytes", "printf '\\377'", "is no secret"),
    ];
    for (name, body, said) in bodies {
        let program = scene.program(name, body);
        let outcome = scene.connect(&["--store-read", &program, "--json"]).expect(9);
        assert_eq!(outcome.error_code(), "command-failed", "{name}");
        outcome.says(&[said]);
        assert!(!format!("{outcome:?}").contains("CANARY"), "{outcome:?}");
    }
    let outcome = scene.connect(&["--store-read", "/nowhere/at-all", "--json"]).expect(9);
    outcome.says(&["was not found"]);
    assert!(!scene.path(".config/snow/config.toml").exists());
}

#[test]
fn a_program_that_does_not_keep_what_it_is_given_is_found_before_a_secret_is_asked_for() {
    let scene = Scene::new();
    let [reads, ..] = files(&scene);
    let loses = scene.program("loses", "cat > /dev/null");
    let flags =
        ["--store-read", &format!("{reads} {{id}} {{field}}"), "--store-write", &loses, "--password-stdin", "--json"];
    let code = scene.connect(&flags).expect(9).error_code().to_owned();
    assert_eq!(code, "command-failed");
    let forgets = scene.program("forgets", "echo something else");
    let flags = ["--store-read", &forgets, "--store-write", &loses, "--password-stdin", "--json"];
    assert_eq!(scene.connect(&flags).expect(9).error_code(), "store-unreliable");
    assert_eq!(scene.sandbox.requests(), 0);
}

#[test]
fn a_secret_that_is_still_there_is_not_said_to_be_deleted() {
    let scene = Scene::new();
    let [reads, writes, _] = files(&scene).map(|program| format!("{program} {{id}} {{field}}"));
    let refuses = scene.program("refuses", "echo 'not yours' >&2; exit 1");
    let flags = ["--store-read", &reads, "--store-write", &writes, "--store-delete", &refuses, "--password-stdin"];
    scene.connect(&flags).expect(9).says(&["not yours"]);
    let lies =
        scene.program("lies", &format!("[ $2 = probe ] && rm -f {}/$1-probe || exit 1", scene.path("items").display()));
    let delete = format!("{lies} {{id}} {{field}}");
    let flags = ["--store-read", &reads, "--store-write", &writes, "--store-delete", &delete, "--password-stdin"];
    scene.connect(&flags).expect(0);
    scene.run(&["logout", "acme", "--yes"]).expect(9).says(&["the password of acme is still in"]);
    scene.run(&["test", "acme"]).expect(0);
    scene.run(&["remove", "acme", "--yes"]).expect(9);
    assert!(scene.config().contains("[connections.acme]"));
}

#[test]
fn a_store_without_a_command_or_with_two_kinds_of_them_is_refused() {
    let scene = Scene::new();
    scene.connect(&[]).expect(3).says(&["the store command has no store_read", "--store-read"]);
    scene.connect(&["--store-read", "pass show x", "--store-helper", "pass"]).expect(3).says(&["only one of them"]);
    scene.connect(&["--store-read", "'"]).expect(2).says(&["a quote is not closed"]);
    scene.connect(&["--store-read", "./here"]).expect(2).says(&["absolute path"]);
}

#[test]
fn secrets_move_into_programs_and_out_again_and_one_of_someone_else_stays() {
    let scene = Scene::new();
    let flags = all_three(&scene);
    let migrate = |words: &[&str]| {
        let mut command = scene.command(words);
        command.env("SNOW_STORE_PASSPHRASE", "correct horse battery");
        finish(command, b"")
    };
    let given: Vec<&str> = borrowed(&flags).into_iter().chain(["--password-stdin"]).collect();
    scene.connect(&given).expect(0);
    migrate(&["store", "migrate", "acme", "--to", "file", "--yes"]).expect(0);
    assert_eq!(std::fs::read_dir(scene.path("items")).unwrap().count(), 0);
    migrate(&["test", "acme"]).expect(0);
    let back: Vec<&str> =
        ["store", "migrate", "acme", "--to", "command", "--yes"].into_iter().chain(borrowed(&flags)).collect();
    migrate(&back).expect(0);
    assert_eq!(std::fs::read_dir(scene.path("items")).unwrap().count(), 1);
    scene.run(&["test", "acme"]).expect(0);
    scene.run(&["remove", "acme", "--yes"]).expect(0);
    let prints = scene.program("prints", &format!("echo {PASSWORD}"));
    scene.connect(&["--store-read", &prints]).expect(0);
    let outcome = migrate(&["store", "migrate", "acme", "--to", "file", "--yes"]).expect(9);
    outcome.says(&["a secret alone", "snow connect acme --force --store keyring"]);
    scene.run(&["test", "acme"]).expect(0);
}

/// A key of GnuPG without a passphrase, and a store of pass for it.
fn pass(scene: &Scene) {
    std::fs::create_dir(scene.path("gpg")).unwrap();
    std::fs::set_permissions(scene.path("gpg"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let set = |mut command: Command| {
        command
            .env("GNUPGHOME", scene.path("gpg"))
            .env("PASSWORD_STORE_DIR", scene.path("pass"))
            .env("HOME", scene.home.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let mut gpg = tool("gpg");
    gpg.args([
        "--batch",
        "--quiet",
        "--passphrase",
        "",
        "--quick-generate-key",
        "snow@example.com",
        "rsa2048",
        "encrypt",
        "never",
    ]);
    set(gpg);
    let mut pass = tool("pass");
    pass.args(["init", "snow@example.com"]);
    set(pass);
}

impl Drop for Scene {
    fn drop(&mut self) {
        if self.path("gpg").exists() {
            let _ = Command::new("gpgconf").env("GNUPGHOME", self.path("gpg")).args(["--kill", "all"]).status();
        }
    }
}

/// The flags of a recipe of the topic on stores.
fn recipe(name: &str) -> Vec<String> {
    let topic = include_str!("../../src/help/stores.md");
    let block = topic
        .split("```sh")
        .find(|block| block.starts_with(&format!(" run-by: the_recipe_for_{name}_works\n")))
        .expect(name);
    let text = block.split_once('\n').unwrap().1.split_once("```").unwrap().0.replace("\\\n", " ");
    let words = shlex::split(&text).unwrap();
    assert_eq!(words[..2], ["snow", "connect"]);
    assert_eq!(words[3..5], ["--store", "command"]);
    words[5..].to_vec()
}

#[test]
fn the_recipe_for_pass_works() {
    let scene = Scene::new();
    pass(&scene);
    let flags = recipe("pass");
    let flags: Vec<&str> = borrowed(&flags).into_iter().chain(["--password-stdin"]).collect();
    scene.connect(&flags).expect(0);
    let items = scene.path("pass/snow");
    assert_eq!(encrypted(&items).len(), 1);
    scene.run(&["test", "acme"]).expect(0);
    scene.run(&["logout", "acme", "--yes"]).expect(0);
    assert!(encrypted(&items).is_empty());
    // A deletion can be repeated. pass fails where nothing is, which could mean anything.
    scene.run(&["logout", "acme", "--yes"]).expect(0).says(&["neither delete nor read", "/password"]);
    let outcome = scene.run(&["test", "acme", "--json"]).expect(9);
    assert_eq!(outcome.json()["connections"][0]["code"], "command-failed");
    outcome.says(&["is not in the password store"]);
    // The key is gone, as on another machine.
    finish(scene.command(&["login", "acme", "--password-stdin"]), PASSWORD.as_bytes()).expect(0);
    let _ = Command::new("gpgconf").env("GNUPGHOME", scene.path("gpg")).args(["--kill", "all"]).status();
    std::fs::remove_dir_all(scene.path("gpg/private-keys-v1.d")).unwrap();
    scene.run(&["test", "acme"]).expect(9).says(&["pass"]);
}

/// The files of pass below a folder.
fn encrypted(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { encrypted(&path) } else { vec![path] }).collect()
}

#[test]
fn the_recipe_for_age_works() {
    let scene = Scene::new();
    let keys = scene.path("key.txt");
    let mut keygen = tool("age-keygen");
    assert!(keygen.arg("-o").arg(&keys).output().unwrap().status.success());
    let public = tool("age-keygen").arg("-y").arg(&keys).output().unwrap().stdout;
    let mut age = tool("age");
    age.args(["-r", String::from_utf8(public).unwrap().trim(), "-o"]).arg(scene.path("acme.age"));
    finish(age, PASSWORD.as_bytes()).expect(0);
    let flags: Vec<String> =
        recipe("age").iter().map(|word| word.replace("/home/beth", scene.home.path().to_str().unwrap())).collect();
    scene.connect(&borrowed(&flags)).expect(0);
    scene.run(&["test", "acme"]).expect(0);
}

#[test]
fn a_credential_helper_of_docker_keeps_secrets() {
    let scene = Scene::new();
    pass(&scene);
    tool("docker-credential-pass");
    scene.connect(&["--store-helper", "pass", "--password-stdin"]).expect(0);
    scene.run(&["test", "acme"]).expect(0);
    let listed = finish(
        {
            let mut list = tool("docker-credential-pass");
            list.arg("list").env("GNUPGHOME", scene.path("gpg")).env("PASSWORD_STORE_DIR", scene.path("pass"));
            list
        },
        b"",
    );
    let listed = listed.expect(0).json();
    let urls: Vec<&String> = listed.as_object().unwrap().keys().collect();
    assert!(urls.len() == 1 && urls[0].ends_with("/password"), "{listed}");
    scene.run(&["doctor"]).says(&["docker-credential-pass"]);
    let outcome = scene.run(&["logout", "acme", "--yes"]).expect(0);
    assert!(!outcome.stderr.contains("neither"), "{outcome:?}");
    assert_eq!(scene.run(&["test", "acme", "--json"]).expect(4).json()["connections"][0]["code"], "no-credential");
    scene.run(&["remove", "acme", "--yes"]).expect(0);
}

#[test]
fn a_helper_that_is_not_there_is_named() {
    let scene = Scene::new();
    let outcome = scene.connect(&["--store-helper", "nowhere", "--password-stdin", "--json"]).expect(9);
    assert_eq!(outcome.error_code(), "command-failed");
    outcome.says(&["docker-credential-nowhere", "was not found"]);
}
