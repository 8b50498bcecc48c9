//! Lines for `curl --config`: the secret is in no argument.

use std::path::Path;

use zeroize::Zeroizing;

use crate::auth::certificate::files::Files;
use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, Tool, double_quoted};

pub static SPEC: Tool = Tool {
    name: "curl",
    title: "a file for --config",
    takes: &[(Given::Token, &[]), (Given::Password, &[]), (Given::Key, &[]), (Given::Certificate, &[])],
    key_header: None,
    clears: &[],
    form: Form::File(content),
    tried: Some("7.88.1, token, password and certificate"),
};

fn content(connection: &Connection) -> Zeroizing<String> {
    let (option, value) = match connection.given {
        Given::Token => ("header", format!("Authorization: {}", *connection.bearer())),
        Given::Password => ("user", format!("{}:{}", connection.user, connection.secret())),
        Given::Key => ("header", format!("{}: {}", connection.key_header, connection.secret())),
        Given::Certificate => return certificate(connection),
    };
    let header = Zeroizing::new(format!("{option} = {}\n", *double_quoted(&Zeroizing::new(value))));
    Zeroizing::new([header.as_str(), &certificate(connection)].concat())
}

/// The paths of the files, if there is a certificate. curl asks for a passphrase itself.
fn certificate(connection: &Connection) -> Zeroizing<String> {
    let line = |option: &str, path: &Path| format!("{option} = {}\n", *double_quoted(&path.to_string_lossy()));
    Zeroizing::new(match &connection.certificate {
        Some(Files::Pem { certificate, key }) => line("cert", certificate) + &line("key", key),
        Some(Files::Pkcs12(identity)) => line("cert", identity) + "cert-type = \"P12\"\n",
        None => String::new(),
    })
}
