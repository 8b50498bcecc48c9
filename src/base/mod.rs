//! What everything stands on: errors, secrets, foreign text made safe, files and
//! kernel locks, the variables of the process.

pub mod error;
pub mod files;
pub mod secret;
pub mod server_text;
pub mod variables;
