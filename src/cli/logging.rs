//! What is done, on standard error.

use std::io::{self, Write};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::report::paint::Paint;

/// Standard error, without what could act on a terminal.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().write_all(Paint::PLAIN.spelled(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// `-v` says where things come from, `-vv`
/// every request, `-vvv` how long each of its steps took. Libraries stay
/// silent: they do not know what must not be shown.
pub fn to_stderr(verbose: u8, variable: Option<&str>) {
    let level = match (verbose, variable) {
        (1, _) | (0, Some("info")) => Level::INFO,
        (2, _) | (0, Some("debug")) => Level::DEBUG,
        (3.., _) | (0, Some("trace")) => Level::TRACE,
        (0, _) => return,
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(|| Stderr)
        .without_time()
        .with_target(false)
        .with_level(false)
        .with_ansi(false);
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // A second run in the same process keeps the first one's.
    let _ = tracing_subscriber::registry().with(layer.with_filter(own)).try_init();
}
