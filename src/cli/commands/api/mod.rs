//! `snow api`: one authenticated request, and its answer as it comes.
//!
//! [`input`] makes the request of the flags, [`body`] writes the answer.

mod body;
mod input;

use std::path::PathBuf;

use clap::Args;
use http::{HeaderMap, Method, StatusCode};
use hyper::body::Bytes;
use serde::de::IgnoredAny;

use super::app::App;
use super::using;
use crate::base::error::Failure;
use crate::base::json_array::Broken;
use crate::base::shown::visible;
use crate::cli::args;
use crate::client::pages::Pages;
use crate::client::watched::Watched;
use crate::report;
use body::Output;
use input::Call;

/// How much of an answer is read to see whether it has rows.
const BEGINNING: usize = 256 * 1024;

#[derive(Debug, Args)]
#[command(
    override_usage = "snow api [OPTIONS] [METHOD] PATH",
    after_help = "\
Examples:
  snow api table/incident -f sysparm_limit=1
  snow api 'table/incident?sysparm_query=active=true' --paginate | jq .result
  snow api POST table/incident -f short_description='Printer on fire'
  snow api PATCH table/incident/SYS_ID -F urgency=1 -f comments='On its way'
  snow api stats/incident -f sysparm_count=true"
)]
pub struct ApiArgs {
    /// The method, in upper case [default: GET, with --input POST], and the path: /PATH,
    /// table/NAME, stats/NAME, attachment/NAME, import/NAME, or a URL of the instance
    #[arg(value_name = "METHOD PATH", required = true, num_args = 1..=2, hide_possible_values = true)]
    pub words: Vec<String>,
    /// For GET, HEAD and DELETE a parameter of the query, else a text in the JSON body
    #[arg(short = 'f', long = "field", value_name = "KEY=VALUE")]
    pub fields: Vec<String>,
    /// A JSON value in the body, or with @FILE the content of a file
    #[arg(short = 'F', long = "json-field", value_name = "KEY=VALUE")]
    pub json_fields: Vec<String>,
    /// Add a header
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Print status and headers before the body
    #[arg(short, long)]
    pub include: bool,
    /// The body, from a file or with - from standard input
    #[arg(long, value_name = "FILE", value_parser = args::path())]
    pub input: Option<PathBuf>,
    /// Get every page, and print the rows of all as one answer
    #[arg(long)]
    pub paginate: bool,
}

pub async fn run(app: &mut App, arguments: ApiArgs) -> Result<u8, Failure> {
    let call = Call::of(app, &arguments)?;
    let chosen = using::choose(app)?;
    let client = using::open(app, chosen, !call.method.is_safe()).await?;
    let call = call.to(client.connection().service());
    let outcome = if arguments.paginate {
        let pages = Pages::new(client, &call.path, call.headers)?;
        paginated(app, pages, arguments.include).await
    } else {
        let is_for_head = call.method == Method::HEAD;
        let (request, failed) = call.request(&client);
        let response = request.send().await;
        if let Some(failure) = failed.failure() {
            return Err(failure);
        }
        let mut output = Output::new(&app.console);
        let answer = Watched::new(response?);
        head(app, &answer, arguments.include);
        Ok(rest(answer, &mut output, is_for_head).await)
    };
    Ok(outcome?.map_or(0, |failure| told(app, &failure)))
}

/// Says what an answer that was printed means; gives the exit code.
fn told(app: &App, failure: &Failure) -> u8 {
    app.console.say(&report::text::error(failure, app.console.err));
    failure.exit_code()
}

/// Prints status and headers.
fn head(app: &App, answer: &Watched, is_wanted: bool) {
    if !is_wanted {
        return;
    }
    let status = StatusCode::from_u16(answer.status()).ok();
    let reason = status.and_then(|status| status.canonical_reason()).unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\n", answer.status());
    text.push_str(&lines(answer.headers(), app.console.out.is_terminal));
    app.console.bytes(format!("{text}\n").as_bytes());
}

