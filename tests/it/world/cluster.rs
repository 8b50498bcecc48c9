//! A store that several machines share, and fails as a cluster does; a token
//! endpoint whose refresh tokens are good once; and a time that goes by when
//! somebody sleeps.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use snow_connect::auth::oauth::AUTHORIZATION_CODE;
use snow_connect::auth::oauth::lock::SessionLock;
use snow_connect::auth::oauth::outcome::TokenOutcome;
use snow_connect::auth::oauth::renewal::{Answered, SessionStore, TokenSource};
use snow_connect::auth::setting::GivenSecrets;
use snow_connect::base::code::Code;
use snow_connect::base::error::Failure;
use snow_connect::base::secret::Secret;
use snow_connect::base::time::Time;
use snow_connect::http::client::Deadline;
use snow_connect::model::instance::Instance;
use snow_connect::model::oauth_client::{GrantType, OAuthClient};
use snow_connect::model::profile::{Auth, Profile, StoreKind};
use snow_connect::model::tokens::{SavedSession, TokenResponse};
use snow_connect::service::servicenow::oauth::DEFAULTS;
use snow_connect::store::record::Origins;
use snow_connect::store::{CredentialStore, ItemKey, SetOutcome, StoreError, Trouble, Version, Versioned};

use super::session::ID;

pub const ORIGIN: &str = "https://acme.service-now.com";

/// Where one machine keeps the session of `acme` that it shares with others.
pub fn session_store(store: Arc<dyn CredentialStore>, lock: Box<dyn SessionLock>, time: Arc<dyn Time>) -> SessionStore {
    let profile = Profile {
        name: "acme".parse().unwrap(),
        id: ID.parse().unwrap(),
        revision: 1,
        instance: ORIGIN.parse::<Instance>().unwrap(),
        auth: Auth::of_client(AUTHORIZATION_CODE.method, public_client()),
        store: store.kind().into(),
        api_version: None,
        tables: Vec::new(),
        headers: Vec::new(),
        ca_cert: None,
        proxy: None,
        read_only: false,
        state: Default::default(),
        description: None,
        labels: Default::default(),
        times: Default::default(),
    };
    let origins = Origins { instance: ORIGIN.to_owned(), token_endpoint: None, ca_cert_sha256: None };
    SessionStore { store, profile, origins, lock, note: Box::new(|_| {}), account: None, time }
}

pub fn public_client() -> OAuthClient {
    OAuthClient::new(GrantType::AuthorizationCode, "sandbox-public".parse().unwrap(), &DEFAULTS)
}

/// What another machine does in between.
type Intrusion = Box<dyn FnOnce(&mut Inner) + Send>;

/// How a compare-and-set that is right goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is done.
    None,
    /// It is done, and something in between repeats it: the second is told.
    SaysMismatch,
    /// A node that lags behind judges it. Nothing is done.
    JudgedStale,
    /// It failed for certain.
    NotApplied,
    /// Nobody knows, and it is done after so many further calls.
    DoneLater(usize),
    /// Nobody knows, and it is never done.
    NeverDone,
}

/// The versions of one record.
pub struct Cluster {
    time: Arc<VirtualTime>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The record at each version, and when it came; nothing: taken away.
    versions: Vec<(Option<String>, Duration)>,
    /// How many versions the node lags behind that answers each of the next reads.
    lags: VecDeque<usize>,
    faults: VecDeque<Fault>,
    /// What takes effect after so many further calls, where its version still fits.
    late: Vec<(usize, Version, String)>,
    /// Done once, right after that many writes took effect.
    between: Option<(usize, Intrusion)>,
    written: usize,
}

impl Cluster {
    pub fn holding(record: &Value, time: Arc<VirtualTime>) -> Arc<Self> {
        let inner = Inner { versions: vec![(Some(record.to_string()), Duration::ZERO)], ..Inner::default() };
        Arc::new(Self { time, inner: Mutex::new(inner) })
    }

    /// What happens to the following writes, in this order.
    pub fn fail(&self, faults: &[Fault]) {
        self.inner().faults.extend(faults);
    }

    /// How many versions behind the following reads are.
    pub fn lag(&self, versions: &[usize]) {
        self.inner().lags.extend(versions);
    }

