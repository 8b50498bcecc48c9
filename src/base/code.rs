//! The codes of failures, and what is true of each.
//!
//! A [`Code`] names one thing a person would do differently about. It belongs to
//! one [`Class`], and the class decides the exit code.

use serde::{Serialize, Serializer};

/// A group of codes that share an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A defect of ours.
    Internal,
    /// What was asked for makes no sense.
    Usage,
    /// The connection, or what it is taken from, is incomplete or wrong.
    Config,
    /// The instance or its gateway does not take the credential, or there is none.
    Auth,
    /// Signed in, and not allowed.
    Forbidden,
    /// The instance cannot be reached safely.
    Network,
    /// The instance is asleep, restarting or gone.
    Instance,
    /// The instance asks for fewer requests.
    RateLimited,
    /// The keyring, the encrypted file or Vault does not do what it should.
    Store,
    /// The request reached the API and is wrong there.
    Api,
    /// It works, and not as it was expected to.
    Assertion,
    /// Several connections failed, each in its own way. No code is of this class.
    Mixed,
    /// A signal ended it.
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

    /// The name of the class, as in JSON.
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

/// The check that an answer fails with a code, where the answer does not prove
/// the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Is it ServiceNow?
    ServiceNow,
    /// Is it awake?
    Awake,
    SignIn,
}

/// What a failed request for a table means for the requests after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is about this table: the sign-in and other tables are fine.
    Table,
    /// It is about this request only.
    Request,
    /// The whole API is closed: other APIs are not tried.
    Api,
    /// Send nothing more to the instance.
    Instance,
}

macro_rules! codes {
    ($($class:ident { $(
        $code:ident = $text:literal, $retry:ident, $transience:ident, $told_by:ident, $stage:ident, $counted:ident,
        $reach:ident, $fixed_by:ident
        $(, $doc:literal)?;
    )* })*) => {
        /// One word for one thing a person would do differently about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(
                $(#[doc = $doc])?
                #[doc = concat!("\n\n`", $text, "`: `snow explain ", $text, "` says what it means and what to do.")]
                $code,
            )*)*
        }

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

            /// Whether the same request may succeed later with nothing changed.
            pub fn retryable(self) -> bool {
                match self { $($(Self::$code => column!($retry, retryable, final),)*)* }
            }

            /// Whether it may go away by itself: the instance is asleep or
            /// restarting, its gateway timed out, or it cannot be reached.
            pub fn is_transient(self) -> bool {
                match self { $($(Self::$code => column!($transience, transient, lasting),)*)* }
            }

            /// Whether status and headers of an answer are enough to tell it.
            pub(crate) fn is_told_by_the_head(self) -> bool {
                match self { $($(Self::$code => column!($told_by, head, whole),)*)* }
            }

            /// The check that an answer fails with it.
            pub(crate) fn stage(self) -> Stage {
                match self { $($(Self::$code => Stage::$stage,)*)* }
            }

            /// Whether it counts to the refusals in a row after which a password
            /// is not sent again.
            pub(crate) fn is_counted(self) -> bool {
                match self { $($(Self::$code => column!($counted, counted, free),)*)* }
            }

            /// What it means for the remaining requests.
            pub(crate) fn reach(self) -> Reach {
                match self { $($(Self::$code => Reach::$reach,)*)* }
            }

            /// Whether signing in again fixes it.
            pub(crate) fn is_fixed_by_signing_in(self) -> bool {
                match self { $($(Self::$code => column!($fixed_by, enter, other),)*)* }
            }
        }
    };
}

/// One of two words, as a bool; any other does not compile.
macro_rules! column {
    (retryable, retryable, final) => {
        true
    };
    (final, retryable, final) => {
        false
    };
    (transient, transient, lasting) => {
        true
    };
    (lasting, transient, lasting) => {
        false
    };
    (head, head, whole) => {
        true
    };
    (whole, head, whole) => {
        false
    };
    (enter, enter, other) => {
        true
    };
    (other, enter, other) => {
        false
    };
    (counted, counted, free) => {
        true
    };
    (free, counted, free) => {
        false
    };
}

