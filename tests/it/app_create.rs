//! `snow app create`: registers a client, connects with it, and takes all of it back if that
//! does not work.

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::browser::{get, sign_in};
use crate::world::{Answer, World, block_on};

const MACHINE: &str = "app create --grant client-credentials --user svc.ci --name ci";

/// A world with the connection of an administrator, and the instance.
fn administrator() -> (World, Sandbox) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("root", &sandbox.origin(), "admin", "sandbox-admin");
    (world, sandbox)
}

/// The names of the registered clients.
fn clients(world: &mut World) -> Vec<String> {
    let rows = world.run("query oauth_entity --fields name --json -c root").expect(0).json();
    rows["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_machine_gets_a_client_that_works_and_a_connection_for_it() {
    let (mut world, _sandbox) = administrator();
    let document = world.run(&format!("{MACHINE} --yes --json")).expect(0).json();
    assert_eq!(document["schema"], "snow.app.create/1");
    assert_eq!((&document["proven"], &document["connection"]), (&true.into(), &"ci".into()));
    assert_eq!(document["client"]["user"], "svc.ci");
    let client_id = document["client"]["client_id"].as_str().unwrap().to_owned();
    let test = world.run("test ci --expect-user svc.ci --json").expect(0).json();
    assert_eq!(test["connections"][0]["auth"], "client-credentials");
    world
        .run(&format!("app check --client-id {client_id} -c root"))
        .expect(0)
        .says(&["it acts as svc.ci", "it has a profile"]);
    assert_eq!(world.run("list --json").json()["default"], "root");
    // Twice is not done.
    let again = world.run("app create --grant client-credentials --user svc.ci --name other --app-name").code;
    assert_eq!(again, 2);
    let words = [
        "app",
        "create",
        "--grant",
        "client-credentials",
        "--user",
        "svc.ci",
        "--name",
        "two",
        "--app-name",
        "snow ci",
        "--yes",
    ];
    world.run_words(&words).expect(3).says(&["app-exists", &format!("snow app check --client-id {client_id}")]);
    world.run(&format!("{MACHINE} --yes")).expect(3).says(&["connection-exists"]);
}

#[test]
fn people_get_a_client_and_the_browser_proves_it() {
    for flags in ["--public", ""] {
        let (mut world, sandbox) = administrator();
        world.browser(|url| {
            let url = url.to_owned();
            std::thread::spawn(move || drop(get(&sign_in(&url, "beth.anglin", "allow"))));
        });
        let redirect = format!("http://127.0.0.1:{}/callback", crate::oauth::free_port());
        let line = format!("app create --grant authorization-code --redirect-uri {redirect} {flags}");
        world.person([Answer::Confirm(true)]).run(&line).expect(0).says(&["registered", "Saved as root-oauth"]);
        world.run("test root-oauth --expect-user beth.anglin").expect(0);
        sandbox.expire_access_tokens();
        world.run("refresh root-oauth").expect(0);
    }
}

#[test]
fn without_a_browser_the_client_of_people_is_saved_and_not_called_proven() {
    let (mut world, _sandbox) = administrator();
    let line = "app create --grant authorization-code --public --yes --no-input --json";
    let document = world.run(line).expect(0).json();
    assert_eq!((&document["proven"], &document["client"]["public"]), (&false.into(), &true.into()));
    world.run("test root-oauth").expect(4).says(&["no-credential"]);
}

#[test]
fn a_dry_run_and_a_no_change_nothing() {
    let (mut world, _sandbox) = administrator();
    let before = (clients(&mut world), world.config());
    let document = world.run(&format!("{MACHINE} --dry-run --json")).expect(0).json();
    assert_eq!((&document["dry_run"], &document["client"]["client_id"]), (&true.into(), &Value::Null));
    world.run(&format!("{MACHINE} --dry-run")).expect(0).says(&["would register \"snow ci\"", "acts as svc.ci"]);
    world.run(MACHINE).expect(3).says(&["no-terminal", "--yes"]);
    world.person([Answer::Confirm(false)]).run(MACHINE).expect(130);
    assert_eq!((clients(&mut world), world.config()), before);
}

#[test]
fn what_is_not_proven_by_a_token_is_deleted_again() {
    let (mut world, sandbox) = administrator();
    let before = (clients(&mut world), world.config());
    sandbox.set_scenario(Some(Scenario::TokenRefused));
    let outcome = world.run(&format!("{MACHINE} --yes")).expect(4);
    outcome.says(&["token-refused", "The new client was deleted again."]);
    sandbox.set_scenario(None);
    assert_eq!((clients(&mut world), world.config()), before);
    // And now it works.
    world.run(&format!("{MACHINE} --yes")).expect(0);
}

#[test]
fn who_may_not_register_is_told_what_to_send_to_an_administrator() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("beth", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let before = world.config();
    world.run(&format!("{MACHINE} --yes")).expect(5).says(&["oauth_admin"]);
    assert_eq!(world.config(), before);
}

#[test]
fn a_connection_that_only_reads_or_that_a_directory_chose_registers_nothing() {
    let (mut world, _sandbox) = administrator();
    world.run("edit root --set read_only=true").expect(0);
    world.run(&format!("{MACHINE} --yes")).expect(3).says(&["read-only", "snow edit root --unset read_only"]);
    world.run(&format!("{MACHINE} --dry-run")).expect(0);
    world.run("edit root --unset read_only").expect(0);
    std::fs::write(world.home().join(".snow.toml"), "connection = \"root\"\n").unwrap();
    world.run(&format!("{MACHINE} --yes")).expect(2).says(&["root must be named", ".snow.toml"]);
    world.run(&format!("{MACHINE} --yes -c root")).expect(0);
}

#[test]
fn what_the_instance_lacks_is_said_before_anything_is_registered() {
    let (mut world, _sandbox) = administrator();
    let line = "app create --grant client-credentials --name ci --yes --user";
    world.run(&format!("{line} no.one")).expect(3).says(&["app-not-ready", "has no user no.one"]);
    let filter = "name=glide.oauth.inbound.client.credential.grant_type.enabled";
    let rows = world.run(&format!("query sys_properties --filter {filter} --fields sys_id --json")).expect(0).json();
    let id = rows["rows"][0]["sys_id"].as_str().unwrap().to_owned();
    world.run(&format!("api PATCH table/sys_properties/{id} -f value=false")).expect(0);
    world.run(&format!("{line} svc.ci")).expect(3).says(&["app-not-ready", "snow guide client-credentials"]);
    for wrong in [
        "--grant client-credentials",
        "--grant client-credentials --user x --public",
        "--grant authorization-code --user x",
        "--grant jwt",
    ] {
        world.run(&format!("app create --yes {wrong}")).expect(2);
    }
    assert_eq!(clients(&mut world).len(), 5);
}

#[test]
fn what_cannot_be_deleted_again_is_named() {
    block_on(async {
        let server = MockServer::start().await;
        let answer = |status: u16, body: Value| {
            ResponseTemplate::new(status).insert_header("X-Is-Logged-In", "true").set_body_json(body)
        };
        let refused = json!({ "error": { "message": "Operation Failed", "detail": "no" }, "status": "failure" });
        let entity = path_regex("/table/oauth_entity(/.*)?$");
        // A page after the first has nothing more.
        let is_first = |request: &wiremock::Request| !request.url.query().unwrap_or_default().contains("sys_id%3E");
        let rows_of = move |request: &wiremock::Request, rows: Value| {
            let rows = if is_first(request) { rows } else { json!([]) };
            ResponseTemplate::new(200).insert_header("X-Is-Logged-In", "true").set_body_json(json!({ "result": rows }))
        };
        let user = move |request: &wiremock::Request| {
            rows_of(request, json!([{ "sys_id": "u", "user_name": "svc.ci", "active": "true" }]))
        };
        Mock::given(method("GET")).and(path_regex("/table/sys_user$")).respond_with(user).mount(&server).await;
        // It says that it has none by this name, and later shows each that was sent.
        let created = std::sync::Arc::new(std::sync::Mutex::new(Vec::<Value>::new()));
        let rows = created.clone();
        let list = move |request: &wiremock::Request| rows_of(request, json!(*rows.lock().unwrap()));
        Mock::given(method("GET")).and(path_regex("/table/oauth_entity$")).respond_with(list).mount(&server).await;
        let create = move |request: &wiremock::Request| {
            let sent: Value = request.body_json().unwrap();
            let row = json!({ "sys_id": "e", "client_id": sent["client_id"], "name": sent["name"] });
            created.lock().unwrap().push(row.clone());
            ResponseTemplate::new(201).insert_header("X-Is-Logged-In", "true").set_body_json(json!({ "result": row }))
        };
        Mock::given(method("POST")).and(path_regex("/table/oauth_entity$")).respond_with(create).mount(&server).await;
        Mock::given(method("DELETE")).and(entity).respond_with(answer(403, refused)).mount(&server).await;
        let token = json!({ "error_description": "access_denied", "error": "server_error" });
        Mock::given(method("POST"))
            .and(path_regex("oauth_token.do"))
            .respond_with(answer(401, token))
            .mount(&server)
            .await;
        Mock::given(method("POST")).respond_with(answer(201, json!({ "result": {} }))).mount(&server).await;
        Mock::given(method("GET")).respond_with(answer(200, json!({ "result": [] }))).mount(&server).await;
        let origin = server.uri();
        let tried = tokio::task::spawn_blocking(move || {
            let mut world = World::new();
            world.set("SNOW_INSTANCE", &origin).set("SNOW_USERNAME", "admin").set("SNOW_PASSWORD", "x");
            let outcome = world.run(&format!("{MACHINE} --yes --json")).expect(4);
            assert!(!world.config().contains("connections.ci"), "{}", world.config());
            outcome.json()
        });
        let error = tried.await.unwrap()["error"].clone();
        let client_id = error["evidence"]["client_id"].as_str().unwrap();
        assert!(error["next"][0].as_str().unwrap().contains(&format!("Delete the client {client_id}")), "{error}");
    });
}
