//! The command line of Salesforce. It takes an access token from a variable once, with
//! `sf org login access-token`, and then keeps it.

use crate::auth::credential::Given;
use crate::service::tools::{Form, Tool};

pub static SPEC: Tool = Tool {
    name: "sf",
    title: "Salesforce CLI, for sf org login access-token --no-prompt",
    takes: &[(Given::Token, &[("SF_ACCESS_TOKEN", "{secret}"), ("SF_ORG_INSTANCE_URL", "{url}")])],
    key_header: None,
    clears: &["SF_ACCESS_TOKEN", "SF_ORG_INSTANCE_URL", "SFDX_INSTANCE_URL", "SFDX_ACCESS_TOKEN"],
    form: Form::Shell,
    tried: None,
};
