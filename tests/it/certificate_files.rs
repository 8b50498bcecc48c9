//! The files of a client certificate: every form that works, and what is said of those
//! that do not before anything is sent.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::mutual::{Demands, FrontEnd, Issued, PASSPHRASE, Pki, Validity, Verify};
use crate::world::{Answer, World};

/// An instance behind nginx, which wants a certificate below `root`.
struct Place {
    pki: Pki,
    sandbox: Sandbox,
    front: FrontEnd,
}

impl Place {
    fn new() -> Self {
        let (pki, sandbox) = (Pki::new(), Sandbox::open(SandboxOptions::default()).unwrap());
        let ca = pki.ca();
        let demands = Demands { verify: Verify::Required, version: "TLSv1.3", ca: &ca, revoked: None, key: None };
        let front = FrontEnd::nginx(&pki, &demands, &sandbox.origin());
        Self { pki, sandbox, front }
    }

    fn connect(&self, flags: &str) -> String {
        format!("connect {} --name acme --ca-cert {} {flags}", self.front.origin(), self.pki.ca().display())
    }

    fn beth(&self) -> Issued {
        self.pki.issue("beth.anglin", "root", Validity::Now)
    }

    fn passphrase_file(&self) -> String {
        let path = self.pki.path("passphrase");
        std::fs::write(&path, PASSPHRASE).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        format!("--client-identity-passphrase-file {}", path.display())
    }
}

