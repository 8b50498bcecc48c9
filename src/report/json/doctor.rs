//! What can be known of this machine: `snow doctor`.

use std::path::Path;

use serde::Serialize;

use crate::base::schemas;
use crate::doctor::json::{Check, Proof};

/// What was looked at: `snow doctor`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Doctor<'a> {
    pub schema: schemas::Doctor,
    /// Whether the exit code is 0.
    pub ok: bool,
    pub exit_code: u8,
    pub checks: Vec<Check<'a>>,
    /// The file of `--bundle`; null without it.
    pub bundle: Option<Bundle<'a>>,
}

/// A file that was written for support.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Bundle<'a> {
    pub path: &'a Path,
    #[serde(flatten)]
    pub proof: Proof<'a>,
}
