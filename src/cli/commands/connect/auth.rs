//! How a connection signs in, and as whom: the flags, what is saved, and the
//! answers of a person, in this order.

use super::Request;
use crate::auth::method::{self, MethodSpec};
use crate::auth::setting::Setting;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::cli::commands::app::App;
use crate::cli::commands::questions::NOBODY_TO_ASK;
use crate::model::oauth_client::GrantType;
use crate::model::profile::{Auth, Profile};
use crate::report::text::labelled;
use crate::service::servicenow::oauth::{DEFAULTS, SDK_CHOICE, SDK_METHOD, sdk_client};
use crate::service::servicenow::offer::Offer;

/// A flag that only some ways to sign in have.
struct MethodFlag {
    /// As a sentence names it.
    shown: Shown,
    /// Those that it chooses.
    chosen: Vec<&'static MethodSpec>,
    /// Those that it fits: that of a certificate goes with each.
    fitting: Vec<&'static MethodSpec>,
}

impl MethodFlag {
    fn new(shown: Shown, chooses: impl Fn(&MethodSpec) -> bool) -> Self {
        let chosen = those(chooses);
        Self { shown, fitting: chosen.clone(), chosen }
    }

    fn fitting(self, fits: impl Fn(&MethodSpec) -> bool) -> Self {
        Self { fitting: those(fits), ..self }
    }

    fn chooses(&self, spec: &MethodSpec) -> bool {
        self.chosen.iter().any(|method| method.method == spec.method)
    }

    fn fits(&self, spec: &MethodSpec) -> bool {
        self.fitting.iter().any(|method| method.method == spec.method)
    }
}

fn those(are_meant: impl Fn(&MethodSpec) -> bool) -> Vec<&'static MethodSpec> {
    method::saved_methods().filter(|spec| are_meant(spec)).collect()
}

impl Request {
    /// How the connection signs in and as whom.
    pub fn auth(&self, app: &mut App, saved: Option<&Profile>, offer: Option<Offer>) -> Result<Auth, Failure> {
        let given = &self.arguments.settings;
        let saved = saved.map(|saved| &saved.auth);
        let (spec, is_sdk) = match self.method(saved)? {
            Some(spec) => (spec, self.arguments.sdk_client),
            None => ask_method(app, offer)?,
        };
        let saved = saved.filter(|auth| auth.method == spec.method);
        let is_other = |auth: &Auth, setting: &Setting| {
            given.value(setting).is_some_and(|value| (setting.get)(auth).as_deref() != Some(value))
        };
        // The settings of one client or user do not apply to another.
        let base = saved.filter(|auth| !spec.settings().any(|setting| setting.is_required && is_other(auth, setting)));
        let mut auth = match base {
            _ if is_sdk => Auth::of_client(spec.method, sdk_client()),
            Some(saved) => saved.clone(),
            None => spec.blank(&DEFAULTS),
        };
        for setting in spec.settings() {
            if let Some(value) = given.value(setting) {
                (setting.set)(&mut auth, value).expect("the command line has checked it");
            }
        }
        for setting in spec.settings() {
            if setting.is_missing(&auth) {
                let question = setting.question.as_ref().expect("what is required can be asked for");
                app.answer(question, |answer| (setting.set)(&mut auth, answer))?;
            }
        }
        // Another client may well sign in another user.
        let has_user = given.given().any(|setting| setting.key == "username");
        if spec.learns_user() && !has_user && !saved.is_some_and(|saved| method::is_same_sign_in(&auth, saved)) {
            auth.username = None;
        }
        method::check(&auth, self.target.instance()).map_err(|(setting, error)| {
            let flag = setting.flag.as_ref().map_or(setting.key, |flag| flag.name);
            Failure::new(Code::Usage, shown!("{}", error))
                .next(shown!("Correct --{}, or the flags that go with it", flag))
        })?;
        Ok(auth)
    }

