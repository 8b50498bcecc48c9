//! What failed, why, and the one thing to do: the error model that text, JSON
//! and exit codes share.
//!
//! A [`Code`] names one thing a person would do differently about. It belongs
//! to one [`Class`], and the class decides the exit code. Each module has its
//! own thiserror enum; its conversion into [`Failure`] stands beside it.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::base::shown::{Show, Shown, Step};

/// Groups of codes that share an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Internal,
    Usage,
    Config,
    Auth,
    Forbidden,
    Network,
    Instance,
    RateLimited,
    Store,
    Api,
    Assertion,
    Mixed,
    Signal,
}

impl Class {
    /// The process exit code of the class.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Auth => 4,
            Self::Forbidden => 5,
            Self::Network => 6,
            Self::Instance => 7,
            Self::RateLimited => 8,
            Self::Store => 9,
            Self::Api => 10,
            Self::Assertion => 11,
            Self::Mixed => 12,
            Self::Signal => 130,
        }
    }

    /// The name of the class in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::Network => "network",
            Self::Instance => "instance",
            Self::RateLimited => "rate-limited",
            Self::Store => "store",
            Self::Api => "api",
            Self::Assertion => "assertion",
            Self::Mixed => "mixed",
            Self::Signal => "signal",
        }
    }
}

macro_rules! codes {
    ($($class:ident { $($code:ident = $text:literal $(, $doc:literal)?;)* })*) => {
        /// One word for one thing a person would do differently about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($($(#[doc = $doc])? $code,)*)* }

        impl Code {
            /// Every code, in the order of the exit codes.
            pub const ALL: &'static [Code] = &[$($(Code::$code,)*)*];

            /// The code as scripts see it.
            pub fn as_str(self) -> &'static str {
                match self { $($(Self::$code => $text,)*)* }
            }

            /// The class, and with it the exit code.
            pub fn class(self) -> Class {
                match self { $($(Self::$code => Class::$class,)*)* }
            }
        }
    };
}

