//! A Python library over requests.

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, PLAIN, Tool};

pub static SPEC: Tool = Tool {
    name: "pysnow",
    title: "a Python library",
    takes: PLAIN,
    key_header: None,
    clears: &["NETRC"],
    form: Form::Code(code),
    tried: Some("0.7.17, token"),
};

fn code(connection: &Connection) -> String {
    let host = connection.instance.host_and_port();
    let tls = if connection.instance.origin().starts_with("https:") { "" } else { ", use_ssl=False" };
    match connection.given {
        Given::Password => format!(
            "import os, pysnow\n\
             client = pysnow.Client(host=\"{host}\", user=os.environ[\"SNOW_USERNAME\"],\n\
             \x20                      password=os.environ[\"SNOW_PASSWORD\"]{tls})\n"
        ),
        _ => {
            format!("{}client = pysnow.Client(host=\"{host}\", session=session{tls})\n", session(connection, "pysnow"))
        }
    }
}

/// A session of requests with the header. It has an `auth`, because requests would else
/// replace the header by an entry of `~/.netrc`.
pub fn session(connection: &Connection, package: &str) -> String {
    let (header, value) = match connection.given {
        Given::Key => (connection.key_header, "os.environ[\"SNOW_API_KEY\"]"),
        _ => ("Authorization", "\"Bearer \" + os.environ[\"SNOW_ACCESS_TOKEN\"]"),
    };
    format!(
        "import os, requests, {package}\n\
         def sign(request):\n\
         \x20   request.headers[\"{header}\"] = {value}\n\
         \x20   return request\n\
         session = requests.Session()\n\
         session.auth = sign\n"
    )
}
