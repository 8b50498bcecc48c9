//! `snow exec`: a program with the credential in its environment.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::Command;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::env::{connection, own_key_header, refuse_kind, tool};
use super::handover;
use super::select;
use crate::base::code::Code;
use crate::base::duration::duration;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::completion;
use crate::config::environment::SPEC;
use crate::model::profile::ConnectionName;
use crate::report;
use crate::service;
use crate::service::tools::{self, PLAIN, Tool, Variable};

/// The exit codes that shells use for a command that they cannot start.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow exec acme -- env
  snow exec acme --for ansible -- ansible-playbook site.yml
  snow exec acme --for mcp -- mcp-server-servicenow
  snow exec acme --min-ttl 10m -- python3 report.py

The program gets SNOW_INSTANCE and, as the connection signs in, SNOW_USERNAME and \
SNOW_PASSWORD, SNOW_API_KEY, or SNOW_ACCESS_TOKEN; SNOW_SPEC too if the service is not ServiceNow; with \
--for, the variables of that tool. All other \
SNOW_* variables are taken out. The secret is in no file and in no argument. An access token is not \
renewed while the program runs: for long runs, use snow proxy.

The program takes the place of snow: signals and its exit code are its own. 127: it was not found. \
126: it could not be started.")]
pub struct ExecArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    /// Set the variables of this tool, and unset its others; snow env --list has them
    #[arg(long = "for", value_name = "TOOL", value_parser = tools(), hide_possible_values = true)]
    pub tool: Option<String>,
    /// Fail unless the credential is valid for at least this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub min_ttl: Option<Duration>,
    /// The program and its arguments
    #[arg(last = true, required = true, num_args = 1.., value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// The names of the tools.
pub fn tools() -> PossibleValuesParser {
    PossibleValuesParser::new(tools::all().iter().map(|tool| tool.name))
}

pub async fn run(app: &mut App, arguments: ExecArgs) -> Result<u8, Failure> {
    let tool = arguments.tool.as_deref().map(tool);
    let selection = select::select_one(app, arguments.name.as_ref(), Code::UnknownConnection)?;
    selection.check_named("snow exec gives its credential to a program")?;
    if let Some(tool) = tool.filter(|tool| !tool.reads_variables()) {
        let command = shown!("snow env{} --for {} --out FILE", selection.argument(), tool.name);
        return Err(Failure::new(Code::Usage, shown!("{} reads its credential from a file", tool.name))
            .next(Step::say("Write the file: ").and_run(command)));
    }
    let handed_over = handover::open(app, selection, arguments.min_ttl.unwrap_or_default()).await?;
    let variables = match tool {
        Some(tool) => {
            refuse_kind(tool, &handed_over.name, &handed_over.auth)?;
            tool.variables(handed_over.spec.given).expect("what it does not take was refused")
        }
        None => plain(&handed_over),
    };
    if let (true, Some(header)) = (tool.is_none(), own_key_header(&handed_over.auth)) {
        app.console.note(&format!("note: {} sends its key in the header {header}", handed_over.name));
    }
    let connection =
        connection(&handed_over.name, &handed_over.instance, &handed_over.auth, handed_over.secret.as_ref());
    let (program, parameters) = arguments.command.split_first().expect("clap wants one");
    let mut command = Command::new(program);
    command.args(parameters).env_clear().envs(app.variables.all().filter(|(name, _)| stays(name, tool)));
    for (name, template) in variables {
        command.env(name, connection.filled(template).as_str());
    }
    if let (None, Some(spec)) = (tool, service::written_spec(&handed_over.auth)) {
        command.env(SPEC, spec);
    }
    let error = match replaced_by(command) {
        Ok(code) => return Ok(code),
        Err(error) => error,
    };
    let program = Shown::outside(program.to_string_lossy());
    let (exit_code, failure) = if error.kind() == ErrorKind::NotFound {
        let failure = Failure::new(Code::Usage, shown!("{} was not found", &program));
        (NOT_FOUND, failure.next("Check its name and PATH"))
    } else {
        let failure = Failure::new(Code::Usage, shown!("{} could not be started", &program));
        (NOT_EXECUTABLE, failure.why(shown!("{}.", error)).next("Check that it is a program that you may run"))
    };
    app.console.say(&report::text::error(&failure, app.console.err));
    Ok(exit_code)
}

/// Our own variables, for a program that is no tool of the list.
fn plain(handed_over: &handover::HandedOver) -> &'static [Variable] {
    let given = handed_over.spec.given;
    PLAIN.iter().find(|(kind, _)| *kind == given).expect("every kind has variables").1
}

/// Whether the program keeps a variable of this environment.
fn stays(name: &OsStr, tool: Option<&Tool>) -> bool {
    let name = name.to_string_lossy();
    // The names of variables have no case on Windows.
    let name = if cfg!(windows) { name.to_uppercase().into() } else { name };
    !name.starts_with("SNOW_") && tool.is_none_or(|tool| !tool.minds(&name))
}

/// Runs the program in the place of this one; comes back only if it cannot be started.
#[cfg(unix)]
fn replaced_by(mut command: Command) -> std::io::Result<u8> {
    use std::os::unix::process::CommandExt;
    crate::cli::process::give_limits_back();
    Err(command.exec())
}

/// Runs the program and gives its exit code. Ctrl-C goes to every program of the console,
/// and this one waits for the end of the other. If this one is ended, the system ends the
/// other too.
#[cfg(windows)]
fn replaced_by(mut command: Command) -> std::io::Result<u8> {
    let mut limits = win32job::ExtendedLimitInfo::new();
    limits.limit_kill_on_job_close();
    let job = win32job::Job::create_with_limit_info(&limits).and_then(|job| job.assign_current_process().map(|()| job));
    // A job that forbids others still has this program, and the end of it is told.
    let _job = job.ok();
    crate::cli::signals::leave_to_child();
    let status = command.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