    /// Another machine writes, or takes the record away: now.
    pub fn write_elsewhere(&self, record: Option<Value>) {
        let now = self.time.elapsed();
        self.inner().versions.push((record.map(|record| record.to_string()), now));
    }

    /// The same, right after the next `writes` of whoever is under test. `record`
    /// makes it from what is there then.
    pub fn write_elsewhere_after(&self, writes: usize, record: impl FnOnce(Value) -> Option<Value> + Send + 'static) {
        let mut inner = self.inner();
        let at = inner.written + writes;
        inner.between = Some((
            at,
            Box::new(move |inner| {
                let (current, now) = inner.versions.last().cloned().unwrap();
                let current = serde_json::from_str(&current.unwrap()).unwrap();
                inner.versions.push((record(current).map(|record| record.to_string()), now));
            }),
        ));
    }

    /// What is there, and its version.
    pub fn holds(&self) -> (u64, Value) {
        let inner = self.inner();
        let record = inner.versions.last().and_then(|(record, _)| record.as_deref());
        (inner.versions.len() as u64, record.map_or(Value::Null, |record| serde_json::from_str(record).unwrap()))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Inner {
    /// Does what is due. Each call of anybody brings it nearer.
    fn go_on(&mut self, now: Duration) {
        let mut late = std::mem::take(&mut self.late);
        late.retain_mut(|(calls, replaced, record)| {
            *calls = calls.saturating_sub(1);
            if *calls > 0 {
                return true;
            }
            if *replaced == self.version() {
                self.put(record.clone(), now);
            }
            false
        });
        self.late = late;
    }

    fn version(&self) -> Version {
        Version(self.versions.len() as u64)
    }

    fn put(&mut self, record: String, now: Duration) {
        self.versions.push((Some(record), now));
        self.written += 1;
        if let Some((_, act)) = self.between.take_if(|(at, _)| *at == self.written) {
            act(self);
        }
    }
}

pub fn unreachable_store() -> StoreError {
    let failure = Failure::new(Code::StoreBusy, "the cluster has no leader");
    StoreError::new(KIND, Trouble::Failed, failure)
}

pub const KIND: StoreKind = StoreKind::new("cluster", "the cluster");

#[async_trait]
impl CredentialStore for Cluster {
    fn kind(&self) -> StoreKind {
        KIND
    }

    fn remedy(&self) -> &'static str {
        "Try another store"
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        Ok(self.read_version(key).await?.record)
    }

    async fn write(&self, _: ItemKey, _: &Secret) -> Result<(), StoreError> {
        panic!("a shared session is never written without its version")
    }

    async fn delete(&self, _: ItemKey) -> Result<(), StoreError> {
        panic!("a renewal deletes nothing")
    }

    async fn read_version(&self, _: ItemKey) -> Result<Versioned, StoreError> {
        tokio::task::yield_now().await;
        let now = self.time.elapsed();
        let mut inner = self.inner();
        inner.go_on(now);
        let lag = inner.lags.pop_front().unwrap_or(0);
        let version = inner.versions.len().saturating_sub(lag).max(1);
        let (record, since) = inner.versions[version - 1].clone();
        let record = record.map(|record| Secret::derived(record).unwrap());
        Ok(Versioned { version: Version(version as u64), age: Some(now - since), record })
    }

    async fn compare_and_set(&self, _: ItemKey, replaced: Version, record: &Secret) -> SetOutcome {
        tokio::task::yield_now().await;
        let now = self.time.elapsed();
        let mut inner = self.inner();
        inner.go_on(now);
        let fault = inner.faults.pop_front().unwrap_or(Fault::None);
        let record = record.expose().to_owned();
        if replaced != inner.version() {
            return SetOutcome::Mismatch;
        }
        match fault {
            Fault::None => {
                inner.put(record, now);
                SetOutcome::Written(Version(replaced.0 + 1))
            }
            Fault::SaysMismatch => {
                inner.put(record, now);
                SetOutcome::Mismatch
            }
            Fault::JudgedStale => SetOutcome::Mismatch,
            Fault::NotApplied => SetOutcome::NotApplied(unreachable_store()),
            Fault::DoneLater(calls) => {
                inner.late.push((calls, replaced, record));
                SetOutcome::Unknown(unreachable_store())
            }
            Fault::NeverDone => SetOutcome::Unknown(unreachable_store()),
        }
    }
}

/// A time that goes by when somebody sleeps.
#[derive(Default)]
pub struct VirtualTime {
    elapsed: Mutex<Duration>,
    numbers: Mutex<u64>,
    began: DateTime<Utc>,
}

impl VirtualTime {
    pub fn starting_at(began: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self { began, ..Self::default() })
    }

