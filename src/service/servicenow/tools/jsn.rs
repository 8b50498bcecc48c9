//! A command line that reads variables before its own keyring.

use crate::auth::credential::Given;
use crate::service::tools::{Form, Tool};

pub static SPEC: Tool = Tool {
    name: "jsn",
    title: "a command line of jacebenson",
    takes: &[(Given::Token, &[("SERVICENOW_INSTANCE", "{url}"), ("SERVICENOW_TOKEN", "{secret}")])],
    key_header: None,
    clears: &["SERVICENOW_INSTANCE", "SERVICENOW_TOKEN", "SERVICENOW_NO_KEYRING"],
    form: Form::Shell,
    tried: None,
};
