//! What is particular to one product: its paths, its answers, and what they mean.

pub mod rows;
pub mod servicenow;
pub mod tools;
