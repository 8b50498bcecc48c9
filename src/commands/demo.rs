//! `snow demo`: the whole story against the embedded instance, with real
//! commands, an in-memory store and a directory that is gone afterwards.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::app::App;
use crate::context::{Context, Streams, Variables};
use crate::credentials::memory::MemoryStore;
use crate::error::{Code, Failure, internal};
use crate::sandbox::scenario::Scenario;
use crate::sandbox::{Sandbox, USERS};
use crate::signals;

/// One command of the story, and how it must end.
struct Step {
    narration: &'static str,
    scenario: Option<Scenario>,
    command: String,
    stdin: &'static str,
    exit_code: u8,
}

pub async fn run(app: &mut App) -> Result<u8, Failure> {
    let home = tempfile::Builder::new().prefix("snow-demo-").tempdir().map_err(|error| {
        Failure::new(Code::ConfigUnwritable, "the demo found no place for its temporary files")
            .why(error.to_string())
            .next("Set TMPDIR to a directory that can be written")
    })?;
    signals::remove_at_end(Some(home.path().to_owned()));
    let sandbox = Sandbox::start(None, None).map_err(|error| {
        Failure::new(Code::PortInUse, "the demo cannot listen on 127.0.0.1")
            .why(error.to_string())
            .next("See whether this machine has a loopback interface")
    })?;
    let store = Arc::new(MemoryStore::default());
    let story = story(&sandbox.origin());
    let mut done = Vec::new();
    say(app, "A tour against an instance inside this program: no account, no network.\n");
    for step in &story {
        sandbox.set_scenario(step.scenario);
        let paint = app.console.out;
        say(
            app,
            &format!(
                "{}\n{} {}",
                paint.dim(&format!("# {}", step.narration)),
                paint.dim("$"),
                // On two lines, so that it fits eighty columns.
                paint.command(&step.command.replace(" --username", " \\\n    --username"))
            ),
        );
        let output = Captured::default();
        let context = Context {
            variables: Variables::new([("SNOW_TIMEOUT", "5s")]),
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
            prompt: Box::new(crate::terminal::TerminalPrompt),
            browser: Box::new(crate::browser::SystemBrowser),
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
            return Err(
                internal(format!("`{}` ended with {code} instead of {}", step.command, step.exit_code)).why(text)
            );
        }
        done.push(json!({ "command": step.command, "exit_code": code }));
    }
    let left = store.len();
    if left > 0 {
        return Err(internal(format!("{left} secrets were left in the store")));
    }
    drop(sandbox);
    home.close().map_err(|error| internal(format!("the temporary files could not be removed: {error}")))?;
    signals::remove_at_end(None);
    match app.console.json {
        true => app.console.document(&json!({ "schema": "snow.demo/1", "steps": done })),
        false => say(app, "Nothing is left on this machine. Now with yours: snow connect dev12345"),
    }
    Ok(0)
}

fn story(origin: &str) -> Vec<Step> {
    let beth = &USERS[1];
    let step = |narration, scenario, command: &str, exit_code| Step {
        narration,
        scenario,
        command: command.to_owned(),
        stdin: beth.password,
        exit_code,
    };
    vec![
        step(
            "Connect: sign in, save, test.",
            None,
            &format!("snow connect {origin} --name demo --username {} --password-stdin < password", beth.user_name),
            0,
        ),
        step("It works, and may read incidents.", None, "snow test demo --table incident", 0),
        step("What is saved.", None, "snow list", 0),
        step("The instance falls asleep.", Some(Scenario::Hibernating), "snow test demo", 7),
        step("The password stops working.", Some(Scenario::BasicRefused), "snow test demo", 4),
        step("Somebody takes a role away.", Some(Scenario::TableHidden), "snow test demo --table incident", 5),
        step("Forget it, password and all.", None, "snow remove demo", 0),
    ]
}

fn say(app: &mut App, text: &str) {
    if !app.console.json {
        app.console.data(text);
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
