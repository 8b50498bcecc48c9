//! The programs for Salesforce that take a connection.

mod jsforce;
mod sf;
mod simple_salesforce;

use crate::service::tools::{Tool, curl, httpie};

/// Every one, by name.
pub static TOOLS: [&Tool; 5] = [&curl::SPEC, &httpie::SPEC, &jsforce::SPEC, &sf::SPEC, &simple_salesforce::SPEC];
