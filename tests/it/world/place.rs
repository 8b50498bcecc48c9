//! A service with its embedded stand-in, and what is called how there: for stories that are
//! written once, and lived through at each service.

#[cfg(unix)]
use std::process::Command;

use serde_json::{Value, json};
use snow_connect::sandbox::salesforce::SalesforceSandbox;
use snow_connect::sandbox::salesforce::fault::SignIn;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

#[cfg(unix)]
use super::process::{snow, tool};
use super::salesforce::Org;
use super::{Outcome, World};
use crate::oauth::{connect_line, signs_in};
use crate::scenarios::{signing_files, signing_flags};

/// A service, and a home whose connections to it are called `acme`.
pub struct Place {
    pub spec: &'static str,
    kind: Kind,
    /// Where the key is that opens its secrets, if they are in a file.
    identity: tempfile::TempDir,
    /// How it was connected to.
    pub way: SignIn,
    /// Where its requests go below the origin.
    pub api: &'static str,
    pub table: &'static str,
    pub key: &'static str,
    /// A field whose values order the rows.
    pub number: &'static str,
    /// A field of text that may be written.
    pub text: &'static str,
    /// A condition that some rows fit and some do not.
    pub filter: &'static str,
    /// The path of the rows of the table, as `snow api` takes it.
    pub rows: &'static str,
    /// The path where a row is made.
    pub create: &'static str,
    /// The member of an answer that has the rows.
    pub member: &'static str,
    /// Where a browser shows the rows of the table.
    pub page: &'static str,
    /// Where its tokens are given, and where its users sign in.
    pub closed: [&'static str; 2],
}

enum Kind {
    ServiceNow(Box<(Sandbox, World, tempfile::TempDir)>),
    Salesforce(Box<Org>),
}

/// Lives through a story at each service, and with each of the ways to sign in.
pub fn each(story: impl Fn(&mut Place)) {
    each_of(SignIn::ALL, story);
}

/// The same with these ways alone.
pub fn each_of(ways: &[SignIn], story: impl Fn(&mut Place)) {
    for &way in ways {
        for mut place in Place::all() {
            place.connect(way, "").expect(0);
            story(&mut place);
        }
    }
}

impl Place {
    pub fn all() -> [Self; 2] {
        Self::with_rows(20)
    }

    /// Each with so many rows in its table at least.
    pub fn with_rows(incidents: usize) -> [Self; 2] {
        let sandbox = Sandbox::open(SandboxOptions { incidents, ..SandboxOptions::default() }).unwrap();
        let org = SalesforceSandbox::open(SandboxOptions { incidents, ..SandboxOptions::default() }).unwrap();
        let secrets = signing_files(&sandbox);
        [
            Self {
                spec: "servicenow",
                identity: tempfile::tempdir().unwrap(),
                way: SignIn::Basic,
                kind: Kind::ServiceNow(Box::new((sandbox, World::new(), secrets))),
                api: "/api/now/table/incident?sysparm_limit=1",
                table: "incident",
                key: "sys_id",
                number: "number",
                text: "short_description",
                filter: "active=true",
                rows: "table/incident?sysparm_limit=700&sysparm_fields=number",
                create: "table/incident",
                member: "result",
                page: "/incident_list.do",
                closed: ["/oauth_token.do", "/login.do"],
            },
            Self {
                spec: "salesforce-service-cloud",
                identity: tempfile::tempdir().unwrap(),
                way: SignIn::Basic,
                kind: Kind::Salesforce(Box::new(Org::of(org))),
                api: "/services/data/v64.0/limits",
                table: "Case",
                key: "Id",
                number: "CaseNumber",
                text: "Subject",
                filter: "IsClosed = false",
                rows: "query?q=SELECT+CaseNumber+FROM+Case",
                create: "sobjects/Case",
                member: "records",
                page: "/lightning/o/Case/list",
                closed: ["/services/oauth2/token", "/services/Soap/u/64.0"],
            },
        ]
    }

    pub fn origin(&self) -> String {
        match &self.kind {
            Kind::ServiceNow(here) => here.0.origin(),
            Kind::Salesforce(org) => org.org.origin(),
        }
    }

    pub fn is_servicenow(&self) -> bool {
        matches!(self.kind, Kind::ServiceNow(_))
    }

    pub fn world(&mut self) -> &mut World {
        match &mut self.kind {
            Kind::ServiceNow(here) => &mut here.1,
            Kind::Salesforce(org) => &mut org.world,
        }
    }

    pub fn run(&mut self, line: &str) -> Outcome {
        self.world().run(line)
    }

    pub fn run_words(&mut self, words: &[&str]) -> Outcome {
        self.world().run_words(words)
    }

