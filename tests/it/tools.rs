//! Other programs use a connection: `snow exec`, `snow env`, `snow credential get`. The
//! program runs as a process, with a real keyring or a connection from variables.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use snow_connect::base::secret::Secret;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::{Field, ItemKey};

use crate::world::keyring::Session;
use crate::world::process::{finish, snow, tool};
use crate::world::session::{
    ACCESS_TOKEN, ID, REFRESH_TOKEN, Scripted, config, put_into_keyring, record, tokens, world_with,
};
use crate::world::{Outcome, World, block_on};

const OTHER_ID: &str = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f12";

/// A value that every form must carry as it is.
const HOSTILE: &str = r#"CANARY-p'a"s$(touch x)`y` \w #%é"#;

/// A home whose keyring has a session of `acme` that is good for an hour.
fn signed_in(origin: &str) -> Session {
    let mut home = Session::new();
    home.guard(REFRESH_TOKEN);
    put_into_keyring(&home, origin, &record(origin, 3600, json!({})));
    home
}

/// `snow` with a connection that variables describe.
fn described(home: &tempfile::TempDir, origin: &str, variables: &[(&str, &str)], words: &[&str]) -> Command {
    let mut command = snow(home.path());
    command.env("SNOW_INSTANCE", origin).envs(variables.iter().copied()).args(words);
    command
}

