//! Signed assertions (RFC 7523): what they must say, and whose key signs them.
//!
//! The signature is verified by ring, and everything else read here: nothing that signs
//! an assertion verifies it.

use std::collections::HashSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::DateTime;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use serde_json::Value;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::clients::Client;
use crate::sandbox::faults;
use crate::sandbox::rows::{Store, USERS, User};
use crate::sandbox::scenario::Scenario;

/// The name of the grant.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The client whose key is made at each start.
pub const BUILT_IN: &str = "sandbox-jwt";
/// The key id of that key.
pub const BUILT_IN_KEY_ID: &str = "sandbox";
/// Where that key can be read, which no instance offers.
pub const KEY_PATH: &str = "/sandbox-jwt.pem";

/// What an assertion has in common with the user that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserField {
    UserName,
    Email,
    SysId,
}

/// A line of the JWT verifier map.
#[derive(Debug, Clone)]
pub struct Verifier {
    client_id: String,
    key_id: String,
    public_key: Vec<u8>,
    user_field: UserField,
    /// In seconds.
    clock_skew: i64,
    is_each_once: bool,
}

/// The assertions of a run.
#[derive(Default)]
pub struct Assertions {
    seen: HashSet<String>,
}

/// The key of the client that is there from the start: PKCS#8, and the public key.
static KEY: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let made = "the operating system gives random bytes";
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect(made);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect(made);
    (pkcs8.as_ref().to_vec(), pair.public_key().as_ref().to_vec())
});

impl Verifier {
    /// Those of the rows, and the one of the client that is there from the start.
    pub fn all(store: &Store) -> Vec<Self> {
        let registered = store.records("jwt_verifier_map").filter_map(|map| {
            let client = store.find("oauth_jwt", map.value("oauth_jwt"))?;
            let certificate = store.find("sys_certificate", map.value("sys_certificate"))?;
            let public_key = public_key(certificate.value("pem_certificate"))?;
            Some((client, map.value("kid").to_owned(), public_key))
        });
        let built_in = store.find_by("oauth_jwt", "client_id", BUILT_IN);
        let built_in = built_in.map(|client| (client, BUILT_IN_KEY_ID.to_owned(), KEY.1.clone()));
        let of_row = |(client, key_id, public_key): (crate::sandbox::rows::Record<'_>, _, _)| Self {
            client_id: client.value("client_id").to_owned(),
            key_id,
            public_key,
            user_field: match client.value("user_field") {
                "email" => UserField::Email,
                "user_name" => UserField::UserName,
                _ => UserField::SysId,
            },
            clock_skew: client.value("clock_skew").parse().unwrap_or(0),
            is_each_once: client.value("enable_jti_verification") != "false",
        };
        registered.chain(built_in).map(of_row).collect()
    }
}

impl Assertions {
    /// The key of the client that is there from the start, in PEM.
    pub fn private_key(&self) -> String {
        let body = STANDARD.encode(&KEY.0);
        let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    /// The user of an assertion, if it is good.
    pub fn verify(
        &mut self,
        verifiers: &[Verifier],
        client: &Client,
        assertion: &str,
        scenario: Option<Scenario>,
    ) -> Option<&'static User> {
        if matches!(scenario, Some(Scenario::AssertionRefused | Scenario::AssertionReused)) {
            return None;
        }
        let (signed, signature) = assertion.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let (header, claims) = (json(header)?, json(claims)?);
        let text = |from: &Value, key: &str| from.get(key).and_then(Value::as_str).map(str::to_owned);
        let key_id = text(&header, "kid")?;
        let verifier = verifiers.iter().find(|known| known.client_id == client.client_id && known.key_id == key_id)?;
        let algorithm = algorithm(&text(&header, "alg")?)?;
        let key = UnparsedPublicKey::new(algorithm, &verifier.public_key);
        key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let is_mine = |claim| text(&claims, claim).as_deref() == Some(client.client_id);
        if !is_mine("iss") || !is_mine("aud") || !verifier.is_now(&claims, scenario) {
            return None;
        }
        let jti = text(&claims, "jti").filter(|jti| !jti.is_empty());
        if verifier.is_each_once && !self.seen.insert(jti?) {
            return None;
        }
        let subject = text(&claims, "sub")?;
        USERS.iter().find(|user| verifier.user_field.of(user).eq_ignore_ascii_case(&subject))
    }
}

impl Verifier {
    /// Whether the assertion is valid now. One from the future is not.
    fn is_now(&self, claims: &Value, scenario: Option<Scenario>) -> bool {
        let now = faults::time(scenario);
        let time = |claim: &str| DateTime::from_timestamp(claims.get(claim)?.as_i64()?, 0);
        let ahead = |claim| time(claim).map_or(0, |at| (at - now).num_seconds());
        let is_begun = ahead("iat") <= self.clock_skew && ahead("nbf") <= self.clock_skew;
        is_begun && time("exp").is_some() && ahead("exp") + self.clock_skew > 0
    }
}

impl UserField {
    fn of(self, user: &User) -> String {
        match self {
            Self::UserName => user.user_name.to_owned(),
            Self::Email => format!("{}@example.com", user.user_name),
            Self::SysId => user.id(),
        }
    }
}

/// The subject that an assertion names, whether it is good or not.
pub fn subject(assertion: &str) -> Option<String> {
    Some(json(assertion.split('.').nth(1)?)?.get("sub")?.as_str()?.to_owned())
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn algorithm(name: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match name {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "ES256" => &ECDSA_P256_SHA256_FIXED,
        "ES384" => &ECDSA_P384_SHA384_FIXED,
        _ => return None,
    })
}

/// The public key of a certificate in PEM.
pub fn public_key(pem: &str) -> Option<Vec<u8>> {
    let body = pem.split_once("-----BEGIN CERTIFICATE-----")?.1.split_once("-----END CERTIFICATE-----")?.0;
    let der = STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()?;
    let certificate = Certificate::from_der(&der).ok()?;
    Some(certificate.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes().to_vec())
}
