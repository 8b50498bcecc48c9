//! The story at ServiceNow.

use std::io;
use std::path::Path;

use super::{Before, Stage, Step, Visitor};
use crate::sandbox::scenario::Scenario;
use crate::sandbox::{Sandbox, USERS};

impl Stage for Sandbox {
    type Scenario = Scenario;
    const VISITOR: Visitor = Visitor {
        login: "/oauth_login.do",
        consent: "/oauth_consent.do",
        user_name: USERS[1].user_name,
        password: USERS[1].password,
    };
    const FILES: &'static [(&'static str, &'static str)] = &[];
    const NEXT: &'static str = "snow connect dev12345";

    fn start() -> io::Result<Self> {
        Self::start(None, None)
    }

    fn story(&self, redirect_uri: &str, _: &Path) -> Vec<Step<Scenario>> {
        let step = |narration, before, command: &str, exit_code| Step {
            narration,
            before,
            command: command.to_owned(),
            stdin: USERS[1].password,
            exit_code,
        };
        let (works, breaks) = (Before::Works, Before::Breaks);
        let (origin, user) = (self.origin(), USERS[1].user_name);
        vec![
            step(
                "Connect: sign in, save, test.",
                works,
                &format!("snow connect {origin} --name demo --username {user} --password-stdin < password"),
                0,
            ),
            step("It works, and may read incidents.", works, "snow test demo --table incident", 0),
            step("What is saved.", works, "snow list", 0),
            step("The instance falls asleep.", breaks(Scenario::Hibernating), "snow test demo", 7),
            step("The password stops working.", breaks(Scenario::BasicRefused), "snow test demo", 4),
            step(
                "An administrator removes a role.",
                breaks(Scenario::TableHidden),
                "snow test demo --table incident",
                5,
            ),
            step("Delete it, with its password.", works, "snow remove demo --yes", 0),
            step(
                "The same by OAuth: a browser signs in (here it does so by itself).",
                works,
                &format!("snow connect {origin} --name oauth --client-id sandbox-public --redirect-uri {redirect_uri}"),
                0,
            ),
            step(
                "The access token expires, and is renewed automatically.",
                Before::AccessTokensEnd,
                "snow test oauth",
                0,
            ),
            step("An administrator revokes the session.", Before::TokensAreRevoked, "snow test oauth", 4),
            step("Sign in again.", works, "snow login oauth", 0),
            step("Sign out at the instance too, and delete it.", works, "snow remove oauth --yes", 0),
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
