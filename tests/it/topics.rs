//! The README and the help topics: what they name is there, and every command in them
//! is run.
//!
//! The word of a block says what becomes of it:
//!
//! - `sh`: a shell runs it in a company ([`Company`]) by a person who has the
//!   connections `acme` and `acme-test`, and it ends with 0; `exit-N` names another end.
//! - `sh new`: the same with no connection yet.
//! - `sh asks`: a person has to answer, so without one each command says so.
//! - `sh browser`: it waits for a browser, which does not come.
//! - `run-by: TEST`: the test of this name runs it.
//! - `not-run: WHY`: it cannot be run here. The command line takes its commands.
//! - `json`: a document that fits its schema.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use serde_json::Value;
use snow_connect::base::code::Code;
use snow_connect::base::schemas;
use snow_connect::cli::args::Cli;
use snow_connect::cli::command::with_all_below;

use crate::oauth::free_port;
use crate::world::commands::{assert_parses, commands_in};
use crate::world::company::Company;
use crate::world::process::{finish, tool};
use crate::world::{Outcome, World, width};

/// Where the sources are: here, or where the tests were brought.
fn sources() -> PathBuf {
    let brought = std::env::var_os("SNOW_TEST_SOURCES").map(PathBuf::from);
    brought.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a directory below the sources.
fn files(directory: &str) -> Vec<PathBuf> {
    let directory = sources().join(directory);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The README and the topics, each with where it is.
fn texts() -> Vec<(PathBuf, String)> {
    let topics = files("src/help").into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let texts: Vec<_> = topics.chain([sources().join("README.md")]).map(|path| (path.clone(), read(&path))).collect();
    assert!(texts.len() > 15, "{texts:?}");
    texts
}

/// The names of the topics, as `snow help` takes them.
fn topics() -> Vec<String> {
    let names = texts().into_iter().filter(|(path, _)| path.parent().unwrap().ends_with("help"));
    let names = names.map(|(path, _)| path.file_stem().unwrap().to_str().unwrap().to_owned());
    names.map(|name| if name == "README" { "topics".to_owned() } else { name }).collect()
}

/// What a shell reads of a text: a line that ends with a backslash goes on in the next.
fn joined(text: &str) -> Vec<String> {
    let one_line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("\\\n", " ").lines().map(one_line).collect()
}

#[test]
fn topics_fit_and_their_commands_can_be_copied() {
    for (columns, (path, text)) in
        [80, 60, 45].iter().flat_map(|columns| texts().into_iter().map(move |text| (*columns, text)))
    {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if !path.parent().unwrap().ends_with("help") {
            continue;
        }
        let mut world = World::new();
        world.columns = columns;
        world.is_public();
        let line = format!("help {}", if name == "README" { "topics" } else { &name });
        let shown = world.person([]).run(&line).expect(0).stdout;
        let mut whole = joined(&shown);
        // Programs in other languages stay as they are, and so do words without an end.
        let (commands, others): (Vec<Block>, Vec<Block>) =
            Block::all(&text).into_iter().partition(|block| block.info.split(' ').next() == Some("sh"));
        let other: BTreeSet<String> =
            others.iter().flat_map(|block| block.code.lines().map(|line| format!("    {line}"))).collect();
        let wide: Vec<String> =
            width::too_wide(&shown, columns).into_iter().filter(|line| !other.contains(line)).collect();
        assert!(columns == 45 || wide.is_empty(), "{line} at {columns} columns:\n{}", wide.join("\n"));
        for command in commands.iter().flat_map(|block| joined(&block.code)) {
            let (command, remark) = command.split_once(" # ").map_or((command.as_str(), None), |(c, r)| (c, Some(r)));
            let remarked = remark.map(|remark| format!("{command} # {remark}"));
            let at = whole.iter().position(|line| line == command || Some(line) == remarked.as_ref());
            let at = at.unwrap_or_else(|| panic!("{line} at {columns} columns breaks {command:?}:\n{shown}"));
            whole.remove(at);
        }
    }
}

#[derive(Debug)]
struct Block {
    /// The words behind the fence.
    info: String,
    code: String,
}

impl Block {
    /// The blocks of a text. All code is in fences, so that none goes unnoticed.
    fn all(text: &str) -> Vec<Self> {
        let mut blocks: Vec<Self> = Vec::new();
        let mut open = false;
        for line in text.lines() {
            if let Some(info) = line.strip_prefix("```") {
                open = !open;
                if open {
                    blocks.push(Self { info: info.to_owned(), code: String::new() });
                }
            } else if open {
                blocks.last_mut().unwrap().code.push_str(&format!("{line}\n"));
            } else {
                assert!(!line.starts_with("    "), "code without a fence: {line}");
            }
        }
        blocks
    }

    /// What comes after this word of the info.
    fn said(&self, word: &str) -> Option<&str> {
        Some(self.info.split_once(word)?.1.trim())
    }

    fn is(&self, word: &str) -> bool {
        self.info.split(' ').any(|has| has == word)
    }
}

/// A person in the company.
pub struct Desk {
    company: Company,
    /// A home with connections, and one without.
    used: tempfile::TempDir,
    new: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        let company = Company::new();
        let [used, new] = [(); 2].map(|()| {
            let home = tempfile::tempdir().unwrap();
            company.furnish(home.path());
            for (name, secret) in [
                ("client-secret", "sandbox-ci-secret"),
                ("password", "sandbox-svc"),
                ("api-key", "now_sandbox_svc"),
                ("jwt-secret", "sandbox-jwt-secret"),
                ("key.pem", company.private_key().as_str()),
            ] {
                let path = home.path().join(name);
                std::fs::write(&path, secret).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
            home
        });
        let desk = Self { company, used, new };
        let connections = "snow connect acme --auth client-credentials --client-id sandbox-ci \
            --client-secret-file ~/client-secret --label env=prod
            snow connect acme-test --username svc.ci --password-file ~/password --label env=test";
        desk.shell(desk.used.path(), connections).expect(0);
        desk
    }

    fn shell(&self, home: &Path, script: &str) -> Outcome {
        let mut command = tool("bash");
        self.company.environment(&mut command, home);
        command.env("PW", "sandbox-svc");
        // A file opens with one of them.
        if script.contains("SNOW_STORE_IDENTITY") {
            command.env_remove("SNOW_STORE_PASSPHRASE_FILE");
        }
        command.args(["-euo", "pipefail", "-c", script]);
        finish(command, b"")
    }

    /// Runs a script with stand-ins for these programs, which do nothing.
    pub fn with_programs(&self, programs: &[&str], script: &str) -> Outcome {
        let directory = tempfile::tempdir().unwrap();
        for program in programs {
            std::fs::copy("/bin/true", directory.path().join(program)).unwrap();
        }
        self.shell(self.used.path(), &format!("export PATH=\"{}:$PATH\"\n{script}", directory.path().display()))
    }

    /// Runs a script in a copy of a home.
    fn run(&self, block: &Block, script: &str) -> Outcome {
        let home = tempfile::tempdir().unwrap();
        let from = if block.is("new") { &self.new } else { &self.used };
        let copied = Command::new("cp").arg("-a").arg(from.path().join(".")).arg(home.path()).status().unwrap();
        assert!(copied.success());
        self.shell(home.path(), &script.replace("8f2c41d0", "sandbox-ci"))
    }

    /// What becomes of a block, by the words behind its fence.
    #[track_caller]
    fn hold(&self, block: &Block, tests: &BTreeSet<String>) {
        if let Some(test) = block.said("run-by:") {
            assert!(tests.contains(test), "there is no test {test}");
        } else if let Some(why) = block.said("not-run:") {
            assert!(why.len() > 10, "why not? {why:?}");
            let markdown = format!("```\n{}```\n", block.code);
            commands_in(&markdown).iter().for_each(|words| assert_parses(words));
        } else if block.is("json") {
            assert_fits_its_schema(&block.code);
        } else if block.is("asks") {
            for line in block.code.replace(" \\\n", " ").lines() {
                let outcome = self.run(block, line);
                assert!(outcome.code == 3 && outcome.stderr.contains("no-terminal"), "{line}\n{outcome:?}");
            }
        } else if block.is("browser") {
            let wait = format!("--redirect-uri http://127.0.0.1:{}/callback --login-timeout 500ms", free_port());
            let outcome = self.run(block, &format!("{} {wait}", block.code.trim_end()));
            assert!(outcome.code == 4 && outcome.stderr.contains("login-timeout"), "{}\n{outcome:?}", block.code);
        } else {
            assert!(block.is("sh"), "nothing runs this: {block:?}");
            let code = block.said("exit-").map_or(0, |code| code.parse().unwrap());
            let outcome = self.run(block, &block.code);
            assert_eq!(outcome.code, code, "{}\n{}{}", block.code, outcome.stdout, outcome.stderr);
        }
    }
}

fn assert_fits_its_schema(text: &str) {
    let document: Value = serde_json::from_str(text).unwrap();
    let (_, schema) = schemas::ALL.iter().find(|(name, _)| document["schema"] == *name).expect("a document of snow");
    jsonschema::validate(&serde_json::from_str(schema).unwrap(), &document).unwrap_or_else(|error| panic!("{error}"));
}

/// The names of the tests of this program.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for path in files("tests/it") {
        let text = read(&path);
        let functions = text.split("#[test]\n").skip(1).filter_map(|rest| rest.split_once("fn ")?.1.split_once("() {"));
        tests.extend(functions.map(|(name, _)| name.to_owned()));
    }
    tests
}

