//! The command line, as clap's types. No logic here.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use crate::auth::setting::Setting;
use crate::base::duration::duration;
use crate::base::files;
use crate::cli::commands::api::ApiArgs;
use crate::cli::commands::application::AppArgs;
use crate::cli::commands::completion::CompletionArgs;
use crate::cli::commands::connect::args::ConnectArgs;
use crate::cli::commands::credential::CredentialArgs;
use crate::cli::commands::demo::DemoArgs;
use crate::cli::commands::doctor::DoctorArgs;
use crate::cli::commands::edit::{EditArgs, RenameArgs, UseArgs};
use crate::cli::commands::env::EnvArgs;
use crate::cli::commands::exec::ExecArgs;
use crate::cli::commands::explain::ExplainArgs;
use crate::cli::commands::export::ExportArgs;
use crate::cli::commands::guide::GuideArgs;
use crate::cli::commands::help::HelpArgs;
use crate::cli::commands::import::ImportArgs;
use crate::cli::commands::list::ListArgs;
use crate::cli::commands::login::LoginArgs;
use crate::cli::commands::logout::{LogoutArgs, RemoveArgs};
use crate::cli::commands::man::ManArgs;
use crate::cli::commands::open::OpenArgs;
use crate::cli::commands::proxy::ProxyArgs;
use crate::cli::commands::query::args::QueryArgs;
use crate::cli::commands::sandbox::SandboxArgs;
use crate::cli::commands::spec::SpecArgs;
use crate::cli::commands::status::StatusArgs;
use crate::cli::commands::store::StoreCommand;
use crate::cli::commands::tables::{TableArgs, TablesArgs};
use crate::cli::commands::test::args::TestArgs;
use crate::cli::commands::token::TokenArgs;
use crate::cli::completion;
use crate::model::profile::{ConnectionName, any_of};
use crate::report::format::Format;

/// Connect to ServiceNow: sign in, keep the secret in the OS keyring, test
#[derive(Debug, Parser)]
#[command(name = "snow", version, disable_help_subcommand = true, propagate_version = false)]
#[command(after_help = "\
Examples:
  snow demo                   see it work, without an account
  snow connect dev12345       connect to an instance
  snow test                   does it still work, and if not, why

Topics: snow help topics
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
    /// Use this connection
    #[arg(short, long, global = true, value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub connection: Option<ConnectionName>,
    #[arg(short, long, global = true, value_name = "FORMAT[=FILE]", help = output_help(Format::USUAL),
        add = ArgValueCompleter::new(completion::outputs_of_test))]
    pub output: Vec<Output>,
    /// Same as --output json
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only errors and results
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more to standard error (-vv: every request, -vvv: its timing)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never ask; fail and name what is missing
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Delete or replace without asking
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Time limit for each connection [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Use this proxy; no user name or password in it
    #[arg(long, global = true, value_name = "URL")]
    pub proxy: Option<String>,
    /// Trust this certificate authority too (PEM)
    #[arg(long, global = true, value_name = "FILE", value_parser = path())]
    pub ca_cert: Option<PathBuf>,
    /// Use this connections file
    #[arg(long, global = true, value_name = "FILE", value_parser = path())]
    pub config: Option<PathBuf>,
}

/// Reads a path as a shell would. Most shells leave the `~` of `--flag=~/file`.
pub fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(at_home)
}

/// The path with the home of this user for its `~`.
pub fn at_home(path: PathBuf) -> PathBuf {
    files::at_home(&path, std::env::home_dir().as_deref())
}

/// The value of a setting as a shell would have given it.
pub fn value_text(setting: &Setting, text: &str) -> String {
    if setting.is_path { at_home(text.into()).to_string_lossy().into_owned() } else { text.to_owned() }
}

/// How `--output` is explained if these formats are known.
pub fn output_help(formats: &[Format]) -> String {
    let names: Vec<_> = formats.iter().map(|format| format.as_str()).collect();
    match formats.len() {
        2 => format!("Print the result as {}; snow test and snow query know more formats", any_of(&names)),
        _ => format!("Print the result as {} (repeatable: all but one with =FILE)", any_of(&names)),
    }
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
            Some((_, "")) => return Err("a file name is missing after =, as in junit=report.xml".to_owned()),
            Some((name, "-")) => (name, None),
            Some((name, file)) => (name, Some(at_home(file.into()))),
            None => (text, None),
        };
        match Format::ALL.iter().find(|format| format.as_str() == name) {
            Some(&format) => Ok(Self { format, file }),
            None => Err(format!(
                "it is one of {}, with =FILE to write a file",
                Format::ALL.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(", ")
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
    /// Sign in to an instance, and save and test the connection
    Connect(ConnectArgs),
    /// Test connections and explain what fails
    Test(TestArgs),
    /// List the saved connections
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show the settings of a connection, without secrets
    #[command(after_help = "\
Examples:
  snow show
  snow show acme --json")]
    Show(NameArg),
    /// Show the active connection and its health
    #[command(visible_alias = "whoami")]
    Status(StatusArgs),
    /// Choose the default connection, or the one of this directory
    Use(UseArgs),
    /// Rename a connection
    Rename(RenameArgs),
    /// Change the settings of a connection
    Edit(EditArgs),
    /// Sign in again
    Login(LoginArgs),
    /// Refresh the OAuth token now
    #[command(after_help = "\
Examples:
  snow refresh
  snow refresh acme")]
    Refresh(NameArg),
    /// Print an access token or header that is valid now
    Token(TokenArgs),
    /// Send one authenticated request
    Api(ApiArgs),
    /// List the tables that this user can see
    Tables(TablesArgs),
    /// Show the columns of a table
    Table(TableArgs),
    /// Get rows of a table
    Query(QueryArgs),
    /// Serve a connection to programs that cannot sign in themselves
    Proxy(ProxyArgs),
    /// Open the instance in a browser
    Open(OpenArgs),
    /// Run a program with the credential in its environment
    Exec(ExecArgs),
    /// Print a connection in the form of another tool
    Env(EnvArgs),
    /// Answer programs that ask a credential helper
    Credential(CredentialArgs),
    /// Print connections for colleagues and other programs
    Export(ExportArgs),
    /// Take connections from another program or a team file
    Import(ImportArgs),
    /// Sign out: revoke the tokens and delete the secrets
    Logout(LogoutArgs),
    /// Delete connections and their secrets
    #[command(visible_alias = "rm")]
    Remove(RemoveArgs),
    /// Show, move and clean up where secrets are kept
    Store(StoreCommand),
    /// Judge or register an OAuth client, as an administrator
    App(AppArgs),
    /// Show the setup an administrator must do
    Guide(GuideArgs),
    /// Show the services, and what a connection to each takes
    Spec(SpecArgs),
    /// Explain an error code
    Explain(ExplainArgs),
    /// Check this machine: keyring, files, variables, proxy (offline)
    Doctor(DoctorArgs),
    /// Run a local look-alike instance for tests
    Sandbox(SandboxArgs),
    /// Show what snow does, against a local look-alike instance
    Demo(DemoArgs),
    /// Show help for a command or topic
    Help(HelpArgs),
    /// Print the completion script for a shell
    Completion(CompletionArgs),
    /// Print the manual page of a command
    Man(ManArgs),
    /// Print the version
    #[command(after_help = "\
Examples:
  snow version
  snow version --json")]
    Version,
}

#[derive(Debug, Args)]
pub struct NameArg {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
}
