//! The embedded instance of ServiceNow, as the command shows it.

use super::{listed, remark, tries};
use crate::base::code::Code;
use crate::base::schemas;
use crate::cli::commands::app::App;
use crate::report::json::sandbox as json;
use crate::report::paint::Paint;
use crate::report::text::paragraph;
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
    let title = format!("An instance for trying things out at {}", paint.bold(&origin));
    let mut lines = vec![title, String::new()];
    let roles = USERS.iter().map(|user| if user.roles.is_empty() { "none".to_owned() } else { user.roles.join(", ") });
    let roles: Vec<String> = roles.collect();
    let users = USERS.iter().zip(&roles).map(|(user, roles)| vec![user.user_name, user.password, user.api_key, roles]);
    lines.extend(listed(&["user", "password", "API key", "roles"], &users.collect::<Vec<_>>(), paint));
    lines.push(String::new());
    let clients = CLIENTS.iter().map(|client| {
        let usual = if client.client_id == BUILT_IN { "whom it signs for" } else { "a person" };
        let who = client.application_user().map_or(usual, |user| user.user_name);
        vec![client.client_id, client.client_secret.unwrap_or("none"), who]
    });
    lines.extend(listed(&["OAuth client", "secret", "signs in"], &clients.collect::<Vec<_>>(), paint));
    for text in [
        format!(
            "Redirect URIs: any http://127.0.0.1:PORT/… or http://[::1]:PORT/…; the last client has only {SDK_PAGE}, \
             a page that shows the code to paste."
        ),
        format!(
            "{BUILT_IN} signs with the key id {BUILT_IN_KEY_ID}; the subject is a user name, and the key is at \
             {origin}{KEY_PATH}"
        ),
        format!("A token of an identity provider: at this path, for each user {IDENTITY_TOKEN_PATH}?user=beth.anglin"),
    ] {
        lines.push(remark(&text, paint));
    }
    if let Some(scenario) = scenario {
        let text = format!("Scenario {}: {}.", scenario.as_str(), scenario.description());
        lines.push(format!("\n{}", paragraph(&text, paint)));
    }
    lines.push(String::new());
    lines.extend(tries(&origin, SignIn::ALL.iter().map(|way| way.flags().to_owned()), paint));
    lines.push(remark("It serves until Ctrl-C. Everything in it is made up.", paint));
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
