//! `snow test`: does it work, and if not, why.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::app::App;
use super::select::{self, Selected};
use super::sign_in::password;
use crate::check::ladder::{self, Findings, Plan, SignIn};
use crate::check::report::{Check, CheckId, Identity, Report, Run};
use crate::cli::TestArgs;
use crate::connection::basic::UserName;
use crate::connection::oauth::client::OAuthClient;
use crate::connection::profile::{Auth, Profile, TableName};
use crate::connection::{Connection, Token};
use crate::credentials::record::{self, Origins};
use crate::credentials::{CredentialStore, environment};
use crate::error::{Code, Failure};
use crate::http::client::Client;
use crate::output;
use crate::secret::Secret;
use crate::servicenow::seen::Subject;
use crate::state::REFUSALS_BEFORE_STOP;

/// What the flags of a test say.
pub struct Options {
    pub retry_refused: bool,
    /// Instead of the connection's own.
    pub tables: Vec<TableName>,
}

/// Secrets that were refused in this run: not sent again, nor for another
/// connection with the same origin, user name and secret.
#[derive(Default)]
pub struct Refused(Vec<(String, UserName, Secret, Failure)>);

/// The checks of one connection, however far they came.
pub struct Found {
    checks: Vec<Check>,
    token: Option<Token>,
    identity: Option<Identity>,
    certificate_ends: Option<DateTime<Utc>>,
}

impl From<Vec<Check>> for Found {
    fn from(checks: Vec<Check>) -> Self {
        Self { checks, token: None, identity: None, certificate_ends: None }
    }
}

impl Found {
    /// What was found at the instance, after the checks on this machine.
    pub fn after(mut checks: Vec<Check>, findings: Findings) -> Self {
        checks.extend(findings.checks);
        let Findings { token, identity, certificate_ends, .. } = findings;
        Self { checks, token, identity, certificate_ends }
    }

    /// As above, where the secret was just entered: connection and store stand.
    pub fn just_entered(findings: Findings) -> Self {
        Self::after(vec![Check::pass(CheckId::ConfigConnection), Check::pass(CheckId::StoreSecret)], findings)
    }
}

pub async fn run(app: &mut App, arguments: TestArgs) -> Result<u8, Failure> {
    let started_at = app.now();
    let started = Instant::now();
    let options = Options { retry_refused: arguments.retry_refused, tables: arguments.tables };
    let mut reports = Vec::new();
    if arguments.names.len() > 1 || arguments.all {
        let config = app.config_file()?.load()?;
        let profiles: Vec<Profile> = match arguments.all {
            true => config.connections.into_values().collect(),
            false => select::find_all(&config, &arguments.names)?,
        };
        if profiles.is_empty() {
            return Err(Failure::new(Code::NothingToTest, "there is no connection yet").next("snow connect INSTANCE"));
        }
        let mut refused = Refused::default();
        for profile in &profiles {
            reports.push(test_one(app, profile, &options, &mut refused).await?);
        }
    } else {
        let selection = select::select_one(app, arguments.names.first(), Code::NothingToTest)?;
        reports.push(match selection.selected {
            Selected::Saved(profile) => test_saved(app, &profile, &options).await?,
            Selected::Environment => test_environment(app, options).await?,
        });
    }
    let run = Run { started_at, duration: started.elapsed(), reports };
    if app.console.json {
        app.console.document(&output::json::run(&run));
    } else if !app.global.quiet || run.exit_code() != 0 {
        let text = output::text::run(&run, app.console.out);
        app.console.data(&text);
    }
    Ok(run.exit_code())
}

/// Tests one saved connection and remembers how it ended.
pub async fn test_saved(app: &mut App, profile: &Profile, options: &Options) -> Result<Report, Failure> {
    test_one(app, profile, options, &mut Refused::default()).await
}

async fn test_one(
    app: &mut App,
    profile: &Profile,
    options: &Options,
    refused: &mut Refused,
) -> Result<Report, Failure> {
    let started = Instant::now();
    let found = climb(app, profile, options, refused).await?;
    let report = report_of(profile, found, started.elapsed());
    if options.tables.is_empty() {
        // With other tables it is not the connection's own test.
        remember(app, profile, &report)?;
    }
    Ok(report)
}

