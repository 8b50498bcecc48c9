//! The collection refuses more than one kind of credential, whichever way it comes.

use crate::auth::credential::Given;
use crate::service::tools::{Form, Tool};

pub static SPEC: Tool = Tool {
    name: "ansible",
    title: "the collection servicenow.itsm",
    takes: &[
        (Given::Token, &[("SN_HOST", "{url}"), ("SN_ACCESS_TOKEN", "{secret}")]),
        (Given::Password, &[("SN_HOST", "{url}"), ("SN_USERNAME", "{user}"), ("SN_PASSWORD", "{secret}")]),
        (Given::Key, &[("SN_HOST", "{url}"), ("SN_API_KEY", "{secret}")]),
    ],
    key_header: Some("x-sn-apikey"),
    clears: &[
        "SN_HOST",
        "SN_USERNAME",
        "SN_PASSWORD",
        "SN_GRANT_TYPE",
        "SN_CLIENT_ID",
        "SN_CLIENT_SECRET",
        "SN_SECRET_ID",
        "SN_REFRESH_TOKEN",
        "SN_ACCESS_TOKEN",
        "SN_API_KEY",
        "SN_CLIENT_CERTIFICATE_FILE",
        "SN_CLIENT_KEY_FILE",
    ],
    form: Form::Shell,
    tried: None,
};
