//! Signing in with a client certificate, through front ends that demand one.

use serde_json::{Value, json};
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::gateway::Gateway;
use crate::world::mutual::{Demands, FrontEnd, Issued, PASSPHRASE, Pki, Validity, Verify};
use crate::world::process::{snow, tool};
use crate::world::wire::{Wire, http};
use crate::world::{Answer, Outcome, World};

const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

/// Starts a front end.
type Start = fn(&Pki, &Demands<'_>, &str) -> FrontEnd;

const BOTH: [Start; 2] = [FrontEnd::nginx, FrontEnd::haproxy];

fn sandbox() -> Sandbox {
    Sandbox::open(SandboxOptions::default()).unwrap()
}

/// A front end that wants a certificate below `root`.
fn demanding<'a>(verify: Verify, version: &'a str, ca: &'a std::path::Path) -> Demands<'a> {
    Demands { verify, version, ca, revoked: None, key: None }
}

fn connect(world: &mut World, pki: &Pki, front: &FrontEnd, issued: &Issued) -> Outcome {
    let (origin, ca) = (front.origin(), pki.ca());
    world.run(&format!("connect {origin} --name acme --ca-cert {} {} --json", ca.display(), issued.flags()))
}

/// The code of the failure, however far `connect` came.
fn code(outcome: &Outcome) -> String {
    let document = outcome.json();
    let code = if document["error"].is_object() { &document["error"]["code"] } else { &document["test"]["code"] };
    code.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_certificate_signs_in_wherever_one_is_asked_for() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let (issued, ca) = (pki.issue("beth.anglin", "root", Validity::Now), pki.ca());
    for start in BOTH {
        for version in VERSIONS {
            for verify in [Verify::Optional, Verify::Required] {
                let front = start(&pki, &demanding(verify, version, &ca), &sandbox.origin());
                let mut world = World::new();
                connect(&mut world, &pki, &front, &issued).expect(0);
                let config = world.config();
                let certificate = format!("client_cert = \"{}\"", issued.certificate.display());
                assert!(config.contains("auth = \"certificate\"") && config.contains(&certificate), "{config}");
                assert!(config.contains("username = \"beth.anglin\""), "{version} {verify:?} {config}");
                world.run("test").expect(0).says(&["beth.anglin"]);
                world.run("api table/incident?sysparm_limit=1").expect(0).says(&["result"]);
                world.run("login acme").expect(0);
            }
        }
    }
}

#[test]
fn no_header_carries_a_credential() {
    let server = Wire::replies(|head| match head {
        _ if head.contains("current_user") => http(200, "", r#"{"result":{"user_name":"beth"}}"#),
        _ => http(200, "", r#"{"result":[{"sys_id":"1"}]}"#),
    });
    let pki = Pki::new();
    let (issued, ca) = (pki.issue("beth", "root", Validity::Now), pki.ca());
    let front = FrontEnd::nginx(&pki, &demanding(Verify::Required, "TLSv1.3", &ca), &server.origin());
    let mut world = World::new();
    connect(&mut world, &pki, &front, &issued).expect(0);
    assert!(server.requests() >= 2);
    for head in server.heads() {
        let lower = head.to_lowercase();
        assert!(lower.contains("x-ssl-client-dn: cn=beth") && !lower.contains("authorization:"), "{head}");
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_by_page_or_alert() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    pki.authority("stranger", None);
    let (issued, ca) = (pki.issue("beth.anglin", "stranger", Validity::Now), pki.ca());
    for start in BOTH {
        for version in VERSIONS {
            let front = start(&pki, &demanding(Verify::Required, version, &ca), &sandbox.origin());
            let mut world = World::new();
            let outcome = connect(&mut world, &pki, &front, &issued).expect(4);
            assert_eq!(code(&outcome), "certificate-refused", "{version}: {}", outcome.stdout);
            assert!(world.config().is_empty(), "nothing is saved: {}", world.config());
        }
    }
    assert_eq!(sandbox.requests(), 0);
}

#[test]
fn a_revoked_certificate_is_refused() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let (issued, ca) = (pki.issue("beth.anglin", "root", Validity::Now), pki.ca());
    let list = pki.revoke(&issued, "root");
    for start in BOTH {
        for version in VERSIONS {
            let demands = Demands { revoked: Some(&list), ..demanding(Verify::Required, version, &ca) };
            let front = start(&pki, &demands, &sandbox.origin());
            let outcome = connect(&mut World::new(), &pki, &front, &issued).expect(4);
            assert_eq!(code(&outcome), "certificate-refused", "{version}: {}", outcome.stdout);
        }
    }
}

#[test]
fn a_server_that_asks_for_no_certificate_is_told_from_one_that_knows_no_user() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let ca = pki.ca();
    let (known, unknown) =
        (pki.issue("beth.anglin", "root", Validity::Now), pki.issue("zoe.unknown", "root", Validity::Now));
    for start in BOTH {
        for version in VERSIONS {
            let front = start(&pki, &demanding(Verify::Off, version, &ca), &sandbox.origin());
            let outcome = connect(&mut World::new(), &pki, &front, &known).expect(4);
            assert_eq!(code(&outcome), "certificate-not-asked-for", "{version}: {}", outcome.stdout);
            let front = start(&pki, &demanding(Verify::Optional, version, &ca), &sandbox.origin());
            let outcome = connect(&mut World::new(), &pki, &front, &unknown).expect(4);
            assert_eq!(code(&outcome), "certificate-refused", "{version}: {}", outcome.stdout);
            outcome.says(&["no-user"]);
        }
    }
}

#[test]
fn a_front_end_that_requires_a_certificate_says_so_to_who_has_none() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let ca = pki.ca();
    for version in VERSIONS {
        let front = FrontEnd::nginx(&pki, &demanding(Verify::Required, version, &ca), &sandbox.origin());
        let mut world = World::new();
        let line = format!(
            "connect {} --username beth.anglin --password-stdin --ca-cert {} --json",
            front.origin(),
            ca.display()
        );
        let outcome = world.stdin("sandbox-beth").run(&line).expect(10);
        assert_eq!(code(&outcome), "unexpected-answer", "{}", outcome.stdout);
        outcome.says(&["snow sent no client certificate", "snow guide certificate"]);
    }
    let front = FrontEnd::haproxy(&pki, &demanding(Verify::Required, "TLSv1.3", &ca), &sandbox.origin());
    let mut world = World::new();
    let line = format!("connect {} --username beth --password-stdin --ca-cert {} --json", front.origin(), ca.display());
    let outcome = world.stdin("x").run(&line).expect(6);
    assert_eq!(code(&outcome), "tls-failure", "{}", outcome.stdout);
    outcome.says(&["--client-cert FILE"]);
}

#[test]
fn curl_comes_through_with_the_same_files_and_where_it_does_not_neither_do_we() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    pki.authority("stranger", None);
    let ca = pki.ca();
    let clients = [pki.issue("beth.anglin", "root", Validity::Now), pki.issue("svc.ci", "stranger", Validity::Now)];
    for start in BOTH {
        for version in VERSIONS {
            let front = start(&pki, &demanding(Verify::Required, version, &ca), &sandbox.origin());
            for issued in &clients {
                let url = format!("{}/api/now/table/incident?sysparm_limit=1", front.origin());
                let output = tool("curl")
                    .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--cacert"])
                    .arg(&ca)
                    .arg("--cert")
                    .arg(&issued.certificate)
                    .arg("--key")
                    .arg(&issued.key)
                    .arg(&url)
                    .output()
                    .unwrap();
                let ours = connect(&mut World::new(), &pki, &front, issued);
                let theirs = String::from_utf8_lossy(&output.stderr);
                assert_eq!(ours.code == 0, output.status.success(), "{version}: {theirs} {}", ours.stdout);
            }
        }
    }
}

