//! `snow sandbox`: the embedded instance, until it is stopped.

use std::io::ErrorKind;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use crate::base::code::Code;
use crate::base::duration::duration;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Shown, shown};
use crate::cli::{completion, signals};
use crate::report::json::sandbox as json;
use crate::report::paint::Paint;
use crate::sandbox::scenario::{Scenario, SignIn};
use crate::sandbox::{
    BUILT_IN, BUILT_IN_KEY_ID, CLIENTS, DEFAULT_INCIDENTS, IDENTITY_TOKEN_PATH, KEY_PATH, SDK_PAGE, Sandbox,
    SandboxOptions, USERS,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow sandbox --port 8910 -v               print every request
  snow sandbox --scenario rate-limited      answer 429
  snow sandbox --rows 100000 --seed 7       many rows, the same at each start
  snow sandbox --list                       what can go wrong")]
pub struct SandboxArgs {
    /// Listen on this port of 127.0.0.1 [default: a free one]
    #[arg(long)]
    pub port: Option<u16>,
    /// Do this wrong; --list shows what there is
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion::scenarios))]
    pub scenario: Option<Scenario>,
    /// Answer to this host name too, as behind a proxy (repeatable)
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// How long an access token is valid
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30m")]
    pub access_ttl: Duration,
    /// Rotate refresh tokens, and revoke a session whose old one is used again
    #[arg(long)]
    pub rotate: bool,
    /// Wait this long before each answer [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub latency: Option<Duration>,
    /// List the scenarios
    #[arg(long)]
    pub list: bool,
    /// How many incidents to make up
    #[arg(long, value_name = "N", default_value_t = DEFAULT_INCIDENTS, value_parser = incidents)]
    pub rows: usize,
    /// The same seed makes up the same data
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

fn incidents(text: &str) -> Result<usize, String> {
    let count = text.parse().map_err(|_| "a number of rows is written in digits".to_owned())?;
    if count <= 200_000 { Ok(count) } else { Err("at most 200000 rows fit into memory".to_owned()) }
}

pub async fn run(app: &mut App, arguments: SandboxArgs) -> Result<u8, Failure> {
    if arguments.list {
        list(app);
        return Ok(0);
    }
    let options = SandboxOptions {
        port: arguments.port,
        scenario: arguments.scenario,
        hosts: arguments.host,
        incidents: arguments.rows,
        seed: arguments.seed,
        access_ttl: arguments.access_ttl,
        rotate: arguments.rotate,
        latency: arguments.latency.unwrap_or_default(),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::open(options).map_err(|error| cannot_listen(arguments.port, &error))?;
    let stopped = signals::wait_for_stop();
    if app.console.json {
        app.console.document(&document(&sandbox));
    } else {
        let text = text(&sandbox, arguments.scenario, app.console.out);
        app.console.data(&text);
    }
    stopped.await;
    Ok(0)
}

fn document(sandbox: &Sandbox) -> json::Sandbox<'static> {
    let users = USERS.iter().map(|user| json::User {
        user_name: user.user_name,
        password: user.password,
        api_key: user.api_key,
        roles: user.roles,
    });
    let clients = CLIENTS.iter().map(|client| json::Client {
        client_id: client.client_id,
        client_secret: client.client_secret,
        redirect_uris: client.redirect_uris,
        grants: client.grants,
    });
    json::Sandbox {
        schema: schemas::Sandbox,
        instance: sandbox.origin(),
        users: users.collect(),
        clients: clients.collect(),
    }
}

