//! `snow proxy`: what it sends on, what comes back, and how it begins and ends.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::PASSWORD;
use crate::world::ask::Ask;
use crate::world::canary::Canaries;
use crate::world::gateway::{Gateway, rest};
use crate::world::process::{finish, snow, tool};
use crate::world::wire::{Wire, header, http};

const TARGET: &str = "/api/now/table/incident";

fn sandbox() -> Sandbox {
    Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap()
}

#[test]
fn a_program_that_knows_basic_alone_uses_an_oauth_connection() {
    let sandbox = sandbox();
    let gateway = Gateway::with_client(&sandbox.origin(), &["--write"]);
    assert_eq!(gateway.document["schema"], "snow.proxy/1");
    assert_eq!(gateway.document["connection"], "environment");
    let curl = |words: &[&str]| {
        let mut command = tool("curl");
        command.args(["-sS", "-u", &format!("any:{}", gateway.password())]).args(words);
        let outcome = finish(command, b"");
        assert_eq!(outcome.code, 0, "{outcome:?}");
        outcome.stdout
    };
    let url = format!("{}{TARGET}", gateway.url());
    let rows: serde_json::Value = serde_json::from_str(&curl(&["-G", "-d", "sysparm_limit=3", &url])).unwrap();
    assert_eq!(rows["result"].as_array().unwrap().len(), 3);
    let made = curl(&["-H", "Content-Type: application/json", "-d", r#"{"short_description":"By curl"}"#, &url]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["result"]["short_description"], "By curl");
    let id = made["result"]["sys_id"].as_str().unwrap();
    let refused = curl(&["-X", "DELETE", "-w", "%{http_code}", &format!("{url}/{id}")]);
    assert!(refused.contains("ACL Exception") && refused.ends_with("403"), "{refused}");
    assert!(curl(&["-I", &url]).starts_with("HTTP/1.1 405 "), "the embedded instance has no HEAD");
    assert_eq!(sandbox.token_requests().client_credentials, 1);
    gateway.logs(&format!("GET {TARGET}?sysparm_limit=... 200 "));
    gateway.logs(&format!("POST {TARGET} 201 "));
}

#[test]
fn headers_of_one_hop_and_of_a_sign_in_do_not_pass() {
    let wire = Wire::answers(http(
        200,
        "Set-Cookie: JSESSIONID=x\r\nSet-Cookie: b=c\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nConnection: x-hop\r\n\
         Authorization: Bearer y\r\nCookie: a=b\r\nProxy-Authenticate: Basic\r\nAlt-Svc: h2=\"evil.example:443\"\r\n\
         Strict-Transport-Security: max-age=9\r\nX-Total-Count: 7\r\nX-Twice: 1\r\nX-Twice: 2\r\n",
        "{}",
    ));
    let gateway = Gateway::with_token(&wire.origin(), &[]);
    let reply = gateway
        .ask("GET", &format!("{TARGET}?sysparm_query=a%3Db^c=d"))
        .header("Cookie", "JSESSIONID=x")
        .header("X-Hop", "1")
        .header("Keep-Alive", "timeout=5")
        .header("TE", "trailers")
        .header("Proxy-Authorization", "Basic eDp5")
        .header("Proxy-Connection", "keep-alive")
        .header("Connection", "close, X-Hop, keep-alive")
        .header("X-Kept", "\u{e4}")
        .send()
        .expect(200);
    for name in ["Set-Cookie", "Cookie", "Authorization", "X-Hop", "Keep-Alive", "Proxy-Authenticate", "Alt-Svc"] {
        assert_eq!(reply.header(name), None, "{name}");
    }
    assert_eq!(reply.header("Strict-Transport-Security"), None);
    assert_eq!((reply.header("X-Total-Count"), reply.headers("X-Twice").collect()), (Some("7"), vec!["1", "2"]));
    let head = &wire.heads()[0];
    assert!(head.starts_with(&format!("GET {TARGET}?sysparm_query=a%3Db^c=d HTTP/1.1\r\n")), "{head}");
    assert_eq!(header(head, "authorization"), Some(&*format!("Bearer {PASSWORD}")));
    assert_eq!(header(head, "host"), Some(wire.address().to_string().as_str()));
    assert_eq!((header(head, "accept"), header(head, "x-kept")), (Some("*/*"), Some("\u{e4}")));
    for name in ["cookie", "x-hop", "keep-alive", "te", "proxy-authorization", "proxy-connection", "connection"] {
        assert_eq!(header(head, name), None, "{name}");
    }
    assert!(!head.contains(gateway.password()), "{head}");
}

#[test]
fn addresses_of_the_instance_lead_to_the_gateway_and_others_nowhere() {
    let wire = Wire::plays(|stream, head| {
        let here = format!("http://{}", header(head, "host").unwrap());
        let (status, headers) = match head.split(' ').nth(1).unwrap() {
            "/api/away" => (302, "Location: https://evil.example/x?token=y\r\n".to_owned()),
            "/api/made" => (201, "Location: //evil.example/x\r\n".to_owned()),
            "/api/link" => (200, format!("Link: <{here}/a>;rel=first,<https://evil.example/>;rel=next\r\n")),
            "/api/relative" => (307, "Location: ../x?y#z\r\n".to_owned()),
            "/api/pages" => (200, format!("Link: <{here}/api/x?a=1,2>;rel=\"next\",</b>;rel=\"last\"\r\n")),
            _ => (302, format!("Location: {here}/api/x?a=b\r\n")),
        };
        let _ = stream.write_all(http(status, &headers, "{}").as_bytes());
    });
    let gateway = Gateway::with_token(&wire.origin(), &["--write"]);
    let here = gateway.url();
    let reply = gateway.ask("GET", "/api/moved").send().expect(302);
    assert_eq!(reply.location(), format!("{here}/api/x?a=b"));
    let reply = gateway.ask("GET", "/api/relative").send().expect(307);
    assert_eq!(reply.header("Location"), Some("../x?y#z"));
    let reply = gateway.ask("GET", "/api/pages").send().expect(200);
    assert_eq!(reply.header("Link"), Some(&*format!("<{here}/api/x?a=1,2>;rel=\"next\",</b>;rel=\"last\"")));
    for (method, target) in [("GET", "/api/away"), ("POST", "/api/made"), ("GET", "/api/link")] {
        let error = gateway.ask(method, target).send().expect(502).json()["error"].clone();
        assert_eq!((&error["code"], &error["by"]), (&json!("redirected"), &json!("snow")));
        assert!(!error.to_string().contains("token=y"));
        let is_done = error["message"].as_str().unwrap().contains("was carried out");
        assert_eq!(is_done, target != "/api/away", "{target}");
    }
}

#[test]
fn an_instance_that_cannot_be_reached_is_told_in_json() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let gateway = Gateway::with_token(&origin, &[]);
    let error = gateway.ask("GET", TARGET).send().expect(502).json()["error"].clone();
    assert_eq!((&error["code"], &error["by"]), (&json!("connection-refused"), &json!("snow")));
    assert!(error["next"][0].is_string() && error["retryable"] == true, "{error}");
    gateway.logs("502 ");

    let silent = Wire::plays(|stream, _| {
        let _ = stream.read(&mut [0]);
    });
    let gateway = Gateway::with_token(&silent.origin(), &["--timeout", "500ms"]);
    assert_eq!(gateway.ask("GET", TARGET).send().expect(504).json()["error"]["code"], "timeout");

    let no_http = Wire::answers("SSH-2.0-x\r\n");
    let gateway = Gateway::with_token(&no_http.origin(), &[]);
    assert_eq!(gateway.ask("GET", TARGET).send().expect(502).json()["error"]["by"], "snow");
}

#[test]
fn other_answers_of_the_instance_come_as_they_are() {
    let body = r#"{"error":{"message":"No Record found","detail":"x"},"status":"failure"}"#;
    for status in [400, 403, 404, 429, 500, 503] {
        let wire = Wire::answers(http(status, "Content-Type: application/json\r\nRetry-After: 7\r\n", body));
        let gateway = Gateway::with_token(&wire.origin(), &[]);
        let reply = gateway.ask("GET", TARGET).send().expect(status);
        assert_eq!((reply.body.as_str(), reply.header("Retry-After")), (body, Some("7")));
        assert_eq!(wire.requests(), 1);
    }
}

#[test]
fn a_refused_credential_is_not_told_as_a_refused_local_password() {
    let body = r#"{"error":{"message":"User Not Authenticated","detail":"Required to provide Auth information"},"status":"failure"}"#;
    let wire = Wire::answers(http(
        401,
        "Content-Type: application/json\r\nWWW-Authenticate: BASIC realm=\"Service-now\"\r\n",
        body,
    ));
    let gateway = Gateway::with_password(&wire.origin(), &["--write"]);
    for _ in 0..2 {
        let reply = gateway.ask("GET", TARGET).send().expect(502);
        assert_eq!(
            (reply.header("WWW-Authenticate"), reply.json()["error"]["code"].as_str()),
            (None, Some("basic-refused"))
        );
    }
    assert_eq!(wire.requests(), 1, "a refused password was sent again");
    let gateway = Gateway::with_token(&wire.origin(), &[]);
    let reply = gateway.ask("GET", TARGET).send().expect(502);
    assert_eq!(reply.json()["error"]["class"], "auth");
}

#[test]
fn https_is_served_with_an_authority_of_this_run_alone() {
    let sandbox = sandbox();
    let mut gateway = Gateway::with_password(&sandbox.origin(), &["--tls"]);
    let authority = gateway.document["ca_cert"].as_str().unwrap().to_owned();
    assert!(gateway.url().starts_with("https://127.0.0.1:"));
    let port = gateway.host().split_once(':').unwrap().1.to_owned();
    let curl = |host: &str, trust: &[&str]| {
        let mut command = tool("curl");
        command.args(["-sS", "-o", "/dev/null", "-w", "%{http_code}"]).args(trust);
        command.args(["-u", &format!("any:{}", gateway.password()), &format!("https://{host}:{port}{TARGET}")]);
        finish(command, b"")
    };
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(curl(host, &["--cacert", &authority]).stdout, "200", "{host}");
    }
    assert_eq!(curl("127.0.0.1", &[]).code, 60, "it is trusted without its authority");
    let pem = std::fs::read_to_string(&authority).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && !pem.contains("PRIVATE KEY"), "{pem}");
    let plain = gateway.raw(gateway.head(&format!("GET {TARGET}"), "Connection: close\r\n\r\n"));
    assert!(!plain.starts_with("HTTP/1.1 2"), "{plain}");
    assert_eq!(gateway.stop("-TERM"), Some(0));
    assert!(!std::path::Path::new(&authority).exists());
}

