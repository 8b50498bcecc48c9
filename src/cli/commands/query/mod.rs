//! `snow query`: rows of a table, as they come.
//!
//! [`mod@args`] is what it takes, [`target`] where they go, [`checkpoint`] what a later run goes on from.

pub(in crate::cli) mod args;
mod checkpoint;
mod target;

use std::time::Duration;

use super::app::App;
use super::outputs::Outputs;
use super::using::{self, Chosen};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step as Advice, shown};
use crate::cli::console::Progress;
use crate::cli::signals::Stop;
use crate::cli::terminal::interrupted;
use crate::client::counts::Reading;
use crate::client::rows::{Cursor, Step, Walk};
use crate::report;
use crate::report::format::Format;
use crate::report::json;
use crate::report::rows::{Form, RowWriter};
use crate::service::rows::{Listing, RowQuery};
use args::{DEFAULT_LIMIT, QueryArgs, check};
use checkpoint::{Checkpoint, Found};
use target::Target;

/// What is written in one go.
const BUFFER: usize = 64 * 1024;

/// Lines are rows and nothing else: a failure is told on standard error.
pub fn prepare(app: &mut App) {
    if app.outputs().is_ok_and(|outputs| outputs.stdout == Format::Jsonl) {
        app.console.json = false;
    }
}

pub async fn run(app: &mut App, arguments: QueryArgs) -> Result<u8, Failure> {
    let outputs = app.outputs()?;
    check(&arguments, &outputs)?;
    let chosen = using::choose(app)?;
    let service = chosen.service(app)?;
    if let Some(instead) = service.instead_of_display().filter(|_| arguments.display) {
        return Err(Failure::new(Code::Usage, shown!("--display does not work with {}", service.defaults().label))
            .why("Its API gives values as they are stored, and has no switch for that.")
            .next(instead));
    }
    let filters: Vec<String> = arguments.filter.iter().filter(|filter| !filter.is_empty()).cloned().collect();
    let query = RowQuery {
        table: arguments.table.clone(),
        filter: service.all_of(&filters),
        fields: arguments.fields.clone(),
        order: arguments.order.clone(),
        display: arguments.display,
        listing: Listing::Rows,
    };
    if arguments.count {
        return count(app, chosen, query, arguments.strict).await;
    }
    let limit = if arguments.all { None } else { Some(arguments.limit.unwrap_or(DEFAULT_LIMIT)) };
    let checkpoint = match &arguments.checkpoint {
        None => None,
        Some(path) => {
            let (format, output) = outputs.files.first().expect("a checkpoint has an output");
            let about = (chosen.fingerprint(app)?, &query, limit, format.as_str(), arguments.csv_safe, output);
            match Checkpoint::open(path, output, &about)? {
                Found::Complete { rows } => {
                    app.console.note(&format!("Complete already: {} in {}.", number_of(rows), output.display()));
                    return Ok(0);
                }
                Found::Open(checkpoint) => Some(checkpoint),
            }
        }
    };
    let cursor = checkpoint.as_ref().map(|checkpoint| checkpoint.state.cursor.clone()).unwrap_or_default();
    let client = using::open(app, chosen, false).await?;
    let walk = Walk::new(client, query.clone(), limit, cursor);
    Copying { app, arguments, outputs, query, walk, checkpoint }.run().await
}

fn number_of(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

async fn count(app: &mut App, chosen: Chosen, query: RowQuery, strict: bool) -> Result<u8, Failure> {
    let client = using::open(app, chosen, false).await?;
    let walk = Walk::new(client, query.clone(), None, Cursor::default());
    let dropped = mention_terms(app, &walk).await?;
    if strict && let Some(failure) = dropped {
        return Err(failure);
    }
    let count = walk.count().await?;
    if app.console.json {
        let (table, rows) = (query.table.as_str(), Vec::new());
        app.console.document(&report::rows::Query {
            schema: crate::base::schemas::Query,
            table,
            count,
            rows,
            error: None,
        });
        return Ok(0);
    }
    let Some(count) = count else {
        return Err(Failure::new(
            Code::UnexpectedAnswer,
            shown!("the instance does not count the rows of {}", query.table),
        )
        .next(Advice::say("Count what comes: ").and_run(shown!("snow query {} --all -o jsonl", query.table))));
    };
    app.console.data(&count.to_string());
    Ok(0)
}

/// Says which terms of a query the instance leaves out, and which it may; the former as a
/// failure.
async fn mention_terms(app: &App, walk: &Walk) -> Result<Option<Failure>, Failure> {
    let (mut dropped, mut unknown) = (Vec::new(), Vec::new());
    for term in walk.terms() {
        match walk.reading(&term).await {
            Reading::Read => {}
            Reading::Dropped => dropped.push(Shown::outside(term.text)),
            Reading::Unknown => unknown.push(Shown::outside(term.text)),
        }
    }
    if !unknown.is_empty() {
        let terms = Shown::list(&unknown, ", ");
        app.console.note(&shown!("note: it cannot be told whether the instance reads {}", terms));
    }
    if dropped.is_empty() {
        return Ok(None);
    }
    let terms = Shown::list(&dropped, ", ");
    app.console.say(&shown!("warning: the instance leaves out {}: rows come as if it was not there", terms));
    Ok(Some(
        Failure::new(Code::Warnings, shown!("the instance leaves out a part of the query: {}", terms))
            .why("With --strict that is a failure. It does so where it has no such field, or does not know the operator.")
            .next("Correct the query; snow table shows the fields"),
    ))
}

/// Rows on their way from the instance to where they go.
struct Copying<'a> {
    app: &'a App,
    arguments: QueryArgs,
    outputs: Outputs,
    query: RowQuery,
    walk: Walk,
    checkpoint: Option<Checkpoint>,
}

