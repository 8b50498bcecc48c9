//! The post-condition of every scenario: no secret in any output or file.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Secrets, and what was heard.
pub struct Canaries {
    needles: Vec<String>,
    heard: Vec<String>,
}

impl Canaries {
    /// The passwords and client secrets of the embedded instance and of the tests.
    pub fn usual() -> Self {
        let mut canaries = Self { needles: Vec::new(), heard: Vec::new() };
        for user in snow_connect::sandbox::USERS {
            canaries.guard(user.password);
        }
        for secret in snow_connect::sandbox::CLIENTS.iter().filter_map(|client| client.client_secret) {
            canaries.guard(secret);
        }
        for user in snow_connect::sandbox::salesforce::people::USERS {
            canaries.guard(user.password);
            canaries.guard(user.security_token);
        }
        for client in snow_connect::sandbox::salesforce::clients::CLIENTS {
            client.client_secret.into_iter().for_each(|secret| canaries.guard(secret));
        }
        canaries.guard(super::PASSWORD);
        canaries
    }

    /// Of what shows the passwords of the embedded instance on purpose.
    pub fn none() -> Self {
        Self { needles: Vec::new(), heard: Vec::new() }
    }

    /// Also searches for `secret`, in the encodings it may leak in.
    pub fn guard(&mut self, secret: &str) {
        let percent: String = secret
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect();
        let json = serde_json::to_string(secret).unwrap();
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.needles.extend([secret.to_owned(), percent, json[1..json.len() - 1].to_owned(), hex]);
        for offset in 0..3 {
            let mut bytes = vec![0; offset];
            bytes.extend_from_slice(secret.as_bytes());
            let from = [0, 2, 3][offset];
            let to = bytes.len() / 3 * 4;
            self.needles.push(STANDARD.encode(&bytes)[from..to].to_owned());
            self.needles.push(URL_SAFE.encode(&bytes)[from..to].to_owned());
        }
    }

    pub fn heard(&mut self, text: &str) {
        self.heard.push(text.to_owned());
    }

    /// Fails where a secret is in something heard or in a file below `home`.
    pub fn search(&self, home: &Path) {
        for text in &self.heard {
            self.check(text.as_bytes(), "an output");
        }
        self.search_files(home);
    }

    fn search_files(&self, directory: &Path) {
        let Ok(entries) = std::fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                self.search_files(&entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                self.check(&bytes, &entry.path().display().to_string());
            }
        }
    }

    /// Fails where a secret is in these bytes.
    pub fn check(&self, bytes: &[u8], place: &str) {
        let text = String::from_utf8_lossy(bytes);
        for needle in &self.needles {
            assert!(!text.contains(needle.as_str()), "a secret is in {place}: {text}");
        }
    }
}

#[test]
fn a_leak_would_be_found() {
    for leak in ["xx sandbox-beth", "c2FuZGJveC1iZXRo", &STANDARD.encode("beth.anglin:sandbox-beth")] {
        let mut canaries = Canaries::usual();
        canaries.heard(leak);
        let home = tempfile::tempdir().unwrap();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| canaries.search(home.path())));
        assert!(found.is_err(), "{leak}");
    }
}