#[test]
fn the_password_file_is_private_new_and_gone_at_the_end() {
    let sandbox = sandbox();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("password");
    std::fs::write(&file, "of before").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let words = ["--local-password-file", file.to_str().unwrap()];
    let mut gateway = Gateway::with_password(&sandbox.origin(), &words);
    assert_eq!(gateway.document["local_password"], json!(null));
    let password = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(password.trim_end().len(), 22, "128 bits in base64");
    let url = format!("{}{TARGET}", gateway.url());
    Ask::new("GET", &url).bearer(password.trim_end()).send().expect(200);
    let mut later = Gateway::with_password(&sandbox.origin(), &words);
    assert_eq!(gateway.stop("-INT"), Some(0));
    assert_ne!(std::fs::read_to_string(&file).unwrap(), password, "that of the second one stays");
    assert_eq!(later.stop("-TERM"), Some(0));
    assert!(!file.exists());
    let mut killed = Gateway::with_password(&sandbox.origin(), &words);
    killed.stop("-KILL");
    let left = std::fs::read_to_string(&file).unwrap();
    let again = Gateway::with_password(&sandbox.origin(), &words);
    assert_ne!(std::fs::read_to_string(&file).unwrap(), left);
    let url = format!("{}{TARGET}", again.url());
    Ask::new("GET", &url).bearer(left.trim_end()).send().expect(401);
}

