//! What signing in takes, whichever command does it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::duration::duration;
use crate::model::oauth_client::{ClientId, Endpoint, RedirectUri, Scope};

#[derive(Debug, Default, Args)]
pub struct PasswordArgs {
    /// Read the password from standard input
    #[arg(long, conflicts_with = "password_file")]
    pub password_stdin: bool,
    /// Read the password from a file
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// Whether a password is handed in.
    pub fn is_given(&self) -> bool {
        self.password_stdin || self.password_file.is_some()
    }
}

/// The OAuth client of a connection.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Signing in by OAuth")]
pub struct OAuthArgs {
    /// The client id, as the Application Registry of the instance shows it
    #[arg(long, value_name = "ID")]
    pub client_id: Option<ClientId>,
    /// Sign in with the public client that ServiceNow ships, by paste
    #[arg(long, conflicts_with_all = ["client_id", "scope", "redirect_uri", "no_pkce"])]
    pub sdk_client: bool,
    /// The scope to ask for; empty for none [default: useraccount]
    #[arg(long)]
    pub scope: Option<Scope>,
    /// The redirect URI as it is registered [default: http://127.0.0.1:8914/callback]
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Option<RedirectUri>,
    /// Where to sign in, if not at the instance's /oauth_auth.do
    #[arg(long, value_name = "URL")]
    pub authorization_url: Option<Endpoint>,
    /// Where tokens come from, if not from the instance's /oauth_token.do
    #[arg(long, value_name = "URL")]
    pub token_url: Option<Endpoint>,
    /// Where tokens are revoked, if not at /oauth_revoke_token.do beside the token endpoint
    #[arg(long, value_name = "URL")]
    pub revocation_url: Option<Endpoint>,
    /// Sign in without PKCE, for releases that do not know it
    #[arg(long)]
    pub no_pkce: bool,
}

impl OAuthArgs {
    /// The flag that only OAuth knows, where one is given.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--client-id", self.client_id.is_some()),
            ("--sdk-client", self.sdk_client),
            ("--scope", self.scope.is_some()),
            ("--redirect-uri", self.redirect_uri.is_some()),
            ("--authorization-url", self.authorization_url.is_some()),
            ("--token-url", self.token_url.is_some()),
            ("--revocation-url", self.revocation_url.is_some()),
            ("--no-pkce", self.no_pkce),
        ];
        given.iter().find(|(_, is_given)| *is_given).map(|(flag, _)| *flag)
    }
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Signing in by OAuth")]
pub struct ClientSecretArgs {
    /// Read the client secret from standard input
    #[arg(long, conflicts_with_all = ["client_secret_file", "password_stdin"])]
    pub client_secret_stdin: bool,
    /// Read the client secret from a file
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,
}

impl ClientSecretArgs {
    /// Whether a client secret is handed in.
    pub fn is_given(&self) -> bool {
        self.client_secret_stdin || self.client_secret_file.is_some()
    }
}

/// How the browser takes part in a sign-in.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Signing in by OAuth")]
pub struct BrowserArgs {
    /// Paste the address that the browser shows after the sign-in
    #[arg(long)]
    pub manual: bool,
    /// Print the address, and open no browser
    #[arg(long)]
    pub no_browser: bool,
    /// How long to wait for the sign-in
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub login_timeout: Option<Duration>,
}
