//! Help, manual pages, and what a wrong command line is told.

use clap::CommandFactory;
use snow_connect::cli::args::Cli;
use snow_connect::cli::command::with_all_below;

use crate::world::process::{finish, snow, tool};
use crate::world::{Answer, World};

/// The commands, as the help has them.
fn commands() -> Vec<clap::Command> {
    let mut root = Cli::command();
    root.build();
    root.get_subcommands().cloned().collect()
}

#[test]
fn every_command_has_a_manual_page_that_groff_takes() {
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command.args(["man", "--dir", "."]);
    finish(command, b"").expect(0);
    let names = commands().into_iter().map(|command| format!("snow-{}.1", command.get_name()));
    for page in names.chain(["snow.1".to_owned()]) {
        let path = home.path().join(&page);
        let text = std::fs::read_to_string(&path).unwrap();
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        for heading in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES"]
        {
            assert!(headings.contains(&heading), "{page}: {headings:?}");
        }
        assert!(!text.contains("EXTRA"), "{page}");
        let mut groff = tool("groff");
        groff.args(["-man", "-Tutf8", "-ww", "-P-c", "-rLL=80n"]).arg(&path);
        let shown = finish(groff, b"").expect(0);
        assert_eq!(shown.stderr, "", "{page}");
        for line in shown.stdout.lines() {
            // Bold and underline are letters over letters.
            let width = line.chars().count() - 2 * line.matches('\u{8}').count();
            assert!(width <= 80, "{page}: {line}");
        }
    }
    let mut command = snow(home.path());
    command.args(["man", "--dir", "snow.1/below-a-file"]);
    finish(command, b"").expect(3);
}

#[test]
fn man_prints_the_page_of_a_command() {
    let mut world = World::new();
    world.run("man test").expect(0).says(&["snow\\-test \\- Test connections", "snow test acme", "SNOW_CONNECTION"]);
    world.run("man ls").expect(0).says(&["snow\\-list \\- List"]);
    world.run("man").expect(0).says(&["SNOW_PASSWORD_FILE", "secrets.age", "snow demo"]);
    world.run("man tets").expect(2).says(&["there is no command \"tets\"", "Did you mean test?"]);
}

#[test]
fn help_is_the_same_however_it_is_asked_for() {
    let mut world = World::new();
    let whole = world.run("--help").expect(0).stdout;
    for line in ["-h", "help"] {
        assert_eq!(world.run(line).expect(0).stdout, whole, "{line}");
    }
    for command in commands() {
        let name = command.get_name();
        let help = world.run(&format!("help {name}")).expect(0).stdout;
        for flag in ["-h", "--help"] {
            assert_eq!(world.run(&format!("{name} {flag}")).expect(0).stdout, help, "{name} {flag}");
        }
    }
}

#[test]
fn help_begins_with_the_purpose_and_ends_with_examples() {
    let mut world = World::new();
    for command in commands() {
        let name = command.get_name();
        let help = world.run(&format!("help {name}")).expect(0).stdout;
        let about = command.get_about().unwrap().to_string();
        assert!(help.starts_with(&about), "{help}");
        let usage = help.find("\nUsage: snow ").unwrap();
        let examples = help.find("\nExamples:\n").unwrap_or_else(|| panic!("{name} has no examples"));
        assert!(usage < examples, "{help}");
        assert!(help.ends_with("Global options, such as --json and --timeout: snow --help\n"), "{help}");
        assert!(!help.contains("--ca-cert"), "{help}");
    }
    let whole = world.run("--help").expect(0).stdout;
    assert!(whole.contains("--ca-cert"), "{whole}");
}

#[test]
fn help_in_colour_says_the_same() {
    let mut world = World::new();
    let lines: Vec<String> = commands().iter().map(|command| format!("{} --help", command.get_name())).collect();
    let plain: Vec<String> = lines.iter().map(|line| world.run(line).expect(0).stdout).collect();
    world.unset("NO_COLOR").set("CLICOLOR_FORCE", "1");
    for (line, plain) in lines.iter().zip(plain) {
        let mut coloured = world.run(line).expect(0).stdout;
        assert!(coloured.contains("\u{1b}[1mExamples:\u{1b}[0m"), "{coloured:?}");
        for sequence in ["\u{1b}[0m", "\u{1b}[1m"] {
            coloured = coloured.replace(sequence, "");
        }
        assert_eq!(coloured, plain, "{line}");
    }
}

