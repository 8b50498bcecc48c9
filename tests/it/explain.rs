//! The long texts of the error codes.

use snow_connect::base::code::Code;
use snow_connect::cli::command::with_all_below;
use snow_connect::cli::explain::explanation;

use crate::world::World;
use crate::world::commands::{assert_parses, commands_in};

#[test]
fn every_code_is_explained_within_80_columns() {
    let mut world = World::new();
    for code in Code::ALL {
        let outcome = world.person([]).run(&format!("explain {}", code.as_str())).expect(0);
        let text = &outcome.stdout;
        assert!(text.starts_with(code.as_str()), "{text}");
        outcome.says(&[explanation(*code).summary, "What to do", "What snow did"]);
        outcome.says(&[&format!("{}, exit {}", code.class().as_str(), code.class().exit_code())]);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
            assert!(!line.contains('`') && !line.contains("**") && !line.starts_with('#'), "{line}");
        }
    }
}

#[test]
fn every_command_that_a_text_names_exists() {
    let mut found = 0;
    for code in Code::ALL {
        for words in commands_in(&explanation(*code).body) {
            assert_parses(&words);
            found += 1;
        }
    }
    assert!(found > 80, "{found}");
}

#[test]
fn a_flag_that_a_text_names_exists() {
    use clap::CommandFactory;
    let mut command = snow_connect::cli::args::Cli::command();
    command.build();
    let commands = with_all_below(&command).into_iter();
    let flags: Vec<&str> =
        commands.flat_map(|command| command.get_arguments().filter_map(|argument| argument.get_long())).collect();
    for code in Code::ALL {
        let body = explanation(*code).body;
        let spans = body.split('`').skip(1).step_by(2);
        for flag in spans.filter_map(|span| span.strip_prefix("--")) {
            let name = flag.split_whitespace().next().unwrap();
            assert!(flags.contains(&name), "{}: --{name}", code.as_str());
        }
    }
}

#[test]
fn a_command_is_named_only_where_the_tests_see_it() {
    use clap::CommandFactory;
    let command = snow_connect::cli::args::Cli::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    for code in Code::ALL {
        let body = explanation(*code).body;
        let prose: Vec<&str> = body.split('`').step_by(2).collect();
        let prose = prose.join(" ");
        let words: Vec<&str> = prose.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "snow") {
            assert!(!names.contains(&pair[1]), "{}: snow {} without marks", code.as_str(), pair[1]);
        }
    }
}

#[test]
fn the_list_has_every_code_by_class() {
    let mut world = World::new();
    let text = world.person([]).run("explain").expect(0).stdout;
    let mut class = "";
    let mut listed = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        assert!(line.chars().count() <= 80, "{line}");
        match line.strip_prefix("  ") {
            None => class = line.split(',').next().unwrap(),
            Some(line) => listed.push((class, line.split_whitespace().next().unwrap())),
        }
    }
    let all: Vec<_> = Code::ALL.iter().map(|code| (code.class().as_str(), code.as_str())).collect();
    assert_eq!(listed, all);
}

#[test]
fn json_has_the_facts_and_the_text() {
    let mut world = World::new();
    let outcome = world.run("explain tls-expired --json").expect(0);
    let document = outcome.json();
    assert_eq!(document["schema"], "snow.explain/1");
    assert_eq!(document["code"], "tls-expired");
    assert_eq!(document["class"], "network");
    assert_eq!(document["exit_code"], 6);
    assert_eq!(document["retryable"], false);
    assert_eq!(document["summary"], "The certificate has expired or is not valid yet");
    assert!(document["text"].as_str().unwrap().contains("clock of this machine"));
    assert!(outcome.stderr.is_empty());
    assert_eq!(world.run("explain timeout --json").json()["retryable"], true);
    let list = world.run("explain --json").expect(0).json();
    assert_eq!(list["schema"], "snow.explain.list/1");
    assert_eq!(list["codes"].as_array().unwrap().len(), Code::ALL.len());
    assert_eq!(list["codes"][0]["code"], "internal");
    assert_eq!(world.run("explain nope --json").expect(2).error_code(), "usage");
}

#[test]
fn an_unknown_code_gets_the_nearest_one() {
    let mut world = World::new();
    world
        .run("explain basic-refusd")
        .expect(2)
        .says(&["unknown error code basic-refusd", "Did you mean basic-refused?"]);
    world.run("explain hibernating").expect(2).says(&["Did you mean instance-hibernating?"]);
    world.run("explain something-else").expect(2).says(&["snow explain lists all codes"]);
    let outcome = world.run_words(&["explain", "\u{1b}]0;x\u{7}$(x)"]).expect(2);
    assert!(!outcome.stderr.contains("$(x)") && !outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
}

#[test]
fn a_failure_says_where_more_is_said() {
    let mut world = World::new();
    let outcome = world.run("show nope").expect(3);
    assert!(outcome.stderr.ends_with("  see    snow explain unknown-connection\n"), "{}", outcome.stderr);
    assert!(!world.run("show --nope").expect(2).stderr.contains("snow explain"));
    let config = "[connections.a]\ninstance = \"http://127.0.0.1:9\"\nauth = \"basic\"\nusername = \"x\"\n";
    world.write_config(config);
    let outcome = world.run("test a").expect(4);
    assert!(outcome.stdout.lines().any(|line| line == "  see    snow explain no-credential"), "{}", outcome.stdout);
}
