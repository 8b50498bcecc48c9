//! A team: a connection whose secrets are in Vault, made as the topic on runners says, and
//! the file that runners get.

use snow_connect::sandbox::{Sandbox, SandboxOptions};

use super::canary::Canaries;
use super::runner::blocks;
use super::vault::Vault;

/// The topic on runners.
pub const TOPIC: &str = include_str!("../../../src/help/runners.md");

const SECRET: &str = "sandbox-ci-secret";

pub struct Team {
    pub vault: Vault,
    pub sandbox: Sandbox,
    /// The team file.
    pub file: String,
}

impl Team {
    pub fn new() -> Self {
        let (vault, sandbox) = (Vault::start(), Sandbox::open(SandboxOptions::default()).unwrap());
        let mut world = vault.world();
        world.unset("SNOW_STORE");
        let secret = world.home().join("client-secret");
        std::fs::write(&secret, SECRET).unwrap();
        let [commands, policy] = &blocks(TOPIC, "One machine makes the connection", "sh")[..] else { panic!("two") };
        let commands = commands.replace(" \\\n", " ");
        let [connect, export] = commands.lines().collect::<Vec<_>>()[..] else { panic!("{commands}") };
        let connect = connect
            .replace("snow connect acme ", &format!("connect {} --name acme ", sandbox.origin()))
            .replace("8f2c41d0", "sandbox-ci")
            .replace("~/client-secret", secret.to_str().unwrap())
            .replace("https://vault.example:8200", vault.origin());
        world.run(&connect).expect(0);
        let export = export.strip_prefix("snow ").and_then(|line| line.strip_suffix(" > team.toml"));
        let file = world.run(export.expect("it writes the team file")).expect(0).stdout;
        std::fs::remove_file(secret).unwrap();
        vault.administer(policy, &[]);
        Self { vault, sandbox, file }
    }

    /// Fails where a secret of the team, or one of these, is in a text.
    #[track_caller]
    pub fn check(&self, text: &str, secrets: &[&str]) {
        let mut canaries = Canaries::usual();
        canaries.guard(super::vault::ROOT);
        secrets.iter().for_each(|secret| canaries.guard(secret));
        canaries.check(text.as_bytes(), "an output");
    }
}
