//! The recipes of the topic on pods and services, with a real OpenBao: a manifest of
//! Kubernetes, whose API server is a look-alike, and the units of systemd.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::world::issuer::Issuer;
use crate::world::pod::{self, Volume};
use crate::world::process::{finish, program, tool};
use crate::world::runner::{Machine, block, place, recipe};
use crate::world::team::Team;
use crate::world::tls::{Authority, Leaf};
use crate::world::wire::{Wire, header, http};

const TOPIC: &str = include_str!("../../src/help/servers.md");

/// The documents of a manifest, and what is wrong with them.
fn manifest(text: &str) -> (Vec<Value>, Vec<Value>) {
    let mut python = Command::new(place().join("python/bin/python"));
    python.args(["-B", "-c", include_str!("../ci/manifest.py")]);
    let mut told = Machine::new().run(python, &[], text).expect(0).json();
    let mut list = |name: &str| serde_json::from_value(told[name].take()).unwrap();
    (list("documents"), list("faults"))
}

#[test]
fn a_manifest_that_kubernetes_does_not_know_is_noticed() {
    let text = recipe(TOPIC, "# servicenow.yaml");
    for (right, wrong) in [("volumeMounts:", "volumeMount:"), ("emptyDir: {}", "emptyDir: 1"), ("schedule:", "when:")] {
        assert!(text.contains(right), "{right}");
        assert!(!manifest(&text.replace(right, wrong)).1.is_empty(), "{wrong}");
    }
}

const REVIEWER: &str = "CANARY-token-of-the-reviewer";

/// The audience that a token of a pod has where none is asked for.
const AUDIENCE: &str = "https://kubernetes.default.svc";

/// An API server that knows these tokens, and whose they are.
fn api_server(known: Vec<(String, String)>) -> Wire {
    Wire::plays(move |stream, head| {
        let length = header(head, "Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        let read = stream.read_exact(&mut body);
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let is_review = head.starts_with("POST /apis/authentication.k8s.io/v1/tokenreviews ");
        let is_reviewer = header(head, "Authorization") == Some(&format!("Bearer {REVIEWER}"));
        let asked = &asked["spec"];
        let is_for = asked["audiences"].as_array().is_none_or(|all| all.contains(&json!(AUDIENCE)));
        let found = known.iter().find(|(jwt, _)| is_for && asked["token"] == jwt.as_str());
        let status = if let Some((_, user)) = found {
            let groups = ["system:serviceaccounts", "system:authenticated"];
            let user = json!({ "username": user, "uid": "8b7a", "groups": groups });
            json!({ "authenticated": true, "audiences": [AUDIENCE], "user": user })
        } else {
            json!({ "authenticated": false, "error": "invalid bearer token" })
        };
        let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status });
        let answer = match (read, is_review, is_reviewer) {
            (Ok(()), true, true) => http(201, "Content-Type: application/json\r\n", &review.to_string()),
            (Ok(()), true, false) => http(401, "", ""),
            _ => http(404, "", ""),
        };
        let _ = stream.write_all(answer.as_bytes());
    })
}

/// The token of a pod with this service account, and whose it is.
fn pod_token(namespace: &str, account: &str) -> (String, String) {
    let (id, user) =
        (json!({ "name": account, "uid": "8b7a" }), format!("system:serviceaccount:{namespace}:{account}"));
    let jwt = Issuer::new().sign(&json!({
        "aud": [AUDIENCE], "iss": "https://kubernetes.default.svc.cluster.local", "sub": user, "jti": "5c1f",
        "kubernetes.io": { "namespace": namespace, "pod": { "name": "snow-1", "uid": "1c" }, "serviceaccount": id },
    }));
    (jwt, user)
}

/// What the pod of the manifest runs, with this token of its service account.
fn run_pod(team: &Team, job: &Value, jwt: &str) -> crate::world::Outcome {
    let [account, config, state] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    std::fs::write(account.path().join("token"), jwt).unwrap();
    std::fs::write(config.path().join("team.toml"), &team.file).unwrap();
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let text = |value: &'static str, of: &Value| of[value].as_str().expect(value).to_owned();
    let list = |of: &Value| of.as_array().expect("a list").clone();
    let command = list(&container["command"]);
    let command: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
    let variables: Vec<_> = list(&container["env"]).iter().map(|env| (text("name", env), text("value", env))).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sources = list(&pod["volumes"]);
    let mounts: Vec<_> = list(&container["volumeMounts"])
        .iter()
        .map(|mount| {
            let source = sources.iter().find(|source| source["name"] == mount["name"]).expect("a volume");
            (text("mountPath", mount), source["emptyDir"].is_object())
        })
        .collect();
    let mut volumes: Vec<_> = mounts
        .iter()
        .map(|(path, is_writable)| Volume {
            path,
            directory: if *is_writable { state.path() } else { config.path() },
            is_writable: *is_writable,
        })
        .collect();
    let path = "/var/run/secrets/kubernetes.io/serviceaccount".replace("/var/run", "/run");
    volumes.push(Volume { path: &path, directory: account.path(), is_writable: false });
    let outcome = pod::run(&command, &variables, &volumes);
    assert!(state.path().join("tests.json").exists(), "{outcome:?}");
    team.check(&format!("{outcome:?}"), &[jwt, REVIEWER]);
    outcome
}

