//! Signed assertions of the grant JWT bearer: what they must say, and whose certificate is
//! registered. ring verifies; the key that is there from the start is made by another
//! library.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::{CryptoRng, Error, RngCore, impls};
use serde_json::Value;

use super::clients::{Client, SIGNER};
use super::people::{Access, User};
use crate::sandbox::answers::{Response, text};
use crate::sandbox::oauth::assertions::public_key;
use crate::sandbox::request::{Body, Request};

/// Where the private key can be read, and a certificate registered, which no org offers.
pub const KEY_PATH: &str = "/sandbox-jwt.pem";
/// How far ahead an assertion may end, in seconds: three minutes, which clients round up.
const LONGEST_LIFE: i64 = 3 * 60 + 1;

/// The certificates of the signing app, as their public keys.
#[derive(Default)]
pub struct Certificates(Vec<Vec<u8>>);

/// The key that is there from the start: PKCS#8, and the public key. It is made when
/// first asked for, since that takes a moment.
static KEY: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let key = RsaPrivateKey::new(&mut System(SystemRandom::new()), 2048).expect("2048 bits are a size of RSA");
    let public = key.to_public_key().to_pkcs1_der().expect("a key that was made can be written");
    let private = key.to_pkcs8_der().expect("a key that was made can be written");
    (private.as_bytes().to_vec(), public.as_bytes().to_vec())
});

/// The random bytes of the system, for a library that takes them another way.
struct System(SystemRandom);

impl Certificates {
    /// Gives the private key, or takes a certificate in PEM in place of it.
    pub fn answer(&mut self, request: &Request<'_>) -> Response {
        let Body::Whole(body) = request.body else { return text(400, "The certificate is too large.\n") };
        match request.method {
            "GET" | "HEAD" => text(200, &private_key()),
            "POST" | "PUT" => match std::str::from_utf8(body).ok().and_then(public_key) {
                Some(key) => {
                    self.0.push(key);
                    text(200, "The certificate is registered.\n")
                }
                None => text(400, "This is no certificate in PEM.\n"),
            },
            _ => text(405, "Read the key, or post a certificate.\n"),
        }
    }

    /// The client and the user of an assertion; else `error` and `error_description`.
    pub fn verify(
        &self,
        assertion: &str,
        audiences: &[String],
    ) -> Result<(&'static Client, &'static User), (&'static str, &'static str)> {
        let invalid = ("invalid_grant", "invalid assertion");
        let (signed, signature) = assertion.rsplit_once('.').ok_or(invalid)?;
        let (header, claims) = signed.split_once('.').ok_or(invalid)?;
        let (header, claims) = (json(header).ok_or(invalid)?, json(claims).ok_or(invalid)?);
        let issuer = claims["iss"].as_str().ok_or(invalid)?;
        let client = Client::named(issuer).ok_or(("invalid_client_id", "client identifier invalid"))?;
        if client.client_id != SIGNER || header["alg"] != "RS256" {
            return Err(invalid);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid)?;
        let is_signed_by = |key: &Vec<u8>| {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(signed.as_bytes(), &signature).is_ok()
        };
        if !self.0.iter().any(is_signed_by) && !is_signed_by(&KEY.1) {
            return Err(invalid);
        }
        // Some clients write the number as a text.
        let exp = claims["exp"].as_i64().or_else(|| claims["exp"].as_str()?.parse().ok()).ok_or(invalid)?;
        let ahead = exp.saturating_sub(Utc::now().timestamp());
        if !(1..=LONGEST_LIFE).contains(&ahead) {
            return Err(invalid);
        }
        let is_ours = |audience: &Value| audiences.iter().any(|own| audience == own.as_str());
        let is_for_us = match &claims["aud"] {
            Value::Array(several) => several.iter().any(is_ours),
            one => is_ours(one),
        };
        if !is_for_us {
            return Err(("invalid_grant", "audience is invalid"));
        }
        let subject = claims["sub"].as_str().and_then(User::named);
        let user = subject.ok_or(("invalid_grant", "user hasn't approved this consumer"))?;
        match user.access {
            Access::Frozen => Err(("invalid_grant", "inactive user")),
            _ => Ok((client, user)),
        }
    }
}

fn private_key() -> String {
    let body = STANDARD.encode(&KEY.0);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

impl RngCore for System {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the operating system gives random bytes");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for System {}
