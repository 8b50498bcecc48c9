//! Why Vault did not do what it was asked, told apart by its answer.

use serde_json::Value;

use super::KIND;
use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::base::error::{CauseRow, CausesOfCode, Failure};
use crate::base::shown::{Shown, Step, shown};
use crate::http::failure::NetworkError;
use crate::store::{SetOutcome, StoreError, Trouble};

/// An answer of Vault.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    /// The body as it came, to be recognised.
    pub text: String,
    /// The age of the version in it, by the clock of the server.
    pub age: Option<std::time::Duration>,
}

impl Answer {
    /// Nothing is there, says the node that answered.
    pub fn is_nothing(&self) -> bool {
        self.status == 404 && self.body["errors"].as_array().is_some_and(Vec::is_empty)
    }

    /// The version has another one by now, says the node that answered.
    pub fn is_mismatch(&self) -> bool {
        self.status == 400 && self.says("check-and-set parameter did not match")
    }

    /// A policy asks for the answer to be wrapped, so it is not here.
    pub fn is_wrapped(&self) -> bool {
        self.status == 200 && self.body["wrap_info"].is_object()
    }

    fn says(&self, words: &str) -> bool {
        self.text.contains(words)
    }
}

/// What a failed request did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, now and later.
    None,
    /// It may have been applied, or still will.
    Unknown,
}

/// A request that failed.
#[derive(Debug, Clone)]
pub struct Fault {
    pub error: StoreError,
    pub effect: Effect,
    /// Whether the same request is worth repeating at once.
    pub is_passing: bool,
}

impl Fault {
    pub fn into_outcome(self) -> SetOutcome {
        match self.effect {
            Effect::None => SetOutcome::NotApplied(self.error),
            Effect::Unknown => SetOutcome::Unknown(self.error),
        }
    }

    /// Whether repeating the request can change nothing.
    pub fn is_final(&self) -> bool {
        let is_known = matches!(self.code(), Code::VaultNotKv2 | Code::VaultDenied);
        !self.is_passing && (is_known || self.effect == Effect::None)
    }

    pub fn code(&self) -> Code {
        self.error.failure().code()
    }

    fn of(failure: Failure, effect: Effect, is_passing: bool) -> Self {
        Self { error: StoreError::new(KIND, Trouble::Failed, failure), effect, is_passing }
    }
}

/// Where something was asked, for the texts.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    pub address: String,
    pub mount: String,
    pub path: String,
    pub namespace: Option<String>,
    pub auth_mount: String,
}

impl Whereabouts {
    fn places(&self) -> [(&'static str, Step); 6] {
        let namespace = self.namespace.as_deref().unwrap_or("root");
        [
            ("{address}", Shown::outside(&self.address).into()),
            ("{mount}", Shown::outside(&self.mount).into()),
            ("{path}", Shown::outside(&self.path).into()),
            ("{namespace}", Shown::outside(namespace).into()),
            ("{help}", Step::run("snow help vault")),
            ("{auth_mount}", Shown::outside(&self.auth_mount).into()),
        ]
    }

    fn failure(&self, symptom: &Symptom) -> Failure {
        let places = self.places();
        let fill = |text| Step::filled(text, &places);
        let failure = Failure::new(symptom.code, fill(symptom.message).text()).why(fill(symptom.why).text());
        let failure = symptom.next.iter().fold(failure, |failure, step| failure.next(fill(step)));
        failure.causes(symptom.causes).evidence("address", Shown::outside(&self.address))
    }

    /// What an answer means that is not the one expected.
    pub fn fault(&self, answer: &Answer, said: &Shown) -> Fault {
        let symptom = SYMPTOMS.iter().find(|symptom| (symptom.fits)(answer)).unwrap_or(&UNEXPECTED);
        let failure = self.failure(symptom).evidence("status", answer.status);
        let failure = match said.as_str() {
            "" => failure,
            _ => failure.evidence("answer", said.clone()),
        };
        let effect = if answer.status >= 500 && symptom.effect.is_none() { Effect::Unknown } else { Effect::None };
        Fault::of(failure, symptom.effect.unwrap_or(effect), symptom.is_passing)
    }

    /// What one of our own findings means.
    pub fn found(&self, symptom: &'static Symptom) -> Fault {
        Fault::of(self.failure(symptom), symptom.effect.unwrap_or(Effect::None), symptom.is_passing)
    }

    /// What signs in could not be read.
    pub fn not_signed_in(&self, failure: Failure) -> Fault {
        Fault::of(failure, Effect::None, false)
    }

    /// No answer came.
    pub fn unreachable(&self, error: NetworkError) -> Fault {
        let effect = if error.opened { Effect::Unknown } else { Effect::None };
        let network = Failure::from(error);
        let is_tls = matches!(
            network.code(),
            Code::TlsUntrusted | Code::TlsExpired | Code::TlsNameMismatch | Code::TlsFailure | Code::CertificateRefused
        );
        let symptom = if is_tls { &TLS } else { &UNREACHABLE };
        let reason = network.reason().cloned().unwrap_or_default();
        let why = shown!("{}. {}", network.message(), reason);
        Fault::of(self.failure(symptom).why(why).evidence_of(&network), effect, !is_tls && effect == Effect::Unknown)
    }

    /// Vault does not take what was given to sign in.
    pub fn login_refused(&self, method: &'static str, answer: &Answer, said: &Shown) -> Fault {
        let known = SYMPTOMS.iter().find(|symptom| (symptom.fits)(answer)).filter(|symptom| !symptom.is_about_items);
        if let Some(symptom) = known {
            return Fault::of(self.failure(symptom), Effect::None, symptom.is_passing);
        }
        let failure =
            self.failure(&LOGIN_REFUSED).evidence("method", Shown::from(method)).evidence("status", answer.status);
        let failure = match said.as_str() {
            "" => failure,
            said => failure.why(shown!("Vault says: {}. It was tried once.", Shown::outside(said))),
        };
        Fault::of(failure, Effect::None, false)
    }
}

/// What an answer looks like, what it means, and what to do.
pub struct Symptom {
    fits: fn(&Answer) -> bool,
    code: Code,
    message: &'static str,
    why: &'static str,
    causes: &'static [CauseRow],
    next: &'static [&'static str],
    /// What a write did that was answered so; if it is not said, what the status says.
    effect: Option<Effect>,
    is_passing: bool,
    /// About the mount of the items, and so not about a sign-in.
    is_about_items: bool,
}

