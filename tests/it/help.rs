//! Completion, manual pages and help topics.

use crate::world::World;
use crate::world::process::{finish, program, snow, tool};

/// A home with two connections, and the program on the PATH as `snow`.
fn home_of_two() -> tempfile::TempDir {
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
    home
}

/// What a shell prints when it runs `script` there.
fn in_shell(shell: &str, flags: &[&str], script: &str) -> Vec<String> {
    let home = home_of_two();
    let mut command = tool(shell);
    let path = format!("{}:/usr/bin:/bin", home.path().join("bin").display());
    command.env_clear().env("HOME", home.path()).env("PATH", path).args(flags).args(["-c", script]);
    let outcome = finish(command, b"").expect(0);
    outcome.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_the_names_of_connections_without_a_keyring() {
    let script = "source <(snow completion bash)\n\
        try() { COMP_WORDS=(snow \"$@\"); COMP_CWORD=$#; COMP_TYPE=9; COMPREPLY=(); _clap_complete_snow snow \"${@: -1}\" x; echo \"${COMPREPLY[*]}\"; }\n\
        try test ac; try use b; try remo; try show acme-prod --outp; try guide cl; try guide oauth b; try explain tls-e";
    let completed = in_shell("bash", &["--norc"], script);
    assert_eq!(completed, ["acme-prod", "beta", "remove", "--output", "client-credentials", "beta", "tls-expired"]);
}

#[test]
fn fish_completes_the_names_of_connections_with_where_they_lead() {
    let script = "snow completion fish | source; complete -C 'snow test ac'; complete -C 'snow use b'";
    let completed = in_shell("fish", &["--no-config"], script);
    assert_eq!(completed, ["acme-prod\tacme.service-now.com", "beta\tbeta.service-now.com"]);
}

#[test]
fn zsh_takes_the_completion_script() {
    let script = "autoload -U compinit; compinit -u; source <(snow completion zsh); print ${_comps[snow]}; \
        words=(snow test ac); SNOW_COMPLETE=zsh _CLAP_COMPLETE_INDEX=2 snow -- snow test ac";
    let printed = in_shell("zsh", &["-f"], script);
    assert_eq!(printed[0], "_clap_dynamic_completer_snow");
    assert!(printed[1].starts_with("acme-prod"), "{printed:?}");
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
    for code in snow_connect::base::code::Code::ALL {
        let exit_code = code.class().exit_code();
        let named = codes.contains(code.as_str()) || exit_code == 1;
        assert!(named, "{} is not listed", code.as_str());
    }
    world.run("help nonsense").expect(2).says(&["snow help topics"]);
    assert!(world.run("connect --help").expect(0).stdout.starts_with("Examples:"));
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
fn near_misses_are_suggested() {
    let mut world = World::new();
    world.run("conect").expect(2).says(&["Did you mean connect?"]);
    world.run("test --tabel x").expect(2).says(&["--table"]);
    world.write_config("[connections.acme]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"x\"\n");
    world.run("show acmee").expect(3).says(&["Did you mean acme?"]);
}
