//! The entry of an OAuth client on an instance: `snow app`.

use serde::Serialize;

use crate::base::schemas;
use crate::base::shown::Shown;

/// How a client is registered, and whether a sign-in can work: `snow app check`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppCheck<'a> {
    pub schema: schemas::AppCheck,
    /// Whether no check failed.
    pub ok: bool,
    /// The exit code of the command.
    pub exit_code: u8,
    /// The origin of the instance.
    pub instance: &'a str,
    pub client: RegisteredClient<'a>,
    /// The saved connections that use it, by name.
    pub connections: Vec<&'a str>,
    pub checks: Vec<AppPoint<'a>>,
}

/// The entry. What the instance does not show is null.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RegisteredClient<'a> {
    pub client_id: &'a str,
    /// The key of the entry.
    pub sys_id: &'a str,
    pub name: Option<&'a str>,
    pub active: Option<bool>,
    /// How it may be used, as the instance calls it.
    pub grant: Option<&'a str>,
    pub redirect_uris: Option<&'a [String]>,
    /// Whether it has no secret.
    pub public: Option<bool>,
    pub pkce_required: Option<bool>,
    /// The user that it acts as with client credentials; empty if none is set.
    pub user: Option<&'a str>,
    pub access_token_seconds: Option<u64>,
    pub refresh_token_seconds: Option<u64>,
    pub scope_restriction: Option<&'a str>,
}

/// One check.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppPoint<'a> {
    /// `active`, `type`, `grant`, `redirect`, `public`, `user`, `property`, `lifetimes`,
    /// `scope` or `profile`.
    pub id: &'a str,
    /// `pass`, `warn`, `fail` or `unknown`.
    pub status: &'a str,
    pub text: &'a Shown,
}

/// A client that was registered, and the connection for it: `snow app create`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppCreate<'a> {
    pub schema: schemas::AppCreate,
    /// Whether nothing was changed, because of `--dry-run`.
    pub dry_run: bool,
    /// The origin of the instance.
    pub instance: &'a str,
    /// The name of the connection.
    pub connection: &'a str,
    pub client: NewClient<'a>,
    /// Whether a token was issued to it, and the Table API took it.
    pub proven: bool,
}

/// The client, without its secret.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NewClient<'a> {
    pub name: &'a str,
    /// Null with `--dry-run`.
    pub client_id: Option<&'a str>,
    /// The key of its entry; null with `--dry-run`.
    pub sys_id: Option<&'a str>,
    /// How it signs in, as `snow connect --auth` names it.
    pub grant: &'a str,
    /// Null for a machine.
    pub redirect_uri: Option<&'a str>,
    /// Whether it has no secret.
    pub public: bool,
    /// The user that a machine acts as.
    pub user: Option<&'a str>,
}