#[test]
fn every_block_of_the_readme_and_the_topics_does_what_its_words_say() {
    let tests = tests();
    let mut ran = 0;
    for (_, text) in texts() {
        // What one text revokes at the instance is good in the next.
        let desk = Desk::new();
        for block in Block::all(&text) {
            desk.hold(&block, &tests);
            ran += usize::from(block.said("run-by:").is_none() && block.said("not-run:").is_none());
        }
    }
    assert!(ran > 30, "{ran}");
}

#[test]
fn a_wrong_flag_is_noticed_in_every_kind_of_block() {
    let (desk, tests) = (Desk::new(), tests());
    let holds = |info: &str, code: &str| {
        let block = Block { info: info.to_owned(), code: format!("{code}\n") };
        let held = std::panic::AssertUnwindSafe(|| desk.hold(&block, &tests));
        std::panic::catch_unwind(held).is_ok()
    };
    for (info, right, wrong) in [
        ("sh", "snow test acme --table incident", "snow test acme --tabel incident"),
        ("sh", "snow test acme --json | head -c1", "snow tets acme | cat"),
        ("sh new", "snow list", "snow show acme"),
        ("sh exit-3", "snow show nobody", "snow show acme"),
        ("sh asks", "snow login acme-test", "snow login acme-test --pasword-file x"),
        ("sh browser", "snow connect acme-uat --client-id x", "snow connect acme-uat --client-ip x"),
        ("sh not-run: for a reason", "snow test acme", "snow test acme --tabel x"),
        ("sh not-run: for a reason", "ls", "SNOW_STORE=file snow tets"),
        ("yaml run-by: a_wrong_flag_is_noticed_in_every_kind_of_block", "x: 1", ""),
        (
            "json",
            r#"{"schema":"snow.version/1","version":"1.2.3","os":"linux","arch":"x86_64"}"#,
            r#"{"schema":"snow.version/1"}"#,
        ),
    ] {
        assert!(holds(info, right), "{info}: {right}");
        assert!(wrong.is_empty() || !holds(info, wrong), "{info}: {wrong}");
    }
    for (info, code) in [("yaml run-by: no_such_test", "x: 1"), ("", "snow list"), ("sh not-run:", "ls")] {
        assert!(!holds(info, code), "{info}");
    }
    let unnoticed = "Words\n\n    snow test acme --tabel x\n";
    assert!(std::panic::catch_unwind(|| Block::all(unnoticed)).is_err());
}

