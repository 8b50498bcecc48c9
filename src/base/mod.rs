//! What everything stands on: errors, secrets, foreign text made safe, files and
//! kernel locks, time and backoff, the variables and directories of the process.

pub mod backoff;
pub mod children;
pub mod code;
pub mod deferral;
pub mod directories;
pub mod duration;
pub mod error;
pub mod files;
pub mod flat_json;
pub mod html;
pub mod json_array;
pub mod limits;
pub mod machine;
pub mod program;
pub mod schemas;
pub mod secret;
pub mod secret_file;
pub mod server_text;
pub mod shown;
#[cfg(target_os = "linux")]
pub mod sockets;
pub mod time;
pub mod variables;

/// The target of a line of the log that says where something comes from: it is said once,
/// however often that is looked at.
pub const SOURCES: &str = concat!(env!("CARGO_CRATE_NAME"), "::sources");
