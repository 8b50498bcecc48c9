//! A session as a credential. It is locked during a renewal, so that requests at the
//! same time cause one.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, MutexGuard};

use super::session::Session;
use crate::auth::credential::{Credential, CredentialKind, Signature, Token, TokenLife, bearer};
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::http::client::Deadline;

pub struct SessionCredential(Mutex<Session>);

impl SessionCredential {
    pub fn new(session: Session) -> Self {
        Self(Mutex::new(session))
    }
}

#[async_trait]
impl Credential for SessionCredential {
    fn kind(&self) -> CredentialKind {
        CredentialKind::AccessToken
    }

    async fn sign(&self) -> Signature {
        let session = self.0.lock().await;
        let headers = session.saved().map(|saved| bearer(&saved.access_token)).unwrap_or_default();
        Signature { headers, generation: Some(session.generation()) }
    }

    async fn secrets(&self) -> Vec<Secret> {
        self.0.lock().await.secrets()
    }

    async fn ensure_fresh(&self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        self.0.lock().await.ensure_fresh(min_ttl, deadline).await
    }

    async fn renew_refused(&self, generation: u64, deadline: Deadline) -> bool {
        let mut session = self.0.lock().await;
        // One renewal a run: a fresh token that is refused is no reason for another.
        if !session.is_renewable() || (session.was_asked_for() && session.generation() == generation) {
            return false;
        }
        session.renew_refused(generation, deadline).await.is_ok()
    }

    async fn token(&self) -> Option<Token> {
        let session = self.0.lock().await;
        let saved = session.saved()?;
        let life = TokenLife { expires_at: saved.expires_at, refreshed: session.was_renewed() };
        Some(Token { access_token: saved.access_token.clone(), life })
    }

    async fn session(&self) -> Option<MutexGuard<'_, Session>> {
        Some(self.0.lock().await)
    }
}