fn lines(headers: &HeaderMap, is_terminal: bool) -> String {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        format!("{name}: {}\n", if is_terminal { visible(&value) } else { value.into_owned() })
    };
    headers.iter().map(line).collect()
}

/// Prints the rest of a body; what is wrong with the answer, if anything is.
async fn rest(mut answer: Watched, output: &mut Output<'_>, is_for_head: bool) -> Option<Failure> {
    answer.give_no_rows();
    while let Some(piece) = answer.piece().await {
        // A reader that had enough ends the run, as does a full disk.
        if !output.write(&piece) {
            return None;
        }
    }
    output.end();
    answer.verdict(is_for_head)
}

/// Prints the rows of all pages as those of one answer.
async fn paginated(app: &App, mut pages: Pages, include: bool) -> Result<Option<Failure>, Failure> {
    let mut output = Output::new(&app.console);
    let mut answer = pages.next().await?.expect("the first page is asked for");
    head(app, &answer, include);
    // What has no rows is printed as it is.
    let mut beginning: Vec<Bytes> = Vec::new();
    let (mut length, is_good) = (0, (200..300).contains(&answer.status()));
    while is_good && answer.may_have_rows() && length < BEGINNING {
        let Some(piece) = answer.piece().await else { break };
        length += piece.len();
        beginning.push(piece);
    }
    if !answer.has_rows() {
        if !beginning.iter().all(|piece| output.write(piece)) {
            return Ok(None);
        }
        return Ok(rest(answer, &mut output, false).await);
    }
    output.write(format!("{{\"{}\":[", answer.member()).as_bytes());
    let mut rows = Rows { output, is_first: true };
    let failure = loop {
        let Some(read) = rows.of_page(&mut answer).await else { return Ok(None) };
        answer.skim().await;
        let (headers, around) = (answer.headers().clone(), answer.around());
        let failure = answer.verdict_of_rows(read);
        let next = match failure {
            Some(failure) => Err(failure),
            None => match pages.follow(&headers, &around) {
                Ok(()) => pages.next().await,
                Err(failure) => Err(failure),
            },
        };
        match next {
            Ok(Some(page)) if (200..300).contains(&page.status()) => answer = page,
            Ok(Some(page)) => break drained(page).await,
            Ok(None) => break None,
            Err(failure) => break Some(failure),
        }
    };
    rows.end(failure.as_ref());
    Ok(failure)
}

/// What an answer means whose body is not printed.
async fn drained(mut answer: Watched) -> Option<Failure> {
    answer.skim().await;
    answer.verdict(false)
}

/// The rows of several pages.
struct Rows<'a> {
    output: Output<'a>,
    is_first: bool,
}

impl Rows<'_> {
    /// Prints the rows of a page as they come, and says how they ended; `None` if the
    /// reader closed the pipe.
    async fn of_page(&mut self, answer: &mut Watched) -> Option<Result<(), Broken>> {
        loop {
            loop {
                match answer.row() {
                    Ok(Some(row)) if row.is_flat || serde_json::from_slice::<IgnoredAny>(row.text).is_ok() => {
                        let comma: &[u8] = if std::mem::take(&mut self.is_first) { b"" } else { b"," };
                        if !self.output.write(comma) || !self.output.write(row.text) {
                            return None;
                        }
                    }
                    Ok(None) => break,
                    Ok(Some(_)) => return Some(Err(Broken::Malformed)),
                    Err(broken) => return Some(Err(broken)),
                }
            }
            if answer.piece().await.is_none() {
                return Some(Ok(()));
            }
        }
    }

    /// Ends the document, with the failure as an instance itself puts it there.
    fn end(mut self, failure: Option<&Failure>) {
        self.output.write(b"]");
        if let Some(failure) = failure {
            let error = serde_json::json!({
                "message": failure.message().as_str(),
                "detail": failure.reason().map(|reason| reason.as_str()),
            });
            self.output.write(format!(",\"error\":{error},\"status\":\"failure\"").as_bytes());
        }
        self.output.write(b"}");
        if !self.output.is_indented() {
            self.output.write(b"\n");
        }
        self.output.end();
    }
}
