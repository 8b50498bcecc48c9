//! Writing: data to standard output, everything else to standard error.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{Code, Failure};

/// What is over sooner shows no progress.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);

/// The two output streams and how they may look.
pub struct Console {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    pub out: Paint,
    pub err: Paint,
    /// Whether notes for people are left out.
    pub quiet: bool,
    /// Whether standard output carries JSON.
    pub json: bool,
    /// Why standard output could not take everything.
    broken: Option<io::Error>,
}

/// How text may look on one stream: colour, symbols, width.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    pub colour: bool,
    pub unicode: bool,
    pub is_terminal: bool,
    pub columns: usize,
}

impl Console {
    pub fn new(stdout: Box<dyn Write>, stderr: Box<dyn Write>, out: Paint, err: Paint) -> Self {
        Self { stdout, stderr, out, err, quiet: false, json: false, broken: None }
    }

    /// Data: one text and a line end.
    pub fn data(&mut self, text: &str) {
        if self.broken.is_some() {
            return;
        }
        let written = writeln!(self.stdout, "{text}").and_then(|()| self.stdout.flush());
        self.broken = written.err();
    }

    /// Data as one line of JSON.
    pub fn document(&mut self, document: &serde_json::Value) {
        self.data(&document.to_string());
    }

    /// A remark for people, left out with `--quiet`.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Something people must see.
    pub fn say(&mut self, text: &str) {
        // There is nowhere to report that standard error is gone.
        let _ = writeln!(self.stderr, "{text}").and_then(|()| self.stderr.flush());
    }

    /// Whether standard output took everything. A reader that had enough
    /// (`| head`) is no failure.
    pub fn check(&self) -> Result<(), Failure> {
        match &self.broken {
            None => Ok(()),
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) => Err(Failure::new(Code::OutputUnwritable, "standard output cannot be written")
                .why(error.to_string())
                .next("See to the free space where the output goes")),
        }
    }
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
        bar.enable_steady_tick(PATIENCE);
        Progress(Some(bar.with_message(what.to_owned())))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Paint {
    pub fn bold(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    pub fn dim(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    pub fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    pub fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub fn doubtful(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    pub fn command(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    fn paint(self, style: Style, text: &str) -> String {
        match self.colour {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    pub fn tick(self) -> String {
        self.good(if self.unicode { "✓" } else { "ok" })
    }

    pub fn cross(self) -> String {
        self.bad(if self.unicode { "✗" } else { "x" })
    }

    pub fn bang(self) -> String {
        self.doubtful("!")
    }

    pub fn dash(self) -> String {
        self.dim(if self.unicode { "–" } else { "-" })
    }

    pub fn marker(self) -> &'static str {
        if self.unicode { "▸" } else { ">" }
    }

    pub fn dot(self) -> &'static str {
        if self.unicode { "·" } else { "-" }
    }
}
