//! The file of machines and passwords that curl, Python requests and many others read.

use zeroize::Zeroizing;

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, Tool, double_quoted};

pub static SPEC: Tool = Tool {
    name: "netrc",
    title: "netrc file, for curl and Python",
    takes: &[(Given::Password, &[])],
    key_header: None,
    clears: &["NETRC"],
    form: Form::File(content),
    tried: Some("curl 7.88.1"),
};

/// The file has no place for a port.
fn content(connection: &Connection) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "machine {}\nlogin {}\npassword {}\n",
        connection.instance.host(),
        *word(connection.user),
        *word(connection.secret())
    ))
}

/// Quoted only if it must be: older programs know no quotes.
fn word(value: &str) -> Zeroizing<String> {
    if value.chars().any(|c| c.is_whitespace() || matches!(c, '"' | '\\' | '#')) {
        double_quoted(value)
    } else {
        Zeroizing::new(value.to_owned())
    }
}
