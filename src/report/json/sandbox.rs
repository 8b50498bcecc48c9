//! The embedded instance: `snow sandbox` and `snow demo`.

use serde::Serialize;

use crate::base::code::{Class, Code};
use crate::base::schemas;

/// The embedded instance, as it starts: `snow sandbox`. Everything in it is made up.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sandbox<'a> {
    pub schema: schemas::Sandbox,
    /// What it looks like: `servicenow` or `salesforce-service-cloud`.
    pub service: &'a str,
    /// Its origin, on loopback.
    pub instance: String,
    pub users: Vec<User<'a>>,
    pub clients: Vec<Client<'a>>,
}

/// A user of the embedded instance.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct User<'a> {
    pub user_name: &'a str,
    pub password: &'a str,
    /// For the header `x-sn-apikey`; ServiceNow alone has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<&'a str>,
    /// What follows the password in `login()`; Salesforce alone has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_token: Option<&'a str>,
    /// With Salesforce, the profile.
    pub roles: Vec<&'a str>,
}

/// An OAuth client of the embedded instance.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Client<'a> {
    pub client_id: &'a str,
    /// Null for a public client.
    pub client_secret: Option<&'a str>,
    /// An entry that ends in `:*/*` is any port and path.
    pub redirect_uris: &'a [&'a str],
    /// As in `authorization_code`.
    pub grants: &'a [&'a str],
    /// The user that client credentials of Salesforce run as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as: Option<&'a str>,
}

/// What the embedded instance can do wrong: `snow sandbox --list`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Scenarios<'a> {
    pub schema: schemas::SandboxScenarios,
    pub scenarios: Vec<Scenario<'a>>,
}

/// One thing that can go wrong.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Scenario<'a> {
    /// For `--scenario`.
    pub name: &'a str,
    pub description: &'a str,
    /// How to sign in to see it, as in `basic` or `oauth`.
    pub auth: &'a str,
    /// The command that meets it.
    pub command: String,
    /// What Salesforce answers, as in `403 REQUEST_LIMIT_EXCEEDED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The error code that the command ends with; null if the command succeeds.
    pub code: Option<Code>,
    /// The class of the code.
    pub class: Option<Class>,
}

/// The tour: `snow demo`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Demo {
    pub schema: schemas::Demo,
    pub steps: Vec<Step>,
}

/// A command of the tour.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Step {
    pub command: String,
    pub exit_code: u8,
}
