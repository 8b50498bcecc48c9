//! The embedded org of Salesforce, as the command shows it.

use crate::base::code::Code;
use crate::base::schemas;
use crate::cli::commands::app::App;
use crate::report::json::sandbox as json;
use crate::report::paint::Paint;
use crate::report::text::{labelled, whole};
use crate::sandbox::salesforce::clients::CLIENTS;
use crate::sandbox::salesforce::fault::SignIn;
use crate::sandbox::salesforce::people::USERS;
use crate::sandbox::salesforce::scenario::Scenario;
use crate::sandbox::salesforce::{KEY_PATH, SalesforceSandbox};

pub fn document(sandbox: &SalesforceSandbox) -> json::Sandbox<'static> {
    let users = USERS.iter().map(|user| json::User {
        user_name: user.user_name,
        password: user.password,
        api_key: None,
        security_token: Some(user.security_token),
        roles: vec![user.profile],
    });
    let clients = CLIENTS.iter().map(|client| json::Client {
        client_id: client.client_id,
        client_secret: client.client_secret,
        redirect_uris: client.redirect_uris,
        grants: client.grants,
        run_as: client.run_as().map(|user| user.user_name),
    });
    json::Sandbox {
        schema: schemas::Sandbox,
        service: "salesforce-service-cloud",
        instance: sandbox.origin(),
        users: users.collect(),
        clients: clients.collect(),
    }
}

pub fn text(sandbox: &SalesforceSandbox, scenario: Option<Scenario>, paint: Paint) -> String {
    let origin = sandbox.origin();
    let mut lines = vec![format!("An org for trying things out at {}", paint.bold(&origin)), String::new()];
    lines.push(paint.dim("  user                         password               security token"));
    for user in USERS {
        lines.push(format!("  {:<27}  {:<21}  {}", user.user_name, user.password, user.security_token));
    }
    lines.push(paint.dim("  The last three are frozen, have an expired password, and lack API Enabled."));
    lines.push(String::new());
    lines.push(paint.dim("  client            secret                   signs in"));
    for client in CLIENTS {
        let who = client
            .run_as()
            .map_or(if client.redirect_uris.is_empty() { "whom it signs for" } else { "a person" }, |user| {
                user.user_name
            });
        lines.push(format!("  {:<16}  {:<23}  {who}", client.client_id, client.client_secret.unwrap_or("none")));
    }
    lines.push(paint.dim("  sandbox-web has the redirect URI http://127.0.0.1:8914/callback alone, as an"));
    lines.push(paint.dim("  org compares it; sandbox-any-port takes any port and path of 127.0.0.1."));
    lines.push(paint.dim("  sandbox-jwt signs with this key, or another once its certificate is posted"));
    lines.push(paint.dim(&format!("  there: {origin}{KEY_PATH}")));
    if let Some(scenario) = scenario {
        lines.push(format!("\n  Scenario {}: {}.", scenario.as_str(), scenario.description()));
    }
    lines.push(String::new());
    let connect = format!("snow connect {origin} --spec salesforce-service-cloud");
    for (number, sign_in) in SignIn::ALL.iter().enumerate() {
        let lead = if number == 0 { "Try" } else { "or" };
        let command = paint.command(&whole(&format!("{connect} {}", sign_in.flags())));
        lines.push(labelled(lead, &command, paint, 8));
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
            answer: Some(scenario.answer()),
            code: scenario.code(),
            class: scenario.code().map(Code::class),
        });
        let scenarios = scenarios.collect();
        app.console.document(&json::Scenarios { schema: schemas::SandboxScenarios, scenarios });
        return;
    }
    let paint = app.console.out;
    let connect = paint.command("snow connect ORIGIN --spec salesforce-service-cloud");
    let mut lines = vec![format!("Connect with {connect} and:")];
    for &sign_in in SignIn::ALL {
        lines.push(format!("\n{}:", sign_in.heading()));
        lines.push(format!("  {}", paint.command(sign_in.flags())));
        for scenario in Scenario::ALL.iter().filter(|scenario| scenario.auth() == sign_in) {
            let outcome = scenario.code().map_or("works anyway", Code::as_str);
            let said = paint.dim(&format!("snow {}: {outcome}", scenario.command()));
            lines.push(format!("  {}  {said}", paint.bold(scenario.as_str())));
            lines.push(format!("      {}", scenario.description()));
            lines.push(format!("      {}", paint.dim(&scenario.answer())));
        }
    }
    app.console.text(&lines.join("\n"));
}
