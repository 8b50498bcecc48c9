//! Some of its variables have the names of ours, and other meanings.

use crate::auth::credential::Given;
use crate::service::tools::{Form, Tool};

pub static SPEC: Tool = Tool {
    name: "runspec-snow",
    title: "a runner from PyPI",
    takes: &[
        (Given::Token, &[("SNOW_BASE_URL", "{url}"), ("SNOW_TOKEN", "{secret}")]),
        (Given::Password, &[("SNOW_BASE_URL", "{url}"), ("SNOW_USER", "{user}"), ("SNOW_PASSWORD", "{secret}")]),
    ],
    key_header: None,
    clears: &["SNOW_BASE_URL", "SNOW_INSTANCE", "SNOW_TOKEN", "SNOW_USER", "SNOW_PASSWORD", "SNOW_ENV"],
    form: Form::Shell,
    tried: None,
};
