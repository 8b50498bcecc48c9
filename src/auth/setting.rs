//! What a way to sign in takes, as data: its settings and its secrets.
//!
//! The connections file, `edit`, flags, prompts and variables iterate these.

use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::model::instance::Instance;
use crate::model::profile::{Auth, InvalidValue};
use crate::store::record::SecretItem;

/// One setting of a way to sign in. It is no secret.
#[derive(Debug)]
pub struct Setting {
    /// Its key in the connections file and in `--set`.
    pub key: &'static str,
    /// What a sentence calls it.
    pub label: &'static str,
    pub flag: Option<Flag>,
    /// The variable that gives it, if variables alone describe a connection.
    pub variable: Option<&'static str>,
    /// Whether a connection cannot be without it.
    pub is_required: bool,
    /// The keys of the settings that it takes the place of. Both together are an error, and
    /// either is enough.
    pub instead_of: &'static [&'static str],
    /// The key of the setting that is of no use without it.
    pub needed_by: Option<&'static str>,
    /// Whether an empty value means something.
    pub may_be_empty: bool,
    /// Whether it is true or false.
    pub is_switch: bool,
    /// Whether it is a program with its arguments: an array in the file of connections,
    /// and here its JSON.
    pub is_command: bool,
    /// Whether it is the path of a file. `~/` is the home of this user.
    pub is_path: bool,
    /// Whether what is stored belongs to this value, and is not used for another.
    pub binds: bool,
    /// Whether `connect` replaces a saved value only with `--force`.
    pub is_guarded: bool,
    /// What a person is asked if it is missing.
    pub question: Option<Question>,
    /// The value, unless it is the default.
    pub get: fn(&Auth) -> Option<String>,
    /// The default, if there is one.
    pub usual: fn(&Auth, &Instance) -> Option<String>,
    /// Takes a value as text.
    pub set: fn(&mut Auth, &str) -> Result<(), InvalidValue>,
    /// Back to the default.
    pub reset: fn(&mut Auth),
    /// Whether what it leads to on this machine is fit for a sign-in.
    pub examine: fn(&Auth) -> Result<(), Failure>,
}

/// The flag of a setting.
#[derive(Debug)]
pub struct Flag {
    /// Without the dashes.
    pub name: &'static str,
    pub value_name: &'static str,
    pub help: &'static str,
    /// The heading under which the help has it, if not the usual one.
    pub heading: Option<&'static str>,
    /// Set for a flag without a value: what it sets.
    pub means: Option<&'static str>,
}

/// A question to a person. It is asked again until the answer fits.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub text: &'static str,
    pub hint: &'static str,
    /// What an error calls the answer, as in "the user name is missing".
    pub what: &'static str,
    /// What to do without a terminal.
    pub instead: &'static str,
}

/// A secret that a person or a script hands in.
#[derive(Debug)]
pub struct SecretInput {
    pub item: &'static SecretItem,
    /// `--NAME-stdin` and `--NAME-file` take it.
    pub flag: &'static str,
    /// The heading under which the help has them, if not the usual one.
    pub heading: Option<&'static str>,
    /// Holds the secret.
    pub variable: &'static str,
    /// Holds the path of a file with the secret.
    pub variable_file: &'static str,
    /// As in "a password was given".
    pub phrase: &'static str,
}

/// A secret as one way to sign in uses it.
#[derive(Debug)]
pub struct SecretUse {
    pub input: &'static SecretInput,
    /// Whether a sign-in takes it, by what was given of the secrets before it.
    pub need: fn(&Auth, &GivenSecrets) -> Need,
    /// What a person is asked.
    pub question: fn(&Auth) -> String,
}

/// Whether a sign-in takes a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing works without it.
    Required,
    /// The same, and it is no line to type: a person names the file that holds it.
    File,
    /// A person may leave it out.
    Optional,
    /// It is taken if it is given, and not asked for.
    Unasked,
    /// The setting of this key takes its place.
    Replaced(&'static str),
}

