//! From a report, a listing or a failure to what is printed.

pub mod doctor;
pub mod json;
pub mod list;
pub mod markdown;
pub mod text;
