//! The JSON documents, a struct each. The first member is `schema`, the name of the
//! document; within a `/1` members are only added.
//!
//! Comments on members and structs are the descriptions in `src/schemas`.

pub mod apps;
pub mod connection;
pub mod doctor;
pub mod help;
pub mod import;
pub mod indented;
pub mod proxy;
pub mod sandbox;
pub mod session;
pub mod spec;
pub mod store;
pub mod tables;
pub mod test;
#[cfg(test)]
mod tests;
pub mod tools;

use serde::Serialize;

use crate::base::error::{Failure, FailureInJson};
use crate::base::schemas;
use crate::base::shown::visible_json;

/// A command that failed, with nothing else to report.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Error<'a> {
    schema: schemas::Error,
    pub error: FailureInJson<'a>,
}

impl<'a> From<&'a Failure> for Error<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self { schema: schemas::Error, error: failure.into() }
    }
}

/// A document as one line.
pub fn line(document: &impl Serialize) -> String {
    visible_json(&serde_json::to_string(document).expect("a document is always JSON"))
}
