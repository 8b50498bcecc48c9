//! Writing: data to standard output, everything else to standard error.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::Shown;
use crate::base::variables::Variables;
use crate::cli::args::Color;
use crate::cli::context::Streams;
use crate::cli::links;
use crate::report::json;
use crate::report::paint::Paint;
use crate::report::text::fitting;

/// What ends sooner shows no progress.
const TIMEOUT: Duration = Duration::from_millis(500);

/// The two output streams and how they may look. Others that write at the same time
/// write whole lines.
pub struct Console {
    stdout: RefCell<Box<dyn Write>>,
    stderr: RefCell<Box<dyn Write>>,
    pub out: Paint,
    pub err: Paint,
    /// Whether notes for people are left out.
    pub quiet: bool,
    /// Whether standard output carries JSON.
    pub json: bool,
    one_document: OneDocument,
    /// Whether standard error shows links.
    has_links: bool,
    /// Why standard output could not take everything.
    broken: RefCell<Option<io::Error>>,
}

/// The right to write the one JSON document of a run, which the command and a
/// signal may want at the same moment. Clones share it.
#[derive(Clone, Default)]
pub struct OneDocument(Arc<Mutex<bool>>);

impl Console {
    /// The console of a run, as variables and `--color` want it.
    pub fn of(variables: &Variables, streams: Streams, color: Color) -> Self {
        let colour = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if variables.text("NO_COLOR").is_some() => false,
            Color::Auto if variables.is_on("CLICOLOR_FORCE") => true,
            Color::Auto => is_terminal && variables.text("TERM") != Some("dumb"),
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variables.text(name));
        let unicode = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let paint = |is_terminal: bool| Paint {
            colour: colour(is_terminal),
            unicode,
            is_terminal,
            columns: streams.columns.clamp(40, 200),
            // The runner takes commands from the beginnings of lines, so that none
            // shall begin within a text that came from elsewhere.
            breaks_lines: !variables.is_on("GITHUB_ACTIONS"),
        };
        let (out, err) = (paint(streams.stdout_is_terminal), paint(streams.stderr_is_terminal));
        let has_links = err.is_terminal && links::are_known_to_work(variables);
        Self { has_links, ..Self::new(streams.stdout, streams.stderr, out, err) }
    }

    pub fn new(stdout: Box<dyn Write>, stderr: Box<dyn Write>, out: Paint, err: Paint) -> Self {
        Self {
            stdout: stdout.into(),
            stderr: stderr.into(),
            out,
            err,
            quiet: false,
            json: false,
            one_document: OneDocument::default(),
            has_links: false,
            broken: RefCell::default(),
        }
    }

    /// Text for people, in lines that fit their terminal.
    pub fn text(&self, text: &str) {
        self.data(&if self.out.is_terminal { fitting(text, self.out) } else { text.to_owned() });
    }

    /// Data as it is: one text and a line end.
    pub fn data(&self, text: &str) {
        let text = self.out.spelled(text).into_owned();
        self.put(&text);
    }

    fn put(&self, text: &str) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            let mut stdout = self.stdout.borrow_mut();
            *broken = writeln!(stdout, "{text}").and_then(|()| stdout.flush()).err();
        }
    }

    /// Bytes as they are. Whether more can be written.
    pub fn bytes(&self, bytes: &[u8]) -> bool {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            *broken = self.stdout.borrow_mut().write_all(bytes).err();
        }
        broken.is_none()
    }

    /// What was written as bytes leaves here.
    pub fn flush(&self) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            *broken = self.stdout.borrow_mut().flush().err();
        }
    }

    /// One line of several of JSON.
    pub fn document_line(&self, document: &impl Serialize) {
        self.put(&json::line(document));
    }

    /// The result as one line of JSON. Only the first one is written.
    pub fn document(&self, document: &impl Serialize) {
        let one = self.one_document.clone();
        one.write(|| self.put(&json::line(document)));
    }

    /// A secret that was asked for, as it is.
    pub fn secret(&self, text: &str) {
        self.put(text);
    }

    /// A command for the program that reads standard error, as it is.
    pub fn secret_command(&self, text: &str) {
        self.put_aside(text);
    }

    pub fn one_document(&self) -> OneDocument {
        self.one_document.clone()
    }

    /// A remark for people, left out with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Something people must see.
    pub fn say(&self, text: &str) {
        self.put_aside(&self.err.spelled(&fitting(text, self.err)));
    }

    /// An address that a person opens or copies: whole, on one line, and a link
    /// where the terminal is known to make them.
    pub fn address(&self, address: &str) {
        let address = self.err.spelled(address);
        let shown = if self.has_links { links::link(&address, &address) } else { address.into_owned() };
        self.put_aside(&format!("  {shown}"));
    }

    fn put_aside(&self, text: &str) {
        let mut stderr = self.stderr.borrow_mut();
        // There is nowhere to report that standard error is gone.
        let _ = writeln!(stderr, "{text}").and_then(|()| stderr.flush());
    }

    /// Whether standard output took everything. A reader that had enough
    /// (`| head`) is no failure.
    pub fn check(&self) -> Result<(), Failure> {
        match &*self.broken.borrow() {
            None => Ok(()),
            Some(error) if is_closed_pipe(error) => Ok(()),
            Some(error) => Err(Failure::new(Code::OutputUnwritable, "standard output cannot be written")
                .why(Shown::outside(error.to_string()))
                .next("Check the free space where the output goes")),
        }
    }
}

