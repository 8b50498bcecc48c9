//! `snow test`: does it work, and if not, why.
//!
//! [`tester`] tests one saved connection, [`fleet`] many at the same
//! time.

pub(in crate::cli) mod args;
mod fleet;
mod tester;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::app::App;
use super::list::labels;
use super::outputs::{Outputs, unwritable};
use super::select::{self, Selected, all_disabled};
use super::waiting::{self, Wait};
use crate::auth::method::MethodSpec;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::Publication;
use crate::base::shown::{Step, shown};
use crate::check::context::Plan;
use crate::check::expectations::Expectations;
use crate::check::report::{Check, CheckId, Report, Run, TestTarget};
use crate::config::{Config, environment};
use crate::history::last_test::LastTest;
use crate::history::state::{SessionNote, State};
use crate::http::client::Deadline;
use crate::model::profile::Subject;
use crate::model::profile::{Profile, TableName};
use crate::report;
use crate::report::format::Format;
use crate::report::json::test::{Test, TestConnection, TestSummary};
use args::TestArgs;
use fleet::{Limits, Tested};
use tester::{ConnectionTester, open_stores};

/// What the flags of a test say.
#[derive(Default)]
pub struct Options {
    pub retry_refused: bool,
    /// Instead of the connection's own.
    pub tables: Vec<TableName>,
    pub expectations: Expectations,
    /// How long to wait for an instance that is asleep or not to be reached.
    pub wait: Option<Duration>,
    /// How often a request may be sent again.
    pub retries: u32,
}

pub async fn run(app: &mut App, arguments: TestArgs) -> Result<u8, Failure> {
    let outputs = app.outputs()?;
    let started_at = app.now();
    let started = Instant::now();
    let several = arguments.names_several();
    let limits = Limits { jobs: arguments.jobs, fail_fast: arguments.fail_fast };
    let options = Options {
        retry_refused: arguments.retry_refused,
        tables: arguments.tables.clone(),
        expectations: Expectations {
            user: arguments.expect_user.clone(),
            max_latency: arguments.max_latency,
            strict: arguments.strict,
        },
        wait: arguments.wait,
        retries: arguments.retries,
    };
    let streamed = |app: &App, report: &Report| {
        if outputs.stdout == Format::Jsonl {
            app.console.document_line(&TestConnection::from(report));
        }
    };
    let (reports, stopped_by) = if several {
        let profiles = profiles(app.config_file()?.load()?, &arguments)
            .map_err(|failure| app.missing_config(failure.code()).unwrap_or(failure))?;
        outputs.prove()?;
        if outputs.stdout != Format::Text {
            select::mention_disabled(app, &profiles);
        }
        let stores = open_stores(app, profiles.iter().filter(|profile| profile.is_enabled()))?;
        let stop = app.take_over_stop();
        let tester = ConnectionTester::new(app, &options, stores)?;
        let finished = |report: &Report| streamed(app, report);
        let Tested { reports, stopped_by } = fleet::run(app, &tester, &profiles, limits, stop, finished).await;
        (reports, stopped_by)
    } else {
        let selection = select::select_one(app, arguments.names.first(), Code::NothingToTest)?;
        outputs.prove()?;
        let report = match selection.selected {
            Selected::Saved(profile) => test_saved(app, &profile, &options).await?,
            Selected::Environment => test_environment(app, options).await?,
        };
        streamed(app, &report);
        (vec![report], None)
    };
    let run = Run { started_at, duration: started.elapsed(), reports, stopped_by };
    let code = deliver(app, &outputs, &run)?;
    if run.stopped_by.is_some() && !app.console.json {
        app.say_cancelled();
    }
    Ok(code)
}

/// The saved connections that are meant, of which some are to be used.
fn profiles(config: Config, arguments: &TestArgs) -> Result<Vec<Profile>, Failure> {
    if !arguments.names.is_empty() {
        return select::find_all_enabled(&config, &arguments.names);
    }
    if config.connections.is_empty() {
        return Err(
            Failure::new(Code::NothingToTest, "there is no connection yet").next(Step::run("snow connect INSTANCE"))
        );
    }
    let has_all = |profile: &Profile| profile.has_labels(&arguments.filter);
    let profiles: Vec<Profile> = config.connections.into_values().filter(has_all).collect();
    if profiles.is_empty() {
        return Err(Failure::new(
            Code::NothingToTest,
            shown!("no connection has the label {}", labels(&arguments.filter)),
        )
        .next(Step::say("See which labels there are: ").and_run("snow list --json"))
        .next(Step::say("Give a connection one: ").and_run("snow edit NAME --set labels.KEY=VALUE")));
    }
    if !profiles.iter().any(Profile::is_enabled) {
        return Err(match arguments.filter.as_slice() {
            [] => all_disabled(Code::NothingToTest),
            filter => all_disabled(Code::NothingToTest).why(shown!("With the label {}.", labels(filter))),
        });
    }
    Ok(profiles)
}