impl Need {
    /// Whether nothing works without it.
    pub fn is_required(self) -> bool {
        matches!(self, Self::Required | Self::File)
    }
}

/// The secrets at hand for one sign-in, each with its item.
#[derive(Debug, Clone, Default)]
pub struct GivenSecrets(Vec<(&'static SecretItem, Secret)>);

impl GivenSecrets {
    pub fn get(&self, item: &SecretItem) -> Option<&Secret> {
        self.0.iter().find(|(known, _)| known.field == item.field).map(|(_, secret)| secret)
    }

    /// One that is [`Need::Required`]. Without it no credential is made.
    pub fn required(&self, item: &SecretItem) -> Secret {
        self.get(item).expect("a required secret is there").clone()
    }

    /// Replaces the secret of this item.
    pub fn put(&mut self, item: &'static SecretItem, secret: Secret) {
        self.take(item);
        self.0.push((item, secret));
    }

    /// Forgets the secret of this item.
    pub fn take(&mut self, item: &SecretItem) {
        self.0.retain(|(known, _)| known.field != item.field);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static SecretItem, &Secret)> {
        self.0.iter().map(|(item, secret)| (*item, secret))
    }
}

impl Setting {
    /// Whether a connection lacks it.
    pub fn is_missing(&self, auth: &Auth) -> bool {
        let is_set = |key: &str| auth.settings.contains_key(key);
        let is_needed = self.is_required || self.needed_by.is_some_and(is_set);
        let is_replaced = self.instead_of.iter().any(|key| is_set(key));
        is_needed && !is_replaced && (self.get)(auth).is_none()
    }

    /// An optional setting without a flag.
    pub const fn plain(
        key: &'static str,
        label: &'static str,
        get: fn(&Auth) -> Option<String>,
        set: fn(&mut Auth, &str) -> Result<(), InvalidValue>,
        reset: fn(&mut Auth),
    ) -> Self {
        Self {
            key,
            label,
            flag: None,
            variable: None,
            is_required: false,
            instead_of: &[],
            needed_by: None,
            may_be_empty: false,
            is_switch: false,
            is_command: false,
            is_path: false,
            binds: false,
            is_guarded: false,
            question: None,
            get,
            usual: |_, _| None,
            set,
            reset,
            examine: |_| Ok(()),
        }
    }
}

/// A setting that is kept under its key, where `$put` checks its text first.
macro_rules! kept {
    ($key:expr, $label:expr, $put:expr) => {
        Setting::plain(
            $key,
            $label,
            |auth| auth.settings.get($key).cloned(),
            |auth, text| $put(auth, $key, text),
            |auth| drop(auth.settings.remove($key)),
        )
    };
}
pub(super) use kept;

/// Where the help shows the flags of OAuth.
pub const OAUTH_HEADING: &str = "Signing in with OAuth";

const USER_NAME: Setting = Setting {
    flag: Some(Flag { name: "username", value_name: "USER", help: "Sign in as this user", heading: None, means: None }),
    binds: true,
    is_guarded: true,
    ..Setting::plain(
        "username",
        "user",
        |auth| auth.username().map(ToString::to_string),
        |auth, text| text.parse().map(|user| auth.username = Some(user)),
        |auth| auth.username = None,
    )
};

/// The user whose name is sent.
pub static SENT_USER_NAME: Setting = Setting {
    variable: Some("SNOW_USERNAME"),
    is_required: true,
    question: Some(Question {
        text: "User name",
        hint: "the instance's, not your developer site's",
        what: "user name",
        instead: "Use --username USER, and pass the password with --password-stdin or --password-file FILE",
    }),
    ..USER_NAME
};

/// The user that the instance names after the sign-in. One that was given must be it.
pub static LEARNT_USER_NAME: Setting = USER_NAME;
