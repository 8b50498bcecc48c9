//! What people and scripts see, whole: every command, scenario and form.
//!
//! A change here is a change that users notice. Accept it on purpose, with
//! `INSTA_UPDATE=always cargo test --test it -- screens::`, and read the diff.
//!
//! Only what differs from run to run is replaced: ports, times, durations, ids,
//! tokens, paths and the version.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use insta::Settings;
use serde_json::Value;
use snow_connect::base::secret::Secret;
use snow_connect::cli::args::Cli;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::salesforce::scenario as salesforce;
use snow_connect::sandbox::scenario::{Scenario, SignIn};
use snow_connect::store::ItemKey;

use crate::connect::PASSWORD;
use crate::salesforce_codes::met;
use crate::scenarios::{by_oauth, with_assertion, with_key, with_token};
use crate::world::browser::{get, sign_in};
use crate::world::{Answer, Outcome, World, block_on, width};

/// What is replaced, in this order.
const FILTERS: &[(&str, &str)] = &[
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"127-0-0-1-\d+", "127-0-0-1-PORT"),
    (r"%3A\d{4,5}%2F", "%3APORT%2F"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "TIME"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", "TIME"),
    (r#""(ms|[a-z_]*_ms|duration)": ?\d+(\.\d+)?"#, r#""$1":MS"#),
    // The rest of a line after a duration is padded to its width.
    (r"( *(<|&lt;))? *\b\d+(\.\d+)? (ms|s)\b", " N ms"),
    // A machine that has other work is slower than it was.
    (r"(?m)^  new    the first request took N ms, and N ms before\n\n", ""),
    (r"\b1[789]\d{8}\b", "EPOCH"),
    // A second may begin between the answer and the look at the clock.
    (r"(skew[_ ]seconds[^\d]{1,8})60\d", "${1}600"),
    (r"\b[0-9a-f]{12}\b", "HEX"),
    (r#"(time|duration)="\d+\.\d+""#, r#"$1="S""#),
    // Bars as long as something took.
    (r"(?m)^(  [\w.-]+)[ ━=╺╸]* N ms", "$1 BAR N ms"),
    (r"(?m)^(  [\w.-]+) *(␛\[\d+m)[━=╺╸ ]*(␛\[0m) N ms", "$1 ${2}BAR$3 N ms"),
    (r#"\bx\d+ w\d+""#, r#"xAT wLENGTH""#),
    // What is at the end of the line is pushed there.
    (r" N ms +((␛\[2m)?exit)", " N ms $1"),
    (r"code_challenge=[\w-]+", "code_challenge=HASH"),
    (r"state=[\w-]+", "state=STATE"),
    (r"\S+/snow-demo-\w+/", "DEMO/"),
    (r"\b[0-9a-f]{32}\b", "HEX"),
    (r"\be[0-9a-f]{16}\b", "ETAG"),
    (r"[A-Za-z0-9_-]{80,}", "TOKEN"),
    // A path that is long begins a line of its own.
    (r"(saved yet in|when needed:|writable:)\s+HOME", "$1 HOME"),
];

/// Compares with the snapshot `name`.
fn compare(home: Option<&Path>, name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots");
    if let Some(home) = home {
        settings.add_filter(&regex_of(&home.display().to_string()), "HOME");
    }
    for (pattern, replacement) in FILTERS {
        settings.add_filter(pattern, *replacement);
    }
    let version = regex_of(env!("CARGO_PKG_VERSION"));
    settings.add_filter(&format!(r#"\b{version}\b"#), "VERSION");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn regex_of(text: &str) -> String {
    text.replace('\\', r"\\").replace('.', r"\.").replace('+', r"\+")
}

/// How a command came out.
fn screen(line: &str, outcome: &Outcome) -> String {
    let mut text = format!("$ snow {line}\n");
    for (name, stream) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        if !stream.is_empty() {
            text.push_str(&format!("--- {name}\n{}", pretty(stream)));
        }
    }
    format!("{text}--- exit {}\n\n", outcome.code)
}

/// JSON with a line for each member; other text as it is.
fn pretty(stream: &str) -> String {
    match serde_json::from_str::<Value>(stream) {
        Ok(document @ Value::Object(_)) => format!("{}\n", serde_json::to_string_pretty(&document).unwrap()),
        _ => stream.to_owned(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

/// A story in one world, told in one form.
struct Story {
    world: World,
    sandbox: Sandbox,
    form: Form,
    text: RefCell<String>,
    /// What a person saw, without what a script got.
    seen: String,
    /// The commands that documents name.
    commands: BTreeSet<String>,
}

impl Story {
    fn new(form: Form) -> Self {
        let (world, sandbox) = (World::new(), Sandbox::start(None, None).unwrap());
        Self { world, sandbox, form, text: RefCell::default(), seen: String::new(), commands: BTreeSet::new() }
    }

    /// The story on a terminal of this width.
    fn of(form: Form, columns: usize, tell: impl Fn(&mut Self)) -> Self {
        let mut story = Self::new(form);
        story.world.columns = columns;
        tell(&mut story);
        story
    }

    /// A command at a terminal, where nothing is asked.
    fn at(&mut self, line: &str) -> &mut Self {
        self.asked(line, [])
    }

    /// A command at a terminal, whose questions get these answers.
    fn asked(&mut self, line: &str, answers: impl IntoIterator<Item = Answer>) -> &mut Self {
        self.world.person(answers);
        let outcome = self.outcome(line);
        for stream in [&outcome.stdout, &outcome.stderr] {
            // The runner of GitHub gets no line broken, and a document is one line.
            if self.world.is_set("GITHUB_ACTIONS") || (self.form == Form::Text && stream.starts_with('{')) {
                continue;
            }
            self.seen.push_str(&without_ports(stream));
            let documents = stream.lines().filter_map(|line| serde_json::from_str(&without_ports(line)).ok());
            documents.for_each(|document| width::commands(&document, &mut self.commands));
        }
        self
    }

    /// A command without a terminal, which gets this on standard input.
    fn piped(&mut self, line: &str, stdin: &str) -> &mut Self {
        self.world.stdin(stdin);
        self.run(line)
    }

    fn run(&mut self, line: &str) -> &mut Self {
        self.outcome(line);
        self
    }

    fn outcome(&mut self, line: &str) -> Outcome {
        let typed = line.replace("ORIGIN", &self.sandbox.origin()).replace("HOME", self.world.home().to_str().unwrap());
        let json = if self.form == Form::Json { " --json" } else { "" };
        self.world.forget_how_long_it_took();
        let outcome = self.world.run(&format!("{typed}{json}"));
        self.text.get_mut().push_str(&screen(&format!("{line}{json}"), &outcome));
        outcome
    }
}

/// Ports are other ones each time, and as long as each other.
fn without_ports(text: &str) -> String {
    ["127.0.0.1:", "127-0-0-1-"].into_iter().fold(text.to_owned(), |text, host| {
        let (first, others) = text.split_once(host).map_or((text.as_str(), None), |(first, rest)| (first, Some(rest)));
        others.into_iter().flat_map(|rest| rest.split(host)).fold(first.to_owned(), |shown, rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            format!("{shown}{host}{}{}", "0".repeat(digits), &rest[digits..])
        })
    })
}

/// Tells the story as a person sees it and as a script does, and once more on a narrow
/// terminal. Every screen of a person must fit, with commands that can be copied.
fn told(name: &str, tell: impl Fn(&mut Story)) {
    let [text, narrow] = [80, 60].map(|columns| Story::of(Form::Text, columns, &tell));
    let json = Story::of(Form::Json, 80, &tell);
    for (story, suffix) in [(&text, ""), (&json, "-json")] {
        compare(Some(story.world.home()), &format!("{name}{suffix}"), &story.text.borrow());
    }
    for (story, columns) in [(&text, text.world.columns), (&narrow, 60)] {
        fits(name, &story.seen, columns, &json.commands);
    }
}

/// What a person saw must fit the terminal, and its commands must be there to be copied.
#[track_caller]
fn fits(name: &str, seen: &str, columns: usize, commands: &BTreeSet<String>) {
    let wide = width::too_wide(seen, columns);
    assert!(wide.is_empty(), "{name} is wider than {columns} columns:\n{}", wide.join("\n"));
    let broken = width::broken(seen, commands);
    assert!(broken.is_empty(), "{name} breaks at {columns} columns: {broken:#?}\n{seen}");
}

#[test]
fn before_there_is_a_connection() {
    told("empty", |story| {
        for line in
            ["", "list", "status", "status --all", "show", "test", "test --all", "use acme", "login", "logout --yes"]
        {
            story.at(line);
        }
        story.at("refresh").at("token").at("remove acme --yes").at("rename one two").at("edit one --set description=x");
        story.piped("connect", "").piped("connect dev1 --username u", "").piped("connect dev1", "");
        story.piped("connect http://dev1.service-now.com --username u", "");
        story.piped("connect https://u:p@dev1.service-now.com", "").piped("connect developer.servicenow.com", "");
    });
}

const CONNECT: &str = "connect ORIGIN --name acme --username beth.anglin --password-stdin";

#[test]
fn connecting_with_a_password() {
    told("connect-basic", |story| {
        story.piped(CONNECT, "sandbox-wrong").piped(CONNECT, "").piped(CONNECT, "sandbox-beth");
        story.at("connect acme").at("connect ORIGIN");
        story
            .at("connect acme --table incident --label env=dev --description words")
            .at("connect acme --username admin");
        story.at("connect acme --name other").piped("connect acne", "").piped("connect acme --auth oauth", "");
        story.piped("connect ORIGIN --name second --username admin --no-test --password-stdin", "sandbox-admin");
        story.piped("connect ORIGIN", "").piped("connect ORIGIN --name third --username beth.anglin", "");
        story.asked("connect acme --username admin --force", [Answer::Confirm(false)]);
        story.piped("connect acme --username admin --password-stdin --force", "sandbox-admin");
        story.piped("connect acme --password-stdin", "sandbox-wrong");
        let [wrong, right] = ["sandbox-wrong", "sandbox-beth"].map(Answer::Secret);
        let typed = [wrong.clone(), Answer::Text(""), wrong, Answer::Text(""), right];
        story.asked("connect ORIGIN --name fourth --username beth.anglin", typed);
        story.piped(
            "connect ORIGIN --name fifth --username joe.employee --table incident --password-stdin",
            "sandbox-joe",
        );
    });
}

#[test]
fn where_secrets_are() {
    told("stores", |story| {
        story.world.set("SNOW_STORE_PASSPHRASE", "CANARY passphrase");
        story.at("store status").at("store purge").at("store migrate --all --to file");
        story.piped(CONNECT, "sandbox-beth");
        let unnamed = ItemKey::of_account("0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11/session").unwrap();
        let record = Secret::new("of another file".to_owned()).unwrap();
        block_on(story.world.store.write(unnamed, &record)).unwrap();
        story.at("store status").run("store status").at("store purge --dry-run").piped("store purge", "");
        story.piped("store migrate acme --to file", "");
        story.asked("store migrate acme --to file", [Answer::Confirm(false)]);
        story.asked("store migrate acme --to file", [Answer::Confirm(true)]);
        story.at("store migrate acme --to file").at("store status").at("store migrate acme --to vault --yes");
        story.asked("store purge", [Answer::Confirm(true)]).at("store purge");
    });
}

#[test]
fn a_day_with_two_connections() {
    told("everyday", |story| {
        story.piped(CONNECT, "sandbox-beth");
        story.piped("connect ORIGIN --name second --username admin --no-test --password-stdin", "sandbox-admin");
        for line in
            ["", "list", "show", "show second", "status", "status second", "status --all", "status --all --within 14d"]
        {
            story.at(line);
        }
        story.run("list").run("status");
        for line in
            ["test", "test acme --table incident,sys_user", "test acme --expect-user admin", "test acme --table nope"]
        {
            story.at(line);
        }
        for line in ["test nope", "test acmee", "test acme second", "test --all", "test --filter env=dev", "use nope"] {
            story.at(line);
        }
        story.at("use second").at("use acme --here").at("status").at("list").at("logout").at("test");
        story.at("rename second third").at("rename third acme").at("rename nope x");
        for change in
            ["--set tables=incident", "--set table=incident", "--set tables", "--set description=x --if-match 99"]
        {
            story.at(&format!("edit acme {change}"));
        }
        story.at("edit acme --unset tables --set labels.env=prod").at("edit acme").at("edit acme --unset nope");
        story.at("refresh acme");
        story
            .piped("login acme --password-stdin", "sandbox-wrong")
            .piped("login acme --password-stdin", "sandbox-beth");
        story.at("login acme --client-secret-file x").at("login acme --password-file HOME/nope");
        story.piped("logout acme", "").asked("logout acme", [Answer::Confirm(false)]);
        story.asked("logout acme", [Answer::Confirm(true)]).at("test acme").at("connect acme --no-input").at("list");
        story.piped("remove acme", "").at("remove acme third --yes").at("list");
    });
}

/// A browser in which beth.anglin signs in.
fn beth_signs_in(world: &mut World) {
    world.browser(|url| {
        let url = url.to_owned();
        std::thread::spawn(move || drop(get(&sign_in(&url, "beth.anglin", "allow"))));
    });
}

#[test]
fn the_life_of_a_session() {
    told("oauth", |story| {
        beth_signs_in(&mut story.world);
        let port = crate::oauth::free_port();
        let line = format!(
            "connect ORIGIN --name acme --client-id sandbox-public --redirect-uri http://127.0.0.1:{port}/callback"
        );
        story
            .asked(&line, [Answer::Secret("")])
            .at("list")
            .at("show")
            .at("status")
            .at("status --all")
            .at("status --all --within 120d")
            .at("test");
        story.at("connect acme").at("connect acme --client-id other").at("refresh").at("token --min-ttl 2h");
        story.sandbox.expire_access_tokens();
        story.at("test");
        story.sandbox.revoke_all();
        story.at("test").at("status").at("list").at("login acme").at("refresh");
        story.at("logout acme --yes").at("test").at("refresh").at("token").at("logout acme --yes");
        story.at("remove acme --yes");
    });
}

#[test]
fn a_client_that_signs_in_for_itself() {
    told("client-credentials", |story| {
        let line = "connect ORIGIN --name ci --auth client-credentials --client-id sandbox-ci --client-secret-stdin";
        story.piped(line, "sandbox-wrong").piped(line, "sandbox-ci-secret");
        story.at("list").at("show").at("status").at("test").at("refresh").at("logout ci --yes").at("remove ci --yes");
    });
}

#[test]
fn what_a_token_is_printed_as() {
    let mut story = Story::new(Form::Text);
    story.piped(CONNECT, "sandbox-beth");
    let line = "connect ORIGIN --name ci --auth client-credentials --client-id sandbox-ci --client-secret-stdin";
    story.piped(line, "sandbox-ci-secret").run("token ci");
    for line in ["token", "token ci", "token ci --min-ttl 10m", "token --format raw"] {
        story.at(line);
    }
    for format in ["raw", "header", "json"] {
        story.at(&format!("token ci --format {format}"));
    }
    story.at("token acme --format raw").at("token absent");
    compare(Some(story.world.home()), "token", &story.text.borrow());
}

#[test]
fn what_the_doctor_says() {
    told("doctor", |story| {
        // Lines that hold the path of the home break where it is long.
        if story.world.columns == 80 {
            story.world.columns = 100;
        }
        story.at("doctor").piped(CONNECT, "sandbox-beth").at("doctor");
        if story.form == Form::Json {
            story.at("doctor --bundle HOME/bundle.json").at("doctor --bundle HOME/bundle.json");
        }
        story.world.set("SNOW_CONNECTION", "absent").set("HTTPS_PROXY", "ftp://proxy.example");
        story.at("doctor");
        if story.form == Form::Json {
            std::fs::write(story.world.home().join(".config/snow/config.toml"), "version = 99\n").unwrap();
            story.at("doctor");
        }
    });
}

/// A command at a terminal, and each question that a person was asked.
fn questioned(story: &mut Story, line: &str, answers: impl IntoIterator<Item = Answer>) {
    story.asked(line, answers);
    let questions = std::mem::take(&mut *story.world.questions.lock().unwrap());
    story.text.get_mut().push_str(&format!("--- asked\n{}\n\n", questions.join("\n")));
}

#[test]
fn what_a_person_is_asked() {
    let mut story = Story::new(Form::Text);
    beth_signs_in(&mut story.world);
    let port = crate::oauth::free_port();
    let redirect = format!("--redirect-uri http://127.0.0.1:{port}/callback");
    let origin = story.sandbox.origin();
    let instance = Answer::Text(Box::leak(origin.into_boxed_str()));
    let by_password = [PASSWORD, Answer::Text("beth.anglin"), Answer::Secret("sandbox-beth")];
    let story = &mut story;
    questioned(story, "connect --name acme", [instance].into_iter().chain(by_password.clone()));
    questioned(story, "connect ORIGIN --name second", by_password.clone());
    questioned(story, "connect ORIGIN", [Answer::Choose(1)]);
    let typed = [Answer::Text(""), Answer::Text("foo bar"), Answer::Text("https://u:p@x"), Answer::Cancels];
    questioned(story, "connect", typed);
    questioned(
        story,
        "connect ORIGIN --name third --username joe.employee",
        [Answer::Secret("wrong"), Answer::Text(""), Answer::Secret("sandbox-joe")],
    );
    let client = [Answer::Text("sandbox-public"), Answer::Secret("")];
    questioned(story, &format!("connect ORIGIN --name web {redirect}"), client);
    questioned(
        story,
        "connect ORIGIN --name ci --auth client-credentials",
        [Answer::Text("sandbox-ci"), Answer::Secret("sandbox-ci-secret")],
    );
    questioned(story, "connect acme --username admin --force", [Answer::Confirm(false)]);
    questioned(story, "login acme", [Answer::Secret("sandbox-beth")]);
    questioned(story, "login web", []);
    questioned(story, "logout acme", [Answer::Confirm(false)]);
    questioned(story, "remove acme second", [Answer::Confirm(false)]);
    compare(Some(story.world.home()), "questions", &story.text.borrow());
}

#[test]
fn a_connection_that_variables_describe() {
    told("environment", |story| {
        story.world.set("SNOW_INSTANCE", "dev1");
        story.at("test").at("status");
        story.world.set("SNOW_USERNAME", "beth.anglin").set("SNOW_PASSWORD", "sandbox-beth");
        let origin = story.sandbox.origin();
        story.world.set("SNOW_INSTANCE", &origin);
        story.at("test").at("status").at("show").at("list").at("test --all").at("login").at("refresh");
        story.world.set("SNOW_PASSWORD", "sandbox-wrong");
        story.at("test");
        story.world.set("SNOW_ACCESS_TOKEN", "abc");
        story.at("test");
    });
}

#[test]
fn every_scenario_looks_as_it_did() {
    // A few at a time: each is a server, and some wait for a time-out.
    std::thread::scope(|scope| {
        for scenarios in Scenario::ALL.chunks(Scenario::ALL.len().div_ceil(4)) {
            scope.spawn(|| scenarios.iter().for_each(|scenario| meet(*scenario)));
        }
    });
}

fn meet(scenario: Scenario) {
    let command = scenario.command();
    let seen_at = |columns| match scenario.auth() {
        SignIn::Basic => with_password(scenario, command, columns),
        SignIn::OAuth => by_oauth(Some(scenario), command, "", Some(columns)),
        SignIn::ApiKey => with_key(Some(scenario), command, "", Some(columns)),
        SignIn::JwtBearer => with_assertion(Some(scenario), command, "", Some(columns)),
        SignIn::Token => with_token(Some(scenario), command, "", Some(columns)),
    };
    let document = match scenario.auth() {
        SignIn::Basic => with_password(scenario, &format!("{command} --json"), 80),
        SignIn::OAuth => by_oauth(Some(scenario), command, " --json", None),
        SignIn::ApiKey => with_key(Some(scenario), command, " --json", None),
        SignIn::JwtBearer => with_assertion(Some(scenario), command, " --json", None),
        SignIn::Token => with_token(Some(scenario), command, " --json", None),
    };
    let name = scenario.as_str();
    let wide = seen_at(80);
    let text = screen(command, &wide) + &screen(&format!("{command} --json"), &document);
    compare(None, &format!("scenario-{name}"), &text);
    let mut commands = BTreeSet::new();
    width::commands(&serde_json::from_str(&without_ports(&document.stdout)).unwrap(), &mut commands);
    for (columns, Outcome { stdout, stderr, .. }) in [(80, wide), (60, seen_at(60))] {
        fits(name, &without_ports(&(stdout + &stderr)), columns, &commands);
    }
}

#[test]
fn every_scenario_of_salesforce_looks_as_it_did() {
    let mut text = String::new();
    for scenario in salesforce::Scenario::ALL.iter().copied() {
        let name = scenario.as_str();
        let (document, _) = met(scenario, " --json", None);
        let mut commands = BTreeSet::new();
        width::commands(&serde_json::from_str(&without_ports(&document.stdout)).unwrap(), &mut commands);
        for columns in [80, 60] {
            let (outcome, _) = met(scenario, "", Some(columns));
            if columns == 80 {
                text.push_str(&format!("# {name}\n{}", screen(scenario.command(), &outcome)));
            }
            fits(name, &without_ports(&(outcome.stdout + &outcome.stderr)), columns, &commands);
        }
    }
    compare(None, "salesforce-scenarios", &text);
}

/// A saved connection meets the scenario, before the eyes of a person.
fn with_password(scenario: Scenario, command: &str, columns: usize) -> Outcome {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.columns = columns;
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    sandbox.set_scenario(Some(scenario));
    world.forget_how_long_it_took();
    world.person([]).run(&command.replacen("test", "test acme", 1))
}

#[test]
fn the_help_of_every_command_and_topic() {
    let mut world = World::new();
    let mut help = |name: &str, lines: &[String]| {
        let text: String = lines.iter().map(|line| screen(line, &world.person([]).run(line))).collect();
        compare(None, &format!("help-{name}"), &text);
    };
    help("snow", &["--help".to_owned(), "-h".to_owned(), "help".to_owned()]);
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let mut lines = vec![format!("{name} --help"), format!("{name} -h")];
        lines.extend(command.get_subcommands().map(|below| format!("{name} {} --help", below.get_name())));
        help(name, &lines);
    }
    for topic in ["topics", "environment", "exit-codes", "precedence", "troubleshooting", "nope"] {
        help(&format!("topic-{topic}"), &[format!("help {topic}")]);
    }
}

#[test]
fn guides_explanations_and_lists() {
    told("guide", |story| {
        for method in ["oauth", "client-credentials", "basic"] {
            story.at(&format!("guide {method}")).at(&format!("guide {method} dev12345"));
            // To be sent to somebody as it is, whatever the terminal.
            story.run(&format!("guide {method} --format markdown"));
        }
    });
    told("explain", |story| {
        for line in [
            "explain",
            "explain basic-refused",
            "explain session-expired",
            "explain nope",
            "sandbox --list",
            "sandbox --service salesforce --list",
        ] {
            story.at(line);
        }
        story.at("version").at("--version");
    });
    let mut text = String::new();
    let mut world = World::new();
    for code in snow_connect::base::code::Code::ALL {
        let line = format!("explain {}", code.as_str());
        text.push_str(&screen(&line, &world.person([]).run(&line)));
    }
    compare(None, "explain-all", &text);
}

#[test]
fn command_lines_that_are_wrong() {
    told("usage", |story| {
        for line in [
            "tets",
            "ls",
            "delete acme",
            "--nope",
            "test --nope",
            "test --tabel x",
            "test --retries x",
            "test --timeout soon",
            "test --all acme",
            "auth login",
            "config",
            "get acme",
            "-version",
            "remove",
            "guide saml",
            "list acme",
            "list --connection acme",
            "list -o junit",
            "list -o json=x",
            "list -o yaml",
            "test -o junit=",
            "test -o json -o text",
            "connect dev1 --password x",
            "connect dev1 --auth saml",
            "connect dev1 --store drawer",
            "connect dev1 --password-stdin --password-file x",
            "show a b",
            "help nope",
            "explain a b",
            "list --proxy nope",
            "list --proxy http://u:p@proxy:1",
            "list --timeout 0",
        ] {
            story.at(line);
        }
        // At a terminal these offer the choices.
        story.run("use").run("guide").run("completion");
        // Where a line with a path breaks would depend on where the tests lie. For
        // this runner none is broken.
        story.world.set("GITHUB_ACTIONS", "true");
        story.at("list --ca-cert HOME/nope.pem");
        story.world.write_config("version = 1\n[connections.a]\ninstance = \"x\"\nauth = \"sms\"\n");
        story.at("list");
        story.world.write_config("version = 2\n");
        story.at("list");
        story.world.write_config("nonsense");
        story.at("list");
    });
}

#[test]
fn the_demo() {
    let mut world = World::new();
    let text =
        ["demo", "demo --json", "demo --service salesforce"].map(|line| screen(line, &world.person([]).run(line)));
    compare(None, "demo", &text.concat());
}

/// Six connections: two that work, and four that fail in their own ways.
fn fleet(world: &mut World) -> Vec<Sandbox> {
    let mut sandboxes = Vec::new();
    for (name, scenario, more) in [
        ("asleep", Some(Scenario::Hibernating), ""),
        ("good", None, " --label env=prod"),
        ("hidden", Some(Scenario::TableHidden), " --table incident"),
        ("late", Some(Scenario::ClockSkew), ""),
        ("refused", Some(Scenario::BasicRefused), ""),
        ("signed-out", None, ""),
    ] {
        let sandbox = Sandbox::start(None, None).unwrap();
        let origin = sandbox.origin();
        let line = format!("connect {origin} --name {name} --username beth.anglin --password-stdin{more}");
        world.stdin("sandbox-beth").run(&line).expect(0);
        sandbox.set_scenario(scenario);
        sandboxes.push(sandbox);
    }
    world.run("logout signed-out --yes").expect(0);
    sandboxes
}

#[test]
fn every_form_of_a_report() {
    let mut world = World::new();
    let _fleet = fleet(&mut world);
    let summary = world.home().join("summary.md");
    world.set("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    for form in ["text", "json", "jsonl", "junit", "github", "html"] {
        let line = format!("test --all -o {form}");
        world.forget_how_long_it_took();
        let mut outcome = world.run(&line);
        if form == "jsonl" {
            // As they come, which differs.
            outcome.stdout = in_order_of_names(&outcome.stdout);
        }
        let mut text = screen(&line, &outcome);
        if form == "github" {
            text.push_str(&std::fs::read_to_string(&summary).unwrap());
        }
        compare(Some(world.home()), &format!("report-{form}"), &text);
    }
}

fn in_order_of_names(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.lines().collect();
    let summary = lines.pop().expect("the last line sums up");
    lines.sort_by_key(|line| serde_json::from_str::<Value>(line).unwrap()["name"].to_string());
    lines.push(summary);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Screens that people look at most.
const NAMED: [&str; 15] = [
    "",
    "list",
    "show good",
    "status good",
    "status --all",
    "test good",
    "test good --table incident,sys_user",
    "test hidden",
    "test asleep",
    "test refused",
    "test late",
    "test signed-out",
    "test --all",
    "test nope",
    "explain table-hidden",
];

#[test]
fn fifteen_screens_on_a_narrow_terminal_and_in_colour() {
    for (name, columns, colour) in [("narrow", 60, false), ("colour", 80, true)] {
        let mut world = World::new();
        let _fleet = fleet(&mut world);
        world.columns = columns;
        let mut text = String::new();
        for line in NAMED {
            world.forget_how_long_it_took();
            let outcome = world.person([]).run(&format!("{line} --color {}", if colour { "always" } else { "never" }));
            if !colour {
                let wide = width::too_wide(&(outcome.stdout.clone() + &outcome.stderr), columns);
                assert!(wide.is_empty(), "snow {line}:\n{}", wide.join("\n"));
            }
            text.push_str(&screen(line, &outcome).replace('\u{1b}', "␛"));
        }
        compare(Some(world.home()), name, &text);
    }
}

/// Where the files of the tests are: here, or where they were brought.
fn here() -> PathBuf {
    let brought = std::env::var_os("SNOW_TEST_SOURCES").map(PathBuf::from);
    brought.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()).join("tests/it")
}

/// The files of a directory with this ending, without it.
fn names(directory: &Path, ending: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| Some(name.strip_suffix(ending)?.to_owned())).collect()
}

#[test]
fn every_file_of_the_tests_is_a_module_of_them() {
    for (directory, root) in [("", "main.rs"), ("world", "mod.rs")] {
        let text = std::fs::read_to_string(here().join(directory).join(root)).unwrap();
        let declared = text.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
        let declared: BTreeSet<String> = declared.map(|line| line.trim_end_matches(';').to_owned()).collect();
        let mut files = names(&here().join(directory), ".rs");
        files.remove(root.trim_end_matches(".rs"));
        let undeclared: Vec<_> = files.difference(&declared).collect();
        assert!(undeclared.is_empty(), "no module of {directory}/{root}: {undeclared:?}");
    }
}

/// How wide the terminal of a snapshot is; `None` if a program reads it.
fn terminal_of(snapshot: &str) -> Option<usize> {
    match snapshot {
        "report-json" | "report-jsonl" | "report-junit" | "report-github" | "report-html" => None,
        _ if snapshot.ends_with("-json") => None,
        "narrow" => Some(60),
        // Its lines hold paths of a home.
        "doctor" => Some(100),
        _ => Some(80),
    }
}

/// The lines of a snapshot that are wider than its terminal: of what a command said, if
/// that is no document.
fn too_wide_in(snapshot: &str, columns: usize) -> Vec<String> {
    // Markdown is for a file.
    let is_seen = |command: &&str| !command.lines().next().unwrap_or("").contains("--format markdown");
    let sections = snapshot.split("$ snow ").filter(is_seen).flat_map(|command| command.split("--- "));
    let said = sections.filter_map(|section| section.split_once('\n'));
    let said = said.filter(|(stream, text)| matches!(*stream, "stdout" | "stderr") && !text.starts_with('{'));
    // What stands for a duration may be longer than it, and what the runner of GitHub gets is
    // broken nowhere.
    let shown = |text: &str| without_colour(text).replace("( N ms)", "(1 s)");
    let wide = said.flat_map(|(_, text)| width::too_wide(&shown(text), columns));
    wide.filter(|line| !line.starts_with("error: HOME/.config/snow/config.toml")).collect()
}

/// Without the escapes, as a snapshot spells them.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("␛[");
    let first = parts.next().unwrap_or("").to_owned();
    first + &parts.map(|part| part.split_once('m').map_or(part, |(_, rest)| rest)).collect::<String>()
}

#[test]
fn every_snapshot_fits_the_terminal_that_it_is_of() {
    let directory = here().join("snapshots");
    let mut measured = 0;
    for name in names(&directory, ".snap") {
        let Some(columns) = terminal_of(&name) else { continue };
        let text = std::fs::read_to_string(directory.join(format!("{name}.snap"))).unwrap();
        let wide = too_wide_in(&text, columns);
        assert!(wide.is_empty(), "{name} is wider than {columns} columns:\n{}", wide.join("\n"));
        // A wide line anywhere is found, in colour as well.
        let line = format!("␛[1m{}␛[0m", "word ".repeat(columns / 5 + 1));
        for stream in ["--- stdout\n", "--- stderr\n"] {
            let said = text.replacen(stream, &format!("{stream}{line}\n"), 1);
            assert_eq!(said != text, !too_wide_in(&said, columns).is_empty(), "{name}");
        }
        measured += 1;
    }
    assert!(measured > 90, "{measured}");
}

#[test]
fn help_topics_and_explanations_fit_a_narrow_terminal() {
    let mut world = World::new();
    world.columns = 60;
    let commands = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect::<Vec<_>>();
    let help = commands.iter().map(|name| format!("{name} --help")).chain(["--help".to_owned()]);
    let codes = snow_connect::base::code::Code::ALL.iter().map(|code| format!("explain {}", code.as_str()));
    for line in help.chain(codes).chain(["demo", "token absent", "sandbox --list"].map(str::to_owned)) {
        let Outcome { stdout, stderr, .. } = world.person([]).run(&line);
        let wide = width::too_wide(&(stdout + &stderr), 60);
        assert!(wide.is_empty(), "snow {line}:\n{}", wide.join("\n"));
    }
}

#[test]
fn every_snapshot_of_a_scenario_or_command_belongs_to_one() {
    let mut expected: BTreeSet<String> =
        Scenario::ALL.iter().map(|scenario| format!("scenario-{}", scenario.as_str())).collect();
    expected.extend(Cli::command().get_subcommands().map(|command| format!("help-{}", command.get_name())));
    let topics = ["topics", "environment", "exit-codes", "precedence", "troubleshooting", "nope"]
        .map(|topic| format!("help-topic-{topic}"));
    expected.extend(topics);
    expected.extend(["text", "json", "jsonl", "junit", "github", "html"].map(|form| format!("report-{form}")));
    let stories = [
        "empty",
        "connect-basic",
        "stores",
        "everyday",
        "oauth",
        "client-credentials",
        "doctor",
        "environment",
        "guide",
        "explain",
        "usage",
    ];
    expected.extend(stories.iter().flat_map(|story| [story.to_string(), format!("{story}-json")]));
    expected.extend(
        [
            "help-snow",
            "explain-all",
            "demo",
            "narrow",
            "colour",
            "token",
            "questions",
            "env-of-each-tool",
            "salesforce-scenarios",
        ]
        .map(str::to_owned),
    );
    assert_eq!(names(&here().join("snapshots"), ".snap"), expected);
}