const NEVER: fn(&Answer) -> bool = |_| false;

/// What the rows below have in common.
const USUAL: Symptom = Symptom {
    fits: NEVER,
    code: Code::VaultUnexpected,
    message: "",
    why: "",
    causes: &[],
    next: &[],
    effect: Some(Effect::None),
    is_passing: false,
    is_about_items: false,
};

const NO_LEADER: Symptom = Symptom {
    code: Code::VaultNoLeader,
    message: "the cluster of Vault at {address} has no active node",
    why: "Its nodes elect one, which takes up to half a minute. It was tried repeatedly.",
    causes: &[
        ("election", High, "a node was restarted or upgraded, and the others elect another"),
        ("quorum", Medium, "most of the nodes are down"),
    ],
    next: &["Run the command again; if the error persists, ask the people who run Vault"],
    is_passing: true,
    ..USUAL
};

pub static UNREACHABLE: Symptom = Symptom {
    code: Code::VaultUnreachable,
    message: "could not reach Vault at {address}",
    why: "It did not respond.",
    causes: &[
        ("address", High, "the address is wrong, or Vault is not running there"),
        ("network", Medium, "a firewall blocks the connection, or the VPN is off"),
    ],
    next: &["Check the address (store_address, VAULT_ADDR) and the network, then run the command again"],
    ..USUAL
};

pub static TLS: Symptom = Symptom {
    code: Code::VaultTls,
    message: "could not establish a secure connection to Vault at {address}",
    why: "",
    causes: &[
        ("private-ca", High, "the certificate is from a private CA, and VAULT_CACERT does not name its file"),
        ("name", Medium, "the address is not the name in the certificate"),
        ("plain", Low, "Vault does not use TLS there, or the address says http where it does"),
        ("client-certificate", Low, "Vault requires a client certificate: VAULT_CLIENT_CERT and VAULT_CLIENT_KEY"),
    ],
    next: &[
        "Set VAULT_CACERT to the file of the CA, in PEM format; or VAULT_TLS_SERVER_NAME to the name in the certificate",
    ],
    ..USUAL
};

static DENIED: Symptom = Symptom {
    code: Code::VaultDenied,
    message: "the token may not use {mount}/{path} of Vault at {address}",
    why: "The token is valid, but its policies do not allow this. Nothing was changed.",
    causes: &[
        ("policy", High, "its policies lack create, read or update on the items of snow"),
        ("mount", Medium, "nothing is mounted there, which looks the same to this token"),
        ("namespace", Low, "the mount is in another namespace"),
    ],
    next: &["Ask for a policy with create, read and update on {mount}/data/{path}/*; {help} has one"],
    is_about_items: true,
    ..USUAL
};

/// The items are gone, and not what Vault keeps of them.
pub static NOT_PURGED: Symptom = Symptom {
    code: Code::VaultDenied,
    message: "the token may not delete what Vault at {address} keeps of deleted items",
    why: "Their secrets are gone; their names and the numbers of their versions are not.",
    next: &["Ask for a policy with list and delete on {mount}/metadata/{path}/*; {help} has one"],
    is_about_items: true,
    ..USUAL
};

