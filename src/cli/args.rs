//! The command line, as clap's types. No logic here.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use crate::cli::completion;
use crate::model::instance::ApiVersion;
use crate::model::oauth_client::{ClientId, Endpoint, RedirectUri, Scope};
use crate::model::profile::{AuthMethod, ConnectionName, InvalidValue, StoreKind, TableName, label, shown_text};
use crate::model::user_name::UserName;
use crate::report::format::Format;
use crate::sandbox::DEFAULT_INCIDENTS;
use crate::sandbox::scenario::Scenario;

/// Connect to ServiceNow, keep the secret in the OS keyring, and test.
#[derive(Debug, Parser)]
#[command(name = "snow", version, disable_help_subcommand = true, propagate_version = false)]
#[command(max_term_width = 100)]
#[command(before_help = "\
Examples:
  snow demo                       see it work, without an account
  snow connect dev12345           connect to an instance
  snow test                       does it still work, and if not, why")]
#[command(after_help = "\
Topics: snow help environment, exit-codes, precedence, security
More:   snow guide METHOD, snow explain CODE")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The connection to use
    #[arg(short, long, global = true, value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub connection: Option<ConnectionName>,
    /// How to print the result: text or json; test also knows jsonl, junit, github and html,
    /// and several at once, each with a file but one
    #[arg(short, long, global = true, value_name = "FORMAT[=FILE]")]
    pub output: Vec<Output>,
    /// Same as --output json
    #[arg(long, global = true)]
    pub json: bool,
    /// Leave out remarks
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more on standard error (-vv: every request, -vvv: every step)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never ask; say what is missing instead
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Remove or replace without asking
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// How long a connection may take [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// The proxy, without user and password
    #[arg(long, global = true, value_name = "URL")]
    pub proxy: Option<String>,
    /// A certificate authority to trust besides the system's (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// The connections file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// One result: in which form, and where to if not to standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub format: Format,
    pub file: Option<PathBuf>,
}

impl Output {
    pub fn is_json_for_stdout(&self) -> bool {
        self.file.is_none() && self.format.is_json()
    }
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("after = a file is named, as in junit=report.xml".to_owned()),
            Some((name, "-")) => (name, None),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        match Format::ALL.into_iter().find(|format| format.as_str() == name) {
            Some(format) => Ok(Self { format, file }),
            None => Err(format!(
                "one of {}, with =FILE where it goes to a file",
                Format::ALL.map(Format::as_str).join(", ")
            )),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Define a connection, sign in, save it and test it
    Connect(ConnectArgs),
    /// Test connections, and say why one does not work
    Test(TestArgs),
    /// List the saved connections
    List,
    /// Show one connection, without its secrets
    Show(NameArg),
    /// Where one stands: which connection is selected, by what, and how its last test ended
    Status(StatusArgs),
    /// Choose the default connection, or the one of this directory
    Use(UseArgs),
    /// Give a connection another name
    Rename(RenameArgs),
    /// Change a connection
    Edit(EditArgs),
    /// Sign in again
    Login(LoginArgs),
    /// Renew the session now
    Refresh(NameArg),
    /// Print a credential that is valid now
    Token(TokenArgs),
    /// Sign out: revoke and forget the secrets, keep the connection
    Logout(LogoutArgs),
    /// Forget a connection and its secrets
    Remove(RemoveArgs),
    /// What to ask an administrator for, before a way to sign in works
    Guide(GuideArgs),
    /// The long text of an error code, or a list of all of them
    Explain(ExplainArgs),
    /// Examine this machine: keyring, files, variables, browser, proxy. Asks nobody
    Doctor(DoctorArgs),
    /// Serve an embedded instance on this machine
    Sandbox(SandboxArgs),
    /// Show the whole story against the embedded instance
    Demo,
    /// Help for a command, or on a topic: environment, exit-codes, precedence, security
    Help(HelpArgs),
    /// Print the completion script of a shell
    Completion(CompletionArgs),
    /// Print the manual page, or write all of them
    Man(ManArgs),
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow connect dev12345
  snow connect acme --client-id 8f2c41d0
  snow connect acme --username svc.ci --password-stdin < pw
  snow connect acme --auth client-credentials --client-id 8f2c41d0 \\
      --client-secret-file secret
  snow connect acme --name acme-test --table incident,cmdb_ci --label env=test")]
pub struct ConnectArgs {
    /// A saved name, an instance (dev12345), a host, or any URL of the instance
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub target: Option<String>,
    /// The name of the connection [default: the first label of the host]
    #[arg(long)]
    pub name: Option<ConnectionName>,
    /// How to sign in: basic, oauth or client-credentials
    #[arg(long, value_name = "METHOD")]
    pub auth: Option<AuthMethod>,
    /// The user that signs in
    #[arg(long, value_name = "USER")]
    pub username: Option<UserName>,
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Where to keep the secret: keyring, or file (encrypted) [default: keyring]
    #[arg(long)]
    pub store: Option<StoreKind>,
    /// Make it the default connection
    #[arg(long)]
    pub default: bool,
    /// A few words about it
    #[arg(long, value_name = "TEXT", value_parser = description)]
    pub description: Option<String>,
    /// A label, as in env=dev (repeatable)
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// The version of the REST API: v1 or v2 [default: the latest]
    #[arg(long, value_name = "VERSION")]
    pub api_version: Option<ApiVersion>,
    /// A table that must be readable (repeatable, or with commas)
    #[arg(long = "table", value_name = "TABLE", value_delimiter = ',')]
    pub tables: Vec<TableName>,
    /// Replace what a saved connection of this name has
    #[arg(long)]
    pub force: bool,
    /// If the instance is asleep, restarting or not to be reached, keep asking for so long
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "no_test")]
    pub wait: Option<Duration>,
    /// Save without any request, as never tested
    #[arg(long)]
    pub no_test: bool,
    #[command(flatten)]
    pub oauth: OAuthArgs,
    #[command(flatten)]
    pub client_secret: ClientSecretArgs,
    #[command(flatten)]
    pub browser: BrowserArgs,
}

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

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow test
  snow test acme --table incident,change_request
  snow test --all --json
  snow test --filter env=prod -o junit=report.xml -o html=report.html
  snow test acme --expect-user svc.ci --max-latency 2s --strict
  snow test dev12345 --wait 10m
  SNOW_INSTANCE=acme SNOW_USERNAME=svc.ci SNOW_PASSWORD_FILE=pw snow test")]
