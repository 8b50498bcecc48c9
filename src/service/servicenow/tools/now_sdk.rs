//! The SDK of ServiceNow. A session in its variables goes before its keyring and its
//! browser; a password needs the switch for CI.

use crate::auth::credential::Given;
use crate::service::tools::{Form, Tool};

pub static SPEC: Tool = Tool {
    name: "now-sdk",
    title: "the SDK of ServiceNow",
    takes: &[
        (Given::Token, &[("SN_SDK_INSTANCE_URL", "{url}"), ("SN_SDK_SESSION_BEARER_TOKEN", "{secret}")]),
        (
            Given::Password,
            &[
                ("SN_SDK_NODE_ENV", "SN_SDK_CI_INSTALL"),
                ("SN_SDK_INSTANCE_URL", "{url}"),
                ("SN_SDK_AUTH_TYPE", "basic"),
                ("SN_SDK_USER", "{user}"),
                ("SN_SDK_USER_PWD", "{secret}"),
            ],
        ),
    ],
    key_header: None,
    clears: &[
        "SN_SDK_NODE_ENV",
        "SN_SDK_INSTANCE_URL",
        "SN_SDK_AUTH_TYPE",
        "SN_SDK_USER",
        "SN_SDK_USER_PWD",
        "SN_SDK_OAUTH_CLIENT_ID",
        "SN_SDK_OAUTH_CLIENT_SECRET",
        "SN_SDK_SESSION_BEARER_TOKEN",
        "SN_SDK_SESSION_TOKEN",
        "SN_SDK_SESSION_COOKIE",
    ],
    form: Form::Shell,
    tried: Some("4.9.0, token"),
};
