//! The command line, as clap's types. No logic here.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use crate::base::duration::duration;
use crate::base::files;
use crate::cli::commands::api::ApiArgs;
use crate::cli::commands::connect::args::ConnectArgs;
use crate::cli::commands::doctor::DoctorArgs;
use crate::cli::commands::edit::{EditArgs, RenameArgs, UseArgs};
use crate::cli::commands::explain::ExplainArgs;
use crate::cli::commands::guide::GuideArgs;
use crate::cli::commands::help::{CompletionArgs, HelpArgs, ManArgs};
use crate::cli::commands::login::LoginArgs;
use crate::cli::commands::logout::{LogoutArgs, RemoveArgs};
use crate::cli::commands::open::OpenArgs;
use crate::cli::commands::query::args::QueryArgs;
use crate::cli::commands::sandbox::SandboxArgs;
use crate::cli::commands::status::StatusArgs;
use crate::cli::commands::tables::{TableArgs, TablesArgs};
use crate::cli::commands::test::args::TestArgs;
use crate::cli::commands::token::TokenArgs;
use crate::cli::completion;
use crate::model::profile::{ConnectionName, any_of};
use crate::report::format::Format;

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
Topics: snow help environment, exit-codes, platforms, precedence, schemas, security
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
    #[arg(short, long, global = true, value_name = "FORMAT[=FILE]", help = output_help(),
        add = ArgValueCandidates::new(completion::formats))]
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
    #[arg(long, global = true, value_name = "FILE", value_parser = path())]
    pub ca_cert: Option<PathBuf>,
    /// The connections file
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

fn output_help() -> String {
    let names: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
    let (all, others) = names.split_at(2);
    let of_test: Vec<_> = others.iter().copied().filter(|name| *name != Format::Csv.as_str()).collect();
    let of_test = any_of(&of_test).replace(" or ", " and ");
    format!(
        "How to print the result: {}; query also knows jsonl and csv; test {of_test}, and several at once, each with a file but one",
        any_of(all)
    )
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
            Some((name, file)) => (name, Some(at_home(file.into()))),
            None => (text, None),
        };
        match Format::ALL.iter().find(|format| format.as_str() == name) {
            Some(&format) => Ok(Self { format, file }),
            None => Err(format!(
                "one of {}, with =FILE where it goes to a file",
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
    /// Send one authenticated request
    Api(ApiArgs),
    /// List the tables that this user can see
    Tables(TablesArgs),
    /// Show the columns of a table
    Table(TableArgs),
    /// Get rows of a table
    Query(QueryArgs),
    /// Open the instance in a browser
    Open(OpenArgs),
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
    /// Help for a command or a topic
    Help(HelpArgs),
    /// Print the completion script of a shell
    Completion(CompletionArgs),
    /// Print the manual page, or write all of them
    Man(ManArgs),
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
pub struct NameArg {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
