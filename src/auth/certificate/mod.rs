//! A client certificate (mutual TLS): the handshake signs in, and no header does; or it
//! goes with another way to sign in, where something in front of the instance wants both.
//!
//! The files stay where they are; a connection has their paths. [`files`] reads them.

pub mod files;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::credential::{Credential, CredentialKind, Given, Signature};
use super::method::{InHand, MethodSpec, Renewal, Stored};
use super::setting::{Flag, LEARNT_USER_NAME, Need, Question, SecretInput, SecretUse, Setting, kept};
use crate::base::error::Failure;
use crate::base::files::absolute;
use crate::base::secret::Secret;
use crate::http::identity::ClientIdentity;
use crate::model::profile::{Auth, AuthMethod, InvalidValue, Profile, shown_text};
use crate::store::record::{Origins, Owner, SecretItem, require_secret};
use crate::store::{CredentialStore, Field};
use files::Files;

const FIELD: Field = Field::new("identity-passphrase", "passphrase of the client certificate");

pub static ITEM: SecretItem = SecretItem { field: FIELD, key: "identity_passphrase", owner: Owner::Nobody };

pub static INPUT: SecretInput = SecretInput {
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

const CLIENT_IDENTITY: Setting = Setting {
    flag: flag("client-identity", "The certificate and its key in one PKCS#12 file (.p12, .pfx)"),
    variable: Some("SNOW_CLIENT_IDENTITY_FILE"),
    instead_of: &[CERT, KEY],
    is_path: true,
    binds: true,
    is_guarded: true,
    ..kept!(IDENTITY, "client identity", put_identity)
};

const CLIENT_CERT: Setting = Setting {
    flag: flag("client-cert", "The certificate with its chain, in PEM format. It signs in, or goes with --auth METHOD"),
    variable: Some("SNOW_CLIENT_CERT_FILE"),
    is_path: true,
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
    ..kept!(CERT, "client certificate", put_certificate)
};

const CLIENT_KEY: Setting = Setting {
    flag: flag("client-key", "The private key of the certificate, in PEM format"),
    variable: Some("SNOW_CLIENT_KEY_FILE"),
    is_path: true,
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
    ..kept!(KEY, "client key", put_of_pair)
};

/// The settings of a certificate that goes with another way to sign in. What that one
/// stores belongs to the instance, whichever certificate goes with it.
pub static BESIDE: [&Setting; 3] = [
    &Setting { binds: false, is_guarded: false, ..CLIENT_IDENTITY },
    &Setting { is_required: false, needed_by: Some(KEY), binds: false, is_guarded: false, ..CLIENT_CERT },
    &Setting { is_required: false, needed_by: Some(CERT), binds: false, is_guarded: false, ..CLIENT_KEY },
];

/// The passphrase of the key, if it has one.
pub static PASSPHRASE: [SecretUse; 1] = [SecretUse {
    input: &INPUT,
    need: |auth, _| if is_locked(auth) { Need::Required } else { Need::Unasked },
    question: |auth| match Files::of(auth) {
        Some(files) => format!("Passphrase of {}", files.with_key().display()),
        None => "Passphrase".to_owned(),
    },
}];

fn put_identity(auth: &mut Auth, key: &'static str, text: &str) -> Result<(), InvalidValue> {
    put(auth, key, text)?;
    auth.settings.retain(|key, _| ![CERT, KEY].contains(key));
    Ok(())
}

fn put_certificate(auth: &mut Auth, key: &'static str, text: &str) -> Result<(), InvalidValue> {
    // Other programs take both by the same flag.
    if [".p12", ".pfx"].iter().any(|ending| text.to_ascii_lowercase().ends_with(ending)) {
        return put_identity(auth, IDENTITY, text);
    }
    put_of_pair(auth, key, text)
}

fn put_of_pair(auth: &mut Auth, key: &'static str, text: &str) -> Result<(), InvalidValue> {
    put(auth, key, text)?;
    auth.settings.remove(IDENTITY);
    Ok(())
}

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
    secrets: &PASSPHRASE,
    secret_label: "client certificate",
    needs: |auth| is_locked(auth).then_some(FIELD),
    items: &[FIELD],
    renewal: Renewal::None,
    locks_accounts: false,
    given: Given::Certificate,
    is_saved: true,
    has_variables: true,
    choice: Some((2, "Client certificate (mutual TLS)  a certificate and a key")),
    open: |Stored { profile, store, origins, time, .. }| {
        async move {
            let opened = OpenCertificate::of_saved(store.as_ref(), profile, &origins, time.now()).await?;
            Ok(Box::new(opened) as Box<dyn Credential>)
        }
        .boxed()
    },
    from_secrets: Some(|InHand { auth, secrets, time, .. }| {
        let passphrase = secrets.get(&ITEM).cloned();
        Ok(Box::new(OpenCertificate::read(auth, passphrase, time.now())?))
    }),
};

/// Whether its key takes a passphrase.
pub fn is_locked(auth: &Auth) -> bool {
    Files::of(auth).is_some_and(|files| files.is_locked())
}

/// The files of the certificate that goes with the way to sign in. One that signs in
/// itself is none.
pub fn beside(auth: &Auth) -> Option<Files> {
    Files::of(auth).filter(|_| auth.method != SPEC.method)
}

/// The value of one of the settings of [`BESIDE`], if a certificate goes with the way to
/// sign in.
pub fn path_beside(auth: &Auth, key: &str) -> Option<String> {
    beside(auth)?;
    BESIDE.iter().find(|setting| setting.key == key).and_then(|setting| (setting.get)(auth))
}

/// A certificate that was read with its key, to be sent in the handshake.
#[derive(Debug, Clone)]
pub struct OpenCertificate {
    pub identity: ClientIdentity,
    pub passphrase: Option<Secret>,
}

impl OpenCertificate {
    /// The one of a connection. Nothing is sent if it is not valid now.
    pub fn read(auth: &Auth, passphrase: Option<Secret>, now: DateTime<Utc>) -> Result<Self, Failure> {
        let files = Files::of(auth).expect("the files are required settings");
        let identity = files.read(passphrase.as_ref())?;
        files.check_dates(identity.certificate, now)?;
        Ok(Self { identity, passphrase })
    }

    /// The one of a saved connection, with the passphrase in the store.
    pub async fn of_saved(
        store: &dyn CredentialStore,
        profile: &Profile,
        origins: &Origins,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let passphrase =
            if is_locked(&profile.auth) { Some(require_secret(store, profile, &ITEM, origins).await?) } else { None };
        Self::read(&profile.auth, passphrase, now)
    }
}

#[async_trait]
impl Credential for OpenCertificate {
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