#[test]
fn a_command_or_a_flag_that_a_sentence_names_exists() {
    let mut command = Cli::command();
    command.build();
    let commands = with_all_below(&command).into_iter();
    let flags: BTreeSet<&str> =
        commands.flat_map(|command| command.get_arguments()).filter_map(|argument| argument.get_long()).collect();
    let mut found = 0;
    for (path, text) in texts() {
        // Blocks are run.
        let prose: String = text.split("```").step_by(2).collect();
        for words in commands_in(&prose) {
            // The name alone means the command.
            match words.len() {
                2 => assert!(command.find_subcommand(&words[1]).is_some(), "{words:?}"),
                _ => assert_parses(&words),
            }
            found += 1;
        }
        for flag in prose.split('`').skip(1).step_by(2).filter_map(|span| span.strip_prefix("--")) {
            let name = flag.split([' ', '=']).next().unwrap();
            assert!(flags.contains(name), "{}: --{name}", path.display());
            found += 1;
        }
    }
    assert!(found > 60, "{found}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut found = 0;
    for (path, text) in texts() {
        for target in text.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target}", path.display());
            let anchor =
                |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-").replace(',', "");
            let is_there =
                heading.is_empty() || read(&file).lines().any(|line| line.starts_with('#') && anchor(line) == heading);
            assert!(is_there, "{}: {target}", path.display());
            found += 1;
        }
    }
    assert!(found > 40, "{found}");
}

