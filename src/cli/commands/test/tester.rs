//! The test of one saved connection, alone or among others that run at the
//! same time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Options, plan_for};
use crate::auth::method::MethodSpec;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::check::context::Plan;
use crate::check::origin::OriginVerdict;
use crate::check::report::{Check, CheckId, CheckResults, NotTested, Report, skipped};
use crate::check::runner::{self, SignIn, StartedTest};
use crate::cli::commands::app::App;
use crate::cli::commands::sign_in::secret;
use crate::cli::commands::waiting::{self, Wait};
use crate::cli::console::Progress;
use crate::engine::Connection;
use crate::engine::saved::Opened;
use crate::history::fingerprint::Memory;
use crate::history::last_test::LastTest;
use crate::history::state::{REFUSALS_BEFORE_STOP, State, refused_before};
use crate::http::client::{Client, Deadline};
use crate::model::instance::Instance;
use crate::model::profile::{Profile, StorePlace, Subject};
use crate::model::user_name::UserName;
use crate::store::CredentialStore;
use crate::store::record::Origins;

/// A store that was opened for a run, or why it could not be.
type OpenedStore = Result<Arc<dyn CredentialStore>, Failure>;

/// The right to ask a store.
type Turn<'t> = tokio::sync::MutexGuard<'t, ()>;

/// What the tests of one run share.
pub struct ConnectionTester<'a> {
    app: &'a App,
    options: &'a Options,
    stores: Vec<(StorePlace, OpenedStore)>,
    /// A store does one thing at a time.
    store_turn: tokio::sync::Mutex<()>,
    state: State,
    remembered: Memory<LastTest>,
    judged_secrets: JudgedSecrets,
    origins: OriginsOfRun,
    /// How long each test may take.
    timeout: Duration,
    wait: Option<Wait>,
}

/// Opens the stores that these connections use. A person may be asked to unlock
/// one, before anything moves on the screen; who stops there means the whole
/// run.
pub fn open_stores<'p>(
    app: &mut App,
    profiles: impl IntoIterator<Item = &'p Profile>,
) -> Result<Vec<(StorePlace, OpenedStore)>, Failure> {
    let mut stores: Vec<(StorePlace, OpenedStore)> = Vec::new();
    for profile in profiles {
        if stores.iter().any(|(place, _)| *place == profile.store) {
            continue;
        }
        match app.store(&profile.store) {
            Err(failure) if failure.code() == Code::Interrupted => return Err(failure),
            store => stores.push((profile.store.clone(), store)),
        }
    }
    Ok(stores)
}

impl<'a> ConnectionTester<'a> {
    pub fn new(app: &'a App, options: &'a Options, stores: Vec<(StorePlace, OpenedStore)>) -> Result<Self, Failure> {
        let state = app.state()?;
        Ok(Self {
            app,
            options,
            stores,
            store_turn: tokio::sync::Mutex::default(),
            remembered: state.last_tests(),
            state,
            judged_secrets: JudgedSecrets::default(),
            origins: OriginsOfRun::default(),
            timeout: app.deadline()?.timeout,
            wait: options.wait.map(Wait::of),
        })
    }

    /// Tests one connection, up to where the evidence ends.
    pub async fn of(&self, profile: &Profile, progress: &Progress) -> Report {
        // How long others kept the store busy says nothing about this one.
        let turn = self.store_turn.lock().await;
        let started = Instant::now();
        let results = self.run_checks(profile, turn, progress).await;
        let report = results.report(profile.into(), self.app.now(), started.elapsed());
        let report = report.judged_by(&self.options.expectations);
        let changes = if self.is_the_connections_own() {
            LastTest::following(self.remembered.of(profile), report.outcome()).changes
        } else {
            Vec::new()
        };
        let worked_before = self.remembered.of(profile).and_then(LastTest::last_success);
        Report { changes, worked_before, ..report }
    }

    /// A connection that is not tested after all.
    pub fn none_of(&self, profile: &Profile, why: NotTested) -> Report {
        let mut checks = vec![Check::skip(CheckId::ConfigConnection), Check::skip(CheckId::StoreSecret)];
        checks.extend(skipped(profile.auth.defaults));
        let report = CheckResults::from(checks).report(profile.into(), self.app.now(), Duration::ZERO);
        Report { not_tested: Some(why), ..report }
    }

