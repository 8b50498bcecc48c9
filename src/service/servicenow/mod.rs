//! What is particular to ServiceNow: its APIs, and what its answers mean.

pub mod address;
pub mod adobe;
pub mod classify;
pub mod dictionary;
pub mod encoded;
pub mod guide;
pub mod identity;
pub mod oauth;
pub mod oauth_entity;
pub mod oauth_fitness;
pub mod pages;
pub mod path;
mod reference;
pub mod refusals;
pub mod rows;
pub mod symptoms;
pub mod table;
pub mod token;
pub mod verdict;
