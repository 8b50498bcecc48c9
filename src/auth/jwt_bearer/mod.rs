//! Signed assertions as a grant (RFC 7523 §2.1): a client proves with a private key who
//! signs in, and the token endpoint trades that for an access token.
//!
//! [`key`] reads the key, [`assertion`] signs. There is no refresh token: a new
//! assertion is signed for each session, under the lock of [`super::oauth::renewal`].

pub mod assertion;
pub mod key;

use std::path::Path;

use futures_util::FutureExt;

use super::credential::Given;
use super::method::{MethodSpec, Renewal};
use super::oauth;
use super::oauth::settings::{CLIENT_ID, CLIENT_SECRET, CLIENT_SECRET_FIELD, REVOCATION_URL, TOKEN_URL};
use super::setting::{Flag, GivenSecrets, LEARNT_USER_NAME, Need, Question, SecretInput, SecretUse, Setting, kept};
use crate::base::files;
use crate::model::oauth_client::GrantType;
pub use crate::model::profile::SUBJECT_KEY;
use crate::model::profile::{Auth, AuthMethod, InvalidValue, any_of, shown_text};
use crate::store::Field;
use crate::store::record::{Owner, SecretItem};

/// Where the help shows the flags.
const HEADING: &str = "Signing in with a signed assertion (JWT bearer)";

const PRIVATE_KEY_FIELD: Field = Field::new("private-key", "private key");
const PASSPHRASE_FIELD: Field = Field::new("private-key-passphrase", "passphrase of the private key");

static PRIVATE_KEY_ITEM: SecretItem = SecretItem { field: PRIVATE_KEY_FIELD, key: "private_key", owner: Owner::Client };
static PASSPHRASE_ITEM: SecretItem = SecretItem { field: PASSPHRASE_FIELD, key: "passphrase", owner: Owner::Client };

static PRIVATE_KEY_INPUT: SecretInput = SecretInput {
    item: &PRIVATE_KEY_ITEM,
    flag: "private-key",
    heading: Some(HEADING),
    variable: "SNOW_PRIVATE_KEY",
    variable_file: "SNOW_PRIVATE_KEY_FILE",
    phrase: "a private key",
};

static PASSPHRASE_INPUT: SecretInput = SecretInput {
    item: &PASSPHRASE_ITEM,
    flag: "private-key-passphrase",
    heading: Some(HEADING),
    variable: "SNOW_PRIVATE_KEY_PASSPHRASE",
    variable_file: "SNOW_PRIVATE_KEY_PASSPHRASE_FILE",
    phrase: "a passphrase of a private key",
};

const fn flag(name: &'static str, value_name: &'static str, help: &'static str) -> Option<Flag> {
    Some(Flag { name, value_name, help, heading: Some(HEADING), means: None })
}

static SUBJECT: Setting = Setting {
    flag: flag("subject", "USER", "The user that the assertion is for, as the OAuth entry identifies users"),
    variable: Some("SNOW_SUBJECT"),
    is_required: true,
    binds: true,
    is_guarded: true,
    question: Some(Question {
        text: "Subject",
        hint: "the value of the entry's User field, as an email address",
        what: "subject",
        instead: "Use --subject USER",
    }),
    ..kept!(SUBJECT_KEY, "subject", put)
};

pub const KEY_ID_KEY: &str = "key_id";

static KEY_ID: Setting = Setting {
    flag: flag("key-id", "ID", "The key id (kid) in the JWT verifier map of the OAuth entry"),
    variable: Some("SNOW_KEY_ID"),
    is_required: true,
    question: Some(Question {
        text: "Key id",
        hint: "the kid in the JWT verifier map of the OAuth entry",
        what: "key id",
        instead: "Use --key-id ID",
    }),
    ..kept!(KEY_ID_KEY, "key id", put)
};

const AUDIENCE_KEY: &str = "audience";

static AUDIENCE: Setting = Setting {
    flag: flag("audience", "AUD", "The audience of the assertion [default: the client id]"),
    variable: Some("SNOW_AUDIENCE"),
    usual: |auth, instance| {
        let client = auth.client()?;
        let origin = auth.defaults.audience_is_origin.then(|| client.token_origin(instance).to_string());
        Some(origin.unwrap_or_else(|| client.client_id.to_string()))
    },
    ..kept!(AUDIENCE_KEY, "audience", put)
};

pub const PRIVATE_KEY_KEY: &str = "private_key";

/// A file that stays where it is.
static PRIVATE_KEY: Setting = Setting {
    flag: flag("private-key", "FILE", "Sign with the private key in this file (PEM), which stays in place"),
    examine: assertion::examine_key,
    is_path: true,
    ..kept!(PRIVATE_KEY_KEY, "file of the private key", put_path)
};

pub const CERTIFICATE_KEY: &str = "certificate";

static CERTIFICATE: Setting = Setting {
    flag: flag("certificate", "FILE", "Check before each sign-in that the key belongs to this certificate (PEM)"),
    is_path: true,
    ..kept!(CERTIFICATE_KEY, "certificate", put_path)
};

const TOKEN_LIFETIME_KEY: &str = "token_lifetime";

static TOKEN_LIFETIME: Setting = Setting {
    flag: flag("token-lifetime", "DURATION", "How long each assertion is valid [default: 5m]"),
    usual: |auth, _| Some(format!("{}m", auth.defaults.assertion_seconds / 60)),
    ..kept!(TOKEN_LIFETIME_KEY, "lifetime of the assertion", put_lifetime)
};

