//! The programs that take a connection: `snow env --list`.

use serde::Serialize;

use crate::base::schemas;
use crate::service::tools::{Form, Tool};

/// Every tool that `--for` knows.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tools {
    pub schema: schemas::Tools,
    pub tools: Vec<Toolbox>,
}

/// One of them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Toolbox {
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The services that it is for, as `snow spec` names them.
    pub services: Vec<&'static str>,
    /// What it can sign in with: `password`, `api-key`, `access-token`.
    pub carries: Vec<&'static str>,
    /// `variables`, `code` that reads variables, or the content of a `file`.
    pub form: &'static str,
    /// Its variables that `exec` takes out if it does not set them.
    pub unset: &'static [&'static str],
    /// The version that was tried, and with what; null if it was not.
    pub tried: Option<&'static str>,
}

impl Toolbox {
    pub fn of(tool: &Tool) -> Self {
        let form = match tool.form {
            Form::Shell => "variables",
            Form::Code(_) => "code",
            Form::File(_) => "file",
        };
        let carries = tool.takes.iter().map(|(given, _)| given.as_str()).collect();
        let services = tool.services().map(|service| service.defaults().spec).collect();
        Self { name: tool.name, title: tool.title, services, carries, form, unset: tool.clears, tried: tool.tried }
    }
}
