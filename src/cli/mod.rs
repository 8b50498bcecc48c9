//! The command line: arguments, a person at a terminal, and one file a verb.

pub mod args;
#[cfg(target_os = "linux")]
mod bus;
pub mod changes;
pub mod command;
mod commands;
pub mod completion;
pub mod console;
pub mod context;
pub mod explain;
mod links;
mod logging;
mod patient;
pub mod process;
mod shell;
pub mod signals;
pub mod terminal;

pub use commands::run;