static TOKEN_INVALID: Symptom = Symptom {
    code: Code::VaultTokenInvalid,
    message: "Vault at {address} does not accept the token",
    why: "It cannot look itself up. Nothing was changed.",
    causes: &[
        ("expired", High, "the token has expired, or was revoked or used up"),
        ("namespace", Medium, "it belongs to another namespace"),
        ("other-vault", Medium, "it was issued by another Vault"),
    ],
    next: &["Sign in to Vault again, as with bao login, or set VAULT_TOKEN to a valid token"],
    ..USUAL
};

/// Nothing that signs in was found.
pub const NOTHING_SET: &[CauseRow] = &[
    ("not-set", High, "the variable is not set in this shell, service or CI job"),
    ("settings", Medium, "the connection says how to sign in (store_auth), and what that needs is missing"),
];

/// Requests go without a token where an agent adds its own.
static AGENT_WITHOUT_TOKEN: Symptom = Symptom {
    code: Code::VaultNoToken,
    message: "the agent of Vault at {address} is not signed in",
    why: "The requests carry no token of their own, and Vault rejects them. Nothing was changed.",
    causes: &[
        ("agent-login", Medium, "Vault rejects the sign-in of the agent, or the agent has only just started"),
        ("not-added", Low, "the agent does not add its token: api_proxy has no use_auto_auth_token"),
    ],
    next: &["See what the agent logs, then run the command again", "Or use a token of your own: set VAULT_TOKEN"],
    ..USUAL
};

static LOGIN_REFUSED: Symptom = Symptom {
    code: Code::VaultLoginRefused,
    message: "Vault at {address} rejected the sign-in at auth/{auth_mount}",
    why: "It was tried once.",
    causes: &[
        ("secret", High, "the role or its secret is wrong, has expired or was used up"),
        ("mount", Medium, "that sign-in is not enabled at this mount, or is in another namespace"),
    ],
    next: &["Check the role (store_role, SNOW_VAULT_ROLE) and what it signs in with; {help} lists them"],
    ..USUAL
};

pub static NOT_KV2: Symptom = Symptom {
    code: Code::VaultNotKv2,
    message: "{mount} of Vault at {address} is not a KV version 2",
    why: "Without versions, two machines could overwrite each other's session. No secret was saved there.",
    causes: &[
        ("version-1", High, "the mount is a KV version 1"),
        ("engine", Medium, "the mount is another secrets engine"),
    ],
    next: &[
        "Give a mount of KV version 2 with --store-mount, or make one: bao secrets enable -path=NAME -version=2 kv",
    ],
    is_about_items: true,
    ..USUAL
};

pub static WRAPPED: Symptom = Symptom {
    code: Code::VaultDenied,
    message: "Vault at {address} wraps its responses for this token",
    why: "A policy of the token has min_wrapping_ttl for {mount}/data/{path}, so the response holds another token.",
    next: &["Ask for a policy without min_wrapping_ttl on {mount}/data/{path}/*"],
    effect: Some(Effect::Unknown),
    is_about_items: true,
    ..USUAL
};

static UNEXPECTED: Symptom = Symptom {
    code: Code::VaultUnexpected,
    message: "unexpected response from Vault at {address}",
    why: "Its status and text are none that snow knows.",
    causes: &[("not-vault", High, "the address is not that of Vault, or a proxy answers in its place")],
    next: &["Check the address: it ends before /v1 and /ui"],
    effect: None,
    ..USUAL
};