    /// The method that the flags leave no doubt about, else the saved one.
    pub fn method(&self, saved: Option<&Auth>) -> Result<Option<&'static MethodSpec>, Failure> {
        let flags = self.method_flags();
        if let Some(wanted) = self.arguments.auth {
            return match flags.iter().find(|flag| !flag.fits(wanted)) {
                Some(flag) => Err(contradiction(flag, wanted)),
                None => Ok(Some(wanted)),
            };
        }
        let saved = saved.map(|auth| MethodSpec::of(auth.method));
        if flags.is_empty() {
            let by_user = self.arguments.settings.given().next().map(|_| method::METHODS[0]);
            return Ok(saved.or(by_user));
        }
        if let Some(saved) = saved.filter(|spec| flags.iter().all(|flag| flag.fits(spec))) {
            return Ok(Some(saved));
        }
        // What goes with every way to sign in decides only if nothing else does.
        let by_all = |says: fn(&MethodFlag, &MethodSpec) -> bool| {
            method::saved_methods().find(|spec| flags.iter().all(|flag| says(flag, spec)))
        };
        if let Some(spec) = by_all(MethodFlag::chooses).or_else(|| by_all(MethodFlag::fits)) {
            return Ok(Some(spec));
        }
        let meant = flags.iter().rev().find_map(|flag| flag.chosen.first()).expect("every flag is of some method");
        let flag = flags.iter().find(|flag| !flag.fits(meant)).expect("no method has all the flags");
        Err(contradiction(flag, meant))
    }

    /// The given flags that not every method has.
    fn method_flags(&self) -> Vec<MethodFlag> {
        let arguments = &self.arguments;
        let settings = arguments.settings.given().filter_map(|setting| {
            let is_own = |spec: &MethodSpec| spec.own_settings().any(|own| own.key == setting.key);
            let shown = shown!("--{}", setting.flag.as_ref()?.name);
            Some(MethodFlag::new(shown, is_own).fitting(|spec| spec.setting(setting.key).is_some()))
        });
        let secrets = arguments.secrets.given().map(|input| {
            MethodFlag::new(input.phrase.into(), |spec| spec.signs_in_with(input))
                .fitting(|spec| spec.secret(input).is_some())
        });
        let with_browser =
            |flag: &'static str| MethodFlag::new(flag.into(), |spec| spec.grant == Some(GrantType::AuthorizationCode));
        let sdk = arguments.sdk_client.then(|| with_browser("--sdk-client"));
        let manual = arguments.browser.manual.then(|| with_browser("--manual"));
        let all = method::saved_methods().count();
        settings.chain(sdk).chain(manual).chain(secrets).filter(|flag| flag.chosen.len() < all).collect()
    }
}

fn contradiction(flag: &MethodFlag, method: &MethodSpec) -> Failure {
    Failure::new(Code::Usage, shown!("{} does not apply to --auth {}", &flag.shown, method.method.as_str()))
        .next("Give the flags of one way to sign in")
}

/// Where the text begins beside the line that shows the instance.
const ADVICE_INDENT: usize = 13;

/// A line of the menu: the way to sign in, and what it takes or what speaks against it.
fn option(text: &str, spec: &MethodSpec, offer: Option<Offer>) -> String {
    match offer.and_then(|offer| offer.objection(spec.method.as_str())) {
        Some(objection) => {
            let (name, what) = text.split_once("  ").unwrap_or((text, ""));
            let gap = text.len() - name.len() - what.trim_start().len();
            format!("{name}{}{objection}", " ".repeat(gap))
        }
        None => text.to_owned(),
    }
}

/// The method that a person chooses, and whether with the client of ServiceNow.
fn ask_method(app: &mut App, offer: Option<Offer>) -> Result<(&'static MethodSpec, bool), Failure> {
    let of_methods = method::saved_methods().filter_map(|spec| Some((spec.choice?, (spec, false))));
    let mut choices: Vec<_> = of_methods.chain([(SDK_CHOICE, (SDK_METHOD, true))]).collect();
    choices.sort_by_key(|((place, _), _)| *place);
    if !app.is_interactive() {
        return Err(Failure::new(Code::NoTerminal, "the way to sign in is missing")
            .why(NOBODY_TO_ASK)
            .next("Give --username USER, and the password with --password-stdin or --password-file FILE")
            .next("Sign in by OAuth with --client-id ID"));
    }
    let options: Vec<_> = choices.iter().map(|((_, text), (spec, _))| option(text, spec, offer)).collect();
    if let Some(offer) = offer {
        let paint = app.console.err;
        app.console.say(&labelled("Safest", offer.advice().as_str(), paint, ADVICE_INDENT));
    }
    Ok(choices[app.choose("What do you have to sign in with?", &options)?].1)
}
