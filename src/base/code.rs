//! The codes of failures, and what is true of each.
//!
//! A [`Code`] names one thing a person would do differently about. It belongs to
//! one [`Class`], and the class decides the exit code.

use serde::ser::{Serialize, Serializer};

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

macro_rules! codes {
    ($($class:ident { $(
        $code:ident = $text:literal, $retry:ident, $transience:ident, $told_by:ident, $stage:ident, $counted:ident
        $(, $doc:literal)?;
    )* })*) => {
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
            pub fn is_told_by_the_head(self) -> bool {
                match self { $($(Self::$code => column!($told_by, head, whole),)*)* }
            }

            /// The check that an answer fails with it.
            pub fn stage(self) -> Stage {
                match self { $($(Self::$code => Stage::$stage,)*)* }
            }

            /// Whether it counts to the refusals in a row after which a password
            /// is not sent again.
            pub fn is_counted(self) -> bool {
                match self { $($(Self::$code => column!($counted, counted, free),)*)* }
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
    (counted, counted, free) => {
        true
    };
    (free, counted, free) => {
        false
    };
}

// The code, the word for scripts, and what is true of it in columns: may the same
// request succeed later; may it pass by itself; does the head of an answer tell
// it; which check fails; does it count to the refusals of a password.
codes! {
    Internal {
        Internal = "internal", final, lasting, whole, SignIn, free;
    }
    Usage {
        Usage = "usage", final, lasting, whole, SignIn, free;
    }
    Config {
        UnknownConnection = "unknown-connection", final, lasting, whole, SignIn, free;
        InvalidInstance = "invalid-instance", final, lasting, whole, SignIn, free;
        InsecureInstance = "insecure-instance", final, lasting, whole, SignIn, free;
        ConfigInvalid = "config-invalid", final, lasting, whole, SignIn, free;
        ConfigNewer = "config-newer", final, lasting, whole, SignIn, free;
        ConfigUnwritable = "config-unwritable", final, lasting, whole, SignIn, free;
        NoTerminal = "no-terminal", final, lasting, whole, SignIn, free;
        NothingToTest = "nothing-to-test", final, lasting, whole, SignIn, free;
        EnvironmentIncomplete = "environment-incomplete", final, lasting, whole, SignIn, free;
        PortInUse = "port-in-use", final, lasting, whole, SignIn, free;
        ConnectionExists = "connection-exists", final, lasting, whole, SignIn, free;
        RevisionConflict = "revision-conflict", final, lasting, whole, SignIn, free;
        AmbiguousTarget = "ambiguous-target", final, lasting, whole, SignIn, free;
        InvalidSecret = "invalid-secret", final, lasting, whole, SignIn, free, "What was handed in as a secret cannot be one.";
        CaCertInvalid = "ca-cert-invalid", final, lasting, whole, SignIn, free, "The CA file cannot be read or holds no certificate.";
        ProxyInvalid = "proxy-invalid", final, lasting, whole, SignIn, free, "The proxy setting is not a proxy URL.";
        SecretInFile = "secret-in-file", final, lasting, whole, SignIn, free, "A secret was found in a file that is not meant for secrets.";
        BundleUnwritable = "bundle-unwritable", final, lasting, whole, SignIn, free, "The file of a bundle is there already or cannot be written.";
        OutputUnwritable = "output-unwritable", final, lasting, whole, SignIn, free, "Standard output cannot take the result.";
        ReportUnwritable = "report-unwritable", final, lasting, whole, SignIn, free, "The file of a report cannot be written.";
    }
    Auth {
        NoCredential = "no-credential", final, lasting, whole, SignIn, free;
        BasicRefused = "basic-refused", final, lasting, head, SignIn, counted;
        BasicNotOffered = "basic-not-offered", final, lasting, head, SignIn, free;
        MfaRequired = "mfa-required", final, lasting, head, SignIn, free;
        RefusedBefore = "refused-before", final, lasting, whole, SignIn, free;
        TokenRefused = "token-refused", final, lasting, whole, SignIn, free;
        SessionExpired = "session-expired", final, lasting, whole, SignIn, free;
        BearerRefused = "bearer-refused", final, lasting, head, SignIn, free;
        LoginDenied = "login-denied", final, lasting, whole, SignIn, free;
        LoginTimeout = "login-timeout", final, lasting, whole, SignIn, free;
    }
    Forbidden {
        ScopeRestricted = "scope-restricted", final, lasting, whole, SignIn, free;
        ApiAcl = "api-acl", final, lasting, whole, SignIn, free;
        TableHidden = "table-hidden", final, lasting, whole, SignIn, free;
        FieldHidden = "field-hidden", final, lasting, whole, SignIn, free;
        QueryForbidden = "query-forbidden", final, lasting, whole, SignIn, free;
        AccessDenied = "access-denied", final, lasting, whole, SignIn, free;
        ForbiddenPage = "forbidden-page", final, lasting, whole, SignIn, free;
    }
    Network {
        DnsFailure = "dns-failure", retryable, transient, whole, SignIn, free;
        ConnectionRefused = "connection-refused", retryable, transient, whole, SignIn, free;
        ConnectionLost = "connection-lost", retryable, transient, whole, SignIn, free;
        Timeout = "timeout", retryable, transient, head, ServiceNow, free;
        TlsUntrusted = "tls-untrusted", final, lasting, whole, SignIn, free;
        TlsExpired = "tls-expired", final, lasting, whole, SignIn, free;
        TlsNameMismatch = "tls-name-mismatch", final, lasting, whole, SignIn, free;
        TlsFailure = "tls-failure", final, lasting, whole, ServiceNow, free;
        ProxyAuth = "proxy-auth", final, lasting, head, ServiceNow, free;
        ProxyFailure = "proxy-failure", final, lasting, whole, SignIn, free;
    }
    Instance {
        InstanceHibernating = "instance-hibernating", retryable, transient, head, Awake, free;
        InstanceUnavailable = "instance-unavailable", retryable, transient, head, Awake, free;
        LoginPage = "login-page", final, lasting, head, ServiceNow, free;
        SsoRedirect = "sso-redirect", final, lasting, head, ServiceNow, free;
        Redirected = "redirected", final, lasting, head, ServiceNow, free;
        NotServiceNow = "not-servicenow", final, lasting, whole, ServiceNow, free;
        GatewayTimeout = "gateway-timeout", retryable, transient, head, Awake, free;
        TransactionCancelled = "transaction-cancelled", retryable, lasting, whole, SignIn, free;
        TruncatedAnswer = "truncated-answer", retryable, lasting, whole, ServiceNow, free;
        AnswerTooLarge = "answer-too-large", final, lasting, whole, SignIn, free;
        InstanceError = "instance-error", final, lasting, whole, Awake, free;
        NotRevoked = "not-revoked", final, lasting, whole, SignIn, free;
    }
    RateLimited {
        RateLimited = "rate-limited", retryable, lasting, head, SignIn, free;
    }
    Store {
        KeyringUnavailable = "keyring-unavailable", final, lasting, whole, SignIn, free;
        KeyringLocked = "keyring-locked", final, lasting, whole, SignIn, free;
        KeyringDenied = "keyring-denied", final, lasting, whole, SignIn, free;
        KeyringTimeout = "keyring-timeout", final, lasting, whole, SignIn, free;
        KeyringAmbiguous = "keyring-ambiguous", final, lasting, whole, SignIn, free, "Several items stand where one should.";
        SecretTooLarge = "secret-too-large", final, lasting, whole, SignIn, free;
        SecretUnreadable = "secret-unreadable", final, lasting, whole, SignIn, free, "The stored record is corrupt or of a newer version.";
        StoreUnwritable = "store-unwritable", final, lasting, whole, SignIn, free, "The file of the store cannot be written.";
        StoreUnreliable = "store-unreliable", final, lasting, whole, SignIn, free, "The store does not give back what it was given.";
        OriginMismatch = "origin-mismatch", final, lasting, whole, SignIn, free;
        SessionNotSaved = "session-not-saved", final, lasting, whole, SignIn, free;
        StoreBusy = "store-busy", retryable, lasting, whole, SignIn, free;
        StoreLocked = "store-locked", final, lasting, whole, SignIn, free;
    }
    Api {
        TableMissing = "table-missing", final, lasting, whole, SignIn, free;
        RecordMissing = "record-missing", final, lasting, whole, SignIn, free;
        UnexpectedAnswer = "unexpected-answer", final, lasting, whole, SignIn, free;
    }
    Assertion {
        UserMismatch = "user-mismatch", final, lasting, whole, SignIn, free;
        IdentityUnknown = "identity-unknown", final, lasting, whole, SignIn, free;
        LatencyExceeded = "latency-exceeded", final, lasting, whole, SignIn, free;
        Warnings = "warnings", final, lasting, whole, SignIn, free;
        LifetimeTooShort = "lifetime-too-short", final, lasting, whole, SignIn, free;
        EndsSoon = "ends-soon", final, lasting, whole, SignIn, free, "A session or certificate ends within the time that was asked about.";
        ClockSkew = "clock-skew", final, lasting, whole, SignIn, free, "A warning: this machine and the instance disagree about the time.";
        CertificateEnds = "certificate-ends", final, lasting, whole, SignIn, free, "A warning: the certificate ends soon.";
    }
    Signal {
        Interrupted = "interrupted", final, lasting, whole, SignIn, free;
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
