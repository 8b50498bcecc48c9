//! `snow demo`: the whole story against an embedded instance, with real
//! commands, an in-memory store and a directory that is gone afterwards.

mod salesforce;
mod servicenow;

use std::io::{self, Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use http::HeaderMap;
use url::Url;

use super::app::App;
use super::sandbox::Service;

use crate::auth::oauth::browser::Browser;
use crate::base::code::Code;
use crate::base::error::{Failure, internal};
use crate::base::files::{self, Durability};
use crate::base::schemas;
use crate::base::shown::{Shown, shown};
use crate::base::variables::Variables;
use crate::cli::context::{Context, Streams};
use crate::cli::signals;
use crate::http::client::{Client, Deadline, Response};
use crate::http::proxy::Route;
use crate::http::tls::{CaCertificates, Verifiers};
use crate::report::json::sandbox as demo;
use crate::sandbox::Sandbox;
use crate::sandbox::salesforce::SalesforceSandbox;
use crate::store::memory::MemoryStore;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow demo
  snow demo --service salesforce
  snow demo --json")]
pub struct DemoArgs {
    /// Show it with the look-alike of this service
    #[arg(long, value_enum, default_value = "servicenow")]
    pub service: Service,
}

/// One command of the story, and how it must end.
struct Step<S> {
    narration: &'static str,
    before: Before<S>,
    command: String,
    stdin: &'static str,
    exit_code: u8,
}

/// What happens to the instance before a command.
#[derive(Clone, Copy)]
enum Before<S> {
    Works,
    Breaks(S),
    AccessTokensEnd,
    TokensAreRevoked,
}

/// An embedded instance that a story is about.
trait Stage: Sized {
    /// What it can do wrong.
    type Scenario: Copy;
    const VISITOR: Visitor;
    /// Files that commands read in the directory of the demo: name and content of each.
    const FILES: &'static [(&'static str, &'static str)];
    const NEXT: &'static str;

    fn start() -> io::Result<Self>;
    fn story(&self, redirect_uri: &str, directory: &Path) -> Vec<Step<Self::Scenario>>;
    fn set_scenario(&self, scenario: Option<Self::Scenario>);
    fn expire_access_tokens(&self);
    fn revoke_all(&self);
}

/// A person at the pages of an instance: where the forms go, and who it is.
#[derive(Clone, Copy)]
struct Visitor {
    login: &'static str,
    consent: &'static str,
    user_name: &'static str,
    password: &'static str,
}

pub async fn run(app: &mut App, arguments: DemoArgs) -> Result<u8, Failure> {
    match arguments.service {
        Service::ServiceNow => show::<Sandbox>(app).await,
        Service::Salesforce => show::<SalesforceSandbox>(app).await,
    }
}

async fn show<S: Stage>(app: &mut App) -> Result<u8, Failure> {
    let home = tempfile::Builder::new().prefix("snow-demo-").tempdir().map_err(|error| {
        Failure::new(Code::ConfigUnwritable, "the demo found no place for its temporary files")
            .why(Shown::outside(error.to_string()))
            .next("Set TMPDIR to a directory that can be written")
    })?;
    signals::remove_at_end(vec![home.path().to_owned()]);
    let started = S::start().and_then(|stage| Ok((stage, free_port()?)));
    let (stage, port) = started.map_err(|error| {
        Failure::new(Code::PortInUse, "the demo cannot listen on 127.0.0.1")
            .why(Shown::outside(error.to_string()))
            .next("See whether this machine has a loopback interface")
    })?;
    for (name, content) in S::FILES {
        let path = home.path().join(name);
        files::write(&path, content.as_bytes(), Durability::Durable)
            .map_err(|error| internal(shown!("the demo could not write {}: {}", path.display(), error)))?;
    }
    let store = Arc::new(MemoryStore::default());
    let redirect_uri = format!("http://127.0.0.1:{port}/callback");
    let story = stage.story(&redirect_uri, home.path());
    // Its files are named as if one stood beside them: where they are is of no interest.
    let beside = home.path().join("").display().to_string();
    let mut done = Vec::new();
    say(app, "A tour against an instance inside this program: no account, no network.\n");
    for step in &story {
        prepare(&stage, step.before);
        let paint = app.console.out;
        say(
            app,
            &format!(
                "{}\n{} {}",
                paint.dim(&format!("# {}", step.narration)),
                paint.dim("$"),
                // On two lines, so that it fits eighty columns.
                paint.command(&fitted(&step.command.replace(&beside, "")))
            ),
        );
        let output = Captured::default();
        let context = Context {
            variables: variables(home.path()),
            home: Some(home.path().to_owned()),
            directory: home.path().to_owned(),
            streams: Streams {
                stdin: Box::new(Cursor::new(step.stdin)),
                stdout: Box::new(output.clone()),
                stderr: Box::new(output.clone()),
                stdout_is_terminal: paint.is_terminal,
                columns: paint.columns,
                ..Streams::none()
            },
            clock: chrono::Utc::now,
            prompt: Box::new(crate::cli::terminal::TerminalPrompt),
            browser: Box::new(S::VISITOR),
            store: Some(store.clone()),
            ends_on_signal: false,
        };
        let color = if paint.colour { "--color=always" } else { "--color=never" };
        let arguments = step.command.split(' ').take_while(|word| *word != "<").map(Into::into);
        let arguments = arguments.chain([color.into()]).collect();
        let code = Box::pin(super::run(arguments, context)).await;
        let text = output.text();
        say(app, &format!("{}\n", text.trim_end()));
        if code != step.exit_code {
            return Err(internal(shown!(
                "`{}` ended with {} instead of {}",
                Shown::outside(&step.command),
                code,
                step.exit_code
            ))
            .why(Shown::outside(text)));
        }
        done.push(demo::Step { command: step.command.clone(), exit_code: code });
    }
    let left = store.count();
    if left > 0 {
        return Err(internal(shown!("{} secrets were left in the store", left)));
    }
    drop(stage);
    home.close().map_err(|error| internal(shown!("the temporary files could not be removed: {}", error)))?;
    signals::remove_at_end(Vec::new());
    if app.console.json {
        app.console.document(&demo::Demo { schema: schemas::Demo, steps: done })
    } else {
        say(app, &format!("Nothing is left on this machine. Now with yours: {}", S::NEXT))
    }
    Ok(0)
}

/// What each command is given. The directories are named one by one, because
/// each system has other variables for them.
fn variables(home: &Path) -> Variables {
    let directories = [("SNOW_CONFIG_DIR", "config"), ("SNOW_STATE_DIR", "state"), ("SNOW_DATA_DIR", "data")];
    let settings = [("SNOW_TIMEOUT", "5s"), ("SNOW_BROWSER", "demo")];
    let directories = directories.map(|(name, leaf)| (name, home.join(leaf).into_os_string()));
    Variables::new(directories.into_iter().chain(settings.map(|(name, value)| (name, value.into()))))
}

fn prepare<S: Stage>(stage: &S, before: Before<S::Scenario>) {
    match before {
        Before::Breaks(scenario) => return stage.set_scenario(Some(scenario)),
        Before::Works => {}
        Before::AccessTokensEnd => stage.expire_access_tokens(),
        Before::TokensAreRevoked => stage.revoke_all(),
    }
    stage.set_scenario(None);
}

/// On several lines where one would not fit eighty columns.
fn fitted(command: &str) -> String {
    ["--spec", "--username", "--client-id", "--client-secret-file", "--redirect-uri", "--security-token-file"]
        .iter()
        .fold(command.to_owned(), |text, flag| text.replace(&format!(" {flag}"), &format!(" \\\n    {flag}")))
}

/// Signs in as a person with a browser would: the page, the user, the button, and back to
/// the listener.
impl Browser for Visitor {
    fn open(&self, url: &str, _: &Variables) -> io::Result<()> {
        let url = Url::parse(url).map_err(io::Error::other)?;
        let client = Client::new(&Verifiers::default(), &CaCertificates::default(), Route::Direct)
            .map_err(|failure| io::Error::other(failure.to_string()))?;
        let visitor = *self;
        // While the command waits, on its own thread.
        tokio::spawn(async move {
            let visited = visitor.visit(&client, url).await;
            tracing::debug!("the sign-in of the demo {}", if visited.is_some() { "came back" } else { "failed" });
        });
        Ok(())
    }
}

impl Visitor {
    async fn visit(self, client: &Client, url: Url) -> Option<()> {
        let deadline = Deadline::after(Duration::from_secs(10));
        let page = client.get(url.clone(), &HeaderMap::new(), deadline).await.result.ok()?;
        let user = [("user_name", self.user_name), ("user_password", self.password)];
        let page = submit(client, &url.join(self.login).ok()?, &page, &user, deadline).await?;
        let page = submit(client, &url.join(self.consent).ok()?, &page, &[("decision", "allow")], deadline).await?;
        let back = Url::parse(page.header("location")?).ok()?;
        client.get(back, &HeaderMap::new(), deadline).await.result.ok().map(drop)
    }
}

/// Sends a form with the transaction that the page before it carries.
async fn submit(
    client: &Client,
    url: &Url,
    page: &Response,
    fields: &[(&str, &str)],
    deadline: Deadline,
) -> Option<Response> {
    let form = {
        let text = String::from_utf8_lossy(&page.body);
        let (_, rest) = text.split_once("name=\"transaction\" value=\"")?;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("transaction", rest.split('"').next()?).extend_pairs(fields);
        form.finish().into_bytes()
    };
    client.post_form(url.clone(), form, deadline).await.result.ok()
}

/// A port that no program listens on right now.
fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn say(app: &mut App, text: &str) {
    if !app.console.json {
        app.console.text(text);
    }
}

/// Both streams of a command, in the order they were written.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
