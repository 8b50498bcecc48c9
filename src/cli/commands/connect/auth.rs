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
use crate::service::{LentClient, Offer, Service};

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
    fn new(shown: Shown, service: &dyn Service, chooses: impl Fn(&MethodSpec) -> bool) -> Self {
        let chosen: Vec<_> = saved_methods(service).filter(|spec| chooses(spec)).collect();
        Self { shown, fitting: chosen.clone(), chosen }
    }

    fn fitting(self, service: &dyn Service, fits: impl Fn(&MethodSpec) -> bool) -> Self {
        Self { fitting: saved_methods(service).filter(|spec| fits(spec)).collect(), ..self }
    }

    fn chooses(&self, spec: &MethodSpec) -> bool {
        self.chosen.iter().any(|method| method.method == spec.method)
    }

    fn fits(&self, spec: &MethodSpec) -> bool {
        self.fitting.iter().any(|method| method.method == spec.method)
    }
}

impl Request {
    /// How the connection signs in and as whom.
    pub fn auth(&self, app: &mut App, saved: Option<&Profile>, offer: Option<&Offer>) -> Result<Auth, Failure> {
        let service = self.target.service;
        let given = &self.arguments.settings;
        let saved = saved.map(|saved| &saved.auth);
        let (spec, lent) = match self.method(saved)? {
            Some(spec) => (spec, service.lent_client().filter(|_| self.arguments.sdk_client)),
            None => ask_method(app, service, offer)?,
        };
        let saved = saved.filter(|auth| auth.method == spec.method);
        let is_other = |auth: &Auth, setting: &Setting| {
            given.value(setting).is_some_and(|value| (setting.get)(auth).as_deref() != Some(value))
        };
        // The settings of one client or user do not apply to another.
        let base = saved.filter(|auth| !spec.settings().any(|setting| setting.is_required && is_other(auth, setting)));
        let mut auth = match (lent, base) {
            (Some(lent), _) => Auth::of_client(spec.method, (lent.client)()),
            (None, Some(saved)) => saved.clone(),
            (None, None) => spec.blank(service.defaults()),
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
        service.check(&auth, self.target.instance())?;
        Ok(auth)
    }

    /// The method that the flags leave no doubt about, else the saved one.
    pub fn method(&self, saved: Option<&Auth>) -> Result<Option<&'static MethodSpec>, Failure> {
        let service = self.target.service;
        let flags = self.method_flags();
        if let Some(name) = self.arguments.auth {
            let wanted = method::named(service.methods(), name).map_err(|invalid| {
                Failure::new(Code::Usage, shown!("{}", invalid))
                    .next(shown!("Use a way to sign in that {} has", service.defaults().label))
            })?;
            return match flags.iter().find(|flag| !flag.fits(wanted)) {
                Some(flag) => Err(contradiction(flag, wanted)),
                None => Ok(Some(wanted)),
            };
        }
        let saved = saved.map(|auth| MethodSpec::of(auth.method));
        if flags.is_empty() {
            let by_user = self.arguments.settings.given().next().map(|_| service.methods()[0]);
            return Ok(saved.or(by_user));
        }
        if let Some(saved) = saved.filter(|spec| flags.iter().all(|flag| flag.fits(spec))) {
            return Ok(Some(saved));
        }
        // What goes with every way to sign in decides only if nothing else does.
        let by_all = |says: fn(&MethodFlag, &MethodSpec) -> bool| {
            saved_methods(service).find(|spec| flags.iter().all(|flag| says(flag, spec)))
        };
        if let Some(spec) = by_all(MethodFlag::chooses).or_else(|| by_all(MethodFlag::fits)) {
            return Ok(Some(spec));
        }
        let Some(meant) = flags.iter().rev().find_map(|flag| flag.chosen.first()) else {
            let label = service.defaults().label;
            return Err(Failure::new(Code::Usage, shown!("{} does not apply to {}", &flags[0].shown, label))
                .next("Give the flags of one of its ways to sign in"));
        };
        let flag = flags.iter().find(|flag| !flag.fits(meant)).expect("no method has all the flags");
        Err(contradiction(flag, meant))
    }

    /// The given flags that not every method has.
    fn method_flags(&self) -> Vec<MethodFlag> {
        let (arguments, service) = (&self.arguments, self.target.service);
        let settings = arguments.settings.given().filter_map(|setting| {
            let is_own = |spec: &MethodSpec| spec.own_settings().any(|own| own.key == setting.key);
            let shown = shown!("--{}", setting.flag.as_ref()?.name);
            let flag = MethodFlag::new(shown, service, is_own);
            Some(flag.fitting(service, |spec| spec.setting(setting.key).is_some()))
        });
        let secrets = arguments.secrets.given().map(|input| {
            MethodFlag::new(input.phrase.into(), service, |spec| spec.signs_in_with(input))
                .fitting(service, |spec| spec.secret(input).is_some())
        });
        let with_browser = |flag: &'static str| {
            MethodFlag::new(flag.into(), service, |spec| spec.grant == Some(GrantType::AuthorizationCode))
        };
        let sdk = arguments.sdk_client.then(|| with_browser("--sdk-client"));
        let manual = arguments.browser.manual.then(|| with_browser("--manual"));
        let all = saved_methods(service).count();
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
fn option(text: &str, spec: &MethodSpec, offer: Option<&Offer>) -> String {
    match offer.and_then(|offer| offer.objection(spec)) {
        Some(objection) => {
            let (name, what) = text.split_once("  ").unwrap_or((text, ""));
            let gap = text.len() - name.len() - what.trim_start().len();
            format!("{name}{}{objection}", " ".repeat(gap))
        }
        None => text.to_owned(),
    }
}

/// The ways to sign in that a saved connection to the service can use.
fn saved_methods(service: &dyn Service) -> impl Iterator<Item = &'static MethodSpec> + use<> {
    service.methods().iter().copied().filter(|spec| spec.is_saved)
}

/// How a person signs in, and with which client if it is the service's.
type Chosen = (&'static MethodSpec, Option<&'static LentClient>);

/// The way to sign in that a person chooses.
fn ask_method(app: &mut App, service: &dyn Service, offer: Option<&Offer>) -> Result<Chosen, Failure> {
    let of_methods = saved_methods(service).filter_map(|spec| Some((spec.choice?, (spec, None))));
    let lent = service.lent_client().map(|lent| (lent.choice, (lent.method, Some(lent))));
    let mut choices: Vec<(_, Chosen)> = of_methods.chain(lent).collect();
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
        app.console.say(&labelled("Safest", offer.advice, paint, ADVICE_INDENT));
    }
    Ok(choices[app.choose("What do you have to sign in with?", &options)?].1)
}