#[test]
fn a_pod_signs_in_with_its_service_account_and_writes_nowhere_else() {
    let (documents, faults) = manifest(&recipe(TOPIC, "# servicenow.yaml"));
    assert_eq!(faults, [] as [Value; 0]);
    let [account, job] = &documents[..] else { panic!("{documents:?}") };
    let (namespace, name) = (account["metadata"]["namespace"].as_str(), account["metadata"]["name"].as_str());
    let (namespace, name) = (namespace.unwrap(), name.unwrap());
    assert_eq!(job["metadata"]["namespace"], namespace);
    assert_eq!(job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["serviceAccountName"], name);

    let (team, authority) = (Team::new(), Authority::new());
    let (good, unknown, another) = (pod_token(namespace, name), pod_token(namespace, name), pod_token("another", name));
    let wire = api_server(vec![good.clone(), another.clone()]);
    let api = authority.front(Leaf::Good, &wire.origin());
    let file = tempfile::NamedTempFile::new().unwrap();
    authority.save(file.path());
    let ca = std::fs::read_to_string(file.path()).unwrap();
    let script = block(TOPIC, "Kubernetes", "sh").replace("https://kubernetes.example:6443", &api.origin());
    team.vault.administer(&script, &[("ca.pem", &ca), ("reviewer.jwt", REVIEWER)]);

    run_pod(&team, job, &good.0).expect(0).says(&["acme"]);
    for (token, says) in [(unknown, "permission denied"), (another, "namespace not authorized")] {
        run_pod(&team, job, &token.0).expect(9).says(&["rejected the sign-in at auth/kubernetes", says]);
    }
}

/// The lines of a unit, as key and value.
fn unit(name: &str) -> Vec<(String, String)> {
    let text = recipe(TOPIC, &format!("# /etc/systemd/system/{name}"));
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// What systemd says of these units. The program is where the test has it.
fn verified(units: &[(&str, String)]) -> crate::world::Outcome {
    let directory = tempfile::tempdir().unwrap();
    let mut analyze = tool("systemd-analyze");
    analyze.env_clear().env("PATH", "/usr/bin:/bin").arg("verify").current_dir(directory.path());
    for (name, text) in units {
        let text = text.replace("/usr/local/bin/snow", program().to_str().unwrap());
        std::fs::write(directory.path().join(name), text).unwrap();
        analyze.arg(directory.path().join(name));
    }
    finish(analyze, b"")
}

#[test]
fn systemd_finds_nothing_in_the_units() {
    let names = ["snow-test.service", "snow-test.timer"];
    let units = names.map(|name| (name, recipe(TOPIC, &format!("# /etc/systemd/system/{name}"))));
    let outcome = verified(&units).expect(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    for (right, wrong) in [("LoadCredential=", "LoadCredentials="), ("05:17", "25:17"), ("/usr/local/bin", "/nowhere")]
    {
        assert!(units.iter().any(|(_, text)| text.contains(right)), "{right}");
        let outcome = verified(&units.clone().map(|(name, text)| (name, text.replace(right, wrong))));
        assert_ne!(outcome.stderr, "", "{wrong}");
    }
}

#[test]
fn a_service_of_systemd_gets_the_secret_id_as_a_credential() {
    let team = Team::new();
    // Where no one reads it, it prints no end of a line.
    let script = block(TOPIC, "systemd", "sh").replace(" \\\n", " ");
    let printed: Vec<_> = script.lines().map(|line| team.vault.administer(line, &[])).collect();
    let [.., role_id, secret_id] = &printed[..] else { panic!("{script}") };
    let service = unit("snow-test.service");
    let all =
        |key: &str| service.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect::<Vec<_>>();
    let run = |secret_id: &str| {
        // As systemd makes them: the directory of credentials, and that below /var/lib.
        let [credentials, state, etc] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        std::fs::create_dir(state.path().join(all("StateDirectory")[0])).unwrap();
        let (name, source) = all("LoadCredential")[0].split_once(':').unwrap();
        assert!(TOPIC.contains(&format!("goes into `{source}`")), "{source}");
        let credential = credentials.path().join(name);
        std::fs::write(&credential, secret_id).unwrap();
        std::fs::set_permissions(&credential, std::fs::Permissions::from_mode(0o400)).unwrap();
        std::fs::write(etc.path().join("team.toml"), &team.file).unwrap();
        let filled = |text: &str| {
            let text = text.replace("%d", credentials.path().to_str().unwrap()).replace("ROLE-ID", role_id);
            text.replace("%S", state.path().to_str().unwrap()).replace("/etc/snow", etc.path().to_str().unwrap())
        };
        let start = filled(all("ExecStart")[0]);
        let (path, arguments) = start.split_once(' ').unwrap();
        assert_eq!(Path::new(path).file_name().unwrap(), "snow");
        let mut command = Command::new(program());
        command.env_clear().env("HOME", "/").env("PATH", "/usr/bin:/bin").current_dir("/");
        for assignment in all("Environment").into_iter().flat_map(|line| line.split(' ')) {
            let (name, value) = assignment.split_once('=').unwrap();
            command.env(name, filled(value));
        }
        command.args(arguments.split(' '));
        let outcome = finish(command, b"");
        team.check(&format!("{outcome:?}"), &[secret_id]);
        assert!(state.path().join("snow/tests.json").exists(), "{outcome:?}");
        outcome
    };
    run(secret_id).expect(0).says(&["acme"]);
    run("CANARY-wrong-secret-id").expect(9).says(&["invalid role or secret ID"]);
}
