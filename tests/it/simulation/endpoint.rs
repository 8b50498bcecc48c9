//! A token endpoint that takes each refresh token once: one that comes a second time
//! ends the session.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use snow_connect::auth::oauth::outcome::TokenOutcome;
use snow_connect::auth::oauth::renewal::{Answered, TokenSource};
use snow_connect::auth::setting::GivenSecrets;
use snow_connect::base::code::Code;
use snow_connect::base::error::Failure;
use snow_connect::base::secret::Secret;
use snow_connect::http::client::Deadline;
use snow_connect::model::instance::Instance;
use snow_connect::model::oauth_client::OAuthClient;
use snow_connect::model::tokens::{SavedSession, TokenResponse};

use super::Planted;
use super::cluster::Cluster;
use super::faults::Luck;
use crate::world::cluster::public_client;

/// How long an access token is good.
pub const LIFE: Duration = Duration::from_secs(1800);
/// How long a request takes that got no answer.
const NO_ANSWER: Duration = Duration::from_secs(5);

/// The sessions that people signed in to, one after the other.
#[derive(Default)]
pub struct Endpoint(Mutex<Vec<Family>>);

#[derive(Default)]
struct Family {
    /// When each of its tokens was issued, and the lease under which it was used.
    tokens: Vec<(Duration, Option<String>)>,
    is_over: bool,
    /// How many of its tokens anyone tried to renew.
    ended: u64,
}

impl Endpoint {
    /// A person signs in.
    pub fn sign_in(&self, now: Duration) -> TokenResponse {
        let mut families = self.families();
        families.push(Family { tokens: vec![(now, None)], ..Family::default() });
        tokens(families.len() - 1, 0)
    }

    /// Whether the last session that a person signed in to is lost.
    pub fn has_ended(&self) -> bool {
        self.families().last().is_none_or(|family| family.is_over)
    }

    /// How many tokens came to their end.
    pub fn expiries(&self) -> u64 {
        self.families().iter().map(|family| family.ended).sum()
    }

    /// Whether the instance takes this access token.
    pub fn takes(&self, access_token: &Secret, now: Duration) -> bool {
        let (family, token) = named(access_token);
        let family = &self.families()[family];
        !family.is_over && now < family.tokens[token].0 + LIFE
    }

    /// `None`: the refresh token is not good. If it was once, the session ends with that.
    fn refresh(&self, sent: &Secret, lease: Option<&str>, now: Duration, luck: &Luck) -> Option<TokenResponse> {
        let (number, token) = named(sent);
        let mut families = self.families();
        let family = &mut families[number];
        let last = family.tokens.len() - 1;
        family.ended = family.ended.max(token as u64 + 1);
        if family.is_over {
            return None;
        }
        if token < last {
            family.is_over = true;
            luck.ledger().lost(family.tokens[token].1.as_deref(), lease, now);
            return None;
        }
        family.tokens[last].1 = lease.map(str::to_owned);
        family.tokens.push((now, None));
        Some(tokens(number, last + 1))
    }

    fn families(&self) -> MutexGuard<'_, Vec<Family>> {
        self.0.lock().unwrap()
    }
}

fn tokens(family: usize, token: usize) -> TokenResponse {
    let body = json!({
        "access_token": format!("access-{family}-{token}"),
        "refresh_token": format!("refresh-{family}-{token}"),
        "token_type": "Bearer",
        "expires_in": LIFE.as_secs(),
    });
    TokenResponse::read(&body).unwrap()
}

/// The session and the number that a token names.
fn named(token: &Secret) -> (usize, usize) {
    let mut words = token.expose().split('-').skip(1).map(|word| word.parse().unwrap());
    (words.next().unwrap(), words.next().unwrap())
}

/// The endpoint as one runner reaches it.
pub struct EndpointSource {
    client: OAuthClient,
    origin: Instance,
    endpoint: Arc<Endpoint>,
    cluster: Arc<Cluster>,
    luck: Arc<Luck>,
    planted: Planted,
}

impl EndpointSource {
    pub fn new(endpoint: Arc<Endpoint>, cluster: Arc<Cluster>, luck: Arc<Luck>, planted: Planted) -> Self {
        let origin = "https://acme.example".parse().unwrap();
        Self { client: public_client(), origin, endpoint, cluster, luck, planted }
    }

    async fn exchange(&self, sent: &Secret, lease: Option<&str>) -> TokenOutcome {
        let (luck, faults) = (&self.luck, self.luck.faults);
        luck.wait(Duration::ZERO).await;
        let now = luck.agenda.now();
        let holder = self.cluster.holder(now);
        luck.ledger().sends(lease, holder.as_deref(), now);
        let way = luck.dice().seconds(0.045, 0.18);
        luck.wait(way).await;
        let mut dice = luck.dice().fork();
        if dice.happens(faults.unavailable) {
            luck.ledger().answered(lease, false, luck.agenda.now());
            return TokenOutcome::Unavailable(Failure::new(Code::InstanceUnavailable, "it restarts"));
        }
        let (is_lost, acts) = (dice.happens(faults.answer_lost), dice.happens(0.5));
        let acts = acts || !is_lost;
        let answer = acts.then(|| self.endpoint.refresh(sent, lease, luck.agenda.now(), luck)).flatten();
        luck.may_die().await;
        luck.wait(if is_lost { NO_ANSWER } else { way }).await;
        luck.ledger().answered(lease, is_lost, luck.agenda.now());
        match answer {
            _ if is_lost => TokenOutcome::Lost(Failure::new(Code::ConnectionLost, "the response was lost")),
            None => TokenOutcome::Refused(Failure::new(Code::SessionExpired, "it was used before")),
            Some(tokens) => TokenOutcome::Tokens(tokens),
        }
    }
}

#[async_trait]
impl TokenSource for EndpointSource {
    fn client(&self) -> &OAuthClient {
        &self.client
    }

    fn origin(&self) -> &Instance {
        &self.origin
    }

    async fn refresh(&self, session: &SavedSession, _: Option<&Secret>, _: DateTime<Utc>, _: Deadline) -> Answered {
        let lease = session.lease.as_ref().map(|lease| lease.by.as_str());
        self.luck.holds(lease.map(str::to_owned));
        self.luck.may_die().await;
        let sent = session.refresh_token.as_ref().unwrap();
        let mut outcome = self.exchange(sent, lease).await;
        if self.planted == Planted::AsksTwice {
            outcome = self.exchange(sent, lease).await;
        }
        self.luck.may_die().await;
        Answered { outcome, exchange: None }
    }

    async fn sign_in(&self, _: &GivenSecrets, _: DateTime<Utc>, _: Deadline) -> Answered {
        panic!("this client has a person's session")
    }

    async fn end(&self, _: &SavedSession, _: Option<&Secret>, _: Deadline) {}
}
