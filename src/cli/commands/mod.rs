//! What each command does. [`run`] is the way in.

pub(super) mod api;
mod app;
pub(super) mod application;
pub(super) mod completion;
pub(super) mod connect;
pub(super) mod credential;
pub(super) mod demo;
pub(super) mod doctor;
pub(super) mod edit;
pub(super) mod env;
mod environment;
pub(super) mod exec;
mod expiry;
pub(super) mod explain;
pub(super) mod export;
pub(super) mod guide;
mod handover;
pub(super) mod help;
pub(super) mod import;
pub(in crate::cli) mod list;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod man;
pub(super) mod open;
mod outputs;
mod pick;
pub(super) mod proxy;
pub(super) mod query;
mod questions;
pub(super) mod sandbox;
mod secrets;
mod select;
pub mod sign_in;
pub(super) mod spec;
pub(super) mod status;
pub(super) mod store;
mod stores;
#[cfg(unix)]
mod sudo;
pub(super) mod tables;
pub(super) mod test;
pub(super) mod token;
mod usage;
mod using;
mod verbs;
mod waiting;

use std::ffi::OsString;

use clap::FromArgMatches;

use crate::base::code::Code;
use crate::base::error::{Failure, internal};
use crate::base::limits;
use crate::base::schemas;
use crate::cli::args::{Cli, Command};
use crate::cli::command::command;
use crate::cli::context::Context;
use crate::cli::patient;
use crate::report;
use crate::report::format::Format;
use crate::report::json;
use crate::report::json::help::Version;
use app::App;
use connect::args::ConnectArgs;
use login::LoginArgs;
use status::StatusArgs;

/// Runs one command line and gives the exit code.
///
/// Standard output gets exactly one result. A failure that no result can
/// carry becomes `snow.error/1` with `--json`, else text on standard error.
pub async fn run(arguments: Vec<OsString>, context: Context) -> u8 {
    let mut command = command(context.streams.columns);
    let matches = command.try_get_matches_from_mut(&arguments);
    let cli = match matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches)) {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error, &arguments, context),
    };
    let mut app = App::new(cli.global, context);
    let result = dispatch(&mut app, cli.command).await;
    let result = result.and_then(|code| app.console.check().map(|()| code));
    result.unwrap_or_else(|failure| report(&mut app, &failure))
}

async fn dispatch(app: &mut App, command: Option<Command>) -> Result<u8, Failure> {
    app.check_globals()?;
    let command = command.unwrap_or(Command::Status(StatusArgs::default()));
    if app.global.connection.is_some() && !takes_connection(&command) {
        return Err(Failure::new(Code::Usage, "--connection has no meaning here").next("Leave it out"));
    }
    if let Command::Connect(ConnectArgs { secrets, .. }) | Command::Login(LoginArgs { secrets, .. }) = &command {
        app.check_secret_sources(secrets)?;
    }
    match &command {
        Command::Test(_) => app.refuse_formats(|format| format != Format::Csv, false)?,
        Command::Query(_) => {
            let has = |format| matches!(format, Format::Text | Format::Json | Format::Jsonl | Format::Csv);
            app.refuse_formats(has, false)?;
            query::prepare(app);
        }
        _ => app.refuse_reports()?,
    }
    if !matches!(
        command,
        Command::Help(_) | Command::Man(_) | Command::Completion(_) | Command::Explain(_) | Command::Spec(_)
    ) {
        // These need no thread, and threads take their time.
        let is_quick = matches!(command, Command::List(_) | Command::Show(_) | Command::Use(_) | Command::Version);
        limits::room_for(16, if is_quick { 0 } else { 8 })?;
    }
    // A server waits for the signal itself: it is its usual end.
    if !matches!(command, Command::Sandbox(_)) {
        app.end_on_signal();
    }
    match command {
        Command::Connect(arguments) => connect::run(app, arguments).await,
        Command::Test(arguments) => test::run(app, arguments).await,
        Command::List(arguments) => list::list(app, &arguments),
        Command::Show(arguments) => list::show(app, arguments),
        Command::Status(arguments) => status::run(app, arguments).await,
        Command::Use(arguments) => edit::choose(app, arguments),
        Command::Rename(arguments) => edit::rename(app, arguments),
        Command::Edit(arguments) => edit::edit(app, arguments),
        Command::Login(arguments) => login::run(app, arguments).await,
        Command::Refresh(arguments) => token::refresh(app, arguments).await,
        Command::Token(arguments) => token::token(app, arguments).await,
        Command::Api(arguments) => api::run(app, arguments).await,
        Command::Tables(arguments) => tables::tables(app, arguments).await,
        Command::Table(arguments) => tables::table(app, arguments).await,
        Command::Query(arguments) => query::run(app, arguments).await,
        Command::Proxy(arguments) => proxy::run(app, arguments).await,
        Command::Open(arguments) => open::run(app, arguments),
        Command::Exec(arguments) => exec::run(app, arguments).await,
        Command::Env(arguments) => env::run(app, arguments).await,
        Command::Credential(arguments) => credential::run(app, arguments).await,
        Command::Export(arguments) => export::run(app, arguments),
        Command::Import(arguments) => import::run(app, arguments).await,
        Command::App(arguments) => application::run(app, arguments).await,
        Command::Logout(arguments) => logout::logout(app, arguments).await,
        Command::Remove(arguments) => logout::remove(app, arguments).await,
        Command::Store(arguments) => store::run(app, arguments).await,
        Command::Explain(arguments) => explain::run(app, arguments),
        Command::Guide(arguments) => guide::run(app, arguments),
        Command::Spec(arguments) => spec::run(app, arguments),
        Command::Doctor(arguments) => doctor::run(app, arguments).await,
        Command::Sandbox(arguments) => sandbox::run(app, arguments).await,
        Command::Demo(arguments) => demo::run(app, arguments).await,
        Command::Help(arguments) => help::help(app, arguments),
        Command::Completion(arguments) => completion::run(app, arguments),
        Command::Man(arguments) => man::run(app, &arguments),
        Command::Version => version(app),
    }
}

