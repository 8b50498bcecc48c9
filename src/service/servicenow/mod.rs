//! What is particular to ServiceNow: its APIs, and what its answers mean.

pub mod address;
pub mod classify;
pub mod guide;
pub mod identity;
pub mod oauth;
pub mod path;
mod reference;
pub mod refusals;
pub mod symptoms;
pub mod table;
pub mod token;