#[test]
fn curl_takes_the_paths_from_snow_env() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let (issued, ca) = (pki.issue("beth.anglin", "root", Validity::Now), pki.ca());
    let front = FrontEnd::nginx(&pki, &demanding(Verify::Required, "TLSv1.3", &ca), &sandbox.origin());
    let mut world = World::new();
    connect(&mut world, &pki, &front, &issued).expect(0);
    let file = world.home().join("curl.conf");
    std::fs::write(&file, world.run("env acme --for curl").expect(0).stdout).unwrap();
    let output = tool("curl")
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--cacert"])
        .arg(&ca)
        .arg("--config")
        .arg(&file)
        .arg(format!("{}/api/now/ui/user/current_user", front.origin()))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("beth.anglin"), "{output:?}");
}

#[test]
fn what_cannot_be_handed_on_is_refused_with_the_way_out() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let (issued, ca) = (pki.issue("beth.anglin", "root", Validity::Now), pki.ca());
    let front = FrontEnd::nginx(&pki, &demanding(Verify::Required, "TLSv1.3", &ca), &sandbox.origin());
    let mut world = World::new();
    connect(&mut world, &pki, &front, &issued).expect(0);
    for line in ["token acme", "token acme --format header", "exec acme -- true"] {
        world.run(line).expect(2).says(&["cannot be handed on", "snow proxy acme"]);
    }
    let request = format!(r#"{{"uri":"{}/"}}"#, front.origin());
    world.stdin(&request).run("credential get").expect(2).says(&["cannot be handed on"]);
    world.run("env acme --for ansible").expect(2).says(&["a client certificate", "snow proxy acme"]);
    world.run("refresh acme").expect(2).says(&["a client certificate"]);
    world.run("logout acme --yes").expect(0);
}