/// What a program finds in its environment, line by line. Not [`finish`], which searches
/// for secrets.
fn environment(mut command: Command) -> Vec<String> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn raw(mut command: Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_program_gets_the_access_token_and_no_other_variable_of_snow() {
    let origin = "https://acme.example";
    let mut home = signed_in(origin);
    home.set("SNOW_STORE", "keyring").set("OTHER", "stays").set("SN_HOST", "stays too");
    let lines = environment(home.command(&["exec", "acme", "--", "env"]));
    let ours: Vec<&String> = lines.iter().filter(|line| line.starts_with("SNOW_")).collect();
    assert_eq!(
        ours,
        [&format!("SNOW_ACCESS_TOKEN={ACCESS_TOKEN}"), "SNOW_AUTH=token", &format!("SNOW_INSTANCE={origin}")]
            .map(String::from)
            .iter()
            .collect::<Vec<_>>()
    );
    assert!(lines.contains(&"OTHER=stays".to_owned()) && lines.contains(&"SN_HOST=stays too".to_owned()));
    assert!(!lines.iter().any(|line| line.contains(REFRESH_TOKEN)));
}

#[test]
fn a_program_of_the_list_gets_its_variables_and_loses_its_others() {
    let origin = "https://acme.example";
    let mut home = signed_in(origin);
    home.set("SN_USERNAME", "somebody-else").set("SN_CLIENT_ID", "another").set("SNOW_STORE", "keyring");
    let lines = environment(home.command(&["exec", "acme", "--for", "ansible", "--", "env"]));
    let theirs: Vec<&String> =
        lines.iter().filter(|line| line.starts_with("SN_") || line.starts_with("SNOW_")).collect();
    assert_eq!(theirs, [&format!("SN_ACCESS_TOKEN={ACCESS_TOKEN}"), &format!("SN_HOST={origin}")]);
}

#[test]
fn a_password_and_a_key_are_handed_on_as_they_are() {
    let home = tempfile::tempdir().unwrap();
    let basic = [("SNOW_USERNAME", "svc.ci"), ("SNOW_PASSWORD", HOSTILE)];
    let lines = environment(described(&home, "https://acme.example", &basic, &["exec", "--", "env"]));
    assert!(lines.contains(&format!("SNOW_PASSWORD={HOSTILE}")) && lines.contains(&"SNOW_USERNAME=svc.ci".to_owned()));
    let key = [("SNOW_API_KEY", "CANARY-key")];
    let words = ["exec", "--for", "mcp", "--", "env"];
    let lines = environment(described(&home, "https://acme.example", &key, &words));
    assert!(lines.contains(&"SERVICENOW_API_KEY=CANARY-key".to_owned()), "{lines:?}");
    assert!(lines.contains(&"SERVICENOW_API_KEY_HEADER=x-sn-apikey".to_owned()), "{lines:?}");
}

#[test]
fn the_program_takes_the_place_of_snow() {
    let home = tempfile::tempdir().unwrap();
    let token = [("SNOW_ACCESS_TOKEN", "CANARY-token")];
    let run = |words: &[&str], stdin: &str| {
        let words = [&["exec", "--"], words].concat();
        finish(described(&home, "https://acme.example", &token, &words), stdin.as_bytes())
    };
    assert_eq!(run(&["sh", "-c", "exit 7"], "").code, 7);
    assert_eq!(run(&["cat"], "as it came\n").expect(0).stdout, "as it came\n");
    assert_eq!(run(&["pwd"], "").expect(0).stdout.trim_end(), home.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(run(&["sh", "-c", "echo $0 $#", "a b", "c"], "").expect(0).stdout, "a b 1\n");
    let limit = Command::new("sh").args(["-c", "ulimit -c"]).output().unwrap().stdout;
    assert_eq!(run(&["sh", "-c", "ulimit -c"], "").expect(0).stdout.as_bytes(), limit, "core dumps as before");
    let mut killed = described(&home, "https://acme.example", &token, &["exec", "--", "sh", "-c", "kill -TERM $$"]);
    let status = killed.status().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
    // The process that was started is the program.
    let mut child = described(&home, "https://acme.example", &token, &["exec", "--", "sh", "-c", "echo $$; read x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let arguments = loop {
        let arguments = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
        if arguments.starts_with(b"sh\0") {
            break arguments;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    assert!(!String::from_utf8_lossy(&arguments).contains("CANARY"));
    let id = child.id();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{id}\n"));
}

#[test]
fn a_program_that_cannot_start_ends_as_in_a_shell() {
    let home = tempfile::tempdir().unwrap();
    let token = [("SNOW_ACCESS_TOKEN", "CANARY-token")];
    std::fs::write(home.path().join("data"), "no program").unwrap();
    let run = |program: &str| finish(described(&home, "https://acme.example", &token, &["exec", "--", program]), b"");
    run("no-such-program").expect(127).says(&["no-such-program was not found"]);
    run("./data").expect(126).says(&["./data could not be started", "Permission denied"]);
    run(home.path().to_str().unwrap()).expect(126);
    let nothing = finish(described(&home, "https://acme.example", &token, &["exec", "--"]), b"");
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
}

#[test]
fn nothing_runs_without_a_credential_that_lasts() {
    let instance = Scripted::plays(|request, _| {
        (request.path == "/oauth_token.do").then(|| tokens("CANARY-new", "CANARY-new-refresh", 60))
    });
    let home = signed_in(&instance.origin());
    put_into_keyring(&home, &instance.origin(), &record(&instance.origin(), -1, json!({})));
    let marker = home.home().join("ran");
    let words = ["exec", "acme", "--min-ttl", "1h", "--", "touch", marker.to_str().unwrap()];
    let outcome = finish(home.command(&words), b"").expect(11);
    assert!(outcome.stdout.is_empty() && !marker.exists(), "{outcome:?}");
    // It was renewed once, and the next run finds the new token.
    let lines = environment(home.command(&["exec", "acme", "--", "env"]));
    assert!(lines.contains(&"SNOW_ACCESS_TOKEN=CANARY-new".to_owned()), "{lines:?}");
    assert_eq!(instance.token_requests(), 1);
}

#[test]
fn what_a_directory_chose_is_not_handed_to_a_program() {
    let mut world = World::new();
    let sandbox = Sandbox::start(None, None).unwrap();
    world.connect("acme", &sandbox.origin(), "admin", "sandbox-admin");
    world.write_config(world.config().replace("default = \"acme\"\n", ""));
    std::fs::write(world.directory.join(".snow.toml"), "connection = \"acme\"\n").unwrap();
    for line in ["exec -- env", "env --for ansible --reveal", "env --for netrc --out f"] {
        world.run(line).expect(2).says(&["acme must be named on the command line", "--connection acme"]);
    }
    world.run("env --for ansible").expect(0).says(&["export SN_USERNAME='admin'"]);
    assert!(!world.directory.join("f").exists());
}

#[test]
fn each_tool_has_its_form_and_no_secret_unless_it_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let ways: [(&str, &[(&str, &str)]); 3] = [
        ("access-token", &[("SNOW_ACCESS_TOKEN", "CANARY-token")]),
        ("password", &[("SNOW_USERNAME", "svc.ci"), ("SNOW_PASSWORD", "CANARY-password")]),
        ("api-key", &[("SNOW_API_KEY", "CANARY-key")]),
    ];
    let mut command = snow(home.path());
    command.args(["env", "--list", "--json"]);
    let tools = finish(command, b"").expect(0).json();
    let mut text = String::new();
    for tool in tools["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        // A tool of another service wants a connection to that one.
        let services = tool["services"].as_array().unwrap();
        let is_of_salesforce = !services.contains(&json!("servicenow"));
        let ways = if is_of_salesforce { &ways[..1] } else { &ways[..] };
        for &(kind, variables) in ways {
            let spec = is_of_salesforce.then_some(("SNOW_SPEC", "salesforce-service-cloud"));
            let variables: &[_] = &variables.iter().copied().chain(spec).collect::<Vec<_>>();
            let outcome = finish(described(&home, "https://acme.example", variables, &["env", "--for", name]), b"");
            let carries = tool["carries"].as_array().unwrap().contains(&json!(kind));
            assert_eq!(outcome.code, if carries { 0 } else { 2 }, "{name} {kind}: {}", outcome.stderr);
            text.push_str(&format!("# {name}, {kind}\n{}\n", if carries { outcome.stdout } else { outcome.stderr }));
            let revealed =
                raw(described(&home, "https://acme.example", variables, &["env", "--for", name, "--reveal"]));
            let has_secret = revealed.stdout.contains("CANARY");
            assert_eq!(has_secret, carries && tool["form"] != "code", "{name} {kind}: {}", revealed.stdout);
        }
    }
    let both = tools["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "curl").unwrap();
    assert_eq!(both["services"], json!(["servicenow", "salesforce-service-cloud"]));
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("env-of-each-tool", text);
    });
}

#[test]
fn what_is_revealed_arrives_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let basic = [("SNOW_USERNAME", "svc.ci"), ("SNOW_PASSWORD", HOSTILE)];
    let words = ["env", "--for", "ansible", "--reveal"];
    let lines = raw(described(&home, "https://acme.example", &basic, &words)).expect(0).stdout;
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        &format!("SN_API_KEY=old\nexport SN_API_KEY\n{lines}\nprintenv SN_PASSWORD; printenv SN_API_KEY"),
    ]);
    shell.current_dir(home.path());
    let found = raw(shell);
    assert_eq!(found.stdout, format!("{HOSTILE}\n"));
    assert!(!home.path().join("x").exists(), "nothing in it was run");

    // curl reads both of its forms, and the instance gets what was typed.
    let instance = Scripted::plays(|_, _| Some(crate::world::wire::http(200, "", "{}").into_bytes()));
    for (tool_name, option) in [("curl", "--config"), ("netrc", "--netrc-file")] {
        let path = home.path().join(tool_name);
        let words = ["env", "--for", tool_name, "--out", path.to_str().unwrap()];
        raw(described(&home, &instance.origin(), &basic, &words)).expect(0);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut curl = tool("curl");
        curl.args(["-sS", option]).arg(&path).arg(instance.origin());
        raw(curl).expect(0);
        let requests = instance.received();
        let header = requests.last().unwrap().authorization().unwrap_or_default().to_owned();
        let expected = base64(&format!("svc.ci:{HOSTILE}"));
        assert_eq!(header, format!("Basic {expected}"), "{tool_name}");
    }
    let token = [("SNOW_ACCESS_TOKEN", "CANARY-token")];
    let mut curl = tool("sh");
    curl.args(["-c", "snow env --for curl --reveal | curl -sS -K - $SNOW_INSTANCE"]);
    let path = format!("{}:/usr/bin:/bin", crate::world::process::program().parent().unwrap().display());
    curl.env("SNOW_INSTANCE", instance.origin()).envs(token).env("PATH", path).env("HOME", home.path());
    raw(curl).expect(0);
    assert_eq!(instance.received().last().unwrap().authorization(), Some("Bearer CANARY-token"));
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let token = [("SNOW_ACCESS_TOKEN", "CANARY-token")];
    let words = ["env", "--for", "curl", "--out", "/proc/no-such-place/file"];
    finish(described(&home, "https://acme.example", &token, &words), b"").expect(3).says(&["could not write /proc"]);
    let words = ["env", "--for", "curl", "--out", "f", "--reveal"];
    finish(described(&home, "https://acme.example", &token, &words), b"").expect(2);
    assert!(!home.path().join("f").exists());
}