fn text(sandbox: &Sandbox, scenario: Option<Scenario>, paint: Paint) -> String {
    let origin = sandbox.origin();
    let mut lines = vec![format!("An instance for trying things out at {}", paint.bold(&origin)), String::new()];
    lines.push(paint.dim("  user            password         API key            roles"));
    for user in USERS {
        let roles = if user.roles.is_empty() { "none".to_owned() } else { user.roles.join(", ") };
        lines.push(format!("  {:<14}  {:<15}  {:<17}  {roles}", user.user_name, user.password, user.api_key));
    }
    lines.push(String::new());
    lines.push(paint.dim("  OAuth client                      secret                       signs in"));
    for client in CLIENTS {
        let secret = client.client_secret.unwrap_or("none");
        let usual = if client.client_id == BUILT_IN { "whom it signs for" } else { "a person" };
        let who = client.application_user().map_or(usual, |user| user.user_name);
        lines.push(format!("  {:<32}  {secret:<27}  {who}", client.client_id));
    }
    lines.push(paint.dim("  Redirect URIs: any http://127.0.0.1:PORT/… or http://[::1]:PORT/…; the last"));
    lines.push(paint.dim(&format!("  client has only {SDK_PAGE}, a page that shows the code to paste.")));
    lines.push(paint.dim(&format!("  {BUILT_IN} signs with the key id {BUILT_IN_KEY_ID}; the subject is a user")));
    lines.push(paint.dim(&format!("  name, and the key is at {origin}{KEY_PATH}")));
    lines.push(paint.dim("  A token of an identity provider: at this path, for each user"));
    lines.push(paint.dim(&format!("  {IDENTITY_TOKEN_PATH}?user=beth.anglin")));
    if let Some(scenario) = scenario {
        lines.push(format!("\n  Scenario {}: {}.", scenario.as_str(), scenario.description()));
    }
    lines.push(String::new());
    for (number, sign_in) in SignIn::ALL.iter().enumerate() {
        let lead = if number == 0 { "Try" } else { "or" };
        lines.push(format!("  {lead:<3}   {}", paint.command(&format!("snow connect {origin} {}", sign_in.flags()))));
    }
    lines.push(paint.dim("  It serves until Ctrl-C. Everything in it is made up."));
    lines.join("\n")
}

fn list(app: &mut App) {
    if app.console.json {
        let scenarios = Scenario::ALL.iter().map(|scenario| json::Scenario {
            name: scenario.as_str(),
            description: scenario.description(),
            auth: scenario.auth().as_str(),
            command: format!("snow {}", scenario.command()),
            code: scenario.code(),
            class: scenario.code().map(Code::class),
        });
        let scenarios = scenarios.collect();
        app.console.document(&json::Scenarios { schema: schemas::SandboxScenarios, scenarios });
        return;
    }
    let paint = app.console.out;
    let width = Scenario::ALL.iter().map(|scenario| scenario.as_str().len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for &sign_in in SignIn::ALL {
        let (heading, flags) = (sign_in.heading(), sign_in.flags());
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("{heading}: {}", paint.command(&format!("snow connect ORIGIN {flags}"))));
        for scenario in Scenario::ALL.iter().filter(|scenario| scenario.auth() == sign_in) {
            // Padded before it is painted: what paints has no width.
            let name = paint.bold(&format!("{:<width$}", scenario.as_str()));
            let outcome = match scenario.code() {
                Some(code) => code.as_str(),
                None => "works anyway",
            };
            lines.push(format!("  {name}  {}", paint.dim(&format!("snow {}: {outcome}", scenario.command()))));
            lines.push(format!("      {}", scenario.description()));
        }
    }
    app.console.text(&lines.join("\n"));
}

fn cannot_listen(port: Option<u16>, error: &std::io::Error) -> Failure {
    let port = port.map_or("a free port".to_owned(), |port| format!("port {port}"));
    let failure =
        Failure::new(Code::PortInUse, shown!("the sandbox cannot listen on {} of 127.0.0.1", Shown::outside(&port)));
    match error.kind() {
        ErrorKind::AddrInUse => {
            failure.why("Another program uses it.").next("Choose another with --port, or leave it out")
        }
        _ => failure.why(Shown::outside(error.to_string())).next("Choose another with --port, or leave it out"),
    }
}