#[test]
fn variables_alone_describe_a_certificate() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let (issued, ca) = (pki.issue("svc.ci", "root", Validity::Now), pki.ca());
    let front = FrontEnd::haproxy(&pki, &demanding(Verify::Required, "TLSv1.3", &ca), &sandbox.origin());
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &front.origin()).set("SNOW_CLIENT_CERT_FILE", issued.certificate.to_str().unwrap());
    let test = format!("test --ca-cert {}", ca.display());
    world.run(&test).expect(3).says(&["SNOW_CLIENT_KEY_FILE is not set"]);
    world.set("SNOW_CLIENT_KEY_FILE", issued.key.to_str().unwrap());
    world.run(&test).expect(0).says(&["svc.ci"]);
    world.set("SNOW_AUTH", "certificate");
    let report = world.run(&format!("{test} --json")).expect(0).json()["connections"][0].clone();
    assert_eq!(report["auth"], "certificate", "{report}");
}

#[test]
fn a_program_without_a_certificate_comes_through_by_the_gateway() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let (issued, ca) = (pki.issue("beth.anglin", "root", Validity::Now), pki.ca());
    let front = FrontEnd::nginx(&pki, &demanding(Verify::Required, "TLSv1.3", &ca), &sandbox.origin());
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command.env("SNOW_INSTANCE", front.origin()).env("SNOW_CLIENT_CERT_FILE", &issued.certificate);
    command.env("SNOW_CLIENT_KEY_FILE", &issued.key).env("SSL_CERT_FILE", &ca);
    let gateway = Gateway::start(command, &[]);
    let answer = gateway.ask("GET", "/api/now/ui/user/current_user").send();
    assert!(answer.body.contains("beth.anglin"), "{answer:?}");
}

#[test]
fn a_proxy_that_asks_for_a_certificate_gets_none() {
    let proxy = Wire::answers(http(403, "", ""));
    let pki = Pki::new();
    let (issued, ca) = (pki.issue("beth.anglin", "root", Validity::Now), pki.ca());
    let front = FrontEnd::haproxy(&pki, &demanding(Verify::Optional, "TLSv1.3", &ca), &proxy.origin());
    let mut world = World::new();
    world.set("SNOW_INSTANCE", "https://acme.service-now.com");
    world.set("SNOW_CLIENT_CERT_FILE", issued.certificate.to_str().unwrap());
    world.set("SNOW_CLIENT_KEY_FILE", issued.key.to_str().unwrap());
    world.run(&format!("test --proxy {} --ca-cert {} --json", front.origin(), ca.display())).expect(6);
    let heads = proxy.heads();
    assert!(heads.iter().any(|head| head.starts_with("CONNECT acme.service-now.com:443")), "{heads:?}");
    assert!(heads.iter().all(|head| !head.to_lowercase().contains("x-ssl-client-dn")), "{heads:?}");
}

