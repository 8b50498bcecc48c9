//! Durations as flags take them.

pub use crate::base::duration::{duration, long_duration};