#[test]
fn an_encrypted_key_opens_with_the_saved_passphrase() {
    let place = Place::new();
    let (beth, file) = (place.beth(), place.passphrase_file());
    let ciphers: [(&str, &[&str]); 3] = [
        ("today.key", &[]),
        ("triple.key", &["-v2", "des3"]),
        ("sha1.key", &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"]),
    ];
    for (name, cipher) in ciphers {
        let encrypted = place.pki.encrypted(&beth, name, cipher);
        let mut world = World::new();
        world.run(&place.connect(&format!("{} {file}", encrypted.flags()))).expect(0).says(&["beth.anglin"]);
        world.run("test acme").expect(0).says(&["beth.anglin"]);
        world.run("logout acme --yes").expect(0);
        world.run("test acme --json").expect(4).says(&["no-credential"]);
    }
}

#[test]
fn a_wrong_passphrase_is_told_before_anything_is_sent_and_may_be_typed_again() {
    let place = Place::new();
    let encrypted = place.pki.encrypted(&place.beth(), "encrypted.key", &[]);
    let identity = place.pki.pkcs12(&encrypted_source(&place), "beth.p12", PASSPHRASE, &[]);
    let flags = [encrypted.flags(), format!("--client-identity {}", identity.display())];
    for flags in flags {
        let mut world = World::new();
        let line = place.connect(&format!("{flags} --client-identity-passphrase-stdin --json"));
        let before = place.sandbox.requests();
        world.stdin("wrong").run(&line).expect(3).says(&["invalid-secret", "does not open"]);
        assert_eq!(place.sandbox.requests(), before, "nothing was sent");
        assert!(world.config().is_empty(), "{}", world.config());
        let without = place.connect(&format!("{flags} --json"));
        world.run(&without).expect(3).says(&["no-terminal", "--client-identity-passphrase-stdin"]);
        world.person([Answer::Secret("wrong"), Answer::Secret(PASSPHRASE)]);
        world.run(&place.connect(&flags)).expect(0).says(&["does not open", "beth.anglin"]);
    }
}

fn encrypted_source(place: &Place) -> Issued {
    Issued { certificate: place.pki.path("beth.anglin.pem"), key: place.pki.path("beth.anglin.key") }
}

#[test]
fn a_pkcs12_file_signs_in_whichever_ciphers_it_has() {
    let place = Place::new();
    let (beth, file) = (place.beth(), place.passphrase_file());
    let ciphers: [(&str, &[&str]); 4] = [
        ("modern.p12", &[]),
        ("legacy.pfx", &["-legacy"]),
        ("triple.p12", &["-legacy", "-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"]),
        ("aes128.p12", &["-certpbe", "AES-128-CBC", "-keypbe", "AES-128-CBC"]),
    ];
    for (name, cipher) in ciphers {
        let identity = place.pki.pkcs12(&beth, name, PASSPHRASE, cipher);
        let mut world = World::new();
        let line = place.connect(&format!("--client-identity {} {file}", identity.display()));
        world.run(&line).expect(0).says(&["beth.anglin"]);
        assert!(
            world.config().contains(&format!("client_identity = \"{}\"", identity.display())),
            "{}",
            world.config()
        );
        world.run("test acme").expect(0).says(&["beth.anglin"]);
    }
    // Without a passphrase none is asked for. Other programs take both forms by one flag.
    let open = place.pki.pkcs12(&beth, "open.p12", "", &[]);
    let mut world = World::new();
    world.run(&place.connect(&format!("--auth certificate --client-cert {}", open.display()))).expect(0);
    assert!(world.config().contains("client_identity = "), "{}", world.config());
}

#[test]
fn the_chain_is_sent_whole_in_whatever_order_it_stands() {
    let place = Place::new();
    let leaf = place.pki.issue("beth.anglin", "middle", Validity::Now);
    let middle = place.pki.path("middle.pem");
    let orders: [(&str, [&Path; 2]); 2] =
        [("right.pem", [&leaf.certificate, &middle]), ("wrong.pem", [&middle, &leaf.certificate])];
    for (name, files) in orders {
        let chained = Issued { certificate: place.pki.joined(name, &files), ..leaf.clone() };
        World::new().run(&place.connect(&chained.flags())).expect(0).says(&["beth.anglin"]);
    }
    let identity = place.pki.pkcs12(&leaf, "chain.p12", "", &["-certfile", middle.to_str().unwrap()]);
    World::new().run(&place.connect(&format!("--client-identity {}", identity.display()))).expect(0);
    // Without the intermediate certificate, the front end cannot verify it.
    let outcome = World::new().run(&place.connect(&format!("{} --json", leaf.flags()))).expect(4);
    outcome.says(&["certificate-refused", "intermediate"]);
}

#[test]
fn a_file_with_certificate_and_key_is_given_twice() {
    let place = Place::new();
    let beth = place.beth();
    let both = place.pki.joined("both.pem", &[&beth.key, &beth.certificate]);
    std::fs::set_permissions(&both, std::fs::Permissions::from_mode(0o600)).unwrap();
    let both = Issued { certificate: both.clone(), key: both };
    World::new().run(&place.connect(&both.flags())).expect(0).says(&["beth.anglin"]);
}

#[test]
fn an_expired_certificate_and_one_of_the_future_are_named_and_not_sent() {
    let place = Place::new();
    for (validity, words) in [(Validity::Expired, "has expired"), (Validity::NotYet, "is not valid yet")] {
        let issued = place.pki.issue("svc.ci", "root", validity);
        let outcome = World::new().run(&place.connect(&format!("{} --json", issued.flags()))).expect(4);
        outcome.says(&["client-cert-expired", words, "Nothing was sent"]);
    }
    assert_eq!(place.sandbox.requests(), 0);
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason_and_nothing_is_sent() {
    let place = Place::new();
    let (beth, other) = (place.beth(), place.pki.issue("svc.ci", "root", Validity::Now));
    let file = |name: &str, content: &[u8]| {
        let path = place.pki.path(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let directory = place.pki.path("directory");
    std::fs::create_dir(&directory).unwrap();
    let empty = file("empty.pem", b"");
    let large = file("large.pem", &vec![b'a'; 10 * 1024 * 1024]);
    let prose = file("prose.pem", b"this is no certificate\n");
    let binary = file("binary.pem", &[0x30, 0x82, 0, 0, 0]);
    let old = place.pki.path("old.key");
    let passphrase = format!("pass:{PASSPHRASE}");
    let (from, to) = (beth.key.to_str().unwrap(), old.to_str().unwrap());
    place.pki.openssl(&["ec", "-aes128", "-in", from, "-out", to, "-passout", &passphrase]);
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o600)).unwrap();
    let public = file("public.key", &std::fs::read(&beth.key).unwrap());
    std::fs::set_permissions(&public, std::fs::Permissions::from_mode(0o644)).unwrap();
    let missing = place.pki.path("missing.pem");
    let pem = |certificate: &Path, key: &Path| {
        format!("--client-cert {} --client-key {}", certificate.display(), key.display())
    };
    let identity = |path: &Path| format!("--client-identity {}", path.display());
    let cases = [
        (pem(&beth.certificate, &public), "chmod 600"),
        (pem(&beth.certificate, &other.key), "does not belong to the certificate"),
        (pem(&beth.certificate, &file("no.key", b"no key\n")), "contains no private key"),
        (pem(&beth.key, &beth.key), "contains no certificate"),
        (pem(&directory, &beth.key), "not a regular file"),
        (pem(&missing, &beth.key), "no such file"),
        (pem(&empty, &beth.key), "it is empty"),
        (pem(&large, &beth.key), "larger than 1 MiB"),
        (pem(&prose, &beth.key), "contains no certificate"),
        (pem(&binary, &beth.key), "--client-identity FILE"),
        (pem(&beth.certificate, &empty), "it is empty"),
        (pem(&beth.certificate, &old), "openssl pkcs8 -topk8"),
        (identity(&binary), "damaged"),
        (identity(&file("copy.pem", &std::fs::read(&beth.certificate).unwrap())), "--client-cert FILE"),
        (identity(&prose), "not a PKCS#12 file"),
        (identity(&directory), "not a regular file"),
        (identity(&large), "larger than 1 MiB"),
    ];
    for (flags, words) in cases {
        let mut world = World::new();
        let outcome = world.run(&place.connect(&format!("{flags} --json"))).expect(3);
        outcome.says(&["client-cert-invalid", words]);
        assert!(world.config().is_empty(), "{flags}: {}", world.config());
    }
    assert_eq!(place.sandbox.requests(), 0);
}

#[test]
fn paths_are_saved_whole_and_flags_that_exclude_each_other_are_refused() {
    let place = Place::new();
    let beth = place.beth();
    let mut world = World::new();
    world.directory = beth.key.parent().unwrap().to_owned();
    world.run(&place.connect(&beth.flags())).expect(0);
    assert!(world.config().contains(&format!("client_key = \"{}\"", beth.key.display())), "{}", world.config());
    let both = format!("{} --client-identity {}", beth.flags(), beth.key.display());
    World::new().run(&place.connect(&both)).expect(2).says(&["--client-identity", "exclude each other"]);
    // A new file for a saved connection is proven before it takes the place of the other.
    let svc = place.pki.issue("svc.ci", "root", Validity::Now);
    world.run(&format!("connect acme --yes {} --force --json", svc.flags())).expect(0);
    assert!(world.config().contains("svc.ci.pem"), "{}", world.config());
    // What is left can always sign in: both files, or the one that replaces them.
    let identity = place.pki.pkcs12(&svc, "svc.p12", "", &[]);
    world.run("edit acme --unset client_key").expect(2).says(&["client_key"]);
    world.run(&format!("edit acme --set client_identity={}", identity.display())).expect(0);
    assert!(!world.config().contains("client_key"), "{}", world.config());
    world.run("test acme").expect(0).says(&["svc.ci"]);
    world.run("edit acme --unset client_identity").expect(2).says(&["client_cert is missing"]);
    world.run("test acme").expect(0);
}

#[test]
fn a_path_in_the_file_of_connections_may_begin_with_the_home_and_not_depend_on_the_directory() {
    let mut world = World::new();
    let config = |certificate: &str| {
        format!(
            "version = 1\n[connections.acme]\ninstance = \"https://acme.service-now.com\"\nauth = \"certificate\"\n\
             client_cert = \"{certificate}\"\nclient_key = \"~/keys/svc.key\"\nca_cert = \"~/ca.pem\"\n"
        )
    };
    world.write_config(config("~/svc.pem"));
    let shown = world.run("show acme --json").expect(0).json()["connection"].clone();
    let home = |path: &str| world.home().join(path).display().to_string();
    let [certificate, key, authority] = ["svc.pem", "keys/svc.key", "ca.pem"].map(home);
    assert_eq!((&shown["client_cert"], &shown["client_key"]), (&certificate.into(), &key.into()), "{shown}");
    assert_eq!(shown["ca_cert"], authority, "{shown}");
    // What is not changed stays as it was written.
    let own = std::env::home_dir().unwrap().join("other.pem").display().to_string();
    world.run("edit acme --set tables=incident --set client_cert=~/other.pem").expect(0);
    let written = world.config();
    for line in [format!("client_cert = \"{own}\""), "client_key = \"~/keys/svc.key\"".into()] {
        assert!(written.contains(&line) && written.contains("ca_cert = \"~/ca.pem\""), "{written}");
    }
    for relative in ["svc.pem", "./svc.pem", "../svc.pem"] {
        world.write_config(config(relative));
        world.run("show acme").expect(3).says(&["config.toml:5", "client_cert must be an absolute path"]);
    }
}
