//! User name and password for a session: the service takes them once, in its own way,
//! and gives an access token. A new one takes them again.

use futures_util::FutureExt;

use super::basic;
use super::credential::Given;
use super::method::{MethodSpec, Renewal};
use super::oauth::settings::TOKEN_URL;
use super::oauth::{self, from_secrets};
use super::setting::{Need, SENT_USER_NAME, SecretInput, SecretUse};
use crate::model::oauth_client::GrantType;
use crate::model::profile::AuthMethod;
use crate::store::Field;
use crate::store::record::{Owner, SecretItem};

const SECURITY_TOKEN_FIELD: Field = Field::new("security-token", "security token");

/// What some services want after the password, from networks that they do not know.
pub static SECURITY_TOKEN_ITEM: SecretItem =
    SecretItem { field: SECURITY_TOKEN_FIELD, key: "security_token", owner: Owner::User };

static SECURITY_TOKEN: SecretInput = SecretInput {
    item: &SECURITY_TOKEN_ITEM,
    flag: "security-token",
    heading: None,
    variable: "SNOW_SECURITY_TOKEN",
    variable_file: "SNOW_SECURITY_TOKEN_FILE",
    phrase: "a security token",
};

pub static SPEC: MethodSpec = MethodSpec {
    method: AuthMethod::new("basic", "password"),
    phrase: "a password",
    grant: Some(GrantType::Password),
    settings: &[&SENT_USER_NAME, &TOKEN_URL],
    secrets: &[
        SecretUse {
            input: &basic::INPUT,
            need: |_, _| Need::Required,
            question: |auth| format!("Password of {}", auth.identity().unwrap_or_default()),
        },
        SecretUse {
            input: &SECURITY_TOKEN,
            need: |_, _| Need::Optional,
            question: |_| "Security token (Enter if your network is trusted)".to_owned(),
        },
    ],
    secret_label: "password",
    needs: |_| Some(basic::FIELD),
    items: &[Field::SESSION, basic::FIELD, SECURITY_TOKEN_FIELD],
    renewal: Renewal::SignsInAgain,
    locks_accounts: true,
    given: Given::Token,
    is_saved: true,
    has_variables: true,
    choice: Some((7, "User name and password           ends in 2027; with a security token")),
    open: |stored| oauth::open(stored).boxed(),
    from_secrets: Some(from_secrets),
};