/// Whether the reader of a pipe is gone.
fn is_closed_pipe(error: &io::Error) -> bool {
    /// Windows: ERROR_PIPE_NOT_CONNECTED, which std does not count.
    const NOT_CONNECTED: i32 = 233;
    error.kind() == io::ErrorKind::BrokenPipe || cfg!(windows) && error.raw_os_error() == Some(NOT_CONNECTED)
}

/// A line that says what is being waited for, after half a second and on a
/// terminal only. It is gone when this is dropped.
pub struct Progress(Option<ProgressBar>);

impl Console {
    /// Shows `what` while it lasts.
    pub fn progress(&self, what: &str) -> Progress {
        if !self.err.is_terminal || self.quiet {
            return Progress(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let template = ProgressStyle::with_template("  {msg} {elapsed}").expect("the template is well-formed");
        bar.set_style(template);
        // The first tick comes after the interval, so what is quick stays silent.
        bar.enable_steady_tick(TIMEOUT);
        Progress(Some(bar.with_message(Paint::PLAIN.spelled(what).into_owned())))
    }
}

impl Console {
    /// As above, for what is waited for at a person: shown at once, and how
    /// long it takes is for `what` to say.
    pub fn waiting(&self, what: &str) -> Progress {
        let progress = self.progress(what);
        if let Some(bar) = &progress.0 {
            bar.set_style(ProgressStyle::with_template("  {msg}").expect("the template is well-formed"));
            bar.tick();
        }
        progress
    }
}

impl Console {
    /// Shows how far something has come, and how far it will go once that is known.
    pub fn bar(&self, what: &str) -> Progress {
        let progress = self.progress(what);
        if let Some(bar) = &progress.0 {
            let style = ProgressStyle::with_template("  {msg} {human_pos} {elapsed}");
            bar.set_style(style.expect("the template is well-formed"));
        }
        progress
    }
}

impl Progress {
    /// Has come so far, of so much.
    pub fn reach(&self, place: u64, whole: Option<u64>) {
        let Some(bar) = &self.0 else { return };
        if let Some(whole) = whole.filter(|whole| bar.length() != Some(*whole)) {
            let style = ProgressStyle::with_template("  {msg} {wide_bar} {human_pos} of {human_len}, {eta} left");
            bar.set_style(style.expect("the template is well-formed").progress_chars("=> "));
            bar.set_length(whole);
        }
        bar.set_position(place);
    }

    /// Shows nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// Lets something be written or asked above it.
    pub fn above<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }

    /// Says something else in the same line.
    pub fn say(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(Paint::PLAIN.spelled(what).into_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl OneDocument {
    /// What follows is the document.
    pub fn take(&self) {
        self.write(|| ());
    }

    fn write(&self, write: impl FnOnce()) {
        let mut is_written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_written {
            *is_written = true;
            write();
        }
    }

    /// As the process ends: nothing is written afterwards. A write that is under way
    /// gets a moment; a reader that takes nothing does not keep the process.
    pub fn write_last(&self, write: impl FnOnce()) {
        let deadline = Instant::now() + Duration::from_secs(1);
        while Instant::now() < deadline {
            if let Ok(is_written) = self.0.try_lock() {
                if !*is_written {
                    write();
                }
                std::mem::forget(is_written);
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
