//! What a person sees, as it is.

use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::world::World;

/// The port differs from run to run.
fn steady(text: &str, origin: &str) -> String {
    text.replace(origin.trim_start_matches("http://"), "127.0.0.1:PORT")
}

#[test]
fn the_demo_tells_its_story_and_leaves_nothing() {
    let mut world = World::new();
    let outcome = world.run("demo").expect(0);
    outcome.says(&[
        "hibernating",
        "rejected the sign-in of beth.anglin",
        "cannot read any row of incident",
        "Nothing is left",
    ]);
    outcome.says(&[
        "connected as beth.anglin (oauth)",
        "renewed, 29 min left",
        "refused to refresh",
        "signed in as beth.anglin",
    ]);
    assert_eq!(std::fs::read_dir(world.home()).unwrap().count(), 0);
    // It needs none of the variables by which a system names directories.
    world.set_home(None);
    let steps = world.run("demo --json").expect(0).json();
    assert_eq!(steps["steps"].as_array().unwrap().len(), 12);
}

#[test]
fn a_list_is_a_table_and_a_document() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.run("list").expect(0).says(&["No connections yet", "snow connect INSTANCE"]);
    assert_eq!(world.run("list --json").json()["connections"], serde_json::json!([]));
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let outcome = world.person([]).run("list").expect(0);
    let text = steady(&outcome.stdout, &sandbox.origin()).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        text,
        "NAME INSTANCE AS SIGN-IN LAST TEST ▸ acme 127.0.0.1:PORT beth.anglin Basic ✓ just now ▸ the default connection"
    );
}

/// A connection, and a person who looks at it on a terminal this wide.
fn looked_at(columns: usize) -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme-production", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.columns = columns;
    (sandbox, world)
}

#[test]
fn every_screen_fits_its_terminal() {
    for columns in [40, 60, 80, 120, 200] {
        let (sandbox, mut world) = looked_at(columns);
        let other = format!("connect {} --name b --username admin --password-stdin", sandbox.origin());
        world.stdin("sandbox-admin").run(&other).expect(0);
        let mut screens = Vec::new();
        for (scenario, line) in [
            (None, "list"),
            (None, "show"),
            (None, "status"),
            (None, "doctor"),
            (None, "test"),
            (None, "test --table incident,sys_user"),
            (None, "test nope"),
            (None, "test --table nope"),
            (Some(Scenario::Hibernating), "test"),
            (Some(Scenario::BasicRefused), "test"),
            (Some(Scenario::TableHidden), "test --table incident"),
            (None, "test --all"),
            (Some(Scenario::TableHidden), "test --all --table incident"),
        ] {
            sandbox.set_scenario(scenario);
            let outcome = world.person([]).run(line);
            screens.push(format!("{}{}", outcome.stdout, outcome.stderr));
        }
        for screen in screens {
            for line in screen.lines() {
                // A word that is longer than a line stays whole, to be copied.
                let is_one_word = line.split_whitespace().count() <= 2;
                assert!(line.chars().count() <= columns || is_one_word, "{columns}: {line:?}");
            }
        }
    }
}

#[test]
fn the_verdict_comes_first_then_why_then_what_to_do() {
    let (sandbox, mut world) = looked_at(80);
    sandbox.set_scenario(Some(Scenario::TableHidden));
    let outcome = world.person([]).run("test acme-production --table incident").expect(5);
    let text = steady(&outcome.stdout, &sandbox.origin());
    // If the verdict fills its line, the exit code is below it.
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "✗ acme-production  signed in as beth.anglin, but cannot read any row of incident");
    assert_eq!(lines[1], format!("{:>80}", "exit 5"));
    assert!(lines[3].starts_with("  why    The instance counts 400 rows"), "{text}");
    let at = |start: &str| {
        lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"))
    };
    assert!(at("  why") < at("  do") && at("  do") < at("  seen"), "{text}");
    assert!(lines[at("  do")].contains("Ask an administrator to give beth.anglin read access to incident"), "{text}");
    assert_eq!(lines[lines.len() - 2], "  ✓ keyring  ✓ network  ✓ servicenow  ✓ awake  ✓ sign-in  ✗ table incident");
    assert_eq!(lines[lines.len() - 1], "  ✓ identity  ✓ clock");
}

#[test]
fn symbols_survive_without_colour_and_in_an_ascii_locale() {
    let (_sandbox, mut world) = looked_at(80);
    world.set("LC_ALL", "C");
    let outcome = world.person([]).run("test").expect(0);
    assert!(outcome.stdout.is_ascii(), "{}", outcome.stdout);
    assert!(outcome.stdout.starts_with("ok acme-production  beth.anglin - Basic - "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("=="), "{}", outcome.stdout);
    let outcome = world.person([]).run("connect dev1 --username u --json --no-input").expect(3);
    assert!(outcome.json()["error"]["next"].is_array());
    assert!(!outcome.stdout.contains('\u{1b}'));
}

#[test]
fn colour_is_for_terminals_and_for_those_who_force_it() {
    let (_sandbox, mut world) = looked_at(80);
    let is_coloured = |world: &mut World, line: &str, person: bool| {
        if person {
            world.person([]);
        }
        world.run(line).stdout.contains('\u{1b}')
    };
    // World sets NO_COLOR.
    assert!(!is_coloured(&mut world, "list", true));
    assert!(is_coloured(&mut world, "list --color always", false));
    world.set("NO_COLOR", "");
    assert!(is_coloured(&mut world, "list", true));
    assert!(!is_coloured(&mut world, "list --color never", true));
    assert!(!is_coloured(&mut world, "list", false));
    world.set("TERM", "dumb");
    assert!(!is_coloured(&mut world, "list", true));
    world.set("CLICOLOR_FORCE", "1");
    assert!(is_coloured(&mut world, "list", false));
}
