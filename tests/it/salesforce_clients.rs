//! Clients for Salesforce that others wrote, with a connection of `snow`.

use std::process::Command;

use snow_connect::sandbox::salesforce::SalesforceSandbox;

use crate::borrowers::borrowers;
use crate::clients::python;
use crate::world::authorization_server;
use crate::world::gateway::Gateway;
use crate::world::process::{finish, program, snow};
use crate::world::salesforce::org;

/// `snow` with the variables of a client of the org that signs in for itself.
fn described(org: &SalesforceSandbox, home: &std::path::Path) -> Command {
    let mut command = snow(home);
    command.env("SNOW_SPEC", "salesforce-service-cloud").env("SNOW_INSTANCE", org.origin());
    command.env("SNOW_CLIENT_ID", "sandbox-ci").env("SNOW_CLIENT_SECRET", "sandbox-ci-secret");
    command
}

#[test]
fn jsforce_takes_a_connection_by_its_own_code_and_the_variables_of_exec() {
    let (org, home) = (org(None), tempfile::tempdir().unwrap());
    let mut env = described(&org, home.path());
    env.args(["env", "--for", "jsforce"]);
    let code = finish(env, b"").expect(0).stdout;
    assert!(!code.contains("sandbox-ci"), "{code}");
    let packages = borrowers().join("node_modules");
    let script = format!(
        "module.paths.push({:?});\n{code}\nconnection.query('SELECT Id FROM Case LIMIT 3')\
         .then((answer) => console.log(`${{answer.records.length}} cases`));",
        packages.display().to_string()
    );
    let mut exec = described(&org, home.path());
    exec.args(["exec", "--for", "jsforce", "--"]).arg(authorization_server::place().join("node")).args(["-e", &script]);
    finish(exec, b"").expect(0).says(&["3 cases"]);
}

#[test]
fn a_program_of_exec_that_reads_the_variables_of_snow_knows_the_service() {
    let (org, home) = (org(None), tempfile::tempdir().unwrap());
    let mut exec = described(&org, home.path());
    exec.args(["exec", "--"]).arg(program()).args(["api", "limits", "-v"]);
    assert!(finish(exec, b"").expect(0).json()["DailyApiRequests"].is_object());
}

#[test]
fn simple_salesforce_goes_through_the_gateway_with_a_local_password_alone() {
    let (org, home) = (org(None), tempfile::tempdir().unwrap());
    let gateway = Gateway::start(described(&org, home.path()), &["--tls"]);
    let script = "import sys\n\
                  from simple_salesforce import Salesforce\n\
                  sf = Salesforce(instance_url=sys.argv[1], session_id=sys.argv[2], version='64.0')\n\
                  print(len(sf.query('SELECT Id FROM Case LIMIT 3')['records']), 'cases')\n\
                  print('writes' if sf.Case.create({'Subject': 'x'}) else '')\n";
    let mut client = python();
    client.args(["-B", "-c", script, gateway.url(), gateway.password()]);
    client.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin");
    client.env("REQUESTS_CA_BUNDLE", gateway.document["ca_cert"].as_str().unwrap());
    let outcome = finish(client, b"");
    outcome.says(&["3 cases"]);
    assert_ne!(outcome.code, 0, "the gateway only reads: {outcome:?}");
    assert!(!outcome.stdout.contains("writes"), "{outcome:?}");
}

#[test]
fn the_gateway_serves_the_api_and_neither_tokens_nor_sessions() {
    let (org, home) = (org(None), tempfile::tempdir().unwrap());
    let gateway = Gateway::start(described(&org, home.path()), &[]);
    gateway.ask("GET", "/services/data/v64.0/limits").send().expect(200);
    for path in ["/services/oauth2/token", "/services/Soap/u/64.0", "/secur/frontdoor.jsp?sid=x", "/id/00D/005"] {
        let before = org.requests();
        gateway.ask("GET", path).send().expect(403);
        assert_eq!(org.requests(), before, "{path}");
    }
    gateway.ask("POST", "/services/data/v64.0/sobjects/Case").send().expect(405);
}

#[test]
fn the_story_of_the_demo_is_told_at_salesforce_too() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = snow(home.path());
    demo.args(["demo", "--service", "salesforce-service-cloud", "--json"]);
    let document = finish(demo, b"").expect(0).json();
    let codes: Vec<_> =
        document["steps"].as_array().unwrap().iter().map(|step| step["exit_code"].as_u64().unwrap()).collect();
    assert_eq!(codes, [0, 0, 0, 0, 5, 8, 7, 0, 0, 0, 4, 0, 0]);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left");
}
