//! `snow export`: a team file, an environment of Postman, a body for Adobe.

use serde_json::Value;

use crate::world::World;

const CONFIG: &str = r#"version = 1
default = "zeta"

[connections.zeta]
id = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11"
instance = "https://zeta.service-now.com"
auth = "oauth"
username = "beth.anglin"
client_id = "0123456789abcdef0123456789abcdef"
redirect_uri = "http://127.0.0.1:9999/back"
token_url = "https://login.zeta.example/token"
headers = ["X-Gateway-Key"]
tables = ["incident", "cmdb_ci"]
labels = { team = "it", env = "prod" }
access_token_command = ["sh", "-c", "evil"]
someone_elses = true

[connections.acme]
id = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f12"
instance = "https://acme.service-now.com"
auth = "basic"
username = "beth.anglin"
store = "file"
description = "für die Nacht…"
"#;

fn world() -> World {
    let world = World::new();
    world.write_config(CONFIG);
    world
}

#[test]
fn a_team_file_has_no_user_no_secret_and_nothing_of_one_machine() {
    let mut world = world();
    let outcome = world.run("export --all").expect(0);
    assert_eq!(
        outcome.stdout,
        "# Connections for a team, without secrets. To take them: snow import FILE\n\
         schema = \"snow-team/1\"\n\
         \n\
         [connections.acme]\n\
         instance = \"https://acme.service-now.com\"\n\
         auth = \"basic\"\n\
         description = \"für die Nacht…\"\n\
         \n\
         [connections.zeta]\n\
         instance = \"https://zeta.service-now.com\"\n\
         auth = \"oauth\"\n\
         client_id = \"0123456789abcdef0123456789abcdef\"\n\
         redirect_uri = \"http://127.0.0.1:9999/back\"\n\
         token_url = \"https://login.zeta.example/token\"\n\
         tables = [\"incident\", \"cmdb_ci\"]\n\
         labels = { env = \"prod\", team = \"it\" }\n"
    );
    outcome.says(&["a team file does not carry headers", "zeta sends X-Gateway-Key"]);
}

#[test]
fn a_team_file_says_the_service_of_a_connection_that_is_not_to_servicenow() {
    let mut world = World::new();
    world.write_config(
        "version = 1\n[connections.org]\nspec = \"salesforce-service-cloud\"\ninstance = \"acme\"\n\
         auth = \"client-credentials\"\nclient_id = \"3MVG9\"\n",
    );
    let team = world.run("export org").expect(0).stdout;
    let mut other = World::new();
    let file = other.home().join("team.toml");
    std::fs::write(&file, team).unwrap();
    other.run(&format!("import {}", file.display())).expect(0);
    let connection = &other.run("show org --json").expect(0).json()["connection"];
    assert_eq!(connection["spec"], "salesforce-service-cloud");
    assert_eq!(connection["instance"], "https://acme.my.salesforce.com");
}

#[test]
fn the_order_of_the_names_does_not_matter_and_none_means_the_selected_one() {
    let mut world = world();
    let one = world.run("export zeta acme zeta").expect(0).stdout;
    assert_eq!(one, world.run("export acme zeta").expect(0).stdout);
    let selected = world.run("export").expect(0).stdout;
    assert!(selected.contains("[connections.zeta]") && !selected.contains("acme"), "{selected}");
    assert_eq!(world.run("export -c acme").expect(0).stdout, world.run("export acme").expect(0).stdout);
    world.run("export nope").expect(3).says(&["unknown-connection"]);
    world.run("export --all acme").expect(2);
    World::new().run("export --all").expect(3).says(&["no connection is saved yet"]);
}

#[test]
fn an_environment_of_postman_has_places_for_secrets_and_no_secret() {
    let mut world = world();
    let environment = world.run("export zeta --as postman").expect(0).json();
    assert_eq!(environment["name"], "zeta");
    assert_eq!(environment["_postman_variable_scope"], "environment");
    let value = |key: &str| {
        let values = environment["values"].as_array().unwrap();
        values.iter().find(|variable| variable["key"] == key).cloned().unwrap_or(Value::Null)
    };
    assert_eq!(value("instance")["value"], "https://zeta.service-now.com");
    assert_eq!(value("token_url")["value"], "https://login.zeta.example/token");
    assert_eq!((&value("access_token")["value"], &value("access_token")["type"]), (&"".into(), &"secret".into()));
    assert_eq!((&value("client_secret")["value"], &value("client_secret")["type"]), (&"".into(), &"secret".into()));
    let environment = world.run("export acme --as postman").expect(0).stdout;
    assert!(environment.contains("\"password\"") && !environment.contains("access_token"), "{environment}");
    world.run("export --all --as postman").expect(2).says(&["one connection"]);
}

#[test]
fn a_body_for_adobe_signs_in_with_a_user_and_a_place_for_the_password() {
    let mut world = world();
    let body = world.run("export acme --as adobe").expect(0).json();
    assert_eq!(body["connectionSpec"]["id"], "eb13cb25-47ab-407f-ba89-c0125281c563");
    assert_eq!(body["auth"]["params"]["endpoint"], "https://acme.service-now.com");
    assert_eq!(body["auth"]["params"]["password"], "{{PASSWORD}}");
    world.run("export zeta --as adobe").expect(2).says(&["Adobe's source does not have", "ServiceNow takes basic"]);
}

#[test]
fn a_body_for_adobe_of_a_client_at_salesforce_has_the_version_of_the_api_that_adobe_requires() {
    let world = |auth: &str| {
        let world = World::new();
        world.write_config(format!(
            "version = 1\n[connections.org]\nspec = \"salesforce-service-cloud\"\n\
             instance = \"https://acme.my.salesforce.com\"\n{auth}"
        ));
        world
    };
    let (client, user) =
        ("auth = \"client-credentials\"\nclient_id = \"3MVG9\"\n", "auth = \"basic\"\nusername = \"beth@x.example\"\n");
    for (auth, version, exported) in [
        (client, "", Some("64.0")),
        (client, "api_version = \"60.0\"", Some("60.0")),
        (user, "", None),
        (user, "api_version = \"60.0\"", Some("60.0")),
    ] {
        let body = world(&format!("{auth}{version}")).run("export org --as adobe").expect(0).json();
        assert_eq!(body["auth"]["params"]["apiVersion"].as_str(), exported, "{body}");
    }
}