    /// Keeps how the tests ended, for `list` and `status`.
    pub fn remember<'r>(&self, tested: impl IntoIterator<Item = (&'r Profile, &'r Report)>) {
        if !self.is_the_connections_own() {
            return;
        }
        let tests: Vec<_> = tested
            .into_iter()
            .filter(|(_, report)| report.not_tested.is_none())
            .map(|(profile, report)| (profile, LastTest::following(self.remembered.of(profile), report.outcome())))
            .collect();
        if !tests.is_empty() {
            self.app.mention_unwritable_state(self.state.record_tests(tests));
        }
    }

    /// With other tables it is not the connection's own test.
    fn is_the_connections_own(&self) -> bool {
        self.options.tables.is_empty()
    }

    async fn run_checks(&self, profile: &Profile, turn: Turn<'_>, progress: &Progress) -> CheckResults {
        // Made first, so that the certificate authorities are loaded on their
        // thread while the store is asked.
        let reached = match self.app.network.client_for(profile) {
            Ok(reached) => reached,
            Err(failure) => {
                let mut checks =
                    vec![Check::fail(CheckId::ConfigConnection, failure), Check::skip(CheckId::StoreSecret)];
                checks.extend(skipped(profile.auth.defaults));
                return checks.into();
            }
        };
        let mut checks = vec![Check::pass(CheckId::ConfigConnection)];
        let (opened, took) = self.open(profile, reached).await;
        drop(turn);
        let Opened { client, credential } = match opened {
            Ok(opened) => opened,
            Err(failure) => return no_secret(profile, checks, failure, took),
        };
        checks.push(Check::pass(CheckId::StoreSecret).taking(Some(took)));
        let connection = Connection::of(profile, client, credential).await;
        let sends_secret = !MethodSpec::of(profile.auth.method).has_session();
        match secret::account_at_risk(profile).filter(|_| sends_secret) {
            Some(user) => self.run_guarded(profile, user, connection, checks, progress).await,
            None => self.begin(profile, connection, progress).await.finish().await.after(checks),
        }
    }

    /// Sends a secret only if that does not bring the account closer to its lock.
    async fn run_guarded(
        &self,
        profile: &Profile,
        user: &UserName,
        connection: Connection,
        mut checks: Vec<Check>,
        progress: &Progress,
    ) -> CheckResults {
        let secrets = connection.credential().secrets().await;
        let secret = secrets.into_iter().next().expect("a credential that locks an account has a secret");
        // Held until the secret is judged: too many failures at once would lock the
        // account.
        let judged = self.judged_secrets.of(&profile.instance, user);
        let judged = judged.lock().await;
        let count = self.state.refusals(&profile.instance, user);
        let known = judged.iter().find(|judged| judged.secret.expose() == secret.expose());
        let is_new = known.is_none();
        let kept_back = match known {
            Some(Judged { refused, .. }) => refused.clone(),
            None if count >= REFUSALS_BEFORE_STOP && !self.options.retry_refused => {
                Some(refused_before(&profile.name, user, count))
            }
            None => None,
        };
        if let Some(failure) = kept_back {
            checks.extend(skipped(profile.auth.defaults).into_iter().map(|check| match check.id {
                CheckId::AuthRequest => Check::fail(CheckId::AuthRequest, failure.clone()),
                _ => check,
            }));
            return checks.into();
        }
        let mut judged = Some(judged).filter(|_| is_new);
        let started_test = self.begin(profile, connection, progress).await;
        if let Some(judged) = &mut judged {
            match started_test.sign_in() {
                SignIn::Good => {
                    let cleared = self.state.clear_refusals(&profile.instance, user);
                    self.app.mention_unwritable_state(cleared);
                    judged.push(Judged { secret, refused: None });
                }
                SignIn::Refused(failure) => {
                    secret::count_refusal(self.app, &self.state, profile, failure);
                    judged.push(Judged { secret, refused: Some(refused_elsewhere(profile, failure)) });
                }
                SignIn::Unjudged(_) => {}
            }
        }
        drop(judged);
        started_test.finish().await.after(checks)
    }

    /// Connections of one origin share what no credential changes: a dead one costs one
    /// time-out, and one of them waits for it.
    async fn begin(&self, profile: &Profile, connection: Connection, progress: &Progress) -> StartedTest {
        let origin = self.origins.of(&connection);
        let connection = Arc::new(connection);
        let turn = if self.wait.is_some() { Some(origin.turn.lock().await) } else { None };
        let known = origin.verdict.borrow().clone();
        if let Some(verdict) = known {
            let worded = |failure| match self.wait {
                Some(wait) => wait.in_vain(failure),
                None => failure,
            };
            return runner::stopped(connection, self.plan(profile), verdict, worded);
        }
        let started = waiting::begin(self.app, progress, connection, self.plan(profile), self.wait, turn).await;
        if let Some(verdict) = started.verdict() {
            origin.verdict.replace(Some(verdict.clone()));
        }
        started
    }

    /// The saved credential, and how long the store took.
    async fn open(&self, profile: &Profile, reached: (Client, Origins)) -> (Result<Opened, Failure>, Duration) {
        let store = match self.store(&profile.store) {
            Ok(store) => store,
            Err(failure) => return (Err(failure), Duration::ZERO),
        };
        let asked = Instant::now();
        let opened = self.app.open_insisting(store, profile, reached, self.options.retry_refused).await;
        (opened, asked.elapsed())
    }

    fn store(&self, wanted: &StorePlace) -> OpenedStore {
        let opened = self.stores.iter().find(|(place, _)| place == wanted);
        opened.expect("every store was opened before the tests").1.clone()
    }

    fn plan(&self, profile: &Profile) -> Plan {
        let tables = if self.options.tables.is_empty() { &profile.tables } else { &self.options.tables };
        let deadline = Deadline::after(self.timeout);
        plan_for(self.app, tables, Subject::Saved(profile.name.clone()), self.options, deadline)
    }
}

