//! What a store needs from a program that never prompts.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::engine::Inner;
use crate::base::error::Failure;
use crate::base::files::is_public;
use crate::base::secret::Secret;
use crate::base::secret_file;
use crate::base::variables::Variables;
use crate::store::{CredentialStore, Surroundings};

/// Without a person: remarks go to the log.
pub struct Unattended<'a>(pub &'a Inner);

impl Surroundings for Unattended<'_> {
    fn variables(&self) -> &Variables {
        &self.0.variables
    }

    fn duration(&self, variable: &'static str) -> Result<Option<Duration>, Failure> {
        self.0.variables.duration(variable)
    }

    fn data_directory(&self) -> Result<PathBuf, Failure> {
        self.0.directories().data()
    }

    fn data_lock(&self) -> Result<PathBuf, Failure> {
        Ok(self.0.state()?.secrets_lock())
    }

    fn keyring(&self) -> Option<Arc<dyn CredentialStore>> {
        self.0.keyring.clone()
    }

    fn is_interactive(&self) -> bool {
        false
    }

    fn is_quiet(&self) -> bool {
        true
    }

    fn ask(&mut self, _: &str) -> Result<Option<Secret>, Failure> {
        Ok(None)
    }

    fn note(&mut self, text: &str) {
        tracing::warn!("{text}");
    }

    fn say(&mut self, text: &str) {
        tracing::warn!("{text}");
    }

    fn open_secret_file(&mut self, path: &Path, variable: &str) -> Result<File, Failure> {
        let (file, metadata) = secret_file::open(path, variable)?;
        if is_public(&metadata) {
            self.note(&format!("other users of this machine can read {}", path.display()));
        }
        Ok(file)
    }
}
