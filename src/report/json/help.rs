//! What snow says of itself: `snow explain`, `guide`, `version` and `help schemas`.

use serde::Serialize;

use crate::base::code::{Class, Code};
use crate::base::schemas;

/// An error code: `snow explain CODE`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Explain {
    pub schema: schemas::Explain,
    #[serde(flatten)]
    pub explanation: Explanation,
}

/// Every error code: `snow explain`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExplainList {
    pub schema: schemas::ExplainList,
    /// By exit code.
    pub codes: Vec<Explanation>,
}

/// What there is to say about an error code.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Explanation {
    pub code: Code,
    pub class: Class,
    /// The exit code of the class.
    pub exit_code: u8,
    /// Whether the same command may work later with nothing changed.
    pub retryable: bool,
    /// One line, without full stop.
    pub summary: &'static str,
    /// Plain, in lines of at most 80 columns.
    pub text: String,
}

/// How to prepare an instance: `snow guide`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Guide<'a> {
    pub schema: schemas::Guide,
    /// The way to sign in, as `snow connect --auth` names it.
    pub method: &'a str,
    pub markdown: String,
}

/// `snow version`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Version {
    pub schema: schemas::Version,
    /// As in `1.2.3`.
    pub version: &'static str,
    /// As in `linux`.
    pub os: &'static str,
    /// As in `x86_64`.
    pub arch: &'static str,
}

/// The JSON Schema of each document: `snow help schemas`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Schemas {
    pub schema: schemas::Schemas,
    /// By name, which is the title of each.
    pub schemas: Vec<serde_json::Value>,
}
