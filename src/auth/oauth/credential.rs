//! A session as a credential. It is locked during a renewal, so that requests at the
//! same time cause one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, MutexGuard};

use super::session::Session;
use crate::auth::credential::{Credential, CredentialKind, Signature, Token, TokenAge, TokenLife, bearer};
use crate::auth::method::MethodSpec;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::http::client::Deadline;

pub struct SessionCredential {
    spec: &'static MethodSpec,
    session: Mutex<Session>,
    /// Whether this run got the token.
    is_new: AtomicBool,
    /// The generation of the token that the instance took last.
    taken: AtomicU64,
}

/// No token was taken yet.
const NONE: u64 = u64::MAX;

impl SessionCredential {
    pub fn new(spec: &'static MethodSpec, session: Session) -> Self {
        let (is_new, taken) = (AtomicBool::new(false), AtomicU64::new(NONE));
        Self { spec, session: Mutex::new(session), is_new, taken }
    }
}

#[async_trait]
impl Credential for SessionCredential {
    fn kind(&self) -> CredentialKind {
        let age = if self.is_new.load(Ordering::Relaxed) { TokenAge::New } else { TokenAge::Saved };
        CredentialKind::AccessToken { spec: self.spec, age }
    }

    async fn sign(&self) -> Signature {
        let session = self.session.lock().await;
        let headers = session.saved().map(|saved| bearer(&saved.access_token)).unwrap_or_default();
        Signature { headers, generation: Some(session.generation()) }
    }

    async fn secrets(&self) -> Vec<Secret> {
        self.session.lock().await.secrets()
    }

    async fn ensure_fresh(&self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        let mut session = self.session.lock().await;
        let fresh = session.ensure_fresh(min_ttl, deadline).await;
        self.is_new.store(session.was_renewed(), Ordering::Relaxed);
        fresh
    }

    fn was_taken(&self, generation: u64) {
        self.taken.store(generation, Ordering::Relaxed);
    }

    async fn renew_refused(&self, generation: u64, deadline: Deadline) -> bool {
        let mut session = self.session.lock().await;
        // A fresh token that is refused at once is no reason for another.
        let is_fresh = session.was_asked_for() && self.taken.load(Ordering::Relaxed) != generation;
        if !session.is_renewable() || (is_fresh && session.generation() == generation) {
            return false;
        }
        let renewed = session.renew_refused(generation, deadline).await;
        self.is_new.store(session.was_renewed(), Ordering::Relaxed);
        renewed.is_ok()
    }

    async fn token(&self) -> Option<Token> {
        let session = self.session.lock().await;
        let saved = session.saved()?;
        let life = TokenLife { expires_at: session.ends_at(), refreshed: session.was_renewed() };
        Some(Token { access_token: saved.access_token.clone(), life })
    }

    async fn session(&self) -> Option<MutexGuard<'_, Session>> {
        Some(self.session.lock().await)
    }
}
