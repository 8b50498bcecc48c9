//! The addresses of Salesforce that people have, and where a connection to each leads.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use snow_connect::sandbox::salesforce::fault::SignIn;

use crate::world::salesforce::Org;
use crate::world::wire::{Wire, http};
use crate::world::{Answer, PASSWORD, World};

/// The words of a connection by the other name of this machine: a host that signs in users
/// of the org, and is another than that of its API.
fn at_login_host(here: &Org, sign_in: SignIn) -> String {
    let line = here.connect_line(sign_in).replace(" --name acme", "");
    line.replacen(&here.org.origin(), &login_host(here), 1)
}

fn login_host(here: &Org) -> String {
    here.org.origin().replace("127.0.0.1", "localhost")
}

#[test]
fn a_connection_made_at_a_login_host_is_to_the_org_that_the_answer_names() {
    for &sign_in in SignIn::ALL {
        let mut here = Org::new();
        let name = here.org.origin().trim_start_matches("http://").replace(['.', ':'], "-");
        let line = at_login_host(&here, sign_in);
        here.connect(sign_in, "--no-test").expect(0);
        here.world.run("remove acme --yes").expect(0);
        let made = here.world.run(&line).expect(0);
        made.says(&["Signed in to", &here.org.origin(), &format!("{name}: connected")]);
        let shown = here.world.run(&format!("show {name} --json")).expect(0).json()["connection"].clone();
        assert_eq!(shown["instance"], here.org.origin(), "{}", sign_in.as_str());
        let endpoint = shown["token_url"].as_str().unwrap_or_default().to_owned();
        assert!(endpoint.starts_with(&format!("{}/services/", login_host(&here))), "{shown}");
        // The same again is the same connection.
        here.world.run(&line).expect(0);
        let listed = here.world.run("list --json").expect(0).json();
        assert_eq!(listed["connections"].as_array().unwrap().len(), 1, "{listed}");
        here.org.revoke_all();
        let login = line.split(" --").filter(|flag| flag.contains("-file "));
        let login: String = login.map(|flag| format!(" --{flag}")).collect();
        here.world.run(&format!("login {name}{login}")).expect(0);
        here.world.run(&format!("test {name}")).expect(0);
        let after = here.world.run(&format!("show {name} --json")).expect(0).json()["connection"].clone();
        assert_eq!((&after["instance"], &after["token_url"]), (&shown["instance"], &json!(endpoint)));
    }
}

#[test]
fn a_signed_assertion_is_for_the_host_of_its_token_endpoint_and_for_three_minutes() {
    let mut here = Org::new();
    here.connect(SignIn::JwtBearer, "").expect(0);
    let shown = here.world.run("show acme").expect(0);
    shown.says(&[&format!("audience {} (default)", here.org.origin()), "token_lifetime 3m (default)"]);
    assert!(!shown.stdout.contains("key_id"), "{}", shown.stdout);
}

#[test]
fn a_setting_that_is_empty_has_a_line_that_says_so() {
    let mut here = Org::new();
    here.connect(SignIn::ClientCredentials, "").expect(0);
    here.world.run("show acme").expect(0).says(&["scope (empty)"]);
}

#[test]
fn clients_that_sign_in_for_themselves_are_told_to_use_a_my_domain_before_anything_is_sent() {
    let mut world = World::new();
    let key = world.home().join("absent.pem");
    let jwt = format!("--auth jwt-bearer --client-id c --subject jo@acme.example --private-key {}", key.display());
    for host in ["login.salesforce.com", "https://test.salesforce.com/?un=jo"] {
        for way in ["--auth client-credentials --client-id c --client-secret-stdin", &jwt] {
            let outcome = world.stdin("CANARY-secret").run(&format!("connect {host} --name x {way}")).expect(2);
            outcome.says(&["does not work at", "Use the My Domain, NAME.my.salesforce.com"]);
        }
    }
}

#[test]
fn a_host_that_is_not_one_of_salesforce_is_asked_about() {
    let mut world = World::new();
    let line = "connect https://crm.acme.invalid --spec salesforce-service-cloud --name crm --username jo@acme.example \
                --password-stdin";
    world.stdin("CANARY-secret").run(line).expect(3).says(&["crm.acme.invalid, which is not a host of Salesforce"]);
    // With a yes it is asked, and is not there.
    world.stdin("CANARY-secret").run(&format!("{line} --yes")).expect(6).says(&["could not resolve crm.acme.invalid"]);
    let asked = world.person([Answer::Confirm(false)]).run(&line.replace(" --password-stdin", ""));
    assert_ne!(asked.code, 0);
    assert!(world.questions.lock().unwrap().last().unwrap().contains("crm.acme.invalid"));
}

#[test]
fn the_address_that_a_browser_shows_becomes_that_of_the_api_and_the_note_says_so() {
    let mut world = World::new();
    let url = "https://acme--dev.sandbox.lightning.force.com/lightning/page/home";
    let made = world.stdin("CANARY-token").run(&format!("connect {url} --auth token --access-token-stdin --no-test"));
    made.expect(0).says(&["is for browsers; the API is at acme--dev.sandbox.my.salesforce.com"]);
    let listed = world.run("list --json").expect(0).json();
    assert_eq!(listed["connections"][0]["instance"], "https://acme--dev.sandbox.my.salesforce.com");
}

#[test]
fn rows_whose_pages_lead_in_a_circle_or_to_another_host_end_there() {
    for (next, code, said) in [
        ("/services/data/v64.0/query/01g-2000", 10, "lead in a circle"),
        ("https://evil.example/services/data/v64.0/query/01g-2000", 7, "is not at 127.0.0.1"),
    ] {
        let pages = AtomicUsize::new(0);
        let wire = Wire::replies(move |_| {
            let page = pages.fetch_add(1, Ordering::Relaxed);
            let row = json!({ "attributes": { "type": "Case" }, "Id": format!("500{page:015}") });
            let body = json!({ "totalSize": 9000, "done": false, "nextRecordsUrl": next, "records": [row] });
            http(200, "Content-Type: application/json\r\n", &body.to_string())
        });
        let mut world = World::new();
        world.set("SNOW_SPEC", "salesforce-service-cloud").set("SNOW_INSTANCE", &wire.origin());
        world.set("SNOW_ACCESS_TOKEN", PASSWORD);
        world.run("query Case --all --fields Id --order Subject").expect(code).says(&[said]);
        assert!(wire.requests() <= 3, "{}", wire.requests());
    }
}
