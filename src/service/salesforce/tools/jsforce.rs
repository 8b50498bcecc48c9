//! The JavaScript library for Salesforce.

use crate::auth::credential::Given;
use crate::service::tools::{Connection, Form, Tool};

pub static SPEC: Tool = Tool {
    name: "jsforce",
    title: "the JavaScript library for Salesforce",
    takes: &[(Given::Token, &[("SNOW_INSTANCE", "{url}"), ("SNOW_ACCESS_TOKEN", "{secret}")])],
    key_header: None,
    clears: &[],
    form: Form::Code(code),
    tried: Some("3.10.16, token"),
};

fn code(_connection: &Connection) -> String {
    "const jsforce = require(\"jsforce\");\n\
     const { SNOW_INSTANCE: instanceUrl, SNOW_ACCESS_TOKEN: accessToken } = process.env;\n\
     const connection = new jsforce.Connection({ instanceUrl, accessToken });\n"
        .to_owned()
}
