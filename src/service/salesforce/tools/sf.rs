//! The command line of Salesforce. It takes an access token in place of a user, with the
//! address of the org beside it, and keeps neither.

use crate::auth::credential::Given;
use crate::service::tools::{Form, Tool};

pub static SPEC: Tool = Tool {
    name: "sf",
    title: "Salesforce CLI",
    takes: &[(Given::Token, &[("SF_TARGET_ORG", "{secret}"), ("SF_ORG_INSTANCE_URL", "{url}")])],
    key_header: None,
    clears: &["SF_ACCESS_TOKEN", "SFDX_ACCESS_TOKEN", "SFDX_DEFAULTUSERNAME", "SFDX_INSTANCE_URL"],
    form: Form::Shell,
    tried: Some("2.146.3, token"),
};
