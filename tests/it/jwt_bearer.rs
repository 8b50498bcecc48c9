//! Signing in with signed assertions. The keys and certificates are made by `openssl`. The
//! sandbox verifies with ring, and `oidc-provider` with the library `jose`: neither is what
//! signs.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::scenarios::{signing_files, signing_flags};
use crate::world::ask::Ask;
use crate::world::authorization_server::{AuthorizationServer, USER};
use crate::world::process::tool;
use crate::world::{Answer, Outcome, World};

const PASSPHRASE: &str = "CANARY-passphrase";

fn sandbox() -> Sandbox {
    Sandbox::open(SandboxOptions::default()).unwrap()
}

/// Keys and certificates outside the home, which is searched for secrets.
pub struct Keys(tempfile::TempDir);

impl Keys {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs openssl where the files are.
    pub fn openssl(&self, line: &str) {
        let mut command = tool("openssl");
        let output = command.args(line.split_whitespace()).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A key `NAME.pem` in PKCS#8, and its certificate `NAME.crt`.
    pub fn make(&self, name: &str, algorithm: &str) {
        self.openssl(&format!("genpkey -algorithm {algorithm} -out {name}.pem"));
        self.openssl(&format!("req -x509 -key {name}.pem -days 2 -subj /CN=snow -out {name}.crt"));
    }
}

pub const RSA: &str = "RSA -pkeyopt rsa_keygen_bits:2048";
pub const P256: &str = "EC -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "EC -pkeyopt ec_paramgen_curve:P-384";

/// Registers a client whose assertions this certificate verifies, as an administrator does.
fn register(sandbox: &Sandbox, client_id: &str, certificate: &str) {
    let create = |table: &str, row: Value| {
        let url = format!("{}/api/now/table/{table}", sandbox.origin());
        let reply = Ask::new("POST", &url).user("admin").header("Accept", "application/json").json(&row).send();
        reply.expect(201).json()["result"]["sys_id"].as_str().unwrap().to_owned()
    };
    let client = create(
        "oauth_jwt",
        json!({ "name": client_id, "client_id": client_id, "active": "true", "type": "client",
            "public_client": "true", "inbound_grant_type": "jwt", "user_field": "email", "clock_skew": "0",
            "enable_jti_verification": "true" }),
    );
    let certificate = create(
        "sys_certificate",
        json!({ "name": client_id, "type": "trust_store", "format": "pem", "active": "true", "pem_certificate": certificate }),
    );
    create(
        "jwt_verifier_map",
        json!({ "name": client_id, "oauth_jwt": client, "sys_certificate": certificate, "kid": "of-tests" }),
    );
}

fn connect_line(origin: &str, client_id: &str, key: &Path) -> String {
    format!(
        "connect {origin} --name acme --auth jwt-bearer --client-id {client_id} --key-id of-tests \
         --subject svc.ci@example.com --private-key {}",
        key.display()
    )
}

/// The error of a failed `connect --json`.
fn error(outcome: &Outcome) -> Value {
    outcome.json()["error"].clone()
}

#[test]
fn keys_of_each_kind_and_form_sign_what_another_library_verifies() {
    let (sandbox, keys) = (sandbox(), Keys::new());
    let pass = format!("-passout pass:{PASSPHRASE}");
    for (name, algorithm) in [("rsa", RSA), ("p256", P256), ("p384", P384)] {
        keys.make(name, algorithm);
        register(&sandbox, name, &keys.text(&format!("{name}.crt")));
    }
    keys.openssl("rsa -in rsa.pem -traditional -out rsa-pkcs1.pem");
    keys.openssl("ec -in p256.pem -out p256-sec1.pem");
    keys.openssl("ec -in p384.pem -out p384-sec1.pem");
    keys.openssl(&format!("pkcs8 -topk8 -v2 aes-256-cbc -in rsa.pem -out rsa-encrypted.pem {pass}"));
    keys.openssl(&format!("pkcs8 -topk8 -scrypt -in p256.pem -out p256-encrypted.pem {pass}"));
    for (client, key, flags) in [
        ("rsa", "rsa.pem", ""),
        ("rsa", "rsa.pem", "--algorithm RS384"),
        ("rsa", "rsa.pem", "--algorithm RS512"),
        ("rsa", "rsa-pkcs1.pem", ""),
        ("rsa", "rsa-encrypted.pem", "--private-key-passphrase-stdin"),
        ("p256", "p256.pem", ""),
        ("p256", "p256-sec1.pem", ""),
        ("p256", "p256-encrypted.pem", "--private-key-passphrase-stdin"),
        ("p384", "p384.pem", ""),
        ("p384", "p384-sec1.pem", "--algorithm ES384"),
    ] {
        let mut world = World::new();
        world.guard(PASSPHRASE);
        let line = format!("{} {flags}", connect_line(&sandbox.origin(), client, &keys.path(key)));
        let outcome = world.stdin(PASSPHRASE).run(&line);
        assert_eq!(outcome.code, 0, "{key} {flags}: {}{}", outcome.stdout, outcome.stderr);
        outcome.says(&["svc.ci"]);
        // What is saved signs the next one.
        world.run("refresh acme").expect(0);
    }
}

#[test]
fn what_cannot_sign_is_refused_by_name_before_anything_is_sent() {
    let (sandbox, keys) = (sandbox(), Keys::new());
    keys.make("rsa", RSA);
    keys.make("p256", P256);
    keys.make("ed25519", "ED25519");
    keys.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out p521.pem");
    keys.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.pem");
    keys.openssl(&format!("rsa -in rsa.pem -traditional -aes128 -passout pass:{PASSPHRASE} -out old.pem"));
    keys.openssl(&format!("pkcs8 -topk8 -in rsa.pem -passout pass:{PASSPHRASE} -out encrypted.pem"));
    std::fs::write(keys.path("damaged.pem"), keys.text("rsa.pem").replace("MII", "MIA")).unwrap();
    let before = sandbox.requests();
    for (key, flags, words) in [
        ("ed25519.pem", "", "its type is Ed25519"),
        ("p521.pem", "", "its type is P-521"),
        ("short.pem", "", "it has 1024 bits"),
        ("old.pem", "", "the old format of OpenSSL"),
        ("damaged.pem", "", "it is damaged"),
        ("rsa.crt", "", "no private key in PEM"),
        ("missing.pem", "", "There is no such file"),
        ("p256.pem", "--algorithm RS256", "RS256 needs another type of key than P-256"),
        ("rsa.pem", "--algorithm ES256", "ES256 needs another type of key than RSA"),
        ("encrypted.pem", "--private-key-passphrase-stdin", "the passphrase is wrong"),
    ] {
        let mut world = World::new();
        let line = format!("{} {flags} --json", connect_line(&sandbox.origin(), "rsa", &keys.path(key)));
        let path = keys.path(key);
        if path.exists() {
            set_mode(&path, 0o600);
        }
        let outcome = world.stdin("CANARY-other").run(&line).expect(3);
        let error = error(&outcome);
        assert_eq!(error["code"], "assertion-invalid", "{key}: {error}");
        assert!(error.to_string().contains(words), "{words:?} is not in {error}");
        assert!(!world.config_path().exists(), "{key}");
    }
    for algorithm in ["HS256", "PS256", "EdDSA", "none"] {
        let line = connect_line(&sandbox.origin(), "rsa", &keys.path("rsa.pem"));
        World::new().run(&format!("{line} --algorithm {algorithm}")).expect(2).says(&[algorithm, "RS256"]);
    }
    assert_eq!(sandbox.requests(), before);
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_not_used_and_doctor_says_so() {
    let (sandbox, keys) = (sandbox(), Keys::new());
    keys.make("p256", P256);
    register(&sandbox, "p256", &keys.text("p256.crt"));
    let key = keys.path("p256.pem");
    set_mode(&key, 0o640);
    let mut world = World::new();
    let line = connect_line(&sandbox.origin(), "p256", &key);
    let before = sandbox.requests();
    let refused = world.run(&format!("{line} --json")).expect(3);
    assert_eq!(refused.error_code(), "assertion-invalid");
    assert!(error(&refused)["next"].to_string().contains(&format!("chmod 600 {}", key.display())), "{refused:?}");
    assert_eq!(sandbox.requests(), before);
    set_mode(&key, 0o600);
    world.run(&line).expect(0);
    world.run("doctor").expect(0);
    set_mode(&key, 0o644);
    world.run("doctor").expect(3).says(&["other users can read the private key", "chmod 600"]);
    world.run("refresh acme --json").expect(3).says(&["assertion-invalid"]);
    std::fs::remove_file(&key).unwrap();
    world.run("doctor").expect(3).says(&["could not read the private key"]);
}

#[test]
fn the_key_of_another_certificate_is_found_before_anything_is_sent() {
    let (sandbox, keys) = (sandbox(), Keys::new());
    keys.make("mine", RSA);
    keys.make("other", P256);
    register(&sandbox, "mine", &keys.text("mine.crt"));
    let line = connect_line(&sandbox.origin(), "mine", &keys.path("mine.pem"));
    let before = sandbox.requests();
    let mut world = World::new();
    let refused = world.run(&format!("{line} --certificate {} --json", keys.path("other.crt").display())).expect(3);
    assert_eq!(refused.error_code(), "assertion-invalid");
    assert!(error(&refused)["message"].to_string().contains("does not fit the private key"), "{refused:?}");
    assert_eq!(sandbox.requests(), before);
    world.run(&format!("{line} --certificate {}", keys.path("mine.crt").display())).expect(0);
    assert!(world.config().contains("certificate = "), "{}", world.config());
}

#[test]
fn a_clock_two_minutes_off_is_the_first_cause_of_a_refusal() {
    let sandbox = sandbox();
    let files = signing_files(&sandbox);
    let line = format!("connect {} --name acme {} --json", sandbox.origin(), signing_flags(files.path()));
    for (clock, side) in [
        (120, "ahead of"),
        // Valid for five minutes, and it ended a while ago.
        (-600, "behind"),
    ] {
        let mut world = World::new();
        world.clock = match clock {
            120 => || chrono::Utc::now() + chrono::TimeDelta::seconds(120),
            _ => || chrono::Utc::now() - chrono::TimeDelta::seconds(600),
        };
        let refused = world.run(&line).expect(4);
        assert_eq!(refused.error_code(), "assertion-refused");
        let first = error(&refused)["causes"][0].clone();
        assert_eq!((&first["code"], &first["likelihood"]), (&"clock".into(), &"high".into()), "{refused:?}");
        assert!(first["text"].as_str().unwrap().contains(side), "{first}");
    }
    // A right clock is no cause.
    sandbox.set_scenario(Some(Scenario::AssertionRefused));
    let refused = World::new().run(&line).expect(4);
    let causes = error(&refused)["causes"].clone();
    let codes: Vec<_> = causes.as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect();
    let order = ["audience", "key-id", "other-key", "subject", "admin-user", "reused-jti", "wrong-secret"];
    assert_eq!(codes, order, "{causes}");
}

#[test]
fn each_part_of_an_assertion_is_what_the_entry_expects() {
    let sandbox = sandbox();
    let files = signing_files(&sandbox);
    let flags = signing_flags(files.path());
    let refused = |flags: &str| {
        let line = format!("connect {} --name acme {flags} --json", sandbox.origin());
        World::new().run(&line).expect(4).error_code()
    };
    assert_eq!(refused(&format!("{flags} --audience https://elsewhere.example")), "assertion-refused");
    assert_eq!(refused(&flags.replace("--key-id sandbox", "--key-id other")), "assertion-refused");
    assert_eq!(refused(&flags.replace("--subject svc.ci", "--subject stranger")), "assertion-refused");
    let line = format!("connect {} --name acme {flags} --token-lifetime 1h", sandbox.origin());
    World::new().run(&format!("{line} --audience sandbox-jwt")).expect(0).says(&["svc.ci"]);
}

#[test]
fn an_administrator_is_refused_with_the_cause_and_the_way_out() {
    let sandbox = sandbox();
    let files = signing_files(&sandbox);
    let flags = signing_flags(files.path()).replace("--subject svc.ci", "--subject admin");
    let refused = World::new().run(&format!("connect {} --name acme {flags} --json", sandbox.origin())).expect(4);
    let error = error(&refused);
    assert_eq!(error["code"], "assertion-refused");
    assert_eq!(error["causes"][0]["code"], "admin-user");
    assert!(error["next"].to_string().contains("service user without the role admin"), "{error}");
}

#[test]
fn a_session_that_ended_is_signed_anew_with_another_assertion_each_time() {
    let sandbox = sandbox();
    let files = signing_files(&sandbox);
    let mut world = World::new();
    world.run(&format!("connect {} --name acme {}", sandbox.origin(), signing_flags(files.path()))).expect(0);
    // The key is in the store by now.
    std::fs::remove_file(files.path().join("key.pem")).unwrap();
    for _ in 0..3 {
        sandbox.expire_access_tokens();
        world.run("refresh acme").expect(0);
        world.run("test acme").expect(0).says(&["svc.ci"]);
    }
    // The sandbox takes each jti once.
    assert_eq!(sandbox.token_requests().jwt_bearer, 4);
    assert_eq!(sandbox.token_requests().total(), 4);
    world.run("logout acme --yes").expect(0);
    world.run("test acme --json").expect(4).says(&["no-credential"]);
}

#[test]
fn another_subject_does_not_use_the_session_of_the_first() {
    let sandbox = sandbox();
    let files = signing_files(&sandbox);
    let mut world = World::new();
    world.run(&format!("connect {} --name acme {}", sandbox.origin(), signing_flags(files.path()))).expect(0);
    world.run("edit acme --set subject=beth.anglin").expect(0);
    world.run("test acme --expect-user beth.anglin").expect(0);
    assert_eq!(sandbox.token_requests().jwt_bearer, 2);
}

#[test]
fn variables_alone_describe_a_client_that_signs() {
    let (sandbox, keys) = (sandbox(), Keys::new());
    keys.make("p256", P256);
    register(&sandbox, "p256", &keys.text("p256.crt"));
    let mut world = World::new();
    let key = keys.path("p256.pem").display().to_string();
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_CLIENT_ID", "p256").set("SNOW_KEY_ID", "of-tests");
    world.set("SNOW_SUBJECT", "beth.anglin@example.com").set("SNOW_PRIVATE_KEY_FILE", &key);
    world.run("test").expect(0).says(&["beth.anglin"]);
    world.set("SNOW_AUTH", "jwt-bearer").run("test").expect(0);
    let token = world.run("token").expect(0).stdout;
    assert!(!token.contains("PRIVATE KEY") && token.trim().len() > 20, "{token}");
    // The key itself, with its lines.
    world.unset("SNOW_PRIVATE_KEY_FILE").set("SNOW_PRIVATE_KEY", &keys.text("p256.pem")).run("test").expect(0);
    world.set("SNOW_PRIVATE_KEY", "not a key").run("test --json").expect(3).says(&["assertion-invalid"]);
    world.unset("SNOW_PRIVATE_KEY").run("test --json").expect(3).says(&["SNOW_PRIVATE_KEY is not set"]);
    world
        .set("SNOW_USERNAME", "beth")
        .unset("SNOW_AUTH")
        .run("test --json")
        .expect(3)
        .says(&["SNOW_USERNAME", "SNOW_CLIENT_ID"]);
}

#[test]
fn a_person_names_the_file_of_the_key_and_types_its_passphrase() {
    let (sandbox, keys) = (sandbox(), Keys::new());
    keys.make("p256", P256);
    register(&sandbox, "p256", &keys.text("p256.crt"));
    keys.openssl(&format!("pkcs8 -topk8 -in p256.pem -passout pass:{PASSPHRASE} -out encrypted.pem"));
    let path: &'static str = Box::leak(keys.path("encrypted.pem").display().to_string().into_boxed_str());
    let mut world = World::new();
    world.guard(PASSPHRASE);
    world.person([
        Answer::Text("p256"),
        Answer::Text("svc.ci@example.com"),
        Answer::Text("of-tests"),
        Answer::Text("/no/such/file"),
        Answer::Text(path),
        Answer::Secret(PASSPHRASE),
        Answer::Secret(""),
    ]);
    let line = format!("connect {} --name acme --auth jwt-bearer", sandbox.origin());
    world.run(&line).expect(0).says(&["svc.ci"]);
    assert!(!world.config().contains("private_key"), "{}", world.config());
    world.run("refresh acme").expect(0);
}

#[test]
fn a_key_given_twice_is_refused() {
    let (sandbox, keys) = (sandbox(), Keys::new());
    keys.make("p256", P256);
    let line = connect_line(&sandbox.origin(), "p256", &keys.path("p256.pem"));
    let key = keys.text("p256.pem");
    World::new().stdin(&key).run(&format!("{line} --private-key-stdin --json")).expect(3).says(&["two private keys"]);
    let with_key = line.replace("--private-key ", "--private-key-stdin --description ");
    World::new().stdin(&key).run(&format!("{with_key} --json")).expect(4).says(&["assertion-refused"]);
}

#[test]
fn a_path_of_a_key_leaves_no_machine_in_a_team_file() {
    let (sandbox, keys) = (sandbox(), Keys::new());
    keys.make("p256", P256);
    register(&sandbox, "p256", &keys.text("p256.crt"));
    let mut world = World::new();
    world.run(&connect_line(&sandbox.origin(), "p256", &keys.path("p256.pem"))).expect(0);
    let team = world.run("export acme --as team").expect(0).stdout;
    assert!(team.contains("key_id = \"of-tests\"") && team.contains("client_id = \"p256\""), "{team}");
    assert!(!team.contains("private_key") && !team.contains("svc.ci"), "{team}");
}

#[test]
fn a_real_jose_library_accepts_our_assertions_and_refuses_a_wrong_key() {
    let keys = Keys::new();
    for (name, algorithm, flags) in
        [("rsa", RSA, ""), ("rsa", RSA, "--algorithm RS512"), ("p256", P256, ""), ("p384", P384, "")]
    {
        keys.make(name, algorithm);
        let settings = json!({ "certificate": keys.text(&format!("{name}.crt")), "key_id": "of-tests" });
        let server = AuthorizationServer::start(&settings);
        let line = |key: &Path| connect_line(server.instance(), "signer", key).replace("svc.ci@example.com", USER);
        let mut world = World::new();
        world.run(&format!("{} {flags}", line(&keys.path(&format!("{name}.pem"))))).expect(0).says(&[USER]);
        world.run("refresh acme").expect(0);
        world.run("test acme").expect(0);
        let sent = server.token_requests("urn:ietf:params:oauth:grant-type:jwt-bearer");
        assert_eq!(sent.len(), 2, "one for each session");
        assert_ne!(sent[0].field("assertion"), sent[1].field("assertion"));
        keys.make("other", algorithm);
        let refused = World::new().run(&format!("{} --json", line(&keys.path("other.pem")))).expect(4);
        assert_eq!(refused.error_code(), "assertion-refused");
    }
}
