//! The embedded org of Salesforce, as the command shows it.

use super::{listed, remark, tries};
use crate::base::code::Code;
use crate::base::schemas;
use crate::cli::commands::app::App;
use crate::report::json::sandbox as json;
use crate::report::paint::Paint;
use crate::report::text::paragraph;
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
    let title = format!("An org for trying things out at {}", paint.bold(&origin));
    let mut lines = vec![title, String::new()];
    let users = USERS.iter().map(|user| vec![user.user_name, user.password, user.security_token]);
    lines.extend(listed(&["user", "password", "security token"], &users.collect::<Vec<_>>(), paint));
    lines.push(remark("The last three are frozen, have an expired password, and lack API Enabled.", paint));
    lines.push(String::new());
    let clients = CLIENTS.iter().map(|client| {
        let usual = if client.redirect_uris.is_empty() { "whom it signs for" } else { "a person" };
        let who = client.run_as().map_or(usual, |user| user.user_name);
        vec![client.client_id, client.client_secret.unwrap_or("none"), who]
    });
    lines.extend(listed(&["client", "secret", "signs in"], &clients.collect::<Vec<_>>(), paint));
    lines.push(remark(
        "sandbox-web has the redirect URI http://127.0.0.1:8914/callback alone, as an org compares it; \
         sandbox-any-port takes any port and path of 127.0.0.1.",
        paint,
    ));
    lines.push(remark(
        &format!(
            "sandbox-jwt signs with this key, or another once its certificate is posted there: {origin}{KEY_PATH}"
        ),
        paint,
    ));
    if let Some(scenario) = scenario {
        let text = format!("Scenario {}: {}.", scenario.as_str(), scenario.description());
        lines.push(format!("\n{}", paragraph(&text, paint)));
    }
    lines.push(String::new());
    let flags = SignIn::ALL.iter().map(|way| format!("--spec salesforce-service-cloud {}", way.flags()));
    lines.extend(tries(&origin, flags, paint));
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