/// Prints the result, writes the reports, and gives the exit code. A report
/// that cannot be written keeps no other one back.
fn deliver(app: &App, outputs: &Outputs, run: &Run) -> Result<u8, Failure> {
    match outputs.stdout {
        Format::Text if !app.global.quiet || run.exit_code() != 0 => {
            app.console.data(&report::text::fleet::text(run, app.global.quiet, app.console.out));
        }
        Format::Text => {}
        Format::Json => app.console.document(&Test::from(run)),
        Format::Jsonl => app.console.document(&TestSummary::from(run)),
        format => app.console.data(report::report(format, run).trim_end()),
    }
    let mut result = Ok(run.exit_code());
    for (format, path) in &outputs.files {
        let report = report::report(*format, run);
        if let Err(error) = publish(*format, path, report.as_bytes()) {
            let failure = unwritable(path, &error);
            app.console.say(&report::text::error(&failure, app.console.err));
            // What the tests found counts more.
            result = result.map(|code| if code == 0 { failure.exit_code() } else { code });
        }
    }
    let is_for_github =
        outputs.stdout == Format::Github || outputs.files.iter().any(|(format, _)| *format == Format::Github);
    if is_for_github && let Some(path) = app.variables.text("GITHUB_STEP_SUMMARY") {
        append_summary(app, Path::new(path), run);
    }
    result
}

/// Writes a report. What the node exporter reads it does as another user.
fn publish(format: Format, path: &Path, report: &[u8]) -> std::io::Result<()> {
    let mut publication = Publication::begin(path)?;
    if format == Format::Prometheus {
        publication.for_others()?;
    }
    publication.write_all(report)?;
    publication.finish()
}

/// The summary of the job, after what other commands of the same step said. It
/// is a courtesy: the step does not fail for it.
fn append_summary(app: &App, path: &Path, run: &Run) {
    let appended = OpenOptions::new().append(true).create(true).open(path);
    let appended = appended.and_then(|mut file| file.write_all(report::github::summary(run).as_bytes()));
    if let Err(error) = appended {
        app.console.say(&format!("note: the summary of the job cannot be written: {error}"));
    }
}

/// Tests one saved connection and remembers how it ended.
pub async fn test_saved(app: &mut App, profile: &Profile, options: &Options) -> Result<Report, Failure> {
    let stores = open_stores(app, [profile])?;
    let tester = ConnectionTester::new(app, options, stores)?;
    let report = {
        let progress = app.console.progress(&format!("Testing {}", profile.name));
        tester.of(profile, &progress).await
    };
    tester.remember([(profile, &report)]);
    Ok(report)
}

/// Keeps how the test of a sign-in ended, for `list` and `status`.
pub fn remember(app: &App, profile: &Profile, report: &Report) -> Result<(), Failure> {
    let state = app.state()?;
    let test = LastTest::following(state.last_test(profile).as_ref(), report.outcome());
    app.mention_unwritable_state(state.record_tests([(profile, test)]));
    app.mention_unwritable_state(remember_end(app, &state, profile, report));
    Ok(())
}

/// Keeps when an access token ends that was entered: there is no session that says it.
fn remember_end(app: &App, state: &State, profile: &Profile, report: &Report) -> std::io::Result<()> {
    let spec = MethodSpec::of(profile.auth.method);
    let Some(life) = report.token.filter(|_| !spec.has_session() && !spec.stores_nothing(&profile.auth)) else {
        return Ok(());
    };
    match life.expires_at {
        Some(at) if state.session(profile).is_some_and(|known| known.expires_at == Some(at)) => Ok(()),
        Some(at) => state.record_session(profile, SessionNote::of_token(app.now(), at)),
        None => state.forget_session_note(profile.id),
    }
}

fn plan_for(app: &App, tables: &[TableName], subject: Subject, options: &Options, deadline: Deadline) -> Plan {
    Plan {
        expectations: options.expectations.clone(),
        retries: options.retries,
        ..Plan::new(tables.to_vec(), subject, deadline, app.clock())
    }
}

/// Tests the connection that variables describe. No file and no store.
async fn test_environment(app: &mut App, options: Options) -> Result<Report, Failure> {
    let started = Instant::now();
    let described = environment::read(&app.variables)?;
    let checks = vec![Check::pass(CheckId::ConfigConnection), Check::pass(CheckId::StoreSecret)];
    let auth = described.auth.as_str();
    let instance = described.instance.to_string();
    let subject = Subject::Environment(described.variable);
    let connection = super::environment::connection(app, described).await?;
    let plan = plan_for(app, &options.tables, subject, &options, app.deadline()?);
    let started_test = {
        let progress = app.console.progress(&format!("Testing {instance}"));
        waiting::begin(app, &progress, Arc::new(connection), plan, options.wait.map(Wait::of), None::<()>).await
    };
    let target = TestTarget { name: environment::NAME.to_owned(), id: None, instance, auth, store: environment::NAME };
    let report = started_test.finish().await.after(checks).report(target, app.now(), started.elapsed());
    Ok(report.judged_by(&options.expectations))
}