/// The checks of a saved connection, up to where the evidence ends.
async fn climb(app: &mut App, profile: &Profile, options: &Options, refused: &mut Refused) -> Result<Found, Failure> {
    // Made first, so that the certificate authorities are loaded on their
    // thread while the keyring is asked.
    let (client, origins) = match app.client_for(profile) {
        Ok(client) => client,
        Err(failure) => {
            let mut checks = vec![Check::fail(CheckId::ConfigConnection, failure), Check::skip(CheckId::StoreSecret)];
            checks.extend(skipped());
            return Ok(checks.into());
        }
    };
    match profile.auth.clone() {
        Auth::Basic { username } => {
            climb_with_password(app, profile, &username, (client, origins), options, refused).await
        }
        Auth::OAuth { client: oauth, .. } => climb_with_session(app, profile, &oauth, (client, origins), options).await,
    }
}

async fn climb_with_password(
    app: &mut App,
    profile: &Profile,
    username: &UserName,
    (client, origins): (Client, Origins),
    options: &Options,
    refused: &mut Refused,
) -> Result<Found, Failure> {
    let mut checks = vec![Check::pass(CheckId::ConfigConnection)];
    let store = open_store(app, profile)?;
    let _progress = app.console.progress(&format!("Testing {}", profile.name));
    let asked = Instant::now();
    let password = store.and_then(|store| record::read_password(store.as_ref(), profile, username, &origins));
    let took = Some(asked.elapsed());
    let password = match password {
        Ok(password) => password,
        Err(failure) => return Ok(no_secret(checks, failure, took)),
    };
    checks.push(Check::pass(CheckId::StoreSecret).taking(took));
    let state = app.state()?;
    let count = state.refusals(&profile.instance, username);
    let kept_back = match refused.find(profile, username, &password) {
        Some(failure) => Some(failure),
        None if count >= REFUSALS_BEFORE_STOP && !options.retry_refused => {
            Some(refused_before(profile, username, count))
        }
        None => None,
    };
    if let Some(failure) = kept_back {
        checks.extend(skipped().into_iter().map(|check| match check.id {
            CheckId::AuthRequest => Check::fail(CheckId::AuthRequest, failure.clone()),
            _ => check,
        }));
        return Ok(checks.into());
    }
    let plan = plan(app, profile, options)?;
    let begun = password::first_request(profile, username, client, &password, plan).await;
    let remembered = match begun.sign_in() {
        SignIn::Good => state.clear_refusals(&profile.instance, username),
        SignIn::Refused(failure) => {
            refused.add(profile, username, &password, failure);
            password::count_refusal(app, profile, username, failure)?;
            Ok(())
        }
        SignIn::Unjudged(_) => Ok(()),
    };
    app.mention_unwritable_state(remembered);
    Ok(Found::after(checks, begun.finish().await))
}

async fn climb_with_session(
    app: &mut App,
    profile: &Profile,
    oauth: &OAuthClient,
    (client, origins): (Client, Origins),
    options: &Options,
) -> Result<Found, Failure> {
    let mut checks = vec![Check::pass(CheckId::ConfigConnection)];
    let store = open_store(app, profile)?;
    let _progress = app.console.progress(&format!("Testing {}", profile.name));
    let asked = Instant::now();
    let session = store.and_then(|_| app.open_session(profile, oauth, &client, origins));
    let took = Some(asked.elapsed());
    let session = match session {
        Ok(session) => session,
        Err(failure) => return Ok(no_secret(checks, failure, took)),
    };
    checks.push(Check::pass(CheckId::StoreSecret).taking(took));
    let (instance, username) = (profile.instance.clone(), profile.username().cloned());
    let connection = Connection::oauth(instance, profile.api_version, client, username, session);
    let begun = ladder::begin(Arc::new(connection), plan(app, profile, options)?).await;
    Ok(Found::after(checks, begun.finish().await))
}

