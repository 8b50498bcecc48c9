//! Basic authentication (RFC 7617): user name and password in one header.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::credential::{Credential, CredentialKind, Given, Signature, header};
use super::method::{InHand, MethodSpec, Renewal, Stored};
use super::setting::{Need, SENT_USER_NAME, SecretInput, SecretUse};
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::model::profile::{Auth, AuthMethod};
use crate::model::user_name::UserName;
use crate::store::Field;
use crate::store::record::{Owner, SecretItem, require_secret};

pub const FIELD: Field = Field::new("password", "password");

pub static PASSWORD_ITEM: SecretItem = SecretItem { field: FIELD, key: "password", owner: Owner::User };

pub static INPUT: SecretInput = SecretInput {
    item: &PASSWORD_ITEM,
    flag: "password",
    heading: None,
    variable: "SNOW_PASSWORD",
    variable_file: "SNOW_PASSWORD_FILE",
    phrase: "a password",
};

pub static SPEC: MethodSpec = MethodSpec {
    method: AuthMethod::new("basic", "Basic"),
    phrase: "a password",
    grant: None,
    settings: &[&SENT_USER_NAME],
    secrets: &[SecretUse {
        input: &INPUT,
        need: |_, _| Need::Required,
        question: |auth| format!("Password of {}", auth.identity().unwrap_or_default()),
    }],
    secret_label: "password",
    needs: |_| Some(FIELD),
    items: &[FIELD],
    renewal: Renewal::None,
    locks_accounts: true,
    given: Given::Password,
    is_saved: true,
    has_variables: true,
    choice: Some((7, "User name and password           often refused since 2026")),
    open: |stored| open(stored).boxed(),
    from_secrets: Some(|InHand { auth, secrets, .. }| {
        Ok(Box::new(BasicCredential::of(auth, secrets.required(&PASSWORD_ITEM))))
    }),
};

async fn open(Stored { profile, store, origins, .. }: Stored<'_>) -> Result<Box<dyn Credential>, Failure> {
    let password = require_secret(store.as_ref(), profile, &PASSWORD_ITEM, &origins).await?;
    Ok(Box::new(BasicCredential::of(&profile.auth, password)))
}

/// A user name with its password.
#[derive(Debug)]
pub struct BasicCredential {
    username: UserName,
    password: Secret,
}

impl BasicCredential {
    pub fn new(username: UserName, password: Secret) -> Self {
        Self { username, password }
    }

    fn of(auth: &Auth, password: Secret) -> Self {
        Self::new(auth.username.clone().expect("a user name is required"), password)
    }

    /// `user:password` in base64, UTF-8 and NFC (RFC 7617 §2.1): the part of
    /// the header that is as secret as the password.
    pub fn encoded(&self) -> Secret {
        let password: Zeroizing<String> = Zeroizing::new(self.password.expose().nfc().collect());
        let pair: Zeroizing<String> =
            Zeroizing::new(format!("{}:{}", self.username.as_str().nfc().collect::<String>(), *password));
        Secret::derived(STANDARD.encode(pair.as_bytes())).expect("base64 of something is a secret")
    }
}

#[async_trait]
impl Credential for BasicCredential {
    fn kind(&self) -> CredentialKind {
        CredentialKind::Secret(&SPEC)
    }

    async fn sign(&self) -> Signature {
        let value = Zeroizing::new(format!("Basic {}", self.encoded().expose()));
        Signature { headers: header(AUTHORIZATION, value.as_bytes()), generation: None }
    }

    async fn given(&self) -> Option<Secret> {
        Some(self.password.clone())
    }

    async fn secrets(&self) -> Vec<Secret> {
        vec![self.password.clone(), self.encoded()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(user: &str, password: &str) -> String {
        let credential = BasicCredential::new(user.parse().unwrap(), Secret::new(password.into()).unwrap());
        let signature = credential.sign().now_or_never().unwrap();
        signature.headers[AUTHORIZATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_examples_of_rfc_7617_hold() {
        assert_eq!(header("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(header("test", "123£"), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn a_password_may_hold_a_colon_and_is_composed() {
        assert_eq!(header("u", "a:b"), format!("Basic {}", STANDARD.encode("u:a:b")));
        assert_eq!(header("u", "e\u{301}x"), header("u", "\u{e9}x"));
    }
}
