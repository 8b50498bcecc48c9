//! A client certificate (mutual TLS): the handshake signs in, and no header does.
//!
//! The files stay where they are; a connection has their paths. [`files`] reads them.

pub mod files;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::credential::{Credential, CredentialKind, Given, Signature};
use super::method::{InHand, MethodSpec, Renewal, Stored};
use super::setting::{Flag, LEARNT_USER_NAME, Need, Question, SecretInput, SecretUse, Setting};
use crate::base::error::Failure;
use crate::base::files::absolute;
use crate::base::secret::Secret;
use crate::http::identity::ClientIdentity;
use crate::model::profile::{Auth, AuthMethod, InvalidValue, shown_text};
use crate::store::Field;
use crate::store::record::{Owner, SecretItem, require_secret};
use files::Files;

const FIELD: Field = Field::new("identity-passphrase", "passphrase of the client certificate");

static ITEM: SecretItem = SecretItem { field: FIELD, key: "identity_passphrase", owner: Owner::Nobody };

static INPUT: SecretInput = SecretInput {
    item: &ITEM,
    flag: "client-identity-passphrase",
    heading: Some(HEADING),
    variable: "SNOW_CLIENT_IDENTITY_PASSPHRASE",
    variable_file: "SNOW_CLIENT_IDENTITY_PASSPHRASE_FILE",
    phrase: "a passphrase of a client certificate",
};

const HEADING: &str = "Signing in with a client certificate";

const CERT: &str = "client_cert";
const KEY: &str = "client_key";
const IDENTITY: &str = "client_identity";

const fn flag(name: &'static str, help: &'static str) -> Option<Flag> {
    Some(Flag { name, value_name: "FILE", help, heading: Some(HEADING), means: None })
}

static CLIENT_IDENTITY: Setting = Setting {
    flag: flag("client-identity", "The certificate and its key in one PKCS#12 file (.p12, .pfx)"),
    variable: Some("SNOW_CLIENT_IDENTITY_FILE"),
    instead_of: &[CERT, KEY],
    binds: true,
    is_guarded: true,
    ..Setting::plain(
        IDENTITY,
        "client identity",
        |auth| auth.settings.get(IDENTITY).cloned(),
        |auth, text| {
            put(auth, IDENTITY, text)?;
            auth.settings.remove(CERT);
            auth.settings.remove(KEY);
            Ok(())
        },
        |auth| drop(auth.settings.remove(IDENTITY)),
    )
};

static CLIENT_CERT: Setting = Setting {
    flag: flag("client-cert", "The certificate with its chain, in PEM format"),
    variable: Some("SNOW_CLIENT_CERT_FILE"),
    binds: true,
    is_guarded: true,
    is_required: true,
    instead_of: &[IDENTITY],
    question: Some(Question {
        text: "Certificate file",
        hint: "PEM with its chain, or PKCS#12 (.p12, .pfx)",
        what: "certificate file",
        instead: "Use --client-cert FILE and --client-key FILE, or --client-identity FILE",
    }),
    ..Setting::plain(
        CERT,
        "client certificate",
        |auth| auth.settings.get(CERT).cloned(),
        |auth, text| {
            // Other programs take both by the same flag.
            if [".p12", ".pfx"].iter().any(|ending| text.to_ascii_lowercase().ends_with(ending)) {
                return (CLIENT_IDENTITY.set)(auth, text);
            }
            put(auth, CERT, text)?;
            auth.settings.remove(IDENTITY);
            Ok(())
        },
        |auth| drop(auth.settings.remove(CERT)),
    )
};

static CLIENT_KEY: Setting = Setting {
    flag: flag("client-key", "The private key of the certificate, in PEM format"),
    variable: Some("SNOW_CLIENT_KEY_FILE"),
    binds: true,
    is_guarded: true,
    is_required: true,
    instead_of: &[IDENTITY],
    question: Some(Question {
        text: "Private key file",
        hint: "PEM; the same file if it holds both",
        what: "key file",
        instead: "Use --client-key FILE",
    }),
    ..Setting::plain(
        KEY,
        "client key",
        |auth| auth.settings.get(KEY).cloned(),
        |auth, text| {
            put(auth, KEY, text)?;
            auth.settings.remove(IDENTITY);
            Ok(())
        },
        |auth| drop(auth.settings.remove(KEY)),
    )
};

fn put(auth: &mut Auth, key: &'static str, text: &str) -> Result<(), InvalidValue> {
    if text.is_empty() {
        return Err(InvalidValue(format!("{key} is the path of a file")));
    }
    let path = absolute(shown_text(key, text)?.as_ref());
    let path = path.to_str().ok_or_else(|| InvalidValue(format!("{key} is not valid UTF-8")))?;
    auth.settings.insert(key, path.to_owned());
    Ok(())
}

pub static SPEC: MethodSpec = MethodSpec {
    method: AuthMethod::new("certificate", "client certificate"),
    phrase: "a client certificate",
    grant: None,
    settings: &[&LEARNT_USER_NAME, &CLIENT_IDENTITY, &CLIENT_CERT, &CLIENT_KEY],
    secrets: &[SecretUse {
        input: &INPUT,
        need: |auth, _| if is_locked(auth) { Need::Required } else { Need::Unasked },
        question: |auth| match Files::of(auth) {
            Some(files) => format!("Passphrase of {}", files.with_key().display()),
            None => "Passphrase".to_owned(),
        },
    }],
    secret_label: "client certificate",
    needs: |auth| is_locked(auth).then_some(FIELD),
    items: &[FIELD],
    renewal: Renewal::None,
    locks_accounts: false,
    given: Given::Certificate,
    is_saved: true,
    has_variables: true,
    choice: Some((2, "Client certificate (mutual TLS)  a certificate and a key")),
    open: |stored| open(stored).boxed(),
    from_secrets: Some(|InHand { auth, secrets, time, .. }| {
        let passphrase = secrets.get(&ITEM).cloned();
        Ok(Box::new(CertificateCredential::read(auth, passphrase, time.now())?))
    }),
};

fn is_locked(auth: &Auth) -> bool {
    Files::of(auth).is_some_and(|files| files.is_locked())
}

async fn open(Stored { profile, store, origins, time, .. }: Stored<'_>) -> Result<Box<dyn Credential>, Failure> {
    let passphrase = if is_locked(&profile.auth) {
        Some(require_secret(store.as_ref(), profile, &ITEM, &origins).await?)
    } else {
        None
    };
    Ok(Box::new(CertificateCredential::read(&profile.auth, passphrase, time.now())?))
}

/// A certificate that signs in by the handshake.
struct CertificateCredential {
    identity: ClientIdentity,
    passphrase: Option<Secret>,
}

impl CertificateCredential {
    fn read(auth: &Auth, passphrase: Option<Secret>, now: chrono::DateTime<chrono::Utc>) -> Result<Self, Failure> {
        let files = Files::of(auth).expect("the files are required settings");
        let identity = files.read(passphrase.as_ref())?;
        files.check_dates(identity.certificate, now)?;
        Ok(Self { identity, passphrase })
    }
}

#[async_trait]
impl Credential for CertificateCredential {
    fn kind(&self) -> CredentialKind {
        CredentialKind::Secret(&SPEC)
    }

    async fn sign(&self) -> Signature {
        Signature::default()
    }

    async fn secrets(&self) -> Vec<Secret> {
        self.passphrase.iter().cloned().collect()
    }

    fn client_identity(&self) -> Option<&ClientIdentity> {
        Some(&self.identity)
    }
}
