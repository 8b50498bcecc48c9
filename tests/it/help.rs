//! Completion, manual pages and help topics.

use std::process::Command;

use crate::world::World;
use crate::world::process::{finish, program, snow};

#[test]
fn a_shell_completes_the_names_of_connections_without_a_keyring() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join(".config/snow");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(
        config.join("config.toml"),
        "[connections.acme-prod]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"x\"\n\
         [connections.beta]\ninstance = \"beta\"\nauth = \"basic\"\nusername = \"x\"\n",
    )
    .unwrap();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(program(), bin.join("snow")).unwrap();
    let mut bash = Command::new("bash");
    bash.env_clear()
        .env("HOME", home.path())
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .args(["--norc", "-c"]);
    bash.arg(
        "source <(snow completion bash)\n\
         try() { COMP_WORDS=(snow \"$@\"); COMP_CWORD=$#; COMP_TYPE=9; COMPREPLY=(); _clap_complete_snow snow \"${@: -1}\" x; echo \"${COMPREPLY[*]}\"; }\n\
         try test ac; try use b; try remo; try show acme-prod --outp",
    );
    let outcome = finish(bash, b"").expect(0);
    assert_eq!(
        outcome.stdout.lines().collect::<Vec<_>>(),
        ["acme-prod", "beta", "remove", "--output"],
        "{}",
        outcome.stderr
    );
}

#[test]
fn every_shell_gets_a_script_that_asks_this_program() {
    let mut world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        world.run(&format!("completion {shell}")).expect(0).says(&["SNOW_COMPLETE", "snow"]);
    }
    world.run("completion tcsh").expect(2).says(&["bash"]);
}

#[test]
fn every_command_has_a_manual_page() {
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command.args(["man", "--dir", "."]);
    finish(command, b"").expect(0);
    for page in ["snow.1", "snow-connect.1", "snow-test.1", "snow-remove.1"] {
        let text = std::fs::read_to_string(home.path().join(page)).unwrap();
        assert!(text.contains(".SH"), "{page}");
    }
    let mut command = snow(home.path());
    command.args(["man", "--dir", "snow.1/below-a-file"]);
    finish(command, b"").expect(3);
}

#[test]
fn the_topics_exist_and_the_codes_are_complete() {
    let mut world = World::new();
    for topic in ["environment", "precedence", "security", "connect"] {
        assert!(world.run(&format!("help {topic}")).expect(0).stdout.lines().count() > 10, "{topic}");
    }
    let codes = world.run("help exit-codes").expect(0).stdout;
    for code in snow_connect::error::Code::ALL {
        let exit_code = code.class().exit_code();
        let named = codes.contains(code.as_str()) || exit_code == 1;
        assert!(named, "{} is not listed", code.as_str());
    }
    world.run("help nonsense").expect(2).says(&["exit-codes"]);
    assert!(world.run("connect --help").expect(0).stdout.starts_with("Examples:"));
}

#[test]
fn near_misses_are_suggested() {
    let mut world = World::new();
    world.run("conect").expect(2).says(&["Did you mean connect?"]);
    world.run("test --tabel x").expect(2).says(&["--table"]);
    world.write_config("[connections.acme]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"x\"\n");
    world.run("show acmee").expect(3).says(&["Did you mean acme?"]);
}