#[test]
fn every_argument_is_described_in_the_help() {
    let commands = commands();
    for command in commands.iter().flat_map(with_all_below) {
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.len() > 5, "{} {}", command.get_name(), argument.get_id());
        }
    }
}

#[test]
fn help_fits_the_terminal() {
    let mut world = World::new();
    for columns in [60, 80] {
        world.columns = columns;
        let lines = commands().into_iter().map(|command| format!("help {}", command.get_name()));
        for line in lines.chain(["--help".to_owned()]) {
            for text in world.run(&line).expect(0).stdout.lines() {
                assert!(text.chars().count() <= columns, "{line} at {columns}: {text}");
            }
        }
    }
}

#[test]
fn the_topics_exist_and_the_codes_are_complete() {
    let mut world = World::new();
    for topic in ["environment", "precedence", "security", "connect"] {
        assert!(world.run(&format!("help {topic}")).expect(0).stdout.lines().count() > 10, "{topic}");
    }
    let codes = world.run("help exit-codes").expect(0).stdout;
    for code in snow_connect::base::code::Code::ALL {
        let exit_code = code.class().exit_code();
        let named = codes.contains(code.as_str()) || exit_code == 1;
        assert!(named, "{} is not listed", code.as_str());
    }
    world.run("help nonsense").expect(2).says(&["snow help topics"]);
}

#[test]
fn the_schemas_are_one_document_or_each_one() {
    let mut world = World::new();
    let all = world.run("help schemas").expect(0);
    assert_eq!(all.stdout, world.run("help schemas --json").expect(0).stdout);
    let document = all.json();
    assert_eq!(document["schema"], "snow.schemas/1");
    let schemas = document["schemas"].as_array().unwrap();
    assert_eq!(schemas.len(), snow_connect::base::schemas::ALL.len());
    let test = world.run("help schemas snow.test/1").expect(0).json();
    assert_eq!(test["title"], "snow.test/1");
    assert!(schemas.contains(&test));
    world.run("help schemas snow.test").expect(2).says(&["snow.test/1", "snow.error/1"]);
    world.run("help security snow.test/1").expect(2).says(&["Leave it out"]);
}

#[test]
fn near_misses_are_suggested_and_far_ones_are_not() {
    let mut world = World::new();
    world.run("conect").expect(2).says(&["unknown command \"conect\"", "Did you mean connect?"]);
    world.run("tets").expect(2).says(&["Did you mean test?"]);
    world.run("stat").expect(2).says(&["Did you mean status?"]);
    world.run("test --tabel x").expect(2).says(&["unknown flag --tabel", "Did you mean --table?", "snow test --help"]);
    world.run("-version").expect(2).says(&["Did you mean --version?"]);
    for far in ["banana", "xyz", "test --nope"] {
        let outcome = world.run(far).expect(2);
        assert!(!outcome.stderr.contains("Did you mean"), "{}", outcome.stderr);
    }
    world.write_config("[connections.acme]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"x\"\n");
    world.run("show acmee").expect(3).says(&["Did you mean acme?"]);
    world.run("edit acme --set table=incident").expect(2).says(&["Did you mean tables?"]);
    world.run("edit acme --set name=other").expect(2).says(&["snow rename OLD NEW"]);
}

#[test]
fn the_words_of_other_programs_lead_to_ours() {
    let mut world = World::new();
    for (line, ours) in [
        ("delete acme", "snow remove NAME"),
        ("add dev12345", "snow connect INSTANCE"),
        ("auth", "snow login NAME"),
        ("auth logout", "snow logout NAME"),
        ("switch acme", "snow use NAME"),
        ("config", "snow edit NAME --set KEY=VALUE"),
        ("get acme", "snow show NAME"),
        ("update acme", "snow edit NAME"),
        ("ping", "snow test NAME"),
        ("signout", "snow logout NAME"),
        ("profiles", "snow list"),
        ("ver", "snow version"),
    ] {
        let word = line.split(' ').next().unwrap();
        let outcome = world.run(line).expect(2);
        outcome.says(&[&format!("unknown command \"{word}\""), ours]);
        assert!(!outcome.stderr.contains("Did you mean"), "{}", outcome.stderr);
        let steps = world.run(&format!("{line} --json")).expect(2).json()["error"]["steps"].clone();
        let commands: Vec<&str> =
            steps.as_array().unwrap().iter().filter_map(|step| step["command"].as_str()).collect();
        assert!(commands.iter().any(|command| command.starts_with(ours)), "{line}: {commands:?}");
    }
}