/// What a run found out about each origin.
#[derive(Default)]
struct OriginsOfRun(RefCell<HashMap<Way, Rc<Origin>>>);

/// An origin, and the proxy on the way.
type Way = (String, Option<String>);

#[derive(Default)]
struct Origin {
    verdict: RefCell<Option<OriginVerdict>>,
    /// The right to wait for it.
    turn: tokio::sync::Mutex<()>,
}

impl OriginsOfRun {
    fn of(&self, connection: &Connection) -> Rc<Origin> {
        let proxy = connection.client().route().proxy().map(|proxy| proxy.url.clone());
        self.0.borrow_mut().entry((connection.instance().origin().to_owned(), proxy)).or_default().clone()
    }
}

/// How the secrets of a run were judged, by origin and user. Only the holder of a
/// user's lock sends a secret of that user that was not judged yet.
#[derive(Default)]
struct JudgedSecrets(RefCell<HashMap<(String, String), UserLock>>);

type UserLock = Rc<tokio::sync::Mutex<Vec<Judged>>>;

struct Judged {
    secret: Secret,
    refused: Option<Failure>,
}

impl JudgedSecrets {
    fn of(&self, instance: &Instance, username: &UserName) -> UserLock {
        // The instance ignores case.
        let user = (instance.origin().to_owned(), username.as_str().to_lowercase());
        self.0.borrow_mut().entry(user).or_default().clone()
    }
}

/// What is said of another connection with a password that was refused.
fn refused_elsewhere(profile: &Profile, failure: &Failure) -> Failure {
    let elsewhere = shown!("The same password was refused for {} in this run, and was not sent again.", profile.name);
    let why = failure.reason().cloned().into_iter().chain([elsewhere]);
    failure.clone().why(Shown::list(why, " ")).evidence("refused_for", &profile.name)
}

fn no_secret(profile: &Profile, mut checks: Vec<Check>, failure: Failure, took: Duration) -> CheckResults {
    checks.push(Check::fail(CheckId::StoreSecret, failure).taking(Some(took)));
    checks.extend(skipped(profile.auth.defaults));
    checks.into()
}