codes! {
    Internal { Internal = "internal"; }
    Usage { Usage = "usage"; }
    Config {
        UnknownConnection = "unknown-connection";
        InvalidInstance = "invalid-instance";
        InsecureInstance = "insecure-instance";
        ConfigInvalid = "config-invalid";
        ConfigNewer = "config-newer";
        ConfigUnwritable = "config-unwritable";
        NoTerminal = "no-terminal";
        NothingToTest = "nothing-to-test";
        EnvironmentIncomplete = "environment-incomplete";
        PortInUse = "port-in-use";
        ConnectionExists = "connection-exists";
        RevisionConflict = "revision-conflict";
        AmbiguousTarget = "ambiguous-target";
        InvalidSecret = "invalid-secret", "What was handed in as a secret cannot be one.";
        CaCertInvalid = "ca-cert-invalid", "The CA file cannot be read or holds no certificate.";
        ProxyInvalid = "proxy-invalid", "The proxy setting is not a proxy URL.";
        SecretInFile = "secret-in-file", "A secret stands in a file that is not for secrets.";
        BundleUnwritable = "bundle-unwritable", "The file of a bundle is there already or cannot be written.";
        OutputUnwritable = "output-unwritable", "Standard output cannot take the result.";
        ReportUnwritable = "report-unwritable", "The file of a report cannot be written.";
    }
    Auth {
        NoCredential = "no-credential";
        BasicRefused = "basic-refused";
        BasicNotOffered = "basic-not-offered";
        MfaRequired = "mfa-required";
        RefusedBefore = "refused-before";
        TokenRefused = "token-refused";
        SessionExpired = "session-expired";
        BearerRefused = "bearer-refused";
        LoginDenied = "login-denied";
        LoginTimeout = "login-timeout";
    }
    Forbidden {
        ScopeRestricted = "scope-restricted";
        ApiAcl = "api-acl";
        TableHidden = "table-hidden";
        FieldHidden = "field-hidden";
        QueryForbidden = "query-forbidden";
        AccessDenied = "access-denied";
        ForbiddenPage = "forbidden-page";
    }
    Network {
        DnsFailure = "dns-failure";
        ConnectionRefused = "connection-refused";
        ConnectionLost = "connection-lost";
        Timeout = "timeout";
        TlsUntrusted = "tls-untrusted";
        TlsExpired = "tls-expired";
        TlsNameMismatch = "tls-name-mismatch";
        TlsFailure = "tls-failure";
        ProxyAuth = "proxy-auth";
        ProxyFailure = "proxy-failure";
    }
    Instance {
        InstanceHibernating = "instance-hibernating";
        InstanceUnavailable = "instance-unavailable";
        LoginPage = "login-page";
        SsoRedirect = "sso-redirect";
        Redirected = "redirected";
        NotServiceNow = "not-servicenow";
        GatewayTimeout = "gateway-timeout";
        TransactionCancelled = "transaction-cancelled";
        TruncatedAnswer = "truncated-answer";
        AnswerTooLarge = "answer-too-large";
        InstanceError = "instance-error";
        NotRevoked = "not-revoked";
    }
    RateLimited { RateLimited = "rate-limited"; }
    Store {
        KeyringUnavailable = "keyring-unavailable";
        KeyringLocked = "keyring-locked";
        KeyringDenied = "keyring-denied";
        KeyringTimeout = "keyring-timeout";
        KeyringAmbiguous = "keyring-ambiguous", "Several items stand where one should.";
        SecretTooLarge = "secret-too-large";
        SecretUnreadable = "secret-unreadable", "The stored record is corrupt or of a newer version.";
        StoreUnwritable = "store-unwritable", "The file of the store cannot be written.";
        StoreUnreliable = "store-unreliable", "The store does not give back what it was given.";
        OriginMismatch = "origin-mismatch";
        SessionNotSaved = "session-not-saved";
        StoreBusy = "store-busy";
        StoreLocked = "store-locked";
    }
    Api {
        TableMissing = "table-missing";
        RecordMissing = "record-missing";
        UnexpectedAnswer = "unexpected-answer";
    }
    Assertion {
        UserMismatch = "user-mismatch";
        IdentityUnknown = "identity-unknown";
        LatencyExceeded = "latency-exceeded";
        Warnings = "warnings";
        LifetimeTooShort = "lifetime-too-short";
        EndsSoon = "ends-soon", "A session or certificate ends within the time that was asked about.";
        ClockSkew = "clock-skew", "A warning: this machine and the instance disagree about the time.";
        CertificateEnds = "certificate-ends", "A warning: the certificate ends soon.";
    }
    Signal { Interrupted = "interrupted"; }
}

