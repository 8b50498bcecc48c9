//! Who signs a JWT about a job or a pod, and serves the key, as GitHub and GitLab do.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::process::tool;
use super::wire::{Wire, header, http};

/// How long a token is good.
const LIFETIME: i64 = 300;

/// It serves until this goes out of scope.
pub struct Issuer {
    directory: tempfile::TempDir,
    wire: Wire,
}

impl Issuer {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        openssl(directory.path(), &["genrsa", "-out", "key.pem", "2048"]);
        let modulus = openssl(directory.path(), &["rsa", "-in", "key.pem", "-noout", "-modulus"]);
        let hex = String::from_utf8(modulus).unwrap();
        let hex = hex.trim().strip_prefix("Modulus=").expect("a modulus").to_owned();
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let key = json!({
            "kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(bytes),
        });
        let wire = Wire::replies(move |head| {
            let origin = format!("http://{}", header(head, "Host").unwrap_or_default());
            let document = match head.split(' ').nth(1) {
                Some("/.well-known/openid-configuration") => json!({
                    "issuer": origin, "jwks_uri": format!("{origin}/.well-known/jwks"),
                    "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }),
                Some("/.well-known/jwks") => json!({ "keys": [key] }),
                _ => return http(404, "", ""),
            };
            http(200, "Content-Type: application/json\r\n", &document.to_string())
        });
        Self { directory, wire }
    }

    pub fn origin(&self) -> String {
        self.wire.origin()
    }

    pub fn public_key(&self) -> String {
        String::from_utf8(openssl(self.directory.path(), &["rsa", "-in", "key.pem", "-pubout"])).unwrap()
    }

    /// A token with these claims, and those of its time that they lack.
    pub fn sign(&self, claims: &Value) -> String {
        let now = chrono::Utc::now().timestamp();
        let mut all = json!({ "iss": self.origin(), "iat": now, "nbf": now, "exp": now + LIFETIME });
        for (name, value) in claims.as_object().expect("claims") {
            all[name] = value.clone();
        }
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(json!({ "alg": "RS256", "typ": "JWT", "kid": "1" })), part(all));
        let file = tempfile::NamedTempFile::new_in(self.directory.path()).unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let file = file.path().to_str().expect("UTF-8");
        let signature = openssl(self.directory.path(), &["dgst", "-sha256", "-sign", "key.pem", file]);
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn openssl(directory: &Path, words: &[&str]) -> Vec<u8> {
    let output = tool("openssl").args(words).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