/// `snow credential get` with this request.
fn answer(world: &mut World, request: &str) -> Outcome {
    world.stdin(request).run("credential get")
}

#[test]
fn a_helper_answers_for_exactly_the_origin_of_a_connection() {
    let origin = "http://127.0.0.1:8999";
    let mut world = world_with(origin, 900, json!({}));
    let request = |uri: &str| json!({ "uri": uri, "of a later version": [1] }).to_string();
    let expected = format!("Bearer {ACCESS_TOKEN}");
    // What looks like a user is none of the address.
    let trick = "http://elsewhere.example@127.0.0.1:8999/";
    for ours in [origin, "http://127.0.0.1:8999/api/now/table/incident?x=1", trick] {
        let found = answer(&mut world, &request(ours)).expect(0).json();
        assert_eq!(found["headers"], json!({ "Authorization": [expected] }), "{ours}");
    }
    let trick = "http://127.0.0.1:8999@elsewhere.example/";
    let others = ["https://127.0.0.1:8999/", "http://localhost:8999/", "https://elsewhere.example/x", trick];
    for other in others.into_iter().chain(["http://127.0.0.1/"]) {
        assert_eq!(answer(&mut world, &request(other)).expect(0).json(), json!({ "headers": {} }), "{other}");
    }
    let large = format!("{{\"uri\":\"{}\"}}", "x".repeat(70_000));
    for invalid in ["", "{", "[]", "{}", "{\"uri\":1}", "{\"uri\":\"/api\"}", "{\"uri\":\"mailto:x\"}", &large] {
        let outcome = answer(&mut world, invalid).expect(2);
        assert_eq!(outcome.stdout, "");
        outcome.says(&["standard input is not a request of a credential helper"]);
    }
}