#[test]
fn the_end_of_a_certificate_is_told_by_test_status_and_doctor() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let ca = pki.ca();
    let front = FrontEnd::nginx(&pki, &demanding(Verify::Required, "TLSv1.3", &ca), &sandbox.origin());
    let mut world = World::new();
    let long = pki.issue("svc.ci", "root", Validity::Now);
    connect(&mut world, &pki, &front, &long).expect(0);
    let is_own = |check: &Value| check["id"] == "quality.certificate" && check["target"] == "client";
    let checks = |world: &mut World| world.run("test acme --json").expect(0).json()["connections"][0]["checks"].clone();
    assert!(!checks(&mut world).as_array().unwrap().iter().any(is_own));
    world.run("doctor").expect(0).says(&["the client certificate of acme is good until"]);

    let soon = pki.issue("svc.ci", "root", Validity::Days(20));
    let checks = checks(&mut world);
    let warned = checks.as_array().unwrap().iter().find(|check| is_own(check)).unwrap();
    assert_eq!((&warned["status"], &warned["error"]["code"]), (&json!("warn"), &json!("certificate-ends")), "{warned}");
    world.run("doctor").expect(0).says(&["the client certificate of acme expires on"]);
    let ends = world.run("status --all --json").expect(0).json()["ends"].clone();
    assert!(ends.as_array().unwrap().iter().any(|end| end["what"] == "client-certificate"), "{ends}");
    world.run("status --all --within 30d").expect(11).says(&["client certificate of acme expires", "snow guide"]);
    std::fs::set_permissions(&soon.key, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    world.run("doctor").expect(3).says(&["chmod 600"]);
    world.run("test acme --json").expect(3).says(&["client-cert-invalid"]);
}

#[test]
fn a_person_is_asked_for_the_files() {
    let (pki, sandbox) = (Pki::new(), sandbox());
    let (issued, ca) = (pki.issue("beth.anglin", "root", Validity::Now), pki.ca());
    let front = FrontEnd::nginx(&pki, &demanding(Verify::Required, "TLSv1.3", &ca), &sandbox.origin());
    let text = |path: &std::path::Path| Answer::Text(path.to_str().unwrap().to_owned().leak());
    let mut world = World::new();
    world.person([text(&issued.certificate), text(&issued.key)]);
    let line = format!("connect {} --name acme --auth certificate --ca-cert {}", front.origin(), ca.display());
    world.run(&line).expect(0).says(&["beth.anglin"]);
    let identity = pki.pkcs12(&issued, "beth.p12", PASSPHRASE, &[]);
    let mut world = World::new();
    world.person([text(&identity), Answer::Secret(PASSPHRASE)]);
    world.run(&line).expect(0).says(&["beth.anglin"]);
}

#[test]
fn a_front_end_that_demands_a_key_gets_it_with_whatever_signs_in() {
    const VALUE: &str = "CANARY-gateway-key";
    let (pki, sandbox) = (Pki::new(), sandbox());
    let (issued, ca) = (pki.issue("beth.anglin", "root", Validity::Now), pki.ca());
    // Not in a home, which is searched for secrets.
    std::fs::write(pki.path("value"), VALUE).unwrap();
    let value = pki.path("value");
    let flags = format!("--ca-cert {} --header-file X-Gateway-Key={}", ca.display(), value.display());
    for start in BOTH {
        let demands = Demands { key: Some(VALUE), ..demanding(Verify::Optional, "TLSv1.3", &ca) };
        let front = start(&pki, &demands, &sandbox.origin());
        let origin = front.origin();
        let mut world = World::new();
        world.guard(VALUE);
        let line = format!("connect {origin} --name acme --ca-cert {} {} --json", ca.display(), issued.flags());
        assert_eq!(code(&world.run(&line).expect(4)), "gateway-refused");
        world.run(&format!("connect {origin} --name acme {} {flags}", issued.flags())).expect(0).says(&["beth.anglin"]);
        world.run("test acme").expect(0);
        let line = format!("connect {origin} --name root --username admin --password-stdin {flags}");
        world.stdin("sandbox-admin").run(&line).expect(0);
        // What it registers goes through the same front end.
        let name = format!("ci-{}", origin.rsplit(':').next().unwrap());
        let line = format!("app create -c root --grant client-credentials --user svc.ci --name {name} --yes");
        world.run(&line).expect(0);
        world.run(&format!("test {name} --expect-user svc.ci")).expect(0);
    }
}