#[test]
fn what_is_under_way_ends_before_the_gateway_does() {
    let wire = Wire::plays(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        std::thread::sleep(std::time::Duration::from_millis(600));
        let _ = stream.write_all(b"-last");
    });
    let mut gateway = Gateway::with_token(&wire.origin(), &[]);
    let mut stream = gateway.connect();
    let idle = gateway.connect();
    write!(stream, "{}\r\n", gateway.head(&format!("GET {TARGET}"), "")).unwrap();
    let mut begun = [0; 16];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(gateway.stop("-TERM"), Some(0));
    assert!(rest(stream).ends_with("first-last"));
    assert_eq!(rest(idle), "");
}

#[test]
fn no_secret_is_in_an_answer_the_log_or_the_list_of_processes() {
    let sandbox = sandbox();
    let gateway = Gateway::with_client(&sandbox.origin(), &["--write", "-vvv"]);
    let mut canaries = Canaries::usual();
    let mut heard = String::new();
    for target in [TARGET, "/api/now/table/no_such_table", "/oauth_token.do", "/api/../x"] {
        let reply = gateway.ask("GET", target).send();
        heard.push_str(&format!("{reply:?}"));
    }
    heard.push_str(&rest(gateway.connect_and_say("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")));
    let processes = Command::new("ps").args(["axww", "-o", "args"]).stdout(Stdio::piped()).output().unwrap();
    canaries.guard(gateway.password());
    canaries.check(gateway.log().as_bytes(), "the log");
    canaries.check(&processes.stdout, "the list of processes");
    canaries.check(heard.as_bytes(), "an answer");
    let log = gateway.log();
    assert!(!log.contains("Bearer") && !log.contains("access_token"), "{log}");
}

