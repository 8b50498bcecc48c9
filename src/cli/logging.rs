//! What is done, on standard error.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::base::SOURCES;
use crate::report::paint::Paint;

/// Standard error, without what could act on a terminal. Where something comes from is
/// said once; what is done, each time.
#[derive(Default)]
struct Stderr {
    said: Mutex<HashSet<Vec<u8>>>,
}

/// Takes one line.
struct Line<'a> {
    stderr: &'a Stderr,
    is_once: bool,
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { stderr: self, is_once: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line { stderr: self, is_once: metadata.target() == SOURCES }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut said = self.stderr.said.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_once || said.insert(line.to_owned()) {
            let text = String::from_utf8_lossy(line);
            io::stderr().write_all(Paint::PLAIN.spelled(&text).as_bytes())?;
        }
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
        .with_writer(Stderr::default())
        .without_time()
        .with_target(false)
        .with_level(false)
        .with_ansi(false);
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // A second run in the same process keeps the first one's.
    let _ = tracing_subscriber::registry().with(layer.with_filter(own)).try_init();
}
