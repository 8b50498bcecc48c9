//! Servers of the Model Context Protocol. They have no bearer method: a key in the header
//! `Authorization` is the way around.

use crate::auth::credential::Given;
use crate::service::tools::{Form, Tool};

pub static SPEC: Tool = Tool {
    name: "mcp",
    title: "mcp-server-servicenow and mfa-servicenow-mcp",
    takes: &[
        (
            Given::Token,
            &[
                ("SERVICENOW_INSTANCE_URL", "{url}"),
                ("SERVICENOW_AUTH_TYPE", "api_key"),
                ("SERVICENOW_API_KEY", "Bearer {secret}"),
                ("SERVICENOW_API_KEY_HEADER", "Authorization"),
            ],
        ),
        (
            Given::Password,
            &[
                ("SERVICENOW_INSTANCE_URL", "{url}"),
                ("SERVICENOW_AUTH_TYPE", "basic"),
                ("SERVICENOW_USERNAME", "{user}"),
                ("SERVICENOW_PASSWORD", "{secret}"),
            ],
        ),
        (
            Given::Key,
            &[
                ("SERVICENOW_INSTANCE_URL", "{url}"),
                ("SERVICENOW_AUTH_TYPE", "api_key"),
                ("SERVICENOW_API_KEY", "{secret}"),
                ("SERVICENOW_API_KEY_HEADER", "{header}"),
            ],
        ),
    ],
    key_header: None,
    clears: &[
        "SERVICENOW_INSTANCE_URL",
        "SERVICENOW_AUTH_TYPE",
        "SERVICENOW_USERNAME",
        "SERVICENOW_PASSWORD",
        "SERVICENOW_CLIENT_ID",
        "SERVICENOW_CLIENT_SECRET",
        "SERVICENOW_TOKEN_URL",
        "SERVICENOW_API_KEY",
        "SERVICENOW_API_KEY_HEADER",
        "SERVICENOW_INSTANCE_CONFIG",
        "SERVICENOW_ACTIVE_INSTANCE",
    ],
    form: Form::Shell,
    tried: Some("0.9.2, token"),
};