const ALGORITHM_KEY: &str = "algorithm";

static ALGORITHM: Setting = Setting {
    flag: flag("algorithm", "ALG", "RS256, RS384, RS512, ES256 or ES384 [default: as the key: RS256, ES256, ES384]"),
    ..kept!(ALGORITHM_KEY, "algorithm", put_algorithm)
};

/// Where the client has one key, which its entry names.
static OPTIONAL_KEY_ID: Setting = Setting {
    flag: flag("key-id", "ID", "The key id (kid) in the JWT verifier map of the OAuth entry"),
    variable: Some("SNOW_KEY_ID"),
    ..kept!(KEY_ID_KEY, "key id", put)
};

const fn settings(key_id: &'static Setting) -> [&'static Setting; 11] {
    [
        &LEARNT_USER_NAME,
        &CLIENT_ID,
        &SUBJECT,
        key_id,
        &AUDIENCE,
        &PRIVATE_KEY,
        &CERTIFICATE,
        &TOKEN_LIFETIME,
        &ALGORITHM,
        &TOKEN_URL,
        &REVOCATION_URL,
    ]
}

static SETTINGS: [&Setting; 11] = settings(&KEY_ID);
static SETTINGS_WITHOUT_KEY_ID: [&Setting; 11] = settings(&OPTIONAL_KEY_ID);

macro_rules! spec {
    ($label:literal, $settings:expr, $secret:expr) => {
        MethodSpec {
            method: AuthMethod::new("jwt-bearer", $label),
            phrase: "a signed assertion",
            grant: Some(GrantType::JwtBearer),
            settings: $settings,
            secrets: &[
                SecretUse {
                    input: &PRIVATE_KEY_INPUT,
                    need: |auth, _| {
                        if auth.settings.contains_key(PRIVATE_KEY_KEY) { Need::Unasked } else { Need::File }
                    },
                    question: |_| "File of the private key (PEM)".to_owned(),
                },
                SecretUse {
                    input: &PASSPHRASE_INPUT,
                    need: |auth, secrets| if is_encrypted(auth, secrets) { Need::Required } else { Need::Unasked },
                    question: |_| "Passphrase of the private key".to_owned(),
                },
                SecretUse {
                    input: &CLIENT_SECRET,
                    need: |_, _| $secret,
                    question: |_| "Client secret (Enter for a public client)".to_owned(),
                },
            ],
            secret_label: "assertion",
            needs: |auth| (!auth.settings.contains_key(PRIVATE_KEY_KEY)).then_some(PRIVATE_KEY_FIELD),
            items: &[Field::SESSION, CLIENT_SECRET_FIELD, PRIVATE_KEY_FIELD, PASSPHRASE_FIELD],
            renewal: Renewal::SignsInAgain,
            locks_accounts: false,
            given: Given::Token,
            is_saved: true,
            has_variables: true,
            choice: Some((3, "JWT bearer                       a private key; for CI")),
            open: |stored| oauth::open(stored).boxed(),
            from_secrets: Some(oauth::from_secrets),
        }
    };
}

pub static SPEC: MethodSpec = spec!("JWT bearer", &SETTINGS, Need::Optional);
/// Of a service whose clients have one key each, and no secret beside it.
pub static WITHOUT_KEY_ID: MethodSpec = spec!("signed JWT", &SETTINGS_WITHOUT_KEY_ID, Need::Unasked);

/// Whether the private key takes a passphrase. A key that cannot be read takes none, and
/// the sign-in says why.
fn is_encrypted(auth: &Auth, secrets: &GivenSecrets) -> bool {
    let in_file =
        auth.settings.get(PRIVATE_KEY_KEY).and_then(|path| assertion::read(Path::new(path), "private key").ok());
    let given = secrets.get(&PRIVATE_KEY_ITEM).map(|key| key.expose());
    in_file.as_ref().map(|text| text.as_str()).or(given).is_some_and(key::is_encrypted)
}

fn put(auth: &mut Auth, key: &'static str, text: &str) -> Result<(), InvalidValue> {
    let text = shown_text(key, text.trim())?;
    if text.is_empty() || text.len() > 255 {
        return Err(InvalidValue(format!("{key}: use 1 to 255 characters")));
    }
    auth.settings.insert(key, text);
    Ok(())
}

fn put_lifetime(auth: &mut Auth, key: &'static str, text: &str) -> Result<(), InvalidValue> {
    match assertion::lifetime(text) {
        Some(_) => put(auth, key, text),
        None => Err(InvalidValue("invalid lifetime: use 10s to 24h, as in 5m".to_owned())),
    }
}

fn put_algorithm(auth: &mut Auth, key: &'static str, text: &str) -> Result<(), InvalidValue> {
    let names = key::algorithms();
    if names.contains(&text) {
        return put(auth, key, text);
    }
    let text = crate::base::shown::shorten(text, 20);
    Err(InvalidValue(format!("the algorithm \"{text}\" is not supported: use {}", any_of(&names))))
}

/// The absolute path of a file. What is in the file belongs into no setting.
fn put_path(auth: &mut Auth, key: &'static str, text: &str) -> Result<(), InvalidValue> {
    if text.contains("-----BEGIN") {
        return Err(InvalidValue(format!("{key} is the path of a file, and not what is in it")));
    }
    let text = shown_text(key, text)?;
    if text.is_empty() {
        return Err(InvalidValue(format!("{key}: give the path of a file")));
    }
    auth.settings.insert(key, files::absolute(Path::new(&text)).display().to_string());
    Ok(())
}
