//! An environment of Postman: collections name its values, as in `{{access_token}}`.

use serde_json::json;
use zeroize::Zeroizing;

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, Tool};

pub static SPEC: Tool = Tool {
    name: "newman",
    title: "an environment, for Postman too",
    takes: &[(Given::Token, &[]), (Given::Password, &[]), (Given::Key, &[])],
    key_header: None,
    clears: &[],
    form: Form::File(content),
    tried: Some("6.2.2, token"),
};

fn content(connection: &Connection) -> Zeroizing<String> {
    let value = |key: &str, value: &str, kind: &str| json!({"key": key, "value": value, "type": kind, "enabled": true});
    let mut values = vec![value("instance", connection.instance.origin(), "default")];
    match connection.given {
        Given::Token => values.push(value("access_token", connection.secret(), "secret")),
        Given::Password => {
            values.push(value("username", connection.user, "default"));
            values.push(value("password", connection.secret(), "secret"));
        }
        Given::Certificate => unreachable!("it takes none"),
        Given::Key => {
            values.push(value("api_key_header", connection.key_header, "default"));
            values.push(value("api_key", connection.secret(), "secret"));
        }
    }
    let document = json!({"name": connection.name, "values": values, "_postman_variable_scope": "environment"});
    Zeroizing::new(format!("{document:#}\n"))
}
