//! What `snow connect` takes.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::auth::method::{self, METHODS};
use crate::auth::setting::OAUTH_HEADING;
use crate::base::duration::duration;
use crate::cli::commands::sign_in::args::{BrowserArgs, HeaderArgs, SecretArgs, SettingArgs};
use crate::cli::commands::stores::StoreArgs;
use crate::cli::completion;
use crate::model::profile::{ConnectionName, InvalidValue, StoreKind, TableName, any_of, label, shown_text};
use crate::service::{self, SERVICES};
use crate::store::{STORES, kind_of};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow connect dev12345                                 asks for the rest
  snow connect acme --client-id 8f2c41d0
  snow connect acme --username svc.ci --password-file pw
  snow connect acme --auth client-credentials --client-id 8f2c41d0
  snow connect acme --name acme-test --table incident,cmdb_ci --label env=test")]
pub struct ConnectArgs {
    /// An instance (dev12345), a host, any URL of it, or a saved name
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub target: Option<String>,
    /// Name the connection [default: the first part of the host]
    #[arg(long)]
    pub name: Option<ConnectionName>,
    #[arg(long, value_name = "SERVICE", value_parser = service_spec, help = spec_help(),
        add = ArgValueCandidates::new(completion::services))]
    pub spec: Option<&'static str>,
    #[arg(long, value_name = "METHOD", value_parser = auth_method, help = auth_help(),
        add = ArgValueCandidates::new(completion::auth_methods))]
    pub auth: Option<&'static str>,
    #[command(flatten)]
    pub settings: SettingArgs,
    #[command(flatten)]
    pub secrets: SecretArgs,
    #[arg(long, value_parser = kind_of, help = store_help(), add = ArgValueCandidates::new(completion::stores))]
    pub store: Option<StoreKind>,
    #[command(flatten)]
    pub store_settings: StoreArgs,
    /// Make it the default connection
    #[arg(long)]
    pub default: bool,
    /// Describe it in a few words
    #[arg(long, value_name = "TEXT", value_parser = description)]
    pub description: Option<String>,
    /// Add a label, as in env=dev (repeatable)
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label, add = ArgValueCandidates::new(completion::labels))]
    pub labels: Vec<(String, String)>,
    /// Use this version of the REST API: v1 or v2 [default: the latest]
    #[arg(long, value_name = "VERSION", add = ArgValueCandidates::new(completion::api_versions))]
    pub api_version: Option<String>,
    /// Test that this table can be read (repeatable, or with commas)
    #[arg(long = "table", value_name = "TABLE", value_delimiter = ',', add = ArgValueCandidates::new(completion::tables))]
    pub tables: Vec<TableName>,
    /// Replace a saved connection of this name
    #[arg(long)]
    pub force: bool,
    /// Retry this long if the instance is asleep, restarting or unreachable
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "no_test")]
    pub wait: Option<Duration>,
    /// Save without a request; the connection stays untested
    #[arg(long)]
    pub no_test: bool,
    /// Sign in with ServiceNow's own public client; paste a code
    #[arg(long, help_heading = OAUTH_HEADING, conflicts_with_all = ["client_id", "scope", "redirect_uri", "pkce"])]
    pub sdk_client: bool,
    #[command(flatten)]
    pub browser: BrowserArgs,
    #[command(flatten)]
    pub headers: HeaderArgs,
}

fn auth_method(text: &str) -> Result<&'static str, InvalidValue> {
    method::named(&METHODS, text).map(|spec| spec.method.as_str())
}

pub fn service_spec(text: &str) -> Result<&'static str, InvalidValue> {
    service::named(text).map(|service| service.defaults().spec)
}

pub fn spec_help() -> String {
    let names: Vec<_> = SERVICES.iter().map(|service| service.defaults().spec).collect();
    format!("What the instance is of: {} [default: by its address, else {}]", any_of(&names), names[0])
}

pub fn store_help() -> String {
    let names: Vec<_> = STORES.iter().map(|spec| spec.kind.as_str()).collect();
    format!("Where to keep the secret: {} [default: {}]", any_of(&names), names[0])
}

fn auth_help() -> String {
    let names = method::saved_names();
    format!("How to sign in: {}", any_of(&names))
}

fn description(text: &str) -> Result<String, InvalidValue> {
    shown_text("a description", text)
}