    pub fn pass(&self, time: Duration) {
        *self.elapsed.lock().unwrap() += time;
    }
}

#[async_trait]
impl Time for VirtualTime {
    fn now(&self) -> DateTime<Utc> {
        self.began + TimeDelta::from_std(self.elapsed()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        // Until then whoever sleeps for a shorter time has moved on.
        let until = self.elapsed() + time;
        while self.elapsed() < until {
            let step = (until - self.elapsed()).min(Duration::from_millis(10));
            tokio::task::yield_now().await;
            self.pass(step);
        }
    }

    fn random(&self) -> u64 {
        let mut number = self.numbers.lock().unwrap();
        *number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *number
    }
}

/// What the token endpoint does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Tokens,
    /// It acts, and its answer is lost.
    Lost,
    Unavailable,
}

/// A token endpoint that takes each refresh token once.
pub struct Endpoint {
    client: OAuthClient,
    origin: Instance,
    state: Mutex<EndpointState>,
}

struct EndpointState {
    good: String,
    answers: VecDeque<Answer>,
    requests: usize,
    ended: Vec<String>,
}

impl Endpoint {
    pub fn taking(refresh_token: &str) -> Self {
        let state =
            EndpointState { good: refresh_token.to_owned(), answers: VecDeque::new(), requests: 0, ended: Vec::new() };
        Self { client: public_client(), origin: "https://acme.example".parse().unwrap(), state: Mutex::new(state) }
    }

    /// The same for a client that signs in for itself, as often as it likes.
    pub fn of_a_client() -> Self {
        let client = OAuthClient { grant: GrantType::ClientCredentials, ..public_client() };
        Self { client, ..Self::taking("") }
    }

    pub fn answer(&self, answers: &[Answer]) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    pub fn requests(&self) -> usize {
        self.state.lock().unwrap().requests
    }

    fn answered(&self, refresh_token: Option<&str>) -> Answered {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let answer = state.answers.pop_front().unwrap_or(Answer::Tokens);
        let is_good = refresh_token.is_none_or(|sent| sent == state.good);
        let outcome = match answer {
            Answer::Unavailable => TokenOutcome::Unavailable(Failure::new(Code::InstanceUnavailable, "it restarts")),
            _ if !is_good => TokenOutcome::Refused(Failure::new(Code::SessionExpired, "it was spent before")),
            answer => {
                state.good = format!("refresh-{}", state.requests);
                let body = json!({
                    "access_token": format!("access-{}", state.requests),
                    "refresh_token": state.good,
                    "token_type": "Bearer",
                    "expires_in": 1800,
                });
                match answer {
                    Answer::Lost => TokenOutcome::Lost(Failure::new(Code::ConnectionLost, "the response was lost")),
                    _ => TokenOutcome::Tokens(TokenResponse::read(&body).unwrap()),
                }
            }
        };
        Answered { outcome, exchange: None }
    }

    /// The refresh tokens that were given back.
    pub fn ended(&self) -> Vec<String> {
        self.state.lock().unwrap().ended.clone()
    }
}

#[async_trait]
impl TokenSource for Endpoint {
    fn client(&self) -> &OAuthClient {
        &self.client
    }

    fn origin(&self) -> &Instance {
        &self.origin
    }

    async fn refresh(&self, session: &SavedSession, _: Option<&Secret>, _: DateTime<Utc>, _: Deadline) -> Answered {
        tokio::task::yield_now().await;
        self.answered(session.refresh_token.as_ref().map(Secret::expose))
    }

    async fn sign_in(&self, _: &GivenSecrets, _: DateTime<Utc>, _: Deadline) -> Answered {
        tokio::task::yield_now().await;
        assert!(!self.client.grant.needs_person(), "this client has a person's session");
        self.answered(None)
    }

    async fn end(&self, session: &SavedSession, _: Option<&Secret>, _: Deadline) {
        let token = session.refresh_token.as_ref().unwrap().expose().to_owned();
        self.state.lock().unwrap().ended.push(token);
    }
}
