//! Signing in at the embedded org of Salesforce with plain requests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use snow_connect::sandbox::SandboxOptions;
use snow_connect::sandbox::salesforce::SalesforceSandbox;
use snow_connect::sandbox::salesforce::scenario::Scenario;

use snow_connect::sandbox::salesforce::fault::SignIn;

use super::ask::{Ask, Reply};
use super::browser::{get, parameter, post};
use super::{Answer, Outcome, World};
use crate::jwt_bearer::Keys;

pub const ADMIN: &str = "admin@sandbox.example";
pub const ADMIN_SECRET: &str = "sandbox-adminAdminToken00000000000001";
pub const INTEGRATION: &str = "integration@sandbox.example";
pub const CALLBACK: &str = "http://127.0.0.1:8914/callback";
pub const VERIFIER: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// An org, and a home whose connections to it are called `acme`.
pub struct Org {
    pub org: SalesforceSandbox,
    pub world: World,
    secrets: tempfile::TempDir,
}

impl Org {
    pub fn new() -> Self {
        Self::of(org(None))
    }

    pub fn of(org: SalesforceSandbox) -> Self {
        let (mut world, secrets) = (World::new(), tempfile::tempdir().unwrap());
        let key = get(&format!("{}/sandbox-jwt.pem", org.origin())).expect(200).body;
        for (name, secret) in [
            ("password", "sandbox-admin"),
            ("token", "AdminToken00000000000001"),
            ("ci", "sandbox-ci-secret"),
            ("web", "sandbox-any-port-secret"),
            ("key", &key),
        ] {
            let path = secrets.path().join(name);
            std::fs::write(&path, secret).unwrap();
            #[cfg(unix)]
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            if name != "key" {
                world.guard(secret);
            }
        }
        Self { org, world, secrets }
    }

    /// Connects in this way, with everything that it takes.
    pub fn connect(&mut self, sign_in: SignIn, flags: &str) -> Outcome {
        self.world.browser(person);
        let line = self.connect_line(sign_in);
        self.world.run(&format!("{line} {flags}"))
    }

    pub fn connect_line(&self, sign_in: SignIn) -> String {
        let file = |name: &str| self.file(name);
        let way = match sign_in {
            SignIn::Basic => format!(
                "--username {ADMIN} --password-file {} --security-token-file {}",
                file("password"),
                file("token")
            ),
            SignIn::OAuth => {
                let port = crate::oauth::free_port();
                let address = format!("--redirect-uri http://127.0.0.1:{port}/callback");
                format!("--client-id sandbox-any-port --client-secret-file {} {address}", file("web"))
            }
            SignIn::ClientCredentials => {
                format!("--auth client-credentials --client-id sandbox-ci --client-secret-file {}", file("ci"))
            }
            SignIn::JwtBearer => {
                format!("--auth jwt-bearer --client-id sandbox-jwt --subject {ADMIN} --private-key {}", file("key"))
            }
        };
        format!("connect {} --spec salesforce-service-cloud --name acme {way}", self.org.origin())
    }

    /// A file with one of the secrets.
    pub fn file(&self, name: &str) -> String {
        self.secrets.path().join(name).display().to_string()
    }

    /// The next command is before a person who only presses Enter, if there is a terminal.
    pub fn seen_at(&mut self, columns: Option<usize>) {
        if let Some(columns) = columns {
            self.world.columns = columns;
            self.world.person([Answer::OnlyEnter]);
        }
    }

    /// How many sessions were asked for so far, in any way.
    pub fn sessions(&self) -> usize {
        self.org.token_requests() + self.org.soap_logins()
    }
}

/// A person who signs in as far as the org lets them.
fn person(url: &str) {
    let url = url.to_owned();
    std::thread::spawn(move || match get(&url) {
        page if page.status == 302 => drop(get(&page.location())),
        page if page.body.contains("transaction") => drop(get(&sign_in(&url, "allow"))),
        _ => {}
    });
}

/// An org with few rows.
pub fn org(scenario: Option<Scenario>) -> SalesforceSandbox {
    SalesforceSandbox::open(SandboxOptions { scenario, incidents: 20, ..SandboxOptions::default() }).unwrap()
}

/// What `login()` of this version is answered. The values go out as they are here.
pub fn login(org: &SalesforceSandbox, path: &str, user_name: &str, secret: &str) -> Reply {
    let kind = if path.starts_with('c') { "enterprise" } else { "partner" };
    let values = format!("<username>{user_name}</username><password>{secret}</password>");
    soap(org, path, &format!("<login xmlns=\"urn:{kind}.soap.sforce.com\">{values}</login>"), "")
}

