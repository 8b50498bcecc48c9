//! Lines for `curl --config`: the secret is in no argument.

use zeroize::Zeroizing;

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, Tool, double_quoted};

pub static SPEC: Tool = Tool {
    name: "curl",
    title: "a file for --config",
    takes: &[(Given::Token, &[]), (Given::Password, &[]), (Given::Key, &[])],
    key_header: None,
    clears: &[],
    form: Form::File(content),
    tried: Some("7.88.1, token and password"),
};

fn content(connection: &Connection) -> Zeroizing<String> {
    let (option, value) = match connection.given {
        Given::Token => ("header", format!("Authorization: {}", *connection.bearer())),
        Given::Password => ("user", format!("{}:{}", connection.user, connection.secret())),
        Given::Key => ("header", format!("{}: {}", connection.key_header, connection.secret())),
    };
    Zeroizing::new(format!("{option} = {}\n", *double_quoted(&Zeroizing::new(value))))
}
