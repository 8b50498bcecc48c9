//! A session file. HTTPie writes what the instance sets into it, unless it is told to
//! read alone.

use serde_json::json;
use zeroize::Zeroizing;

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, Tool};

pub static SPEC: Tool = Tool {
    name: "httpie",
    title: "a file for --session-read-only",
    takes: &[(Given::Token, &[]), (Given::Password, &[]), (Given::Key, &[])],
    key_header: None,
    clears: &["HTTPIE_CONFIG_DIR"],
    form: Form::File(content),
    tried: Some("3.2.4, token"),
};

fn content(connection: &Connection) -> Zeroizing<String> {
    let (auth, headers) = match connection.given {
        Given::Token => (json!({"type": "bearer", "raw_auth": connection.secret()}), json!([])),
        Given::Password => {
            let pair = Zeroizing::new(format!("{}:{}", connection.user, connection.secret()));
            (json!({"type": "basic", "raw_auth": *pair}), json!([]))
        }
        Given::Certificate => unreachable!("it takes none"),
        Given::Key => (
            json!({"type": null, "raw_auth": null}),
            json!([{"name": connection.key_header, "value": connection.secret()}]),
        ),
    };
    let about = json!({"about": "HTTPie session file", "httpie": "3.2.4"});
    let document = json!({"__meta__": about, "auth": auth, "cookies": [], "headers": headers});
    Zeroizing::new(format!("{document:#}\n"))
}
