//! A connection that variables alone describe: for CI. No file, no store and
//! no D-Bus is touched for it.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::auth::method::{self, InvalidSetting, METHODS, MethodSpec, settings};
use crate::auth::setting::{GivenSecrets, SecretUse, Setting};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown, without_value};
use crate::base::variables::Variables;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::profile::{Auth, any_of};
use crate::service::{self, Address, Service};
use crate::store::Surroundings;
use crate::store::record::SecretItem;

/// The name of such a connection in reports.
pub const NAME: &str = "environment";
/// Says which service it is a connection to.
pub const SPEC: &str = "SNOW_SPEC";

/// The ones of these ways to sign in that variables can describe.
fn ways(methods: &'static [&'static MethodSpec]) -> impl Iterator<Item = &'static MethodSpec> {
    methods.iter().copied().filter(|spec| spec.has_variables)
}

/// Every variable that describes a connection. Any of them, even empty, means that
/// one is wanted: never a silent fall to a saved connection.
pub fn variables() -> impl Iterator<Item = &'static str> {
    static VARIABLES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let mut all = vec!["SNOW_INSTANCE", "SNOW_AUTH", SPEC];
        for name in ways(&METHODS).flat_map(MethodSpec::variables) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        all
    });
    VARIABLES.iter().copied()
}

/// The variables of secrets: for the secret itself, and for the file that holds it.
pub fn secrets() -> impl Iterator<Item = (&'static str, &'static str)> {
    let inputs = ways(&METHODS).flat_map(|way| way.secrets).map(|secret| secret.input);
    inputs.map(|input| (input.variable, input.variable_file))
}

/// What the variables say; each secret as it is, or where it stands.
#[derive(Debug)]
pub struct EnvironmentConnection {
    pub instance: Instance,
    pub api_version: Option<ApiVersion>,
    pub auth: Auth,
    /// The variable of what the instance judges.
    pub variable: &'static str,
    pub secrets: Vec<GivenSecret>,
}

/// A secret that a variable gives.
#[derive(Debug)]
pub struct GivenSecret {
    item: &'static SecretItem,
    variable: &'static str,
    source: SecretSource,
}

#[derive(Debug)]
enum SecretSource {
    Value(Secret),
    /// The path that the variable holds.
    File(PathBuf),
}

impl GivenSecret {
    /// Takes it from the variable, or from the file that the variable names.
    pub fn read(self, surroundings: &mut dyn Surroundings) -> Result<(&'static SecretItem, Secret), Failure> {
        let secret = match self.source {
            SecretSource::Value(secret) => secret,
            SecretSource::File(path) => surroundings.secret_file(&path, self.variable)?,
        };
        Ok((self.item, secret))
    }
}

/// Whether variables describe a connection, completely or not.
pub fn is_described(variables: &Variables) -> bool {
    self::variables().any(|name| variables.raw(name).is_some())
}

/// Reads the variables; an error names the one that is wrong or missing.
pub fn read(variables: &Variables) -> Result<EnvironmentConnection, Failure> {
    for name in self::variables() {
        let may_be_empty = settings().iter().any(|setting| setting.variable == Some(name) && setting.may_be_empty);
        if !may_be_empty && variables.raw(name).is_some_and(|value| value.is_empty()) {
            return Err(
                incomplete(shown!("{} is set, but empty", name)).next(shown!("Set {} to a value, or unset it", name))
            );
        }
    }
    let service = service(variables)?;
    let way = way(variables, service)?;
    let address = service.address(required(variables, "SNOW_INSTANCE")?)?;
    let auth = auth(variables, service, way, &address.instance)?;
    let secrets = secrets_of(variables, way, &auth)?;
    let of_setting = || way.settings().find(|setting| setting.is_required).and_then(|setting| setting.variable);
    let variable = secrets.first().map(|given| given.variable).or_else(of_setting).unwrap_or("SNOW_AUTH");
    let Address { instance, api_version, .. } = address;
    Ok(EnvironmentConnection { instance, api_version, auth, variable, secrets })
}

fn auth(variables: &Variables, service: &dyn Service, way: &MethodSpec, instance: &Instance) -> Result<Auth, Failure> {
    let mut values = Vec::new();
    for setting in way.settings() {
        let Some(variable) = setting.variable.filter(|variable| variables.raw(variable).is_some()) else { continue };
        let text = required(variables, variable)?;
        let path = variables.path(variable).filter(|_| setting.is_path);
        values.push((variable, path.map_or_else(|| text.to_owned(), |path| path.to_string_lossy().into_owned())));
    }
    let value = |setting: &'static Setting| {
        values.iter().find(|(variable, _)| setting.variable == Some(*variable)).map(|(_, value)| value.clone())
    };
    way.read(service.defaults(), instance, value).map_err(|invalid| match invalid {
        InvalidSetting::Missing(setting) => {
            let name = setting.variable.expect("what is required has a variable");
            not_set(name)
        }
        InvalidSetting::Invalid(setting, error) => {
            // The revocation endpoint follows the token endpoint.
            let name = setting.variable.unwrap_or("SNOW_TOKEN_URL");
            incomplete(shown!("{}: {}", name, Shown::outside(without_value(&error.0)))).next(shown!("Correct {}", name))
        }
    })
}