    /// Connects as `acme` in this way.
    pub fn connect(&mut self, way: SignIn, flags: &str) -> Outcome {
        self.way = way;
        let (sandbox, world, secrets) = match &mut self.kind {
            Kind::ServiceNow(here) => (&here.0, &mut here.1, &here.2),
            Kind::Salesforce(org) => return org.connect(way, flags),
        };
        let origin = sandbox.origin();
        match way {
            SignIn::Basic => world
                .stdin("sandbox-beth")
                .run(&format!("connect {origin} --name acme --username beth.anglin --password-stdin {flags}")),
            SignIn::OAuth => {
                signs_in(world, "beth.anglin", "allow");
                world.run(&format!("{} {flags}", connect_line(sandbox)))
            }
            SignIn::ClientCredentials => world.stdin("sandbox-ci-secret").run(&format!(
                "connect {origin} --name acme --auth client-credentials --client-id sandbox-ci \
                 --client-secret-stdin {flags}"
            )),
            SignIn::JwtBearer => {
                let way = signing_flags(secrets.path());
                world.run(&format!("connect {origin} --name acme {way} {flags}"))
            }
        }
    }

    /// Where a program makes a row, below the origin.
    #[cfg(unix)]
    pub fn url_of_rows(&self) -> String {
        let apis = if self.is_servicenow() { "/api/now/" } else { "/services/data/v64.0/" };
        format!("{apis}{}", self.create)
    }

    /// How many requests it heard.
    #[cfg(unix)]
    pub fn requests(&self) -> usize {
        match &self.kind {
            Kind::ServiceNow(here) => here.0.requests(),
            Kind::Salesforce(org) => org.org.requests(),
        }
    }

    /// How often it was asked for a token or a session.
    #[cfg(unix)]
    pub fn sign_ins(&self) -> usize {
        match &self.kind {
            Kind::ServiceNow(here) => {
                let asked = here.0.token_requests();
                asked.authorization_code + asked.refresh_token + asked.client_credentials + asked.jwt_bearer
            }
            Kind::Salesforce(org) => org.sessions(),
        }
    }

    /// The condition that a field has this text.
    pub fn condition(&self, field: &str, text: &str) -> String {
        if self.is_servicenow() { format!("{field}={text}") } else { format!("{field} = '{text}'") }
    }

    /// Ends every access token and every session.
    pub fn expire(&self) {
        match &self.kind {
            Kind::ServiceNow(here) => here.0.expire_access_tokens(),
            Kind::Salesforce(org) => org.org.expire_access_tokens(),
        }
    }

    /// From now on it answers as in this scenario of its own.
    pub fn suffers(&self, at_servicenow: &str, at_salesforce: &str) {
        match &self.kind {
            Kind::ServiceNow(here) => here.0.set_scenario(Some(at_servicenow.parse().unwrap())),
            Kind::Salesforce(org) => org.org.set_scenario(Some(at_salesforce.parse().unwrap())),
        }
    }

    pub fn recovers(&self) {
        match &self.kind {
            Kind::ServiceNow(here) => here.0.set_scenario(None),
            Kind::Salesforce(org) => org.org.set_scenario(None),
        }
    }

    /// Whether it gives a session that ends; ServiceNow takes a password with each request.
    pub fn has_session(&self) -> bool {
        !(self.is_servicenow() && self.way == SignIn::Basic)
    }

    /// Whether it signs in with a file of its own, and nothing that is saved.
    pub fn keeps_its_key(&self) -> bool {
        !self.is_servicenow() && self.way == SignIn::JwtBearer
    }

    /// Whether Adobe's source for the service has this way to sign in.
    pub fn is_known_to_adobe(&self) -> bool {
        match self.way {
            SignIn::Basic => true,
            SignIn::ClientCredentials => !self.is_servicenow(),
            SignIn::OAuth | SignIn::JwtBearer => false,
        }
    }

    pub fn shown(&mut self) -> Value {
        self.run("show acme --json").expect(0).json()["connection"].clone()
    }

    /// Keeps secrets where [`Self::program`] finds them.
    #[cfg(unix)]
    pub fn keeps_secrets_in_a_file(&mut self) {
        let identity = self.identity.path().join("identity");
        crate::file_store::identity(&identity);
        self.world().set("SNOW_STORE", "file").set("SNOW_STORE_IDENTITY", &identity.display().to_string());
    }

    /// The program itself, in this home.
    #[cfg(unix)]
    pub fn program(&mut self) -> Command {
        let mut command = snow(self.world().home());
        command.env("SNOW_STORE_IDENTITY", self.identity.path().join("identity"));
        command
    }

    /// A program that runs it, in the same surroundings.
    #[cfg(unix)]
    pub fn tool(&mut self, name: &str) -> Command {
        let mut command = tool(name);
        command.env_clear().env("HOME", self.world().home()).env("PATH", "/usr/bin:/bin");
        command.env("SNOW_STORE_IDENTITY", self.identity.path().join("identity")).current_dir(self.world().home());
        command
    }

    /// The body of a request that makes a row with this text.
    pub fn row(&self, text: &str) -> String {
        json!({ self.text: text }).to_string()
    }
}