#[test]
fn a_word_that_may_be_a_secret_is_not_repeated() {
    let mut world = World::new();
    for word in ["Hunter2!", "p4ssw0rd", "averylongwordthatcannotbeacommand"] {
        let outcome = world.run(word).expect(2);
        assert!(!outcome.stderr.contains(word), "{}", outcome.stderr);
        outcome.says(&["unknown command", "snow --help lists the commands"]);
    }
}

/// Two connections, of which the second is the default.
fn two() -> World {
    let world = World::new();
    world.write_config(
        "version = 1\ndefault = \"beta\"\n\
         [connections.acme]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"x\"\n\
         [connections.beta]\ninstance = \"beta\"\nauth = \"basic\"\nusername = \"x\"\n",
    );
    world
}

#[test]
fn use_alone_offers_the_connections_and_marks_what_is_chosen() {
    let mut world = two();
    std::fs::write(world.directory.join(".snow.toml"), "connection = \"acme\"\n").unwrap();
    world.person([Answer::Choose(0)]).run("use").expect(0).says(&["acme is now the default"]);
    let questions = world.questions.lock().unwrap().clone();
    let expected = "choice: Which connection?\n    acme   acme.service-now.com, chosen here by .snow.toml\n    \
                    beta   beta.service-now.com, the default";
    assert_eq!(questions, [expected]);
    assert!(world.config().contains("default = \"acme\""), "{}", world.config());
}

#[test]
fn use_alone_without_a_terminal_names_the_connections() {
    let mut world = two();
    let before = world.config();
    world.run("use").expect(2).says(&["missing: NAME", "The connections are acme, beta"]);
    world.run("use --no-input").expect(2).says(&["acme, beta"]);
    assert_eq!(world.config(), before);
    World::new().run("use").expect(3).says(&["there is no connection yet", "snow connect INSTANCE"]);
}

#[test]
fn guide_alone_offers_the_methods() {
    let mut world = World::new();
    let chosen = world.person([Answer::Choose(2)]).run("guide").expect(0).stdout;
    assert_eq!(chosen, world.person([]).run("guide basic").expect(0).stdout);
    let listed = world.run("guide").expect(0).stdout;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split("   ").next()).map(str::trim).collect();
    assert_eq!(names, ["oauth", "client-credentials", "basic", "api-key", "jwt-bearer", "certificate", "token"]);
    assert_eq!(world.run("guide --json").expect(2).error_code(), "usage");
}

#[test]
fn completion_alone_takes_the_shell_that_the_variable_names_and_says_so() {
    let mut world = World::new();
    world.run("completion").expect(2).says(&["missing: SHELL", "bash, zsh, fish, powershell"]);
    world.set("SHELL", "/usr/bin/fish");
    let outcome = world.run("completion").expect(0);
    assert_eq!(outcome.stdout, world.run("completion fish").expect(0).stdout);
    outcome.says(&["The script for fish, the shell that SHELL names."]);
    let screen = world.person([]).run("completion").expect(0);
    screen.says(&["fish ~/.config/fish/config.fish (your shell, by SHELL)", "source <(snow completion bash)"]);
    assert!(!screen.stdout.contains("SNOW_COMPLETE"), "{}", screen.stdout);
}

#[test]
fn short_names_are_the_same_commands() {
    let mut world = two();
    for (short, long) in [("ls", "list"), ("whoami", "status"), ("rm acme --no-input", "remove acme --no-input")] {
        let (short, long) = (world.run(short), world.run(long));
        assert_eq!((short.code, short.stdout, short.stderr), (long.code, long.stdout, long.stderr));
    }
    let help = world.run("--help").expect(0);
    help.says(&["[alias: ls]", "[alias: rm]", "[alias: whoami]"]);
}
