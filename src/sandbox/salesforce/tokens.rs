//! The sessions that were issued, by SOAP or by OAuth, and the refresh tokens. No request
//! and no clock: the moment is given.

use std::time::{Duration, Instant};

use super::clients::Client;
use super::ids::short;
use super::people::{User, org_id};
use crate::base::secret::Secret;

/// How many sign-ins a user may have at one app: the next ends the oldest without a word.
const APPROVALS: usize = 5;

/// All sessions and approvals.
pub struct Tokens {
    pub access_ttl: Duration,
    rotate: bool,
    sessions: Vec<Session>,
    approvals: Vec<Approval>,
    next: usize,
}

/// An access token, which is a session id.
#[derive(Clone)]
pub struct Session {
    pub token: String,
    pub user: &'static User,
    /// None for one of SOAP's.
    pub client: Option<&'static Client>,
    pub scope: String,
    /// It may do nothing but change the password.
    pub is_for_password: bool,
    pub issued_at: Instant,
    pub expires_at: Instant,
    approval: Option<usize>,
}

/// What descends from one sign-in of a person.
struct Approval {
    number: usize,
    client: &'static Client,
    user: &'static User,
    scope: String,
    refresh_token: String,
}

impl Tokens {
    pub fn new(access_ttl: Duration, rotate: bool) -> Self {
        Self { access_ttl, rotate, sessions: Vec::new(), approvals: Vec::new(), next: 0 }
    }

    /// A session without a refresh token.
    pub fn open(
        &mut self,
        user: &'static User,
        client: Option<&'static Client>,
        scope: &str,
        is_for_password: bool,
        now: Instant,
    ) -> Session {
        let session = Session { is_for_password, ..self.session(user, client, scope, None, now) };
        self.sessions.push(session.clone());
        session
    }

    /// A session with a refresh token.
    pub fn approve(
        &mut self,
        user: &'static User,
        client: &'static Client,
        scope: &str,
        now: Instant,
    ) -> (Session, String) {
        self.next += 1;
        let is_same = |approval: &Approval| {
            (approval.client.client_id, approval.user.user_name) == (client.client_id, user.user_name)
        };
        let held = self.approvals.iter().filter(|approval| is_same(approval)).count();
        if held >= APPROVALS
            && let Some(oldest) = self.approvals.iter().position(is_same)
        {
            self.end(oldest);
        }
        let refresh_token = refresh_token();
        let (number, scope) = (self.next, scope.to_owned());
        let session = self.session(user, Some(client), &scope, Some(number), now);
        self.approvals.push(Approval { number, client, user, scope, refresh_token: refresh_token.clone() });
        self.sessions.push(session.clone());
        (session, refresh_token)
    }

    /// A new session for a refresh token, and the new refresh token where they rotate.
    pub fn refresh(
        &mut self,
        client: &Client,
        token: &str,
        rotates: bool,
        now: Instant,
    ) -> Option<(Session, Option<String>)> {
        let rotates = rotates || self.rotate;
        let approval = self.approvals.iter_mut().find(|approval| approval.refresh_token == token)?;
        if approval.client.client_id != client.client_id {
            return None;
        }
        if rotates {
            approval.refresh_token = refresh_token();
        }
        let renewed = rotates.then(|| approval.refresh_token.clone());
        let (user, client, number) = (approval.user, approval.client, approval.number);
        let scope = approval.scope.clone();
        let session = self.session(user, Some(client), &scope, Some(number), now);
        self.sessions.push(session.clone());
        Some((session, renewed))
    }

    pub fn find(&self, token: &str, now: Instant) -> Option<&Session> {
        self.sessions.iter().find(|session| session.token == token && session.expires_at > now)
    }

    /// An access token ends alone, a refresh token with all that came of it.
    pub fn revoke(&mut self, token: &str) -> bool {
        if let Some(at) = self.approvals.iter().position(|approval| approval.refresh_token == token) {
            self.end(at);
            return true;
        }
        let before = self.sessions.len();
        self.sessions.retain(|session| session.token != token);
        self.sessions.len() < before
    }

    pub fn revoke_all(&mut self) {
        self.sessions.clear();
        self.approvals.clear();
    }

    pub fn expire_access_tokens(&mut self) {
        self.sessions.clear();
    }

    fn end(&mut self, at: usize) {
        let ended = self.approvals.remove(at);
        self.sessions.retain(|session| session.approval != Some(ended.number));
    }

    fn session(
        &self,
        user: &'static User,
        client: Option<&'static Client>,
        scope: &str,
        approval: Option<usize>,
        now: Instant,
    ) -> Session {
        let (scope, expires_at) = (scope.to_owned(), now + self.access_ttl);
        let token = format!("{}!{}", short(&org_id()), Secret::random(72).expose());
        Session { token, user, client, scope, is_for_password: false, issued_at: now, expires_at, approval }
    }
}

fn refresh_token() -> String {
    format!("5Aep861{}", Secret::random(60).expose())
}