// The code, the word for scripts, and what is true of it in columns: may the same
// request succeed later; may it pass by itself; does the head of an answer tell
// it; which check fails; does it count to the refusals of a password; what it
// means for the requests after it; does signing in again fix it.
codes! {
    Internal {
        Internal = "internal", final, lasting, whole, SignIn, free, Request, other;
    }
    Usage {
        Usage = "usage", final, lasting, whole, SignIn, free, Request, other;
    }
    Config {
        UnknownConnection = "unknown-connection", final, lasting, whole, SignIn, free, Request, other;
        InvalidInstance = "invalid-instance", final, lasting, whole, SignIn, free, Request, other;
        InsecureInstance = "insecure-instance", final, lasting, whole, SignIn, free, Request, other;
        ConfigInvalid = "config-invalid", final, lasting, whole, SignIn, free, Request, other;
        ConfigNewer = "config-newer", final, lasting, whole, SignIn, free, Request, other;
        ConfigUnwritable = "config-unwritable", final, lasting, whole, SignIn, free, Request, other;
        NoTerminal = "no-terminal", final, lasting, whole, SignIn, free, Request, other;
        NothingToTest = "nothing-to-test", final, lasting, whole, SignIn, free, Request, other;
        NothingToImport = "nothing-to-import", final, lasting, whole, SignIn, free, Request, other, "The source has no connection that can be imported.";
        EnvironmentIncomplete = "environment-incomplete", final, lasting, whole, SignIn, free, Request, other;
        PortInUse = "port-in-use", final, lasting, whole, SignIn, free, Request, other;
        ConnectionExists = "connection-exists", final, lasting, whole, SignIn, free, Request, other;
        AppExists = "app-exists", final, lasting, whole, SignIn, free, Request, other, "The instance already has an OAuth client of this name.";
        AppNotReady = "app-not-ready", final, lasting, whole, SignIn, free, Request, other, "The instance lacks what the new OAuth client needs.";
        RevisionConflict = "revision-conflict", final, lasting, whole, SignIn, free, Request, other;
        LimitReached = "limit-reached", final, lasting, whole, SignIn, free, Request, other;
        AmbiguousTarget = "ambiguous-target", final, lasting, whole, SignIn, free, Request, other;
        InvalidSecret = "invalid-secret", final, lasting, whole, SignIn, free, Request, enter, "The given secret is not valid.";
        CaCertInvalid = "ca-cert-invalid", final, lasting, whole, SignIn, free, Request, other, "The CA file cannot be read or contains no certificate.";
        ClientCertificateInvalid = "client-cert-invalid", final, lasting, whole, SignIn, free, Request, other, "The client certificate or its key cannot be used.";
        ProxyInvalid = "proxy-invalid", final, lasting, whole, SignIn, free, Request, other, "The proxy setting is not a valid proxy URL.";
        AssertionInvalid = "assertion-invalid", final, lasting, whole, SignIn, free, Request, other, "The private key cannot sign the assertion.";
        ReadOnly = "read-only", final, lasting, whole, SignIn, free, Request, other, "The connection refuses requests that may write.";
        ConnectionDisabled = "connection-disabled", final, lasting, whole, SignIn, free, Request, other, "The connection is disabled, and nothing uses it.";
        BrowserFailed = "browser-failed", final, lasting, whole, SignIn, free, Request, other, "A browser could not be started.";
        SecretInFile = "secret-in-file", final, lasting, whole, SignIn, free, Request, other, "A file that is not for secrets contains one.";
        BundleUnwritable = "bundle-unwritable", final, lasting, whole, SignIn, free, Request, other, "The bundle file already exists or cannot be written.";
        OutputUnwritable = "output-unwritable", final, lasting, whole, SignIn, free, Request, other, "The result could not be written to standard output.";
        ReportUnwritable = "report-unwritable", final, lasting, whole, SignIn, free, Request, other, "The report file cannot be written.";
    }
    Auth {
        NoCredential = "no-credential", final, lasting, whole, SignIn, free, Request, enter;
        BasicRefused = "basic-refused", final, lasting, head, SignIn, counted, Request, enter;
        BasicNotOffered = "basic-not-offered", final, lasting, head, SignIn, free, Request, enter;
        MfaRequired = "mfa-required", final, lasting, head, SignIn, free, Request, enter;
        RefusedBefore = "refused-before", final, lasting, whole, SignIn, free, Request, enter;
        TokenRefused = "token-refused", final, lasting, whole, SignIn, free, Request, enter;
        SessionExpired = "session-expired", final, lasting, whole, SignIn, free, Request, enter;
        BearerRefused = "bearer-refused", final, lasting, head, SignIn, free, Request, enter;
        ApiKeyRefused = "api-key-refused", final, lasting, head, SignIn, free, Request, enter, "The instance rejected the API key.";
        GatewayRefused = "gateway-refused", final, lasting, head, ServiceNow, free, Instance, other, "A gateway in front of the instance denied the request.";
        AnsweredAsGuest = "answered-as-guest", final, lasting, whole, SignIn, free, Instance, other, "The instance responded without authentication.";
        AssertionRefused = "assertion-refused", final, lasting, whole, SignIn, free, Request, enter, "The token endpoint rejected the signed assertion.";
        CertificateRefused = "certificate-refused", final, lasting, head, SignIn, free, Instance, other;
        CertificateNotAskedFor = "certificate-not-asked-for", final, lasting, head, SignIn, free, Instance, other;
        ClientCertificateExpired = "client-cert-expired", final, lasting, whole, SignIn, free, Request, other, "The client certificate has expired, or is not valid yet.";
        PasswordExpired = "password-expired", final, lasting, whole, SignIn, free, Instance, enter, "The password has expired, and signs in for nothing but a new one.";
        SecurityTokenMissing = "security-token-missing", final, lasting, whole, SignIn, free, Request, enter, "The password needs the user's security token behind it.";
        LoginDenied = "login-denied", final, lasting, whole, SignIn, free, Request, enter;
        LoginTimeout = "login-timeout", final, lasting, whole, SignIn, free, Request, enter;
    }
    Forbidden {
        ScopeRestricted = "scope-restricted", final, lasting, whole, SignIn, free, Api, other;
        ApiAcl = "api-acl", final, lasting, whole, SignIn, free, Api, other;
        TableHidden = "table-hidden", final, lasting, whole, SignIn, free, Request, other;
        FieldHidden = "field-hidden", final, lasting, whole, SignIn, free, Table, other;
        QueryForbidden = "query-forbidden", final, lasting, whole, SignIn, free, Table, other;
        ApiDisabled = "api-disabled", final, lasting, whole, SignIn, free, Api, other, "The organization or the user has no access to the API.";
        LoginHours = "login-hours", final, lasting, whole, SignIn, free, Instance, other, "The user may not sign in at this time.";
        AccessDenied = "access-denied", final, lasting, whole, SignIn, free, Table, other;
        ForbiddenPage = "forbidden-page", final, lasting, whole, SignIn, free, Request, other;
    }
    Network {
        DnsFailure = "dns-failure", retryable, transient, whole, SignIn, free, Request, other;
        ConnectionRefused = "connection-refused", retryable, transient, whole, SignIn, free, Request, other;
        ConnectionLost = "connection-lost", retryable, transient, whole, SignIn, free, Request, other;
        Timeout = "timeout", retryable, transient, head, ServiceNow, free, Instance, other;
        TlsUntrusted = "tls-untrusted", final, lasting, whole, SignIn, free, Request, other;
        TlsExpired = "tls-expired", final, lasting, whole, SignIn, free, Request, other;
        TlsNameMismatch = "tls-name-mismatch", final, lasting, whole, SignIn, free, Request, other;
        TlsFailure = "tls-failure", final, lasting, whole, ServiceNow, free, Request, other;
        ProxyAuth = "proxy-auth", final, lasting, head, ServiceNow, free, Request, other;
        ProxyFailure = "proxy-failure", final, lasting, whole, SignIn, free, Request, other;
    }
    Instance {
        InstanceHibernating = "instance-hibernating", retryable, transient, head, Awake, free, Request, other;
        InstanceUnavailable = "instance-unavailable", retryable, transient, head, Awake, free, Request, other;
        LoginPage = "login-page", final, lasting, head, ServiceNow, free, Request, other;
        SsoRedirect = "sso-redirect", final, lasting, head, ServiceNow, free, Request, other;
        Redirected = "redirected", final, lasting, head, ServiceNow, free, Request, other;
        NotServiceNow = "not-servicenow", final, lasting, whole, ServiceNow, free, Request, other;
        NotSalesforce = "not-salesforce", final, lasting, whole, ServiceNow, free, Request, other, "The address is not that of a Salesforce organization.";
        OrgLocked = "org-locked", final, lasting, whole, Awake, free, Instance, other, "The organization is locked, suspended or closed.";
        GatewayTimeout = "gateway-timeout", retryable, transient, head, Awake, free, Request, other;
        TransactionCancelled = "transaction-cancelled", retryable, lasting, whole, SignIn, free, Request, other;
        TruncatedAnswer = "truncated-answer", retryable, lasting, whole, ServiceNow, free, Request, other;
        AnswerTooLarge = "answer-too-large", final, lasting, whole, SignIn, free, Request, other;
        InstanceError = "instance-error", final, lasting, whole, Awake, free, Request, other;
        NotRevoked = "not-revoked", final, lasting, whole, SignIn, free, Request, other;
    }
    RateLimited {
        RateLimited = "rate-limited", retryable, lasting, head, SignIn, free, Instance, other;
        QuotaExceeded = "quota-exceeded", final, lasting, whole, SignIn, free, Instance, other, "The API requests of the last 24 hours are used up.";
    }
    Store {
        KeyringUnavailable = "keyring-unavailable", final, lasting, whole, SignIn, free, Request, other;
        KeyringLocked = "keyring-locked", final, lasting, whole, SignIn, free, Request, other;
        KeyringDenied = "keyring-denied", final, lasting, whole, SignIn, free, Request, other;
        KeyringTimeout = "keyring-timeout", final, lasting, whole, SignIn, free, Request, other;
        KeyringAmbiguous = "keyring-ambiguous", final, lasting, whole, SignIn, free, Request, other, "The keyring has several items for the same secret.";
        SecretTooLarge = "secret-too-large", final, lasting, whole, SignIn, free, Request, other;
        SecretUnreadable = "secret-unreadable", final, lasting, whole, SignIn, free, Request, enter, "The stored record is damaged or from a newer version.";
        StoreUnwritable = "store-unwritable", final, lasting, whole, SignIn, free, Request, other, "The encrypted file cannot be written.";
        StoreUnreliable = "store-unreliable", final, lasting, whole, SignIn, free, Request, other, "The store does not return what was saved.";
        OriginMismatch = "origin-mismatch", final, lasting, whole, SignIn, free, Request, enter;
        SessionNotSaved = "session-not-saved", final, lasting, whole, SignIn, free, Request, other;
        StoreBusy = "store-busy", retryable, lasting, whole, SignIn, free, Request, other;
        StoreLocked = "store-locked", final, lasting, whole, SignIn, free, Request, other;
        VaultUnreachable = "vault-unreachable", retryable, lasting, whole, SignIn, free, Request, other, "Vault does not respond.";
        VaultTls = "vault-tls", final, lasting, whole, SignIn, free, Request, other, "Vault cannot be reached safely: its certificate or the TLS handshake.";
        VaultSealed = "vault-sealed", final, lasting, whole, SignIn, free, Request, other, "Vault is sealed, or not initialized.";
        VaultNoLeader = "vault-no-leader", retryable, lasting, whole, SignIn, free, Request, other, "The cluster of Vault has no active node.";
        VaultRateLimited = "vault-rate-limited", retryable, lasting, whole, SignIn, free, Request, other, "Vault asks for fewer requests.";
        VaultDenied = "vault-denied", final, lasting, whole, SignIn, free, Request, other, "A policy of Vault does not allow it.";
        VaultTokenInvalid = "vault-token-invalid", final, lasting, whole, SignIn, free, Request, other, "Vault does not accept the token.";
        VaultNoToken = "vault-no-token", final, lasting, whole, SignIn, free, Request, other, "Nothing signs in to Vault.";
        VaultLoginRefused = "vault-login-refused", final, lasting, whole, SignIn, free, Request, other, "Vault rejected the sign-in.";
        VaultMountMissing = "vault-mount-missing", final, lasting, whole, SignIn, free, Request, other, "Vault has nothing at the mount.";
        VaultNotKv2 = "vault-not-kv2", final, lasting, whole, SignIn, free, Request, other, "The mount is not a KV version 2.";
        VaultNamespaceMissing = "vault-namespace-missing", final, lasting, whole, SignIn, free, Request, other, "Vault does not have the namespace.";
        VaultUnexpected = "vault-unexpected", final, lasting, whole, SignIn, free, Request, other, "What answered is not Vault, or not as expected.";
        CommandFailed = "command-failed", final, lasting, whole, SignIn, free, Request, other, "A command that was run for a credential gave none.";
    }
    Api {
        TableMissing = "table-missing", final, lasting, whole, SignIn, free, Table, other;
        RecordMissing = "record-missing", final, lasting, whole, SignIn, free, Table, other;
        RequestTooLarge = "request-too-large", final, lasting, head, ServiceNow, free, Request, other, "A request header is too large.";
        UnexpectedAnswer = "unexpected-answer", final, lasting, whole, SignIn, free, Request, other;
    }
    Assertion {
        UserMismatch = "user-mismatch", final, lasting, whole, SignIn, free, Request, other;
        IdentityUnknown = "identity-unknown", final, lasting, whole, SignIn, free, Request, other;
        LatencyExceeded = "latency-exceeded", final, lasting, whole, SignIn, free, Request, other;
        ClientUnfit = "client-unfit", final, lasting, whole, SignIn, free, Request, other, "The OAuth client is registered in a way that no sign-in can work with.";
        Warnings = "warnings", final, lasting, whole, SignIn, free, Request, other;
        LifetimeTooShort = "lifetime-too-short", final, lasting, whole, SignIn, free, Request, other;
        EndsSoon = "ends-soon", final, lasting, whole, SignIn, free, Request, other, "A session or certificate expires within the given time.";
        ClockSkew = "clock-skew", final, lasting, whole, SignIn, free, Request, other, "A warning: the clocks of this machine and the instance differ.";
        QuotaLow = "quota-low", final, lasting, whole, SignIn, free, Request, other, "A warning: few API requests are left for these 24 hours.";
        CertificateEnds = "certificate-ends", final, lasting, whole, SignIn, free, Request, other, "A warning: the certificate expires soon.";
    }
    Signal {
        Interrupted = "interrupted", final, lasting, whole, SignIn, free, Request, other;
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text: within a version of a document there may be new codes.
#[cfg(test)]
impl schemars::JsonSchema for Code {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}
