//! `snow spec`: the services as JSON Schema, and connections that say which one they are of.

use serde_json::{Value, json};

use crate::world::World;

/// A connection for each way to sign in, as a person would write it.
const CONFIG: &str = r#"version = 1

[connections.person]
id = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11"
instance = "https://acme.service-now.com"
auth = "basic"
username = "beth.anglin"
tables = ["incident"]
headers = ["X-Gateway-Key"]
labels = { env = "prod" }
read_only = true

[connections.browser]
instance = "https://acme.service-now.com"
auth = "oauth"
client_id = "8f2c41d0"
pkce = false
api_version = "v2"

[connections.machine]
instance = "https://acme.service-now.com"
auth = "client-credentials"
client_id = "8f2c41d0"

[connections.helper]
instance = "https://acme.service-now.com"
auth = "token"
access_token_command = ["helper", "--quiet"]

[connections.mutual]
instance = "https://acme.service-now.com"
auth = "certificate"
client_identity = "/etc/acme.p12"
"#;

fn schema_of(world: &mut World, service: &str) -> Value {
    let document = world.run(&format!("spec {service} --json")).expect(0).json();
    assert_eq!(document["specs"][0]["name"], service);
    document["specs"][0]["schema"].clone()
}

#[test]
fn a_connection_that_was_saved_fits_the_schema_of_its_service() {
    let mut world = World::new();
    world.write_config(CONFIG);
    // Every entry gets its id, as a save leaves it.
    world.run("edit machine --set description=machine").expect(0);
    let schema = schema_of(&mut world, "servicenow");
    let saved: Value = toml::from_str(&world.config()).unwrap();
    let connections = saved["connections"].as_object().unwrap();
    assert_eq!(connections.len(), 5);
    for (name, entry) in connections {
        jsonschema::validate(&schema, entry).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn what_is_no_connection_does_not_fit_the_schema() {
    let mut world = World::new();
    let schema = schema_of(&mut world, "servicenow");
    let fits = |entry: &Value| jsonschema::is_valid(&schema, entry);
    let good = json!({
        "instance": "https://acme.service-now.com", "auth": "basic", "username": "beth", "secrets": {"password": "x"},
    });
    assert!(fits(&good));
    for (key, value) in [
        ("auth", json!("carrier-pigeon")),
        ("username", Value::Null),
        ("usernmae", json!("beth")),
        ("instance", Value::Null),
        ("pkce", json!(true)),
        ("state", json!("paused")),
        ("secrets", json!({})),
        ("secrets", json!({"client-secret": "x"})),
    ] {
        let mut bad = good.clone();
        if value.is_null() {
            bad.as_object_mut().unwrap().remove(key);
        } else {
            bad[key] = value;
        }
        assert!(!fits(&bad), "{bad}");
    }
}

#[test]
fn a_service_that_is_not_known_is_named_with_those_that_are() {
    let mut world = World::new();
    for command in ["spec carrier-pigeon", "connect acme --spec carrier-pigeon"] {
        world.run(command).expect(2).says(&["this is not a known service: use servicenow"]);
    }
    world.write_config(
        "version = 1\n[connections.acme]\nspec = \"carrier-pigeon\"\ninstance = \"acme\"\nauth = \"basic\"\n\
         username = \"beth\"\n",
    );
    world.run("show acme").expect(3).says(&["config.toml:3: this is not a known service: use servicenow"]);
    let text = world.run("spec").expect(0).stdout;
    assert!(text.contains("servicenow") && text.contains("client-credentials"), "{text}");
}

#[test]
fn a_connection_says_which_service_it_is_of() {
    let mut world = World::new();
    world.write_config(CONFIG);
    for command in ["list", "show person"] {
        let document = world.run(&format!("{command} --json")).expect(0).json();
        let connection = if command == "list" { &document["connections"][0] } else { &document["connection"] };
        assert_eq!(connection["spec"], "servicenow", "{command}");
    }
    let kept = world.config();
    assert!(!kept.contains("spec ="), "the service of a connection that names none: {kept}");
}
