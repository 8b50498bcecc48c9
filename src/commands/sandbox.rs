//! `snow sandbox`: the embedded instance, until it is stopped.

use std::io::ErrorKind;

use serde_json::json;

use super::app::App;
use crate::cli::SandboxArgs;
use crate::error::{Code, Failure};
use crate::sandbox::scenario::Scenario;
use crate::sandbox::{Sandbox, SandboxOptions, USERS};
use crate::signals;

pub async fn run(app: &mut App, arguments: SandboxArgs) -> Result<u8, Failure> {
    if arguments.list {
        list(app);
        return Ok(0);
    }
    let options = SandboxOptions {
        port: arguments.port,
        scenario: arguments.scenario,
        incidents: arguments.rows,
        seed: arguments.seed,
    };
    let sandbox = Sandbox::open(options).map_err(|error| cannot_listen(arguments.port, &error))?;
    let origin = sandbox.origin();
    if app.console.json {
        let users: Vec<_> = USERS
            .iter()
            .map(|user| json!({ "user_name": user.user_name, "password": user.password, "roles": user.roles }))
            .collect();
        app.console.document(&json!({
            "schema": "snow.sandbox/1",
            "instance": origin,
            "users": users,
            "clients": [],
        }));
    } else {
        let paint = app.console.out;
        let mut lines = vec![format!("An instance for trying things out at {}", paint.bold(&origin)), String::new()];
        lines.push(paint.dim("  user            password         roles"));
        for user in USERS {
            let roles = if user.roles.is_empty() { "none".to_owned() } else { user.roles.join(", ") };
            lines.push(format!("  {:<14}  {:<15}  {roles}", user.user_name, user.password));
        }
        if let Some(scenario) = arguments.scenario {
            lines.push(format!("\n  Scenario {}: {}.", scenario.as_str(), scenario.description()));
        }
        lines.push(format!("\n  Try   {}", paint.command(&format!("snow connect {origin} --username beth.anglin"))));
        lines.push(paint.dim("  It serves until Ctrl-C. Everything in it is made up."));
        app.console.data(&lines.join("\n"));
    }
    signals::wait_for_stop().await;
    Ok(0)
}

fn list(app: &mut App) {
    if app.console.json {
        let scenarios: Vec<_> = Scenario::ALL
            .iter()
            .map(|scenario| {
                let code = scenario.code();
                json!({
                    "name": scenario.as_str(),
                    "description": scenario.description(),
                    "code": code.as_str(),
                    "class": code.class().as_str(),
                    "test_flags": scenario.test_flags(),
                })
            })
            .collect();
        app.console.document(&json!({ "schema": "snow.sandbox.scenarios/1", "scenarios": scenarios }));
        return;
    }
    for scenario in Scenario::ALL {
        let paint = app.console.out;
        // Padded before it is painted: what paints has no width.
        let name = paint.bold(&format!("{:<26}", scenario.as_str()));
        let command = format!("snow test {}", scenario.test_flags());
        let says = format!("{} says {}", command.trim_end(), scenario.code().as_str());
        app.console.data(&format!("{name}  {}", paint.dim(&says)));
        app.console.data(&format!("    {}", scenario.description()));
    }
}

fn cannot_listen(port: Option<u16>, error: &std::io::Error) -> Failure {
    let port = port.map_or("a free port".to_owned(), |port| format!("port {port}"));
    let failure = Failure::new(Code::PortInUse, format!("the sandbox cannot listen on {port} of 127.0.0.1"));
    match error.kind() {
        ErrorKind::AddrInUse => {
            failure.why("Another program uses it.").next("Choose another with --port, or leave it out")
        }
        _ => failure.why(error.to_string()).next("Choose another with --port, or leave it out"),
    }
}