#[test]
fn every_topic_reads_well_in_a_terminal() {
    let mut world = World::new();
    world.is_public();
    for topic in topics() {
        let text = world.person([]).run(&format!("help {topic}")).expect(0).stdout;
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{topic}: {line}");
            assert!(!line.contains("](") && !line.contains("**") && !line.starts_with(['#', '|']), "{topic}: {line}");
            assert!(!line.contains('`') || topic == "platforms", "{topic}: {line}");
        }
    }
    let list = world.run("help topics").expect(0);
    let names = topics();
    list.says(&names.iter().map(String::as_str).filter(|name| *name != "topics").collect::<Vec<_>>());
}

/// The rows of a table below a heading: the text that people see, and the codes.
fn index(text: &str, heading: &str) -> Vec<(String, Vec<String>)> {
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let section = section.split("\n## ").next().unwrap();
    let rows =
        section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")).skip(2);
    let codes = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.map(|(seen, cell)| (seen.to_owned(), codes(cell))).collect()
}

#[test]
fn a_text_of_an_instance_has_the_code_that_it_is_given() {
    let text = read(&sources().join("src/help/troubleshooting.md"));
    let mut exchanges = Vec::new();
    for path in files("tests/it/exchanges").into_iter().chain(files("tests/it/exchanges/oauth")) {
        let exchange: Value = serde_json::from_str(&read(&path)).unwrap();
        let code = exchange["expect"]["code"].as_str().unwrap_or_default().to_owned();
        exchanges.push((exchange["response"]["body"].to_string(), code));
    }
    let rows = [index(&text, "What an instance says"), index(&text, "A page instead of an answer")].concat();
    assert!(rows.len() > 25, "{rows:?}");
    for (seen, codes) in rows {
        for code in &codes {
            let is_so = exchanges.iter().any(|(body, expected)| body.contains(&seen) && expected == code);
            assert!(is_so, "no exchange with {seen:?} has the code {code}");
        }
        assert!(!codes.is_empty(), "{seen} has no code");
    }
}

#[test]
fn a_text_of_ours_has_the_code_that_it_is_given() {
    let text = read(&sources().join("src/help/troubleshooting.md"));
    let screens: String = files("tests/it/snapshots").iter().map(|path| read(path)).collect();
    let screens: Vec<&str> = screens.split("\n$ snow ").collect();
    let rows = index(&text, "What snow says");
    assert!(rows.len() > 15, "{rows:?}");
    for (seen, codes) in rows {
        let [code] = &codes[..] else { panic!("{seen}: {codes:?}") };
        let is_so = |screen: &&str| screen.contains(&seen) && screen.contains(&format!("snow explain {code}\n"));
        assert!(screens.iter().any(is_so), "no screen with {seen:?} has the code {code}");
    }
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    for (what, codes) in index(&text, "This machine") {
        for code in codes.iter().filter(|span| !span.contains(' ')) {
            assert!(known.contains(&code.as_str()) || code == "snow", "{what}: {code}");
        }
    }
}

#[test]
fn the_topic_shows_the_library_as_it_is_used() {
    let example = read(&sources().join("tests/examples/get.rs"));
    let blocks = Block::all(&read(&sources().join("src/help/library.md")));
    let code = &blocks.iter().find(|block| block.is("rust")).unwrap().code;
    assert!(code.lines().count() == 4 && code.lines().all(|line| example.contains(line)), "{code}");
}
