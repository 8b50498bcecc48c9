//! The tokens that were issued and what became of them. No request and no
//! clock: the moment is given.

use std::time::{Duration, Instant};

use super::clients::Client;
use super::random;
use crate::sandbox::rows::User;

/// Shorter lives are told exactly, longer ones a second short, as ServiceNow
/// says 1799 of its half hour.
const TOLD_EXACTLY: Duration = Duration::from_secs(60);

/// The characters of a long access token. More than an item of the Windows Credential
/// Manager can hold.
const LONG: usize = 3000;

/// All sign-ins with their tokens.
pub struct Tokens {
    access_ttl: Duration,
    rotate: bool,
    /// Whether new access tokens are [`LONG`].
    pub are_long: bool,
    families: Vec<Family>,
}

/// What descends from one sign-in.
struct Family {
    client_id: &'static str,
    user: &'static User,
    scope: String,
    access: Vec<AccessToken>,
    refresh_token: Option<String>,
    /// Refresh tokens that were rotated away. One that comes again is stolen.
    spent: Vec<String>,
}

struct AccessToken {
    token: String,
    expires_at: Instant,
}

/// The content of an answer of the token endpoint.
pub struct Issued {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub scope: String,
    pub expires_in: u64,
}

impl Tokens {
    pub fn new(access_ttl: Duration, rotate: bool) -> Self {
        Self { access_ttl, rotate, are_long: false, families: Vec::new() }
    }

    /// Tokens for a user who signed in. While an access token of the same
    /// user, client and scope is valid it is the answer (KB0791140), unless
    /// tokens are rotated.
    pub fn issue(
        &mut self,
        client: &'static Client,
        user: &'static User,
        scope: &str,
        is_refreshable: bool,
        now: Instant,
    ) -> Issued {
        let shared = self.families.iter().position(|family| {
            (family.client_id, family.user.user_name, family.scope.as_str())
                == (client.client_id, user.user_name, scope)
                && family.refresh_token.is_some() == is_refreshable
                && family.valid(now).is_some()
        });
        let index = match shared.filter(|_| !self.rotate) {
            Some(index) => index,
            None => {
                self.families.push(Family {
                    client_id: client.client_id,
                    user,
                    scope: scope.to_owned(),
                    access: Vec::new(),
                    refresh_token: is_refreshable.then(random),
                    spent: Vec::new(),
                });
                self.families.len() - 1
            }
        };
        let (access_ttl, token) = (self.access_ttl, self.new_access_token());
        let family = &mut self.families[index];
        if family.valid(now).is_none() {
            family.mint(token, access_ttl, now);
        }
        family.issued(access_ttl, now)
    }

    /// The answer to a refresh, or nothing where the token is not good. A
    /// rotated token that comes again ends its whole family. With
    /// `may_rotate` off the token stays what it is.
    pub fn refresh(&mut self, client: &Client, token: &str, may_rotate: bool, now: Instant) -> Option<Issued> {
        let (access_ttl, access_token) = (self.access_ttl, self.new_access_token());
        let is_rotated = self.rotate && may_rotate;
        let index = self.families.iter().position(|family| {
            family.refresh_token.as_deref() == Some(token) || family.spent.iter().any(|t| t == token)
        })?;
        let family = &mut self.families[index];
        if family.client_id != client.client_id {
            return None;
        }
        if family.refresh_token.as_deref() != Some(token) {
            self.families.remove(index);
            return None;
        }
        if is_rotated {
            let former = family.refresh_token.replace(random());
            family.spent.extend(former);
        }
        if self.rotate || family.valid(now).is_none() {
            family.mint(access_token, access_ttl, now);
        }
        Some(family.issued(access_ttl, now))
    }

    fn new_access_token(&self) -> String {
        let token = random();
        if self.are_long { token.repeat(LONG.div_ceil(token.len())) } else { token }
    }

    /// Whom a bearer token speaks for.
    pub fn user(&self, token: &str, now: Instant) -> Option<&'static User> {
        self.families
            .iter()
            .find(|family| family.access.iter().any(|access| access.token == token && access.expires_at > now))
            .map(|family| family.user)
    }

    /// An access token ends alone, a refresh token with all that came of it.
    pub fn revoke(&mut self, token: &str) {
        self.families.retain(|family| {
            family.refresh_token.as_deref() != Some(token) && !family.spent.iter().any(|spent| spent == token)
        });
        for family in &mut self.families {
            family.access.retain(|access| access.token != token);
        }
    }

    pub fn revoke_all(&mut self) {
        self.families.clear();
    }

    pub fn expire_access_tokens(&mut self) {
        for family in &mut self.families {
            family.access.clear();
        }
    }

    #[cfg(feature = "testing")]
    pub fn forget_refresh_tokens(&mut self) {
        for family in &mut self.families {
            family.refresh_token = None;
            family.spent.clear();
        }
    }
}

impl Family {
    /// The youngest access token, if it is valid.
    fn valid(&self, now: Instant) -> Option<&AccessToken> {
        self.access.last().filter(|access| access.expires_at > now)
    }

    fn mint(&mut self, token: String, access_ttl: Duration, now: Instant) {
        self.access.retain(|access| access.expires_at > now);
        self.access.push(AccessToken { token, expires_at: now + access_ttl });
    }

    fn issued(&self, access_ttl: Duration, now: Instant) -> Issued {
        let access = self.valid(now).expect("a valid access token was found or minted just before");
        let rest = access.expires_at - now;
        let told = if access_ttl < TOLD_EXACTLY { rest } else { rest.saturating_sub(Duration::from_secs(1)) };
        Issued {
            access_token: access.token.clone(),
            refresh_token: self.refresh_token.clone(),
            scope: self.scope.clone(),
            expires_in: told.as_secs(),
        }
    }
}
