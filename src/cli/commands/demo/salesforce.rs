//! The story at Salesforce.

use std::io;
use std::path::Path;

use super::{Before, Stage, Step, Visitor};
use crate::sandbox::SandboxOptions;
use crate::sandbox::salesforce::SalesforceSandbox;
use crate::sandbox::salesforce::pages::{CONSENT_PATH, LOGIN_PATH};
use crate::sandbox::salesforce::people::{USERS, User};
use crate::sandbox::salesforce::scenario::Scenario;

const ADA: &User = &USERS[0];
/// Of the client that takes any port.
const CLIENT_SECRET: &str = "sandbox-any-port-secret";

impl Stage for SalesforceSandbox {
    type Scenario = Scenario;
    const VISITOR: Visitor =
        Visitor { login: LOGIN_PATH, consent: CONSENT_PATH, user_name: ADA.user_name, password: ADA.password };
    const FILES: &'static [(&'static str, &'static str)] =
        &[("token", ADA.security_token), ("client-secret", CLIENT_SECRET)];
    const NEXT: &'static str = "snow connect acme.my.salesforce.com";

    fn start() -> io::Result<Self> {
        Self::open(SandboxOptions::default())
    }

    fn story(&self, redirect_uri: &str, directory: &Path) -> Vec<Step<Scenario>> {
        let step = |narration, before, command: &str, exit_code| Step {
            narration,
            before,
            command: command.to_owned(),
            stdin: ADA.password,
            exit_code,
        };
        let (works, breaks) = (Before::Works, Before::Breaks);
        let (origin, user) = (self.origin(), ADA.user_name);
        let connect = format!("snow connect {origin} --spec salesforce-service-cloud");
        let [token, secret] = ["token", "client-secret"].map(|name| directory.join(name).display().to_string());
        let password =
            format!("{connect} --name demo --username {user} --password-stdin --security-token-file {token}");
        vec![
            step("Connect: sign in, save, test.", works, &format!("{password} < password"), 0),
            step("It works, and may read cases.", works, "snow test demo --table Case", 0),
            step("What is saved.", works, "snow list", 0),
            step("The session is refused, and renewed once.", Before::AccessTokensEnd, "snow test demo", 0),
            step("An administrator hides the object.", breaks(Scenario::CaseHidden), "snow test demo --table Case", 5),
            step("Other programs used all requests of the day.", breaks(Scenario::Quota), "snow test demo", 8),
            step("Salesforce is in maintenance.", breaks(Scenario::Maintenance), "snow test demo", 7),
            step("Delete it, with its password.", works, "snow remove demo --yes", 0),
            step(
                "The same by OAuth: a browser signs in (here it does so by itself).",
                works,
                &format!(
                    "{connect} --name oauth --client-id sandbox-any-port --client-secret-file {secret} --redirect-uri {redirect_uri}"
                ),
                0,
            ),
            step("The access token ends, and is renewed automatically.", Before::AccessTokensEnd, "snow test oauth", 0),
            step("An administrator revokes the session.", Before::TokensAreRevoked, "snow test oauth", 4),
            step("Sign in again.", works, "snow login oauth", 0),
            step("Sign out at Salesforce too, and delete it.", works, "snow remove oauth --yes", 0),
        ]
    }

    fn set_scenario(&self, scenario: Option<Scenario>) {
        self.set_scenario(scenario);
    }

    fn expire_access_tokens(&self) {
        self.expire_access_tokens();
    }

    fn revoke_all(&self) {
        self.revoke_all();
    }
}
