//! What a person sees, as it is.

use snow_connect::sandbox::Sandbox;

use crate::world::World;

/// Ports, times and ids differ from run to run.
fn steady(text: &str, origin: &str) -> String {
    let host = origin.trim_start_matches("http://");
    let text = text.replace(host, "127.0.0.1:PORT");
    let mut steady = String::new();
    for line in text.lines() {
        let mut words = Vec::new();
        for word in line.split(' ') {
            let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
            words.push(if is_number && line.contains(" ms") { "N" } else { word });
        }
        steady.push_str(words.join(" ").replace("< 1 ms", "N ms").replace("< N ms", "N ms").trim_end());
        steady.push('\n');
    }
    steady
}

#[test]
fn the_demo_tells_its_story_and_leaves_nothing() {
    let mut world = World::new();
    let outcome = world.run("demo").expect(0);
    outcome.says(&["asleep", "refused beth.anglin", "no row of incident", "Nothing is left"]);
    assert_eq!(std::fs::read_dir(world.home()).unwrap().count(), 0);
    let steps = world.run("demo --json").expect(0).json();
    assert_eq!(steps["steps"].as_array().unwrap().len(), 7);
}

#[test]
fn a_list_is_a_table_and_a_document() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.run("list").expect(0).says(&["No connections yet", "snow connect INSTANCE"]);
    assert_eq!(world.run("list --json").json()["connections"], serde_json::json!([]));
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let outcome = world.run("list").expect(0);
    let text = steady(&outcome.stdout, &sandbox.origin()).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(text, "NAME INSTANCE AS SIGN-IN LAST TEST ▸ acme 127.0.0.1:PORT beth.anglin Basic ok just now");
}