#[test]
fn a_helper_chooses_among_several_as_a_person_named_one() {
    let origin = "http://127.0.0.1:8999";
    let mut world = world_with(origin, 900, json!({}));
    let other = config(origin, "").replace(ID, OTHER_ID).replace("acme", "two");
    world.write_config(format!("{}\n{}", config(origin, ""), other.split_once("\n\n").unwrap().1));
    let session = record(origin, 900, json!({ "access_token": "CANARY-of-two" })).to_string();
    let key = ItemKey::new(OTHER_ID.parse().unwrap(), Field::SESSION);
    block_on(world.store.write(key, &Secret::derived(session).unwrap())).unwrap();

    let request = json!({ "uri": origin }).to_string();
    let token = |outcome: Outcome| outcome.expect(0).json()["headers"]["Authorization"][0].as_str().unwrap().to_owned();
    let [acme, two] = [ACCESS_TOKEN, "CANARY-of-two"].map(|token| format!("Bearer {token}"));
    assert_eq!(token(answer(&mut world, &request)), acme, "the default");
    assert_eq!(token(world.stdin(&request).run("-c two credential get")), two);
    world.set("SNOW_CONNECTION", "two");
    assert_eq!(token(answer(&mut world, &request)), two);
    world.unset("SNOW_CONNECTION");
    world.write_config(world.config().replace("default = \"acme\"\n", ""));
    std::fs::write(world.directory.join(".snow.toml"), "connection = \"two\"\n").unwrap();
    let outcome = answer(&mut world, &request).expect(3);
    assert_eq!(outcome.stdout, "");
    outcome.says(&["several connections are for", "acme, two"]);
}

#[test]
fn a_helper_renews_and_says_when_the_token_ends() {
    let instance = Scripted::plays(|request, _| {
        (request.path == "/oauth_token.do").then(|| tokens("CANARY-new", "CANARY-new-refresh", 1800))
    });
    let mut world = world_with(&instance.origin(), -1, json!({}));
    let outcome = answer(&mut world, &json!({ "uri": instance.origin() }).to_string()).expect(0).json();
    assert_eq!(outcome["headers"], json!({ "Authorization": ["Bearer CANARY-new"] }));
    let expires = chrono::DateTime::parse_from_rfc3339(outcome["expires"].as_str().unwrap()).unwrap();
    let seconds = (expires.to_utc() - chrono::Utc::now()).num_seconds();
    assert!((1700..=1800).contains(&seconds), "{seconds}");
    let members: Vec<&String> = Value::as_object(&outcome).unwrap().keys().collect();
    assert_eq!(members, ["headers", "expires"]);
    assert_eq!(instance.token_requests(), 1);
}

#[test]
fn doctor_names_what_other_programs_would_use_instead_of_a_connection() {
    let mut world = world_with("https://acme.example", 900, json!({}));
    let netrc = world.home().join(".netrc");
    std::fs::write(&netrc, "machine other.example login x password y\n").unwrap();
    let document = world.run("doctor --json").json();
    let of = |document: &Value, id: &str| -> Vec<Value> {
        document["checks"].as_array().unwrap().iter().filter(|check| check["id"] == id).cloned().collect()
    };
    assert!(of(&document, "files.netrc").is_empty() && of(&document, "environment.tools").is_empty(), "{document}");

    std::fs::write(&netrc, "machine ACME.example\nlogin x\npassword of-netrc\n").unwrap();
    world.set("SN_HOST", "https://elsewhere.example").set("SN_PASSWORD", "CANARY-foreign");
    world.guard("CANARY-foreign");
    let document = world.run("doctor --json").json();
    let [entry] = &of(&document, "files.netrc")[..] else { panic!("{document}") };
    assert!(entry["status"] == "warn" && entry["message"].as_str().unwrap().ends_with("the instance of acme"));
    let [ansible] = &of(&document, "environment.tools")[..] else { panic!("{document}") };
    assert_eq!(ansible["message"], "SN_HOST, SN_PASSWORD are set, and ansible reads them");
    let outcome = world.run("doctor");
    outcome.says(&["snow exec NAME --for ansible -- CMD"]);
    assert!(!outcome.stdout.contains("of-netrc"), "{}", outcome.stdout);
}
