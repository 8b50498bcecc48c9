//! An API key: one header with a key that an administrator made for a user.

use async_trait::async_trait;
use futures_util::FutureExt;
use http::HeaderName;

use super::credential::{Credential, CredentialKind, Given, Signature, header};
use super::method::{InHand, MethodSpec, Renewal, Stored};
use super::setting::{Flag, LEARNT_USER_NAME, Need, SecretInput, SecretUse, Setting};
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::model::header::OwnHeader;
use crate::model::profile::{Auth, AuthMethod};
use crate::store::Field;
use crate::store::record::{Owner, SecretItem, require_secret};

const FIELD: Field = Field::new("api-key", "API key");

static ITEM: SecretItem = SecretItem { field: FIELD, key: "api_key", owner: Owner::Nobody };

static INPUT: SecretInput = SecretInput {
    item: &ITEM,
    flag: "api-key",
    heading: None,
    variable: "SNOW_API_KEY",
    variable_file: "SNOW_API_KEY_FILE",
    phrase: "an API key",
};

const HEADER_NAME_KEY: &str = "header_name";

static HEADER_NAME: Setting = Setting {
    flag: Some(Flag {
        name: "header-name",
        value_name: "NAME",
        help: "Send the API key in this header [default: {key_header}]",
        heading: None,
        means: None,
    }),
    usual: |auth, _| Some(auth.defaults.key_header.to_owned()),
    ..Setting::plain(
        HEADER_NAME_KEY,
        "header of the API key",
        |auth| auth.settings.get(HEADER_NAME_KEY).cloned(),
        |auth, text| {
            let header: OwnHeader = text.parse()?;
            if header.name() == auth.defaults.key_header {
                auth.settings.remove(HEADER_NAME_KEY);
            } else {
                auth.settings.insert(HEADER_NAME_KEY, header.to_string());
            }
            Ok(())
        },
        |auth| drop(auth.settings.remove(HEADER_NAME_KEY)),
    )
};

pub static SPEC: MethodSpec = MethodSpec {
    method: AuthMethod::new("api-key", "API key"),
    phrase: "an API key",
    grant: None,
    settings: &[&LEARNT_USER_NAME, &HEADER_NAME],
    secrets: &[SecretUse { input: &INPUT, need: |_, _| Need::Required, question: |_| "API key".to_owned() }],
    secret_label: "API key",
    needs: |_| Some(FIELD),
    items: &[FIELD],
    renewal: Renewal::None,
    locks_accounts: false,
    given: Given::Key,
    is_saved: true,
    has_variables: true,
    choice: Some((6, "API key                          from an administrator")),
    open: |stored| open(stored).boxed(),
    from_secrets: Some(|InHand { auth, secrets, .. }| Ok(Box::new(ApiKey::of(auth, secrets.required(&ITEM))))),
};

async fn open(Stored { profile, store, origins, .. }: Stored<'_>) -> Result<Box<dyn Credential>, Failure> {
    let key = require_secret(store.as_ref(), profile, &ITEM, &origins).await?;
    Ok(Box::new(ApiKey::of(&profile.auth, key)))
}

/// The header that the key goes into.
pub fn header_name(auth: &Auth) -> &str {
    auth.settings.get(HEADER_NAME_KEY).map_or(auth.defaults.key_header, String::as_str)
}

struct ApiKey {
    header: HeaderName,
    key: Secret,
}

impl ApiKey {
    fn of(auth: &Auth, key: Secret) -> Self {
        Self { header: header_name(auth).parse().expect("it was checked where it came in"), key }
    }
}

#[async_trait]
impl Credential for ApiKey {
    fn kind(&self) -> CredentialKind {
        CredentialKind::Secret(&SPEC)
    }

    async fn sign(&self) -> Signature {
        Signature { headers: header(self.header.clone(), self.key.expose().as_bytes()), generation: None }
    }

    async fn given(&self) -> Option<Secret> {
        Some(self.key.clone())
    }

    async fn secrets(&self) -> Vec<Secret> {
        vec![self.key.clone()]
    }
}