pub struct TestArgs {
    /// The connections [default: the selected one]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Test every saved connection
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Test the saved connections with this label (repeatable: with all of them)
    #[arg(long, value_name = "KEY=VALUE", value_parser = label, conflicts_with = "names")]
    pub filter: Vec<(String, String)>,
    /// A table that must be readable, instead of the connection's own
    #[arg(long = "table", value_name = "TABLE", value_delimiter = ',')]
    pub tables: Vec<TableName>,
    /// Fail unless this user is signed in
    #[arg(long, value_name = "USER")]
    pub expect_user: Option<UserName>,
    /// Fail if the first request takes longer, without opening the connection
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_latency: Option<Duration>,
    /// Fail on a warning
    #[arg(long)]
    pub strict: bool,
    /// If the instance is asleep, restarting or not to be reached, keep asking for so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Send a request again up to so often, where that may help; never a refused password
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u32).range(..=20))]
    pub retries: u32,
    /// Send a password that was refused three times before
    #[arg(long)]
    pub retry_refused: bool,
    /// How many connections to test at the same time [default: 512, at most 8 of one instance]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub jobs: Option<u16>,
    /// Begin no further test once a connection has failed
    #[arg(long)]
    pub fail_fast: bool,
}

impl TestArgs {
    /// Whether it may be about several connections, all of them saved.
    pub fn names_several(&self) -> bool {
        self.all || !self.filter.is_empty() || self.names.len() > 1
    }
}

#[derive(Debug, Args)]
pub struct NameArg {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
}

#[derive(Debug, Default, Args)]
#[command(before_help = "\
Examples:
  snow status
  snow status --all                  what ends when, the soonest first
  snow status --all --within 14d     exit 11 where somebody must act before that")]
pub struct StatusArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    /// Show what ends when: tokens and certificates of every saved connection
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
    /// Fail where something ends within this time and is not renewed by itself
    #[arg(long, value_name = "DURATION", value_parser = long_duration)]
    pub within: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow use acme
  snow use acme-test --here")]
pub struct UseArgs {
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: ConnectionName,
    /// For this directory and those below, by a file .snow.toml
    #[arg(long)]
    pub here: bool,
}

#[derive(Debug, Args)]
pub struct RenameArgs {
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub old: ConnectionName,
    pub new: ConnectionName,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Keys: instance, username, client_id, scope, redirect_uri, authorization_url,
token_url, revocation_url, pkce, api_version, tables (by comma), ca_cert,
proxy, description, labels.KEY

Examples:
  snow edit acme --set tables=incident,cmdb_ci --set labels.env=prod
  snow edit acme --unset proxy --if-match 4")]
pub struct EditArgs {
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: ConnectionName,
    /// Set a key (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Remove a key (repeatable)
    #[arg(long, value_name = "KEY")]
    pub unset: Vec<String>,
    /// Only if this is still its revision
    #[arg(long, value_name = "REVISION")]
    pub if_match: Option<u64>,
}

#[derive(Debug, Args)]
pub struct LoginArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Accept that another user signs in
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub client_secret: ClientSecretArgs,
    #[command(flatten)]
    pub browser: BrowserArgs,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  curl -H \"$(snow token --format header)\" https://acme.service-now.com/api/now/table/incident
  snow token acme --min-ttl 10m
  snow token acme --json | jq -r .access_token")]
pub struct TokenArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    /// What to print: the token, or a whole header line
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<TokenFormat>,
    /// Fail unless it is good for this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub min_ttl: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokenFormat {
    Raw,
    Header,
    Json,
}

