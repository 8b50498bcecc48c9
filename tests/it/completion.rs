//! Completion by real shells.

use std::path::Path;

use crate::world::World;
use crate::world::process::{finish, program, tool};
use crate::world::pty::Terminal;

/// A home with two connections and a file, and the program on the PATH as `snow`.
fn home_of_two() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join(".config/snow");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(
        config.join("config.toml"),
        "[connections.acme-prod]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"beth\"\ntables = [\"cmdb_ci\"]\n\
         labels = { env = \"prod\" }\n\
         [connections.beta]\ninstance = \"beta\"\nauth = \"basic\"\nusername = \"joe\"\n",
    )
    .unwrap();
    std::fs::write(home.path().join("report.xml"), "").unwrap();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(program(), bin.join("snow")).unwrap();
    home
}

fn path(home: &Path) -> String {
    format!("{}:/usr/bin:/bin", home.join("bin").display())
}

/// What is typed before the tab, and what stands there after it.
const COMPLETED: [(&str, &str); 28] = [
    ("test ac", "test acme-prod"),
    ("rm be", "rm beta"),
    ("test --connection=be", "test --connection=beta"),
    ("login ac", "login acme-prod"),
    ("remo", "remove"),
    ("show acme-prod --outp", "show acme-prod --output"),
    ("connect --auth cl", "connect --auth client-credentials"),
    ("connect --auth=o", "connect --auth=oauth"),
    ("connect --scope= --auth=o", "connect --scope= --auth=oauth"),
    ("connect --store fi", "connect --store file"),
    ("connect --store=k", "connect --store=keyring"),
    ("connect --password-file=rep", "connect --password-file=report.xml"),
    ("connect --password-file rep", "connect --password-file report.xml"),
    ("test -o ju", "test -o junit"),
    ("test -o junit=rep", "test -o junit=report.xml"),
    ("list --color=n", "list --color=never"),
    ("test --filter env=", "test --filter env=prod"),
    ("test --filter=env=pr", "test --filter=env=prod"),
    ("test --table=cm", "test --table=cmdb_ci"),
    ("edit beta --set pkce=t", "edit beta --set pkce=true"),
    ("edit beta --set state=d", "edit beta --set state=disabled"),
    ("edit beta --set ca_cert=rep", "edit beta --set ca_cert=report.xml"),
    ("edit beta --unset desc", "edit beta --unset description"),
    ("sandbox --scenario hib", "sandbox --scenario hibernating"),
    ("help exit", "help exit-codes"),
    ("help schemas snow.tok", "help schemas snow.token/1"),
    ("explain tls-e", "explain tls-expired"),
    ("guide cl", "guide client-credentials"),
];

/// A shell at a terminal, set up by `script`, which makes `show` print its arguments and
/// complete as `snow` does. `COMPLETED` is typed there.
fn types_and_completes(shell: &str, flags: &[&str], script: &str) {
    let home = home_of_two();
    let rc = home.path().join("rc");
    std::fs::write(&rc, script).unwrap();
    let mut command = tool(shell);
    command.args(flags).env("HOME", home.path()).env("PATH", path(home.path())).env("PS1", "ready> ");
    let mut terminal = Terminal::start(home.path(), &command);
    terminal.wait_for("ready> ");
    terminal.send(". ./rc; echo set\" \"up\n");
    terminal.wait_for("set up");
    for (typed, completed) in COMPLETED {
        terminal.send(&format!("show {typed}\t"));
        terminal.wait_for(completed.strip_prefix(typed).expect("more than was typed"));
        terminal.send("\n");
        let printed = terminal.wait_for_line("GOT<");
        assert_eq!(printed.trim_end_matches('>').trim_end(), completed, "{shell}: {typed}");
    }
    terminal.send("exit\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
}

#[test]
fn bash_completes_names_and_values_after_a_space_and_after_an_equals_sign() {
    let script = "bind 'set enable-bracketed-paste off'\nsource <(snow completion bash)\nshow() { echo \"GOT<$*>\"; }\n\
        complete -o nospace -o bashdefault -o nosort -F _snow_complete show\n";
    types_and_completes("bash", &["--norc", "--noprofile", "-i"], script);
}

#[test]
fn zsh_completes_names_and_values_after_a_space_and_after_an_equals_sign() {
    let script = "autoload -U compinit; compinit -u -D\nsource <(snow completion zsh)\nunsetopt zle_bracketed_paste\n\
        show() { print -r -- \"GOT<$*>\"; }\ncompdef _snow_complete show\n";
    types_and_completes("zsh", &["-f", "-i"], script);
}

/// What fish offers for a line, with its remarks.
fn fish_offers(lines: &[&str]) -> Vec<Vec<String>> {
    let home = home_of_two();
    let asked: String = lines.iter().map(|line| format!("; complete -C '{line}'; echo ==")).collect();
    let mut command = tool("fish");
    command.env_clear().env("HOME", home.path()).env("PATH", path(home.path())).current_dir(home.path());
    command.args(["--no-config", "-c", &format!("snow completion fish | source{asked}")]);
    let stdout = finish(command, b"").expect(0).stdout;
    let answers = stdout.strip_suffix("==\n").unwrap_or_else(|| panic!("{stdout}"));
    answers.split("==\n").map(|answer| answer.lines().map(str::to_owned).collect()).collect()
}

#[test]
fn fish_completes_names_and_values_after_a_space_and_after_an_equals_sign() {
    let lines: Vec<String> = COMPLETED.iter().map(|(typed, _)| format!("snow {typed}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for (offered, (typed, completed)) in fish_offers(&lines).iter().zip(COMPLETED) {
        let words: Vec<&str> = offered.iter().map(|offer| offer.split('\t').next().unwrap()).collect();
        assert_eq!(words, [completed.rsplit(' ').next().unwrap()], "{typed}");
    }
}

#[test]
fn names_come_with_where_they_lead_and_no_flag_unless_one_was_begun() {
    let offers = fish_offers(&["snow login ", "snow login --fo", "snow list ", "snow edit beta --set "]);
    assert_eq!(offers[0], ["acme-prod\tacme.service-now.com", "beta\tbeta.service-now.com"]);
    assert_eq!(offers[1].len(), 1, "{:?}", offers[1]);
    assert!(offers[1][0].starts_with("--force"), "{:?}", offers[1]);
    // There is nothing else to type.
    assert!(offers[2].iter().any(|offer| offer.starts_with("--json")), "{:?}", offers[2]);
    assert!(
        offers[3].contains(&"tables=".to_owned()) && offers[3].contains(&"labels.env=".to_owned()),
        "{:?}",
        offers[3]
    );
}

#[test]
fn a_report_is_offered_where_it_is_known() {
    let offers = fish_offers(&["snow test -o ", "snow list -o ", "snow connect --api-version "]);
    assert_eq!(offers[0], ["text", "json", "jsonl", "junit", "github", "html", "prometheus"]);
    assert_eq!(offers[1], ["text", "json"]);
    assert_eq!(offers[2], ["v1", "v2", "v64.0"]);
}

#[test]
fn every_shell_gets_a_script_that_asks_this_program() {
    let mut world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        world.run(&format!("completion {shell}")).expect(0).says(&["SNOW_COMPLETE", "snow"]);
    }
    world.run("completion tcsh").expect(2).says(&["bash"]);
}
