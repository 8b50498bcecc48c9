//! A client certificate that goes with another way to sign in: the front end wants one,
//! and the instance behind it knows no user for it.

use std::path::Path;

use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::gateway::Gateway;
use crate::world::mutual::{Demands, FrontEnd, Issued, PASSPHRASE, Pki, Validity, Verify};
use crate::world::process::{snow, tool};
use crate::world::wire::{Wire, http};
use crate::world::{Answer, Outcome, World};

const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

/// An instance behind a front end that wants a certificate.
struct Place {
    pki: Pki,
    sandbox: Sandbox,
    front: FrontEnd,
    /// Of a machine, which is no user of the instance.
    issued: Issued,
}

impl Place {
    fn new(start: fn(&Pki, &Demands<'_>, &str) -> FrontEnd, verify: Verify, version: &str) -> Self {
        let (pki, sandbox) = (Pki::new(), Sandbox::open(SandboxOptions::default()).unwrap());
        let ca = pki.ca();
        let front = start(&pki, &Demands { verify, version, ca: &ca, revoked: None, key: None }, &sandbox.origin());
        let issued = pki.issue("build-host", "root", Validity::Now);
        Self { pki, sandbox, front, issued }
    }

    /// Behind nginx.
    fn demanding() -> Self {
        Self::new(FrontEnd::nginx, Verify::Required, "TLSv1.3")
    }

    fn connect(&self, flags: &str) -> String {
        format!("connect {} --name acme --ca-cert {} {flags}", self.front.origin(), self.pki.ca().display())
    }

    /// Signs in as Beth with her password.
    fn basic(&self, world: &mut World, flags: &str) -> Outcome {
        let line = self.connect(&format!("--username beth.anglin --password-stdin {flags}"));
        world.stdin("sandbox-beth").run(&line)
    }

    fn passphrase_file(&self) -> String {
        let path = self.pki.path("passphrase");
        std::fs::write(&path, PASSPHRASE).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        format!("--client-identity-passphrase-file {}", path.display())
    }
}

#[test]
fn a_password_and_a_certificate_go_together() {
    for start in [FrontEnd::nginx, FrontEnd::haproxy] {
        for version in VERSIONS {
            let place = Place::new(start, Verify::Required, version);
            let mut world = World::new();
            place.basic(&mut world, &place.issued.flags()).expect(0).says(&["beth.anglin"]);
            let config = world.config();
            assert!(config.contains("auth = \"basic\"") && config.contains("client_cert = "), "{config}");
            let report = world.run("test acme --json").expect(0).json()["connections"][0].clone();
            assert_eq!((&report["auth"], &report["identity"]["user_name"]), (&"basic".into(), &"beth.anglin".into()));
            world.run("api table/incident?sysparm_limit=1").expect(0).says(&["result"]);
            world.stdin("sandbox-beth").run("login acme --password-stdin").expect(0);
            world.run("logout acme --yes").expect(0);
        }
    }
}

#[test]
fn both_are_sent_with_every_request() {
    let server = Wire::replies(|head| match head {
        _ if head.contains("current_user") => http(200, "", r#"{"result":{"user_name":"beth"}}"#),
        _ => http(200, "", r#"{"result":[{"sys_id":"1"}]}"#),
    });
    let pki = Pki::new();
    let (issued, ca) = (pki.issue("build-host", "root", Validity::Now), pki.ca());
    let demands = Demands { verify: Verify::Required, version: "TLSv1.3", ca: &ca, revoked: None, key: None };
    let front = FrontEnd::nginx(&pki, &demands, &server.origin());
    let mut world = World::new();
    let flags = format!("--username beth --password-stdin --ca-cert {} {}", ca.display(), issued.flags());
    world.stdin("x").run(&format!("connect {} --name acme {flags}", front.origin())).expect(0);
    world.run("test acme").expect(0);
    assert!(server.requests() >= 4);
    for head in server.heads() {
        let lower = head.to_lowercase();
        assert!(lower.contains("x-ssl-client-dn: cn=build-host") && lower.contains("authorization: basic"), "{head}");
    }
}

#[test]
fn a_token_endpoint_at_the_instance_is_reached_with_the_certificate() {
    for start in [FrontEnd::nginx, FrontEnd::haproxy] {
        let place = Place::new(start, Verify::Required, "TLSv1.3");
        let mut world = World::new();
        let flags = "--auth client-credentials --client-id sandbox-ci --client-secret-stdin";
        let line = place.connect(&format!("{flags} {}", place.issued.flags()));
        world.stdin("sandbox-ci-secret").run(&line).expect(0).says(&["svc.ci"]);
        world.run("test acme").expect(0).says(&["svc.ci"]);
        world.run("refresh acme").expect(0);
        let signed_out = world.run("logout acme --yes --json").expect(0).json()["connections"][0].clone();
        assert_eq!(signed_out["revoked"], true, "{signed_out}");
    }
}

#[test]
fn the_passphrase_of_a_pkcs12_file_is_kept_beside_the_password() {
    let place = Place::demanding();
    let identity = place.pki.pkcs12(&place.issued, "build-host.p12", PASSPHRASE, &[]);
    let flag = format!("--client-identity {}", identity.display());
    let mut world = World::new();
    place.basic(&mut world, &format!("{flag} {}", place.passphrase_file())).expect(0).says(&["beth.anglin"]);
    world.run("test acme").expect(0).says(&["beth.anglin"]);
    world.run("show acme").expect(0).says(&["client_identity"]);
    // Its content is searched for secrets, as all that is written.
    world.run(&format!("doctor --bundle {}", world.home().join("bundle.tar.gz").display())).expect(0);
    world.run("doctor").expect(0).says(&["opens with its passphrase alone", "has what it signs in with"]);
    world.stdin(PASSPHRASE).run("login acme --client-identity-passphrase-stdin").expect(0);
    let wrong = world.stdin("wrong").run("login acme --client-identity-passphrase-stdin").expect(3);
    wrong.says(&["does not open"]);
    world.run("test acme").expect(0);
    world.run("logout acme --yes").expect(0);
    world.run("test acme --json").expect(4).says(&["no-credential"]);
    world.run("doctor").says(&["no passphrase of the client certificate is saved for acme"]);
}

#[test]
fn a_person_is_asked_for_the_passphrase_and_may_type_it_again() {
    let place = Place::demanding();
    let encrypted = place.pki.encrypted(&place.issued, "encrypted.key", &[]);
    let mut world = World::new();
    world.person([Answer::Secret("wrong"), Answer::Secret(PASSPHRASE), Answer::Secret("sandbox-beth")]);
    let line = place.connect(&format!("--auth basic --username beth.anglin {}", encrypted.flags()));
    world.run(&line).expect(0).says(&["does not open", "beth.anglin"]);
    world.run("test acme").expect(0);
}

#[test]
fn a_certificate_is_added_to_a_connection_and_removed_again() {
    let place = Place::new(FrontEnd::nginx, Verify::Optional, "TLSv1.3");
    let mut world = World::new();
    place.basic(&mut world, "").expect(0);
    let (certificate, key) = (place.issued.certificate.display(), place.issued.key.display());
    world.run(&format!("edit acme --set client_cert={certificate}")).expect(2).says(&["client_key is missing"]);
    world.run(&format!("edit acme --set client_key={key}")).expect(2).says(&["client_cert is missing"]);
    let edit = format!("edit acme --set client_cert={certificate} --set client_key={key}");
    let edited = world.run(&edit).expect(0);
    assert!(!edited.stderr.contains("kept back"), "the password is not for another instance: {}", edited.stderr);
    world.run("test acme").expect(0).says(&["beth.anglin"]);
    assert_eq!(world.run("show acme --json").expect(0).json()["connection"]["client_key"], key.to_string());
    world.run("show acme").expect(0).says(&["client_cert", "client_key"]);
    let both = "edit acme --set client_identity=/x.p12 --set client_cert=/x.pem";
    world.run(both).expect(2).says(&["client_identity does not go with client_cert"]);
    world.run("edit acme --unset client_key").expect(2).says(&["client_key is missing"]);
    world.run("edit acme --unset client_cert --unset client_key").expect(0);
    assert!(!world.config().contains("client_"), "{}", world.config());
    // The same by connect, without the password.
    world.run(&place.connect(&place.issued.flags())).expect(0).says(&["beth.anglin"]);
    assert!(world.config().contains("auth = \"basic\"") && world.config().contains("client_cert"));
    let locked = place.pki.encrypted(&place.issued, "encrypted.key", &[]);
    let line = place.connect(&format!("{} {}", locked.flags(), place.passphrase_file()));
    world.run(&line).expect(0).says(&["beth.anglin"]);
    world.run("test acme").expect(0);
}

#[test]
fn half_a_pair_or_a_passphrase_without_a_certificate_is_refused() {
    let place = Place::demanding();
    let mut world = World::new();
    let half = format!("--client-cert {}", place.issued.certificate.display());
    place.basic(&mut world, &half).expect(3).says(&["--client-key FILE"]);
    place.basic(&mut world, &place.passphrase_file()).expect(2).says(&["has no certificate"]);
    let both = format!("{} --client-identity x.p12", place.issued.flags());
    place.basic(&mut world, &both).expect(2);
    assert!(world.config().is_empty() && place.sandbox.requests() == 0);
    world.write_config(format!(
        "version = 1\n[connections.acme]\ninstance = \"{}\"\nauth = \"basic\"\nusername = \"beth\"\n\
         client_cert = \"/x.pem\"\n",
        place.front.origin()
    ));
    world.run("show acme").expect(3).says(&["acme has no client_key"]);
}

#[test]
fn the_other_flags_say_what_the_certificate_goes_with() {
    let place = Place::new(FrontEnd::nginx, Verify::Optional, "TLSv1.3");
    let method = |flags: &str, secret: &str| {
        let mut world = World::new();
        let line = place.connect(&format!("{flags} {} --no-test", place.issued.flags()));
        world.stdin(secret).run(&line).expect(0);
        let config: toml::Table = world.config().parse().unwrap();
        config["connections"]["acme"]["auth"].as_str().unwrap().to_owned()
    };
    assert_eq!(method("", ""), "certificate");
    assert_eq!(method("--username beth.anglin", ""), "certificate");
    assert_eq!(method("--username beth.anglin --password-stdin", "sandbox-beth"), "basic");
    assert_eq!(method("--api-key-stdin", "a-key"), "api-key");
    assert_eq!(method("--auth token --access-token-stdin", "a-token"), "token");
}

#[test]
fn who_has_no_certificate_is_told_how_to_add_one() {
    let place = Place::demanding();
    let mut world = World::new();
    place.basic(&mut world, "--json").expect(10).says(&["--client-cert FILE and --client-key FILE"]);
    place.basic(&mut world, "--no-test").expect(0);
    world.run("test acme").expect(10).says(&["snow edit acme --set client_cert=FILE --set client_key=FILE"]);
    let place = Place::new(FrontEnd::haproxy, Verify::Required, "TLSv1.3");
    place.basic(&mut World::new(), "").expect(6).says(&["snow edit NAME --set client_cert=FILE"]);
}

#[test]
fn a_rejected_certificate_is_told_and_one_that_is_not_asked_for_only_warns() {
    let place = Place::demanding();
    place.pki.authority("stranger", None);
    let stranger = place.pki.issue("stranger-host", "stranger", Validity::Now);
    let outcome = place.basic(&mut World::new(), &format!("{} --json", stranger.flags())).expect(4);
    outcome.says(&["certificate-refused"]);
    assert!(!outcome.stdout.contains("registered for the user"), "{}", outcome.stdout);
    let place = Place::new(FrontEnd::nginx, Verify::Off, "TLSv1.3");
    let mut world = World::new();
    place.basic(&mut world, &place.issued.flags()).expect(0);
    world.run("test acme").expect(0).says(&["did not ask for the client certificate", "--unset client_cert"]);
}

#[test]
fn the_end_of_the_certificate_is_told() {
    let place = Place::demanding();
    let soon = place.pki.issue("build-host", "root", Validity::Days(20));
    let mut world = World::new();
    place.basic(&mut world, &soon.flags()).expect(0);
    world.run("test acme").expect(0).says(&["the client certificate expires in"]);
    world.run("doctor").expect(0).says(&["the client certificate of acme expires on"]);
    world.run("status --all --within 30d").expect(11).says(&["client certificate of acme expires"]);
    place.pki.issue("build-host", "root", Validity::Expired);
    let before = place.sandbox.requests();
    world.run("test acme --json").expect(4).says(&["client-cert-expired"]);
    assert_eq!(place.sandbox.requests(), before, "nothing was sent");
}

#[test]
fn curl_gets_both_and_other_programs_are_told() {
    let place = Place::demanding();
    let mut world = World::new();
    world.is_public();
    place.basic(&mut world, &place.issued.flags()).expect(0);
    let request = format!(r#"{{"uri":"{}/"}}"#, place.front.origin());
    let handed = world.stdin(&request).run("credential get").expect(0);
    handed.says(&["also needs its client certificate"]);
    let text = world.run("env acme --for curl --reveal").expect(0).stdout;
    let user = curl(&place, &text, &format!("{}/api/now/ui/user/current_user", place.front.origin()));
    assert!(user.contains("beth.anglin"), "{user}");
}

/// What curl gets with this configuration.
fn curl(place: &Place, configuration: &str, url: &str) -> String {
    let file = place.pki.path("curl.conf");
    std::fs::write(&file, configuration).unwrap();
    let arguments = ["--silent", "--show-error", "--fail", "--noproxy", "*", "--cacert"];
    let ca = place.pki.ca();
    let with = [ca.as_path(), Path::new("--config"), &file, Path::new(url)];
    let output = tool("curl").args(arguments).args(with).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn variables_describe_both_and_the_gateway_carries_them() {
    let place = Place::demanding();
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    let [certificate, key] = [&place.issued.certificate, &place.issued.key];
    command.env("SNOW_INSTANCE", place.front.origin()).env("SNOW_CLIENT_CERT_FILE", certificate);
    command.env("SNOW_USERNAME", "beth.anglin").env("SNOW_PASSWORD", "sandbox-beth");
    command.env("SNOW_CLIENT_KEY_FILE", key).env("SSL_CERT_FILE", place.pki.ca());
    let gateway = Gateway::start(command, &[]);
    let answer = gateway.ask("GET", "/api/now/ui/user/current_user").send();
    assert!(answer.body.contains("beth.anglin"), "{answer:?}");
}

#[test]
fn what_is_registered_goes_through_the_same_gateway() {
    let place = Place::demanding();
    let mut world = World::new();
    let line = place.connect(&format!("--username admin --password-stdin {}", place.issued.flags()));
    world.stdin("sandbox-admin").run(&line).expect(0);
    world.run("app create -c acme --grant client-credentials --user svc.ci --name ci --yes").expect(0);
    world.run("test ci --expect-user svc.ci").expect(0);
}
