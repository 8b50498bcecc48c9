//! Its variables go before its own connections.

use crate::auth::credential::Given;
use crate::service::tools::{Form, Tool};

pub static SPEC: Tool = Tool {
    name: "servicenow-cli",
    title: "a command line of rvben",
    takes: &[
        (
            Given::Token,
            &[("SERVICENOW_INSTANCE", "{url}"), ("SERVICENOW_AUTH_TYPE", "bearer"), ("SERVICENOW_TOKEN", "{secret}")],
        ),
        (
            Given::Password,
            &[
                ("SERVICENOW_INSTANCE", "{url}"),
                ("SERVICENOW_AUTH_TYPE", "basic"),
                ("SERVICENOW_USERNAME", "{user}"),
                ("SERVICENOW_PASSWORD", "{secret}"),
            ],
        ),
    ],
    key_header: None,
    clears: &[
        "SERVICENOW_INSTANCE",
        "SERVICENOW_AUTH_TYPE",
        "SERVICENOW_USERNAME",
        "SERVICENOW_PASSWORD",
        "SERVICENOW_TOKEN",
        "SERVICENOW_COOKIE",
        "SERVICENOW_USER_TOKEN",
        "SERVICENOW_PROFILE",
    ],
    form: Form::Shell,
    tried: Some("0.5.3, token"),
};