/// Read from the top; the first that fits decides.
static SYMPTOMS: &[Symptom] = &[
    Symptom {
        fits: |answer| answer.status == 503 && (answer.says("sealed") || answer.says("not initialized")),
        code: Code::VaultSealed,
        message: "Vault at {address} is sealed",
        why: "It was restarted or sealed by hand, or is not initialized yet. Nothing was changed.",
        causes: &[],
        next: &["Ask the people who run Vault to unseal it"],
        ..USUAL
    },
    Symptom {
        fits: |answer| {
            let text = ["active cluster node not found", "no active Vault instance found", "node not active"];
            answer.status == 307
                || answer.status >= 472 && answer.status <= 474
                || text.iter().any(|text| answer.status >= 500 && answer.says(text))
        },
        ..NO_LEADER
    },
    Symptom {
        fits: |answer| answer.status == 500 && answer.says("leadership lost"),
        effect: Some(Effect::Unknown),
        ..NO_LEADER
    },
    Symptom {
        fits: |answer| answer.status == 400 && answer.says("to upgrade from non-versioned"),
        why: "The mount was just made, and the active node has not prepared it yet.",
        causes: &[("new-mount", High, "the mount is new")],
        is_about_items: true,
        ..NO_LEADER
    },
    Symptom {
        fits: |answer| [412, 429].contains(&answer.status) && !answer.says("X-Vault-Request"),
        code: Code::VaultRateLimited,
        message: "Vault at {address} asks for fewer requests",
        why: "A rate limit quota is used up, or the node lags behind the others. Nothing was changed.",
        causes: &[
            ("quota", High, "too many requests for a rate limit quota of Vault"),
            ("lag", Low, "a standby node has not received the last writes yet"),
        ],
        next: &["Run the command again later, or ask for a larger quota"],
        is_passing: true,
        ..USUAL
    },
    Symptom {
        fits: |answer| answer.status == 404 && answer.says("namespace not found"),
        code: Code::VaultNamespaceMissing,
        message: "Vault at {address} has no namespace {namespace}",
        why: "Nothing was changed.",
        causes: &[
            ("typing-error", High, "the namespace is misspelled"),
            ("parent", Medium, "it lies within another namespace, which has to be named with it"),
        ],
        next: &["Check the namespace (store_namespace, VAULT_NAMESPACE)"],
        ..USUAL
    },
    Symptom {
        fits: |answer| {
            answer.status == 404 && (answer.says("no handler for route") || answer.says("route entry not found"))
        },
        code: Code::VaultMountMissing,
        message: "Vault at {address} has nothing mounted at {mount}",
        why: "Nothing was changed.",
        causes: &[
            ("typing-error", High, "the mount is misspelled"),
            ("namespace", Medium, "it is in another namespace"),
        ],
        next: &["Check the mount (store_mount): bao secrets list shows them"],
        is_about_items: true,
        ..USUAL
    },
    Symptom { fits: |answer| answer.says("Invalid path for a versioned K/V"), ..NOT_KV2_HERE },
    Symptom {
        fits: |answer| answer.status == 400 && answer.says("HTTP request to an HTTPS server"),
        why: "The address says http, and Vault uses TLS there.",
        next: &["Give the address with https (store_address, VAULT_ADDR)"],
        code: Code::VaultTls,
        message: "could not establish a secure connection to Vault at {address}",
        causes: &[],
        ..USUAL
    },
    Symptom {
        fits: |answer| {
            answer.status == 413 || answer.says("value being too large") || answer.says("due to high complexity")
        },
        code: Code::SecretTooLarge,
        message: "the record is too large for Vault at {address}",
        why: "Nothing was saved.",
        causes: &[],
        next: &["Use a shorter secret"],
        is_about_items: true,
        ..USUAL
    },
    Symptom {
        fits: |answer| [502, 503, 504].contains(&answer.status),
        code: Code::VaultUnreachable,
        message: "could not reach Vault at {address}",
        why: "A proxy or load balancer responded in its place.",
        causes: &[("no-node", High, "the load balancer has no node of Vault to send it to")],
        next: &["Run the command again; if the error persists, ask the people who run Vault"],
        effect: Some(Effect::Unknown),
        is_passing: true,
        ..USUAL
    },
];

/// Something else is mounted there, or at a part of it.
pub static NOT_THE_MOUNT: Symptom = NOT_KV2_HERE;

const NOT_KV2_HERE: Symptom = Symptom {
    code: Code::VaultNotKv2,
    message: "{mount} of Vault at {address} is not a KV version 2",
    why: "Nothing was changed.",
    next: &["Give the mount alone with --store-mount, without data or metadata"],
    is_about_items: true,
    ..USUAL
};

/// Vault refused what the token may not do; or the token, which an agent may have to add.
pub fn refusal(is_valid: bool, has_token: bool) -> &'static Symptom {
    if is_valid {
        &DENIED
    } else if has_token {
        &TOKEN_INVALID
    } else {
        &AGENT_WITHOUT_TOKEN
    }
}

pub fn unexpected() -> &'static Symptom {
    &UNEXPECTED
}

/// What may be behind each code.
pub fn causes() -> Vec<CausesOfCode> {
    let own =
        [&UNREACHABLE, &TLS, &DENIED, &TOKEN_INVALID, &AGENT_WITHOUT_TOKEN, &LOGIN_REFUSED, &NOT_KV2, &UNEXPECTED];
    let all = own.into_iter().chain(SYMPTOMS).filter(|symptom| !symptom.causes.is_empty());
    let nothing_set = CausesOfCode::new(Code::VaultNoToken, NOTHING_SET);
    all.map(|symptom| CausesOfCode::new(symptom.code, symptom.causes)).chain([nothing_set]).collect()
}