#[derive(Debug, Args)]
pub struct LogoutArgs {
    /// The connections [default: the selected one]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Every saved connection
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Forget the secrets here, and do not revoke tokens at the instance
    #[arg(long)]
    pub local: bool,
}

#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The connections
    #[arg(required = true, value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Forget the secrets here, and do not revoke tokens at the instance
    #[arg(long)]
    pub local: bool,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow guide oauth
  snow guide oauth acme --format markdown            to paste into a ticket
  snow guide client-credentials")]
pub struct GuideArgs {
    /// The way to sign in
    pub method: GuideMethod,
    /// A saved name or an instance, to be named in the guide
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub target: Option<String>,
    /// The redirect URI to register, for oauth [default: http://127.0.0.1:8914/callback,
    /// with TARGET one of its own]
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Option<RedirectUri>,
    /// For reading here, or to paste into a ticket
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: GuideFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuideMethod {
    /// People, with their browser
    Oauth,
    /// Machines: CI, jobs, services
    ClientCredentials,
    /// User name and password
    Basic,
}

impl GuideMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oauth => "oauth",
            Self::ClientCredentials => "client-credentials",
            Self::Basic => "basic",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuideFormat {
    Text,
    Markdown,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow explain basic-refused
  snow explain                                       all codes, by class")]
pub struct ExplainArgs {
    /// The code, as a failure shows it [default: list them all]
    #[arg(add = ArgValueCandidates::new(completion::error_codes))]
    pub code: Option<String>,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow sandbox --port 8910                  a test double for what you build
  snow sandbox --scenario rate-limited      one that answers 429
  snow sandbox --rows 100000 --seed 7       many rows, the same at each start")]
pub struct SandboxArgs {
    /// The port on 127.0.0.1 [default: a free one]
    #[arg(long)]
    pub port: Option<u16>,
    /// What the instance should do wrong
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<Scenario>,
    /// How long an access token is good
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30m")]
    pub access_ttl: Duration,
    /// Give new tokens at each refresh, and end a sign-in whose old one comes again
    #[arg(long)]
    pub rotate: bool,
    /// How long it thinks before each answer [default: not at all]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub latency: Option<Duration>,
    /// List the scenarios
    #[arg(long)]
    pub list: bool,
    /// How many incidents there are
    #[arg(long, value_name = "N", default_value_t = DEFAULT_INCIDENTS, value_parser = incidents)]
    pub rows: usize,
    /// What decides everything that is made up
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow doctor
  snow doctor --json | jq '.checks[] | select(.status == \"fail\")'
  snow doctor --bundle snow-bundle.json              for whoever helps you")]
pub struct DoctorArgs {
    /// Also write a file for support, without secrets
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command, or environment, exit-codes, precedence, security
    pub topic: Option<String>,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  source <(snow completion bash)                     in ~/.bashrc
  source <(snow completion zsh)                      in ~/.zshrc
  snow completion fish | source                      in ~/.config/fish/config.fish
  snow completion powershell | Out-String | Invoke-Expression   in $PROFILE")]
pub struct CompletionArgs {
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl Shell {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
        }
    }
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write the pages of all commands to this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
}

fn description(text: &str) -> Result<String, InvalidValue> {
    shown_text("a description", text)
}

fn incidents(text: &str) -> Result<usize, String> {
    let count = text.parse().map_err(|_| "a number of rows is written in digits".to_owned())?;
    if count <= 200_000 { Ok(count) } else { Err("at most 200000 rows fit into memory".to_owned()) }
}

/// `500ms`, `30s`, `5m`, `1h`, or a number of seconds; more than nothing, and no
/// longer than a command may take.
pub fn duration(text: &str) -> Result<Duration, String> {
    duration_up_to(7, "seven days", text)
}

/// As above, for times that nobody waits for: `14d`, `90d`.
pub fn long_duration(text: &str) -> Result<Duration, String> {
    duration_up_to(3650, "ten years", text)
}

fn duration_up_to(days: u32, spelt: &str, text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err("a duration is written 500ms, 30s, 5m, 1h or 14d".to_owned()),
    };
    let seconds =
        number.parse::<f64>().map_err(|_| "a duration is written 500ms, 30s, 5m, 1h or 14d".to_owned())? * factor;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && seconds <= f64::from(days) * 86400.0 => Ok(duration),
        _ => Err(format!("a duration is more than nothing and at most {spelt}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for bad in ["", "0", "-1s", "1y", "1e9", "99999h", "s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