impl Code {
    /// Whether the same request may succeed later with nothing changed.
    pub fn retryable(self) -> bool {
        matches!(
            self,
            Self::DnsFailure
                | Self::ConnectionRefused
                | Self::ConnectionLost
                | Self::Timeout
                | Self::InstanceHibernating
                | Self::InstanceUnavailable
                | Self::GatewayTimeout
                | Self::TransactionCancelled
                | Self::TruncatedAnswer
                | Self::RateLimited
                | Self::StoreBusy
        )
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How likely a cause is, given what the wire showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Likelihood {
    High,
    Medium,
    Low,
}

/// One possible cause of a failure.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cause {
    pub code: &'static str,
    pub likelihood: Likelihood,
    pub text: Shown,
}

/// What failed, naming the object; why; what to do; and what was seen.
///
/// All text in it is safe to show, by its type: see [`Shown`].
#[derive(Debug, Clone)]
pub struct Failure(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    message: Shown,
    why: Option<Shown>,
    causes: Vec<Cause>,
    next: Vec<Step>,
    evidence: serde_json::Map<String, Value>,
}

impl Failure {
    /// What failed, in one sentence that names the object, without full stop.
    pub fn new(code: Code, message: impl Into<Shown>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            why: None,
            causes: Vec::new(),
            next: Vec::new(),
            evidence: serde_json::Map::new(),
        }))
    }

    /// Why, in sentences.
    pub fn why(mut self, why: impl Into<Shown>) -> Self {
        self.0.why = Some(why.into());
        self
    }

    /// One thing to do. The first is the one to try first.
    pub fn next(mut self, next: impl Into<Step>) -> Self {
        self.0.next.push(next.into());
        self
    }

    pub fn causes(mut self, causes: impl IntoIterator<Item = Cause>) -> Self {
        self.0.causes.extend(causes);
        self
    }

    /// Something seen, for the report and for an administrator.
    pub fn evidence(mut self, key: &str, value: impl Into<Evidence>) -> Self {
        if let Evidence(Some(value)) = value.into() {
            self.0.evidence.insert(key.to_owned(), value);
        }
        self
    }

    /// Everything that was seen of another failure.
    pub fn evidence_of(mut self, other: &Self) -> Self {
        self.0.evidence.extend(other.0.evidence.clone());
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub fn class(&self) -> Class {
        self.0.code.class()
    }

    pub fn exit_code(&self) -> u8 {
        self.class().exit_code()
    }

    pub fn message(&self) -> &Shown {
        &self.0.message
    }

    pub fn reason(&self) -> Option<&Shown> {
        self.0.why.as_ref()
    }

    pub fn steps(&self) -> &[Step] {
        &self.0.next
    }

    pub fn likely_causes(&self) -> &[Cause] {
        &self.0.causes
    }

    /// Everything that was seen.
    pub fn all_seen(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.evidence.iter()
    }

    /// What was seen under `key`.
    pub fn seen(&self, key: &str) -> Option<&Value> {
        self.0.evidence.get(key)
    }
}

/// What was seen, or that nothing was: a number, a truth, or text that may be
/// shown.
pub struct Evidence(Option<Value>);

impl From<Shown> for Evidence {
    fn from(shown: Shown) -> Self {
        Self(Some(String::from(shown).into()))
    }
}

impl<T: Show> From<&T> for Evidence {
    fn from(value: &T) -> Self {
        value.show().into()
    }
}

impl<T: Into<Self>> From<Option<T>> for Evidence {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(None), Into::into)
    }
}

impl From<Vec<Shown>> for Evidence {
    fn from(texts: Vec<Shown>) -> Self {
        Self(Some(texts.into_iter().map(String::from).collect()))
    }
}

macro_rules! plain_evidence {
    ($($type:ty),*) => {
        $(impl From<$type> for Evidence {
            fn from(value: $type) -> Self {
                Self(Some(value.into()))
            }
        })*
    };
}
plain_evidence!(bool, u8, u16, u32, u64, usize, i64, f64, &'static str);

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.message())
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = match self.reason() {
            Some(why) => format!("{}. {why}", self.message()),
            None => self.message().to_string(),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code())?;
        map.serialize_entry("class", self.class().as_str())?;
        map.serialize_entry("exit_code", &self.exit_code())?;
        map.serialize_entry("message", &message)?;
        map.serialize_entry("causes", &self.0.causes)?;
        map.serialize_entry("next", &self.0.next)?;
        map.serialize_entry("retryable", &self.code().retryable())?;
        map.serialize_entry("evidence", &self.0.evidence)?;
        map.end()
    }
}

/// The exit code of several: zero, that of the one class that failed, or 12.
pub fn exit_code_of<'a>(mut failures: impl Iterator<Item = &'a Failure>) -> u8 {
    let Some(first) = failures.next().map(Failure::class) else {
        return 0;
    };
    if failures.all(|failure| failure.class() == first) { first.exit_code() } else { Class::Mixed.exit_code() }
}

/// Where a defect of ours is reported, in one place.
pub fn internal(what: impl Into<Shown>) -> Failure {
    Failure::new(Code::Internal, what)
        .why("This is a defect of snow, not of your connection.")
        .next("Report it with the command you ran and this message")
}