/// The store, before anything moves on the screen: a person may be asked to
/// unlock it. Who stops there means the whole run.
fn open_store(app: &mut App, profile: &Profile) -> Result<Result<Arc<dyn CredentialStore>, Failure>, Failure> {
    match app.store(profile.store) {
        Err(failure) if failure.code() == Code::Interrupted => Err(failure),
        store => Ok(store),
    }
}

fn no_secret(mut checks: Vec<Check>, failure: Failure, took: Option<Duration>) -> Found {
    checks.push(Check::fail(CheckId::StoreSecret, failure).taking(took));
    checks.extend(skipped());
    checks.into()
}

fn plan(app: &App, profile: &Profile, options: &Options) -> Result<Plan, Failure> {
    let tables = if options.tables.is_empty() { &profile.tables } else { &options.tables };
    let subject = Subject::Saved(profile.name.clone());
    Ok(Plan { tables: tables.clone(), subject, deadline: app.deadline()?, clock: app.clock() })
}

/// Tests the connection that variables describe. No file and no store.
async fn test_environment(app: &mut App, options: Options) -> Result<Report, Failure> {
    let started = Instant::now();
    let described = environment::read(&app.variables)?;
    let checks = vec![Check::pass(CheckId::ConfigConnection), Check::pass(CheckId::StoreSecret)];
    let auth = described.sign_in.as_str();
    let instance = described.instance.to_string();
    let connection = super::environment::connection(app, described)?;
    let plan =
        Plan { tables: options.tables, subject: Subject::Environment, deadline: app.deadline()?, clock: app.clock() };
    let begun = {
        let _progress = app.console.progress(&format!("Testing {instance}"));
        ladder::begin(Arc::new(connection), plan).await
    };
    let found = Found::after(checks, begun.finish().await);
    Ok(Report {
        name: environment::NAME.to_owned(),
        id: None,
        instance,
        auth,
        store: environment::NAME,
        token: found.token,
        identity: found.identity,
        certificate_ends: found.certificate_ends,
        duration: started.elapsed(),
        checks: found.checks,
    })
}

/// The report of a saved connection.
pub fn report_of(profile: &Profile, found: Found, duration: Duration) -> Report {
    Report {
        name: profile.name.to_string(),
        id: Some(profile.id),
        instance: profile.instance.to_string(),
        auth: profile.auth.as_str(),
        store: profile.store.as_str(),
        token: found.token,
        identity: found.identity,
        certificate_ends: found.certificate_ends,
        duration,
        checks: found.checks,
    }
}

/// Keeps how the test ended, for `list` and `status`.
pub fn remember(app: &mut App, profile: &Profile, report: &Report) -> Result<(), Failure> {
    let remembered = app.state()?.record_test(profile.id, report.last_test(app.now()));
    app.mention_unwritable_state(remembered);
    Ok(())
}

fn skipped() -> Vec<Check> {
    [
        CheckId::NetworkDns,
        CheckId::NetworkConnect,
        CheckId::InstanceServiceNow,
        CheckId::InstanceAwake,
        CheckId::AuthRequest,
        CheckId::AccessTable,
        CheckId::AuthIdentity,
    ]
    .map(Check::skip)
    .to_vec()
}

fn refused_before(profile: &Profile, username: &UserName, count: u32) -> Failure {
    Failure::new(Code::RefusedBefore, format!("the password of {username} was refused {count} times in a row"))
        .why("It was not sent again: the instance locks an account after five failures.")
        .next(format!("Enter the right one: snow login {}", profile.name))
        .next(format!("If it is right by now: snow test {} --retry-refused", profile.name))
        .evidence("refusals", count)
}

impl Refused {
    fn add(&mut self, profile: &Profile, username: &UserName, secret: &Secret, failure: &Failure) {
        let origin = profile.instance.origin().to_owned();
        self.0.push((origin, username.clone(), secret.duplicate(), failure.clone()));
    }

    fn find(&self, profile: &Profile, username: &UserName, secret: &Secret) -> Option<Failure> {
        self.0
            .iter()
            .find(|(origin, user, refused, _)| {
                origin == profile.instance.origin()
                    && user.matches(username.as_str())
                    && refused.expose() == secret.expose()
            })
            .map(|(_, _, _, failure)| failure.clone())
    }
}
