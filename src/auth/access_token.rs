//! An access token that is not renewed: another program does that, or it is brand new.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::credential::{Credential, CredentialKind, Given, Signature, Token, TokenAge, TokenLife, bearer};
use super::method::{InHand, MethodSpec, Renewal};
use super::setting::{Need, SecretInput, SecretUse};
use crate::base::secret::Secret;
use crate::model::profile::AuthMethod;
use crate::store::Field;
use crate::store::record::{Owner, SecretItem};

const FIELD: Field = Field::new("access-token", "access token");

static ITEM: SecretItem = SecretItem { field: FIELD, key: "access_token", owner: Owner::Nobody };

static INPUT: SecretInput = SecretInput {
    item: &ITEM,
    flag: "access-token",
    heading: None,
    variable: "SNOW_ACCESS_TOKEN",
    variable_file: "SNOW_ACCESS_TOKEN_FILE",
    phrase: "an access token",
};

/// A way of variables alone.
pub static SPEC: MethodSpec = MethodSpec {
    method: AuthMethod::new("token", "access token"),
    phrase: "an access token",
    grant: None,
    settings: &[],
    secrets: &[SecretUse { input: &INPUT, need: |_, _| Need::Required, question: |_| "Access token".to_owned() }],
    secret_label: "access token",
    needs: |_| Some(FIELD),
    items: &[],
    renewal: Renewal::None,
    locks_accounts: false,
    given: Given::Token,
    is_saved: false,
    has_variables: true,
    choice: None,
    open: |_| unreachable!("no saved connection uses it"),
    from_secrets: Some(|InHand { secrets, .. }| Ok(Box::new(AccessToken::given(secrets.required(&ITEM))))),
};

pub struct AccessToken {
    access_token: Secret,
    expires_at: Option<DateTime<Utc>>,
    kind: CredentialKind,
}

impl AccessToken {
    /// One that another program got.
    pub fn given(access_token: Secret) -> Self {
        let kind = CredentialKind::AccessToken { spec: &SPEC, age: TokenAge::Given };
        Self { access_token, expires_at: None, kind }
    }

    /// One that this run got by signing in as `spec` says. `expires_at` is `None` if the
    /// server did not say.
    pub fn new(spec: &'static MethodSpec, access_token: Secret, expires_at: Option<DateTime<Utc>>) -> Self {
        let kind = CredentialKind::AccessToken { spec, age: TokenAge::New };
        Self { access_token, expires_at, kind }
    }
}

#[async_trait]
impl Credential for AccessToken {
    fn kind(&self) -> CredentialKind {
        self.kind
    }

    async fn sign(&self) -> Signature {
        Signature { headers: bearer(&self.access_token), generation: None }
    }

    async fn secrets(&self) -> Vec<Secret> {
        vec![self.access_token.clone()]
    }

    async fn token(&self) -> Option<Token> {
        let life = TokenLife { expires_at: self.expires_at, refreshed: false };
        Some(Token { access_token: self.access_token.clone(), life })
    }
}
