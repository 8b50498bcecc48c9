//! Machines that share a session in Vault.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;

use super::process::snow;
use super::session::{self, ID};

/// Where the session is in the mount `secret`.
pub fn item() -> String {
    format!("secret/data/snow/{ID}/session")
}

/// What is written there first: a session of the embedded instance whose access token is
/// over by the clock.
pub fn expired(sandbox: &Sandbox) -> Value {
    let record = session::record(&sandbox.origin(), -1, session::signed_in(sandbox));
    sandbox.expire_access_tokens();
    json!({ "record": record.to_string() })
}

/// A home of its own, with the connection `acme` in the vault at this address.
pub struct Machine {
    home: tempfile::TempDir,
    address: String,
}

impl Machine {
    pub fn new(address: &str, origin: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join(".config/snow");
        std::fs::create_dir_all(&directory).unwrap();
        let config = session::config(origin, &format!("store_address = \"{address}\"\n"));
        std::fs::write(directory.join("config.toml"), config.replace("\"keyring\"", "\"vault\"")).unwrap();
        Self { home, address: address.to_owned() }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// `snow` here, with this token of the vault.
    pub fn command(&self, token: &str, words: &[&str]) -> Command {
        let mut command = snow(self.home.path());
        command.env("VAULT_TOKEN", token).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}