pub fn soap(org: &SalesforceSandbox, path: &str, body: &str, header: &str) -> Reply {
    let envelope = format!(
        "<?xml version=\"1.0\"?><e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>"
    );
    Ask::new("POST", &format!("{}/services/Soap/{path}", org.origin()))
        .header("Content-Type", "text/xml; charset=UTF-8")
        .header("SOAPAction", "login")
        .body(envelope)
        .send()
}

/// The text of the first element of this name.
#[track_caller]
pub fn element(reply: &Reply, name: &str) -> String {
    let (_, rest) = reply.body.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {reply:?}"));
    rest.split('<').next().unwrap().to_owned()
}

pub fn token(org: &SalesforceSandbox, form: &[(&str, &str)]) -> Reply {
    post(&format!("{}/services/oauth2/token", org.origin()), form)
}

pub fn client_credentials(org: &SalesforceSandbox) -> Reply {
    let client = [("client_id", "sandbox-ci"), ("client_secret", "sandbox-ci-secret")];
    token(org, &[&[("grant_type", "client_credentials")], &client[..]].concat())
}

/// A session of the integration user.
#[track_caller]
pub fn session(org: &SalesforceSandbox) -> String {
    client_credentials(org).expect(200).json()["access_token"].as_str().unwrap().to_owned()
}

/// A request below `/services/data/v64.0`.
pub fn data<'a>(org: &SalesforceSandbox, method: &'a str, path: &str, session: &str) -> Ask<'a> {
    Ask::new(method, &format!("{}/services/data/v64.0{path}", org.origin())).bearer(session)
}

pub fn query(org: &SalesforceSandbox, session: &str, soql: &str) -> Reply {
    data(org, "GET", "/query", session).query(&[("q", soql)]).send()
}

/// The address of a sign-in of a person, with some parameters changed; an empty one is
/// left out.
pub fn authorization_url(org: &SalesforceSandbox, changes: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", "sandbox-web"),
        ("redirect_uri", CALLBACK),
        ("scope", "api id refresh_token"),
        ("state", "a state"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(other, _)| other != name);
        pairs.push((name, value));
    }
    pairs.retain(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{}/services/oauth2/authorize?{query}", org.origin())
}

/// Signs in on the pages, and gives the address that the browser goes to then.
#[track_caller]
pub fn sign_in(url: &str, decision: &str) -> String {
    let org = url.split("/services/").next().unwrap();
    let transaction = get(url).expect(200).hidden("transaction");
    let form = [("transaction", transaction.as_str()), ("user_name", ADMIN), ("user_password", "sandbox-admin")];
    let page = post(&format!("{org}/login"), &form).expect(200);
    let form = [("transaction", page.hidden("transaction")), ("decision", decision.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    post(&format!("{org}/setup/secur/RemoteAccessAuthorizationPage.apexp"), &form).location()
}

pub fn redeem(org: &SalesforceSandbox, code: &str, verifier: &str) -> Reply {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "sandbox-web"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", verifier),
    ];
    token(org, &form)
}

/// A person's sign-in to its end.
#[track_caller]
pub fn authorized(org: &SalesforceSandbox) -> Reply {
    redeem(org, &parameter(&sign_in(&authorization_url(org, &[]), "allow"), "code"), VERIFIER)
}

pub fn refresh(org: &SalesforceSandbox, refresh_token: &str) -> Reply {
    token(org, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", "sandbox-web")])
}

/// The claims of an assertion that is good.
pub fn claims(org: &SalesforceSandbox) -> Value {
    let exp = chrono::Utc::now().timestamp() + 120;
    json!({ "iss": "sandbox-jwt", "sub": ADMIN, "aud": org.origin(), "exp": exp })
}

/// An assertion, signed by openssl with this file.
pub fn assertion(keys: &Keys, key: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "RS256" })), part(claims));
    std::fs::write(keys.path("signed"), &signed).unwrap();
    keys.openssl(&format!("dgst -sha256 -sign {key} -out signature signed"));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(std::fs::read(keys.path("signature")).unwrap()))
}

/// The key that is there from the start, as the file `built-in.pem`.
pub fn built_in_key(org: &SalesforceSandbox, keys: &Keys) {
    let key = get(&format!("{}/sandbox-jwt.pem", org.origin())).expect(200).body;
    std::fs::write(keys.path("built-in.pem"), key).unwrap();
}

pub fn jwt_bearer(org: &SalesforceSandbox, assertion: &str) -> Reply {
    token(org, &[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)])
}
