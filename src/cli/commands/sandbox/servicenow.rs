//! The embedded instance of ServiceNow, as the command shows it.

use crate::base::code::Code;
use crate::base::schemas;
use crate::cli::commands::app::App;
use crate::report::json::sandbox as json;
use crate::report::paint::Paint;
use crate::sandbox::scenario::{Scenario, SignIn};
use crate::sandbox::{BUILT_IN, BUILT_IN_KEY_ID, CLIENTS, IDENTITY_TOKEN_PATH, KEY_PATH, SDK_PAGE, Sandbox, USERS};

pub fn document(sandbox: &Sandbox) -> json::Sandbox<'static> {
    let users = USERS.iter().map(|user| json::User {
        user_name: user.user_name,
        password: user.password,
        api_key: Some(user.api_key),
        security_token: None,
        roles: user.roles.to_vec(),
    });
    let clients = CLIENTS.iter().map(|client| json::Client {
        client_id: client.client_id,
        client_secret: client.client_secret,
        redirect_uris: client.redirect_uris,
        grants: client.grants,
        run_as: None,
    });
    json::Sandbox {
        schema: schemas::Sandbox,
        service: "servicenow",
        instance: sandbox.origin(),
        users: users.collect(),
        clients: clients.collect(),
    }
}

pub fn text(sandbox: &Sandbox, scenario: Option<Scenario>, paint: Paint) -> String {
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

pub fn list(app: &mut App) {
    if app.console.json {
        let scenarios = Scenario::ALL.iter().map(|scenario| json::Scenario {
            name: scenario.as_str(),
            description: scenario.description(),
            auth: scenario.auth().as_str(),
            command: format!("snow {}", scenario.command()),
            answer: None,
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