/// Whether a command is about the one connection that is selected.
fn takes_connection(command: &Command) -> bool {
    match command {
        Command::Show(_) | Command::Login(_) => true,
        Command::Status(arguments) => !arguments.all,
        Command::Refresh(_) | Command::Token(_) | Command::Api(_) | Command::App(_) => true,
        Command::Tables(_) | Command::Table(_) | Command::Query(_) | Command::Open(_) => true,
        Command::Exec(_) | Command::Credential(_) => true,
        Command::Env(arguments) => !arguments.list,
        Command::Proxy(_) => true,
        Command::Export(arguments) => !arguments.all && arguments.names.is_empty(),
        Command::Test(arguments) => !arguments.names_several(),
        Command::Store(arguments) => arguments.is_about_selected(),
        Command::Logout(arguments) => !arguments.all && arguments.names.is_empty(),
        _ => false,
    }
}

fn report(app: &mut App, failure: &Failure) -> u8 {
    if failure.code() == Code::Interrupted {
        return report_cancelled(app, failure);
    }
    if app.console.json && failure.code() != Code::OutputUnwritable {
        app.console.document(&json::Error::from(failure));
    }
    // What standard output did not take is said where it can be read.
    if !app.console.json || app.console.check().is_err() {
        let text = report::text::error(failure, app.console.err);
        app.console.say(&text);
    }
    failure.exit_code()
}

/// The end of a command that a person cancelled: what it had changed.
fn report_cancelled(app: &App, failure: &Failure) -> u8 {
    if app.console.json {
        app.console.document(&json::Error::from(&app.changes.told_by(failure.clone())));
    } else {
        app.say_cancelled();
    }
    failure.exit_code()
}

/// What kept the program from starting.
pub fn report_start(arguments: &[OsString], failure: &Failure) -> u8 {
    if usage::wants_json(arguments) {
        let _ = writeln!(patient::stdout(), "{}", json::line(&json::Error::from(failure)));
    } else {
        let _ = writeln!(patient::stderr(), "{failure}");
    }
    failure.exit_code()
}

/// What a script is told after a panic, whose text is on standard error.
pub fn report_defect(arguments: &[OsString]) -> u8 {
    let failure = internal("snow crashed because of a defect in it");
    if usage::wants_json(arguments) {
        let _ = writeln!(patient::stdout(), "{}", json::line(&json::Error::from(&failure)));
    }
    failure.exit_code()
}

fn version(app: &mut App) -> Result<u8, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if app.console.json {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        app.console.document(&Version { schema: schemas::Version, version, os, arch })
    } else {
        app.console.data(&format!("snow {version}"))
    }
    Ok(0)
}