#[test]
fn the_headers_of_a_saved_connection_go_before_those_of_a_program() {
    let wire = Wire::answers(http(200, "", r#"{"result":[{"sys_id":"1"}]}"#));
    let home = tempfile::tempdir().unwrap();
    for (name, value) in [("password", PASSWORD), ("value", "CANARY-gateway-1"), ("passphrase", "long enough")] {
        std::fs::write(home.path().join(name), value).unwrap();
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(home.path().join(name), private).unwrap();
    }
    let program = || {
        let mut command = snow(home.path());
        command.env("SNOW_STORE_PASSPHRASE_FILE", home.path().join("passphrase"));
        command
    };
    let mut connect = program();
    connect.args(["connect", &wire.origin(), "--name", "acme", "--username", "beth", "--store", "file", "--no-test"]);
    connect.arg("--password-file").arg(home.path().join("password"));
    connect.arg("--header-file").arg(format!("X-Gateway-Key={}", home.path().join("value").display()));
    let outcome = finish(connect, b"");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let gateway = Gateway::start(program(), &["acme"]);
    assert_eq!(gateway.document["connection"], "acme");
    let before = wire.requests();
    gateway.ask("GET", TARGET).header("X-Gateway-Key", "of the program").send().expect(200);
    let head = wire.heads()[before].to_lowercase();
    assert!(head.contains("\r\nx-gateway-key: canary-gateway-1\r\n") && !head.contains("of the program"), "{head}");
    assert!(head.contains("\r\nauthorization: basic "), "{head}");
    let mut key = snow(home.path());
    key.env("SNOW_INSTANCE", wire.origin()).env("SNOW_API_KEY", PASSWORD);
    let gateway = Gateway::start(key, &[]);
    gateway.ask("GET", TARGET).header("x-sn-apikey", "of the program").send().expect(200);
    assert_eq!(header(wire.heads().last().unwrap(), "x-sn-apikey"), Some(PASSWORD));
}
