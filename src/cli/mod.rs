//! The command line: arguments, a person at a terminal, and one file a verb.

pub mod args;
mod commands;
pub mod completion;
pub mod console;
pub mod context;
mod duration;
pub mod explain;
mod logging;
pub mod signals;
pub mod terminal;

pub use commands::{report_defect, run};
