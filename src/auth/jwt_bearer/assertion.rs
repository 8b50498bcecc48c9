//! The signed assertion of one exchange (RFC 7523 §3).

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Header;
use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::key::{InvalidKey, PrivateKey, is_encrypted};
use super::{
    ALGORITHM, AUDIENCE, CERTIFICATE, KEY_ID, PASSPHRASE_ITEM, PRIVATE_KEY, PRIVATE_KEY_ITEM, SUBJECT, TOKEN_LIFETIME,
};
use crate::auth::setting::GivenSecrets;
use crate::base::code::Code;
use crate::base::duration::duration;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::model::instance::Instance;
use crate::model::profile::Auth;

/// A clock that is a little behind this one must not see an assertion of the future.
const BACKDATED: TimeDelta = TimeDelta::seconds(5);
/// Larger files are no keys.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    /// Another one for each exchange: the instance takes each once.
    jti: Uuid,
}

/// A new assertion for the token endpoint of `origin`. Everything about the key is checked before anything is sent.
pub fn sign(auth: &Auth, origin: &Instance, secrets: &GivenSecrets, now: DateTime<Utc>) -> Result<Secret, Failure> {
    let setting = |key: &str| auth.settings.get(key).map(String::as_str);
    let (of_key, key) = key(auth, secrets)?;
    if let Some(path) = setting(CERTIFICATE.key) {
        let path = Path::new(path);
        let text = read(path, "certificate")?;
        key.check_certificate(&text).map_err(|invalid| {
            let failure = Failure::new(
                Code::AssertionInvalid,
                shown!("the certificate {} does not fit the private key", path.display()),
            )
            .why(shown!("{}: {}.", of_key, invalid));
            failure.next("Use the certificate that was made of this key, or the key of this certificate")
        })?;
    }
    let (algorithm, signs) = key.signing(setting(ALGORITHM.key)).map_err(|invalid| {
        unusable(&of_key, &invalid).next("Use another algorithm, or leave it out: the key has a usual one")
    })?;
    let client = auth.client().expect("an assertion is of a client").client_id.as_str();
    let lifetime =
        setting(TOKEN_LIFETIME.key).and_then(lifetime).unwrap_or(Duration::from_secs(auth.defaults.assertion_seconds));
    let usual_audience = if auth.defaults.audience_is_origin { origin.origin() } else { client };
    let claims = Claims {
        iss: client,
        sub: setting(SUBJECT.key).unwrap_or_default(),
        aud: setting(AUDIENCE.key).unwrap_or(usual_audience),
        iat: (now - BACKDATED).timestamp(),
        exp: (now + lifetime).timestamp(),
        jti: Uuid::new_v4(),
    };
    let header = Header { kid: setting(KEY_ID.key).map(str::to_owned), ..Header::new(algorithm) };
    let signed = jsonwebtoken::encode(&header, &claims, signs);
    let signed = signed.map_err(|_| unusable(&of_key, &InvalidKey::Damaged).next("Use a new key"))?;
    Ok(Secret::derived(signed).expect("an assertion is one line of ASCII"))
}

/// Signs for no one, to see whether the key can.
pub fn examine(auth: &Auth, secrets: &GivenSecrets, now: DateTime<Utc>) -> Result<(), Failure> {
    let anywhere = "https://localhost".parse().expect("it is an origin");
    sign(auth, &anywhere, secrets, now).map(drop)
}

/// The private key, and what a sentence calls it.
fn key(auth: &Auth, secrets: &GivenSecrets) -> Result<(Shown, PrivateKey), Failure> {
    let given = secrets.get(&PRIVATE_KEY_ITEM);
    let (of_key, pem) = match (auth.settings.get(PRIVATE_KEY.key), given) {
        (Some(_), Some(_)) => {
            return Err(Failure::new(Code::AssertionInvalid, "two private keys are given")
                .why("One is a file that stays in place, the other a secret.")
                .next("Give --private-key, or --private-key-file and --private-key-stdin, and not both"));
        }
        (Some(path), None) => {
            let path = Path::new(path);
            check_permissions(path)?;
            (shown!("the private key {}", path.display()), read(path, "private key")?)
        }
        (None, Some(key)) => ("the private key".into(), Zeroizing::new(key.expose().to_owned())),
        (None, None) => unreachable!("a sign-in without a file requires the secret"),
    };
    let key = PrivateKey::read(&pem, secrets.get(&PASSPHRASE_ITEM)).map_err(|invalid| {
        let failure = unusable(&of_key, &invalid);
        match invalid {
            InvalidKey::Encrypted => failure.next("Give its passphrase with --private-key-passphrase-file FILE"),
            InvalidKey::WrongPassphrase => failure.next("Give the passphrase of this key"),
            InvalidKey::OldEncryption | InvalidKey::OtherEncryption => {
                failure.next("Convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW")
            }
            InvalidKey::OtherType(_) | InvalidKey::TooShort(_) => {
                failure.next("Use an RSA key of 2048 bits or more, or an EC key of the curve P-256 or P-384")
            }
            _ => failure.next("Use a file that begins with -----BEGIN PRIVATE KEY-----"),
        }
    })?;
    Ok((of_key, key))
}

fn unusable(of_key: &Shown, invalid: &InvalidKey) -> Failure {
    Failure::new(Code::AssertionInvalid, shown!("{} cannot sign an assertion", of_key))
        .why(shown!("The problem: {}. Nothing was sent.", invalid))
}

/// Whether the key in the file of a connection can sign. What takes a passphrase is not
/// decrypted.
pub fn examine_key(auth: &Auth) -> Result<(), Failure> {
    let Some(path) = auth.settings.get(PRIVATE_KEY.key).map(Path::new) else { return Ok(()) };
    check_permissions(path)?;
    if is_encrypted(&read(path, "private key")?) {
        return Ok(());
    }
    examine(auth, &GivenSecrets::default(), DateTime::UNIX_EPOCH)
}

/// Refuses a private key that other users of this machine can read.
pub fn check_permissions(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Ok(metadata) if files::is_public(&metadata) => {
            Err(Failure::new(Code::AssertionInvalid, shown!("other users can read the private key {}", path.display()))
                .why("With it they can sign in as this client. It was not used.")
                .next(Step::say("Take the others their access: ").and_run(shown!("chmod 600 {}", path.display()))))
        }
        _ => Ok(()),
    }
}

/// The text of a file that is there.
pub fn read(path: &Path, what: &'static str) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |reason: String| {
        Failure::new(Code::AssertionInvalid, shown!("could not read the {} {}", what, path.display()))
            .why(shown!("{}. Nothing was sent.", Shown::outside(reason)))
            .next("Correct the path, or restore the file")
    };
    match files::read(path, MAX_BYTES) {
        Ok(Some(bytes)) => {
            let bytes = Zeroizing::new(bytes);
            let text = std::str::from_utf8(&bytes).map_err(|_| unreadable("It is not a text file".to_owned()))?;
            Ok(Zeroizing::new(text.to_owned()))
        }
        Ok(None) => Err(unreadable("There is no such file".to_owned())),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// How long an assertion is valid, if a text says it.
pub fn lifetime(text: &str) -> Option<Duration> {
    duration(text).ok().filter(|time| (10..=86_400).contains(&time.as_secs()))
}
