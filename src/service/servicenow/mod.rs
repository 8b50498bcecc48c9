//! What is particular to ServiceNow: its APIs, and what its answers mean.

pub mod identity;
pub mod seen;
pub mod symptoms;
pub mod table;
pub mod token;