impl Copying<'_> {
    async fn run(mut self) -> Result<u8, Failure> {
        let is_resumed = self.walk.cursor.rows > 0;
        if !is_resumed {
            let dropped = mention_terms(self.app, &self.walk).await?;
            if self.arguments.strict
                && let Some(failure) = dropped
            {
                return Err(failure);
            }
        }
        let mut target = Target::open(self.app, &self.outputs, self.checkpoint.as_ref())?;
        let mut writer = self.writer(&target);
        let mut stop = self.app.take_over_stop();
        let mut progress = self.progress(&target);
        let mut has_begun = is_resumed;
        let ended = loop {
            let page = self.page(&mut writer, &mut target, &mut has_begun, &progress);
            let step = tokio::select! {
                step = page => step,
                code = stop.asked() => break Err(Ending::Stopped(code)),
            };
            let step = match step {
                Ok(step) => step,
                Err(failure) => break Err(Ending::Failed(failure)),
            };
            // What came of a page may be remembered even if it broke off.
            progress.reach(self.walk.cursor.rows, self.goal());
            let kept = self.keep(&mut writer, &mut target, &step);
            match (kept, step) {
                (Err(failure), _) => break Err(Ending::Failed(failure)),
                (Ok(false), _) => return Ok(0),
                (_, Step::More) => {}
                (_, Step::Done) => break Ok(()),
                (_, Step::Wait(wait, failure)) => {
                    if let Some(code) = self.wait(wait, &failure, &mut progress, &mut stop).await {
                        break Err(Ending::Stopped(code));
                    }
                }
            }
        };
        drop(progress);
        self.finish(ended, writer, target, has_begun)
    }

    fn writer(&self, target: &Target<'_>) -> RowWriter {
        let format = self.outputs.files.first().map_or(self.outputs.stdout, |(format, _)| *format);
        let paint = self.app.console.out;
        let form = match format {
            Format::Json => Form::Json,
            Format::Jsonl => Form::Jsonl,
            Format::Csv => Form::Csv(self.arguments.csv_safe),
            _ if paint.is_terminal && target.is_stdout() => Form::Table(paint),
            _ => Form::Tabs,
        };
        let writer = RowWriter::new(form, self.walk.fields().to_vec(), self.walk.key(), self.walk.first_fields());
        match &self.checkpoint {
            Some(checkpoint) if checkpoint.state.cursor.rows > 0 => {
                writer.after(checkpoint.state.cursor.rows, checkpoint.state.columns.clone())
            }
            _ => writer,
        }
    }

    fn progress(&self, target: &Target<'_>) -> Progress {
        let is_in_the_way = target.is_stdout() && self.app.console.out.is_terminal;
        if is_in_the_way { Progress::none() } else { self.app.console.bar(&format!("Rows of {}", self.query.table)) }
    }

    async fn page(
        &mut self,
        writer: &mut RowWriter,
        target: &mut Target<'_>,
        has_begun: &mut bool,
        progress: &Progress,
    ) -> Result<Step, Failure> {
        let (table, console) = (self.query.table.as_str(), &self.app.console);
        let is_document = target.is_stdout() && self.is_json();
        let goal = self.limit();
        let step = self.walk.page(|row, cursor| {
            if !std::mem::replace(has_begun, true) {
                if is_document {
                    console.one_document().take();
                }
                writer.begin(table, cursor.counted);
            }
            writer.row(row);
            if writer.ready().len() < BUFFER {
                return Ok(true);
            }
            progress.reach(cursor.rows, goal.or(cursor.counted));
            target.write_from(writer)
        });
        step.await
    }

    fn limit(&self) -> Option<u64> {
        if self.arguments.all { None } else { Some(self.arguments.limit.unwrap_or(DEFAULT_LIMIT)) }
    }

    /// How many rows will come, as far as that is known.
    fn goal(&self) -> Option<u64> {
        let counted = self.walk.cursor.counted;
        self.limit().map_or(counted, |limit| Some(counted.map_or(limit, |counted| counted.min(limit))))
    }

    /// Writes what is there, and saves the position. False if the reader closed the pipe.
    fn keep(&mut self, writer: &mut RowWriter, target: &mut Target<'_>, step: &Step) -> Result<bool, Failure> {
        if !target.write_from(writer)? {
            return Ok(false);
        }
        let is_at_rest = match step {
            Step::More => true,
            // A page that is counted off begins anew.
            Step::Wait(..) => !self.walk.cursor.by_position,
            Step::Done => false,
        };
        if let Some(checkpoint) = &mut self.checkpoint
            && is_at_rest
        {
            checkpoint.advance(&self.walk.cursor, writer.columns(), target)?;
        }
        Ok(true)
    }

    /// Waits, and says for what; the exit code if it is stopped.
    async fn wait(&self, wait: Duration, failure: &Failure, progress: &mut Progress, stop: &mut Stop) -> Option<u8> {
        let text = shown!("{}; going on in {} s", failure.message(), wait.as_secs().max(1));
        progress.above(|| self.app.console.note(&text));
        tokio::select! {
            () = tokio::time::sleep(wait) => None,
            code = stop.asked() => Some(code),
        }
    }

    fn finish(
        mut self,
        ended: Result<(), Ending>,
        mut writer: RowWriter,
        mut target: Target<'_>,
        has_begun: bool,
    ) -> Result<u8, Failure> {
        let cursor = self.walk.cursor.clone();
        let (failure, code) = match ended {
            Ok(()) => (self.remarks(&writer), None),
            Err(Ending::Failed(failure)) => (Some(failure), None),
            Err(Ending::Stopped(code)) => {
                self.app.changes.are(self.left());
                (Some(self.app.changes.told_by(interrupted())), Some(code))
            }
        };
        let is_whole = failure.as_ref().is_none_or(|failure| failure.code() == Code::Warnings);
        // Nothing was written yet, so that the failure can be the document.
        if let Some(failure) = failure.clone().filter(|_| !has_begun && !is_whole) {
            return self.told(failure, code);
        }
        if self.checkpoint.is_none() || is_whole {
            if !has_begun {
                writer.begin(self.query.table.as_str(), cursor.counted);
            }
            writer.end(failure.as_ref().filter(|_| self.is_json()));
        }
        let is_taken = target.write_from(&mut writer)?;
        if !is_taken {
            return Ok(0);
        }
        match &mut self.checkpoint {
            Some(checkpoint) if is_whole => checkpoint.complete(&cursor, writer.columns(), &mut target)?,
            _ => {}
        }
        let place = target.finish(is_whole)?;
        if let Some(place) = place.filter(|_| is_whole) {
            self.app.console.note(&format!("{} in {place}.", number_of(cursor.rows)));
        }
        match failure {
            None => Ok(0),
            Some(failure) => Ok(self.said(&failure, code)),
        }
    }

    /// A failure before any row: rows and nothing else go to standard output, unless it
    /// carries documents.
    fn told(&self, failure: Failure, code: Option<u8>) -> Result<u8, Failure> {
        if self.is_json() && self.app.console.json {
            self.app.console.document(&json::Error::from(&failure));
            return Ok(code.unwrap_or(failure.exit_code()));
        }
        Ok(self.said(&failure, code))
    }

    /// Tells a person; a signal has its `code`, and the ending of every command.
    fn said(&self, failure: &Failure, code: Option<u8>) -> u8 {
        if code.is_some() {
            self.app.say_cancelled();
        } else {
            self.app.console.say(&report::text::error(failure, self.app.console.err));
        }
        code.unwrap_or(failure.exit_code())
    }

    fn is_json(&self) -> bool {
        self.outputs.files.first().map_or(self.outputs.stdout, |(format, _)| *format) == Format::Json
    }

    /// What a query leaves that is stopped.
    fn left(&self) -> &'static str {
        match &self.arguments.checkpoint {
            Some(_) => "Run the same command again to go on from here.",
            None => "Not all rows were read.",
        }
    }

    /// Says what is not as it was asked for; with `--strict` that is a failure.
    fn remarks(&self, writer: &RowWriter) -> Option<Failure> {
        let cursor = &self.walk.cursor;
        let mut failure = None;
        let strict = |message: Shown, next: &'static str| {
            Failure::new(Code::Warnings, message).why("With --strict that is a failure.").next(next)
        };
        if cursor.has_hidden {
            let counted = cursor.counted.map_or("more".into(), |counted| shown!("{}", counted));
            let message =
                shown!("the instance counts {} rows of {} and showed {}", counted, self.query.table, cursor.rows);
            self.app.console.say(&shown!("warning: {}: access rules hide some", message));
            failure = Some(strict(message, "Ask an administrator for the rights to read them"));
        }
        if cursor.rows > 0 {
            let missing: Vec<_> = writer.missing().map(Shown::outside).collect();
            if !missing.is_empty() {
                let message = shown!("no row has {}", Shown::list(&missing, ", "));
                self.app
                    .console
                    .say(&shown!("warning: {}: there is no such field, or this user may not read it", message));
                failure = failure.or(Some(strict(message, "See the fields with snow table")));
            }
        }
        if let Some(field) = writer.left_out() {
            let field = Shown::outside(field);
            self.app
                .console
                .say(&shown!("warning: rows have {}, and the first had not: --fields names the columns", field));
        }
        failure.filter(|_| self.arguments.strict)
    }
}

/// Why it ended before its end.
enum Ending {
    Failed(Failure),
    Stopped(u8),
}