fn service(variables: &Variables) -> Result<&'static dyn Service, Failure> {
    let Some(name) = variables.text(SPEC) else { return Ok(service::usual()) };
    service::named(name)
        .map_err(|invalid| incomplete(shown!("{}: {}", SPEC, invalid)).next(shown!("Correct or unset {}", SPEC)))
}

/// The one way to sign in that is meant.
fn way(variables: &Variables, service: &'static dyn Service) -> Result<&'static MethodSpec, Failure> {
    let ways = || ways(service.methods());
    if let Some(word) = variables.text("SNOW_AUTH") {
        if method::is_password_grant(word) {
            return Err(method::no_password_grant().next("Set SNOW_AUTH to one of these, without the dashes"));
        }
        return ways().find(|way| way.method.as_str() == word).ok_or_else(|| {
            incomplete("SNOW_AUTH is not a known sign-in method")
                .next(shown!("Set SNOW_AUTH to {}, or unset it", names_of(ways())))
        });
    }
    let is_of = |way: &MethodSpec, name: &str| way.variables().any(|own| own == name);
    let given: Vec<_> = ways().flat_map(MethodSpec::variables).filter(|name| variables.raw(name).is_some()).collect();
    let Some(one) = given.first() else { return Ok(service.methods()[0]) };
    // Some variables are of several: the first that takes all that are set is meant.
    // A certificate goes with every other, too, and decides only where nothing else does.
    let takes_all = |way: &&MethodSpec| given.iter().all(|name| way.takes_variable(name));
    if let Some(way) = ways().find(|way| given.iter().all(|name| is_of(way, name))).or_else(|| ways().find(takes_all)) {
        return Ok(way);
    }
    let first = ways().find(|way| is_of(way, one)).expect("it is a variable of one of them");
    let other =
        given.iter().find(|name| !first.takes_variable(name)).expect("the first does not take all that are set");
    Err(incomplete(shown!("{} and {} belong to different sign-in methods", *one, *other)).next(shown!(
        "Unset {} or {}, or choose the method with SNOW_AUTH",
        *other,
        *one
    )))
}

fn names_of(ways: impl Iterator<Item = &'static MethodSpec>) -> Shown {
    Shown::outside(any_of(&ways.map(|way| way.method.as_str()).collect::<Vec<_>>()))
}

fn secrets_of(variables: &Variables, way: &MethodSpec, auth: &Auth) -> Result<Vec<GivenSecret>, Failure> {
    let mut secrets = Vec::new();
    for SecretUse { input, need, .. } in way.every_secret() {
        let is_set = [input.variable, input.variable_file].into_iter().any(|name| variables.raw(name).is_some());
        if is_set || need(auth, &GivenSecrets::default()).is_required() {
            let (variable, source) = secret(variables, input.variable, input.variable_file)?;
            secrets.push(GivenSecret { item: input.item, variable, source });
        }
    }
    Ok(secrets)
}

/// The variable that is set, and what it holds.
fn secret(
    variables: &Variables,
    name: &'static str,
    file: &'static str,
) -> Result<(&'static str, SecretSource), Failure> {
    match (variables.raw(name), variables.raw(file)) {
        (Some(_), Some(_)) => Err(incomplete(shown!("{} and {} are both set", name, file)).next("Unset one of them")),
        (None, Some(_)) => Ok((file, SecretSource::File(variables.path(file).unwrap_or_default()))),
        (None, None) => Err(incomplete(shown!("{} is not set", name)).next(shown!("Set {} or {}", name, file))),
        (Some(_), None) => {
            let secret = Secret::of_line(required(variables, name)?).map_err(|invalid| {
                incomplete(shown!("{} is not a valid secret: {}", name, invalid)).next(shown!("Correct {}", name))
            })?;
            Ok((name, SecretSource::Value(secret)))
        }
    }
}

fn required<'a>(variables: &'a Variables, name: &'static str) -> Result<&'a str, Failure> {
    match variables.raw(name) {
        None => Err(not_set(name)),
        Some(value) => value
            .to_str()
            .ok_or_else(|| incomplete(shown!("{} is not valid UTF-8", name)).next(shown!("Correct {}", name))),
    }
}

fn not_set(name: &'static str) -> Failure {
    incomplete(shown!("{} is not set", name))
        .next(shown!("Set {}, or unset the other variables of the connection", name))
}

fn incomplete(what: impl Into<Shown>) -> Failure {
    Failure::new(Code::EnvironmentIncomplete, what).why("The variables do not describe a complete connection.")
}
