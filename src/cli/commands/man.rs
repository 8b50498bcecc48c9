//! `snow man`: the manual page of each command, for `man`.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::app::App;
use super::usage;
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::{Shown, shown};
use crate::cli::command::{GLOBAL_OPTIONS, command, examples, notes, with_all_below};
use crate::cli::{args, completion};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow man test | man -l -
  snow man --dir ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The command [default: snow itself]
    #[arg(conflicts_with = "dir", add = ArgValueCandidates::new(completion::commands))]
    pub command: Option<String>,
    /// Write the pages of all commands to this directory
    #[arg(long, value_name = "DIRECTORY", value_parser = args::path(), value_hint = clap::ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// So wide that with its indentation a line fits 80 columns.
const COLUMNS: usize = 72;

/// The variables, with what each is for.
const VARIABLES: [(&str, &str); 40] = [
    ("SNOW_CONNECTION", "The connection to use, as with --connection."),
    ("SNOW_INSTANCE", "With the variables below: a connection that needs nothing saved."),
    ("SNOW_SPEC", "The service of that connection, if it is not ServiceNow."),
    ("SNOW_AUTH", "How that connection signs in, if the variables allow several ways."),
    ("SNOW_USERNAME", "Its user."),
    ("SNOW_PASSWORD, SNOW_PASSWORD_FILE", "Its password, or the file that holds it."),
    (
        "SNOW_SECURITY_TOKEN, SNOW_SECURITY_TOKEN_FILE",
        "What Salesforce wants after the password, or the file that holds it.",
    ),
    ("SNOW_CLIENT_ID", "Its OAuth client."),
    ("SNOW_CLIENT_SECRET, SNOW_CLIENT_SECRET_FILE", "The secret of that client, or the file that holds it."),
    ("SNOW_SCOPE", "The scope to ask for."),
    ("SNOW_TOKEN_URL", "The token endpoint."),
    (
        "SNOW_PRIVATE_KEY, SNOW_PRIVATE_KEY_FILE",
        "The private key of a client that signs assertions (PEM), or the file that holds it.",
    ),
    (
        "SNOW_PRIVATE_KEY_PASSPHRASE, SNOW_PRIVATE_KEY_PASSPHRASE_FILE",
        "The passphrase of that key, or the file that holds it.",
    ),
    ("SNOW_KEY_ID, SNOW_SUBJECT", "The key id of the assertions, and the user that they are for."),
    ("SNOW_AUDIENCE", "The audience of the assertions. Default: the client id."),
    ("SNOW_API_KEY, SNOW_API_KEY_FILE", "Its API key, or the file that holds it."),
    ("SNOW_ACCESS_TOKEN, SNOW_ACCESS_TOKEN_FILE", "Its access token, or the file that holds it."),
    ("SNOW_CLIENT_CERT_FILE, SNOW_CLIENT_KEY_FILE", "The files of its client certificate and of the key."),
    ("SNOW_CLIENT_IDENTITY_FILE", "Both in one PKCS#12 file."),
    (
        "SNOW_CLIENT_IDENTITY_PASSPHRASE, SNOW_CLIENT_IDENTITY_PASSPHRASE_FILE",
        "The passphrase of that key, or the file that holds it.",
    ),
    ("SNOW_TIMEOUT", "Time limit for each connection."),
    ("SNOW_KEYRING_TIMEOUT", "Time limit for the keyring."),
    ("SNOW_NO_INPUT, CI", "If set, never ask and never open a browser."),
    ("SNOW_BROWSER, BROWSER", "The browser for a sign-in."),
    ("SNOW_LOG", "off, info, debug or trace: as -v, -vv and -vvv."),
    ("SNOW_STORE", "Where new secrets go: keyring, file or vault."),
    ("SNOW_CONFIG_DIR, XDG_CONFIG_HOME", "The directory of config.toml."),
    ("SNOW_STATE_DIR, XDG_STATE_HOME", "The directory of last tests and locks."),
    ("SNOW_DATA_DIR, XDG_DATA_HOME", "The directory of secrets.age."),
    ("SNOW_STORE_PASSPHRASE, SNOW_STORE_PASSPHRASE_FILE", "The passphrase of the encrypted file."),
    ("SNOW_STORE_IDENTITY", "A file with an age identity that opens the encrypted file."),
    (
        "SNOW_VAULT_ADDR, BAO_ADDR, VAULT_ADDR",
        "The address of Vault; snow help environment lists more of its variables.",
    ),
    ("SNOW_VAULT_TOKEN_FILE, VAULT_TOKEN", "The token of Vault, or the file that holds it."),
    ("SNOW_VAULT_ROLE_ID, SNOW_VAULT_SECRET_ID, SNOW_VAULT_SECRET_ID_FILE", "An AppRole that signs in to Vault."),
    ("SNOW_VAULT_JWT, SNOW_VAULT_JWT_FILE", "A JWT that signs in to Vault, or the file that holds it."),
    (
        "SNOW_VAULT_AUTH, SNOW_VAULT_ROLE, SNOW_VAULT_AUTH_MOUNT",
        "How to sign in to Vault, as --store-auth, --store-role and --store-auth-mount say it.",
    ),
    ("NO_COLOR, CLICOLOR_FORCE, TERM", "Whether to use colour."),
    ("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "The proxy."),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "The certificate authorities of the system."),
    ("GITHUB_ACTIONS, GITHUB_STEP_SUMMARY", "How to write for a GitHub workflow."),
];

const FILES: [(&str, &str); 4] = [
    ("~/.config/snow/config.toml", "The saved connections. It holds no secret."),
    (
        "~/.local/share/snow/secrets.age",
        "The secrets, encrypted, with --store file. Without it they are in the keyring.",
    ),
    ("~/.local/state/snow", "The results of the last tests, and locks. It can be deleted."),
    (".snow.toml", "The connection of a directory and those below it."),
];

/// What each exit code means, but 0.
pub const EXIT_CODES: [(Class, &str); 13] = [
    (Class::Internal, "a defect of snow"),
    (Class::Usage, "a flag or argument is wrong"),
    (Class::Config, "unknown connection, bad file, missing input without a terminal"),
    (Class::Auth, "no credential, or the instance refused it"),
    (Class::Forbidden, "signed in, but a role, rule or scope denies"),
    (Class::Network, "DNS, TCP, TLS, proxy, time-out"),
    (Class::Instance, "something answered that cannot serve"),
    (Class::RateLimited, "too many requests"),
    (Class::Store, "the keyring, the encrypted file or Vault is missing, locked, denied or too slow"),
    (Class::Api, "an answer that makes no sense"),
    (Class::Assertion, "it works, but not as was demanded"),
    (Class::Mixed, "several connections failed, in different classes"),
    (Class::Signal, "stopped (143 for a termination signal)"),
];

pub fn run(app: &mut App, arguments: &ManArgs) -> Result<u8, Failure> {
    let mut root = command(COLUMNS);
    root.build();
    let Some(directory) = &arguments.dir else {
        let page = match &arguments.command {
            None => page(&root),
            Some(name) => page(root.find_subcommand(name).ok_or_else(|| unknown(&root, name))?),
        };
        app.console.data(page.trim_end());
        return Ok(0);
    };
    write_pages(&root, directory).map_err(|error| {
        Failure::new(
            Code::OutputUnwritable,
            shown!("the pages cannot be written to {}: {}", directory.display(), error),
        )
        .next("Give a directory that can be written")
    })?;
    app.console.note(&shown!("The pages are in {}.", directory.display()));
    Ok(0)
}

fn unknown(root: &clap::Command, name: &str) -> Failure {
    let failure = Failure::new(Code::Usage, shown!("there is no command \"{}\"", Shown::outside(name)));
    match usage::near(name, root.get_subcommands().map(clap::Command::get_name)) {
        Some(near) => failure.next(shown!("Did you mean {}?", Shown::outside(near))),
        None => failure.next("Name one that snow --help lists"),
    }
}

/// Writes the page of each command.
fn write_pages(root: &clap::Command, directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for command in with_all_below(root) {
        let name = Man::new(command.clone()).get_filename();
        files::publish(&directory.join(name), page(command).as_bytes())?;
    }
    Ok(())
}

/// The page of a command, as roff.
fn page(command: &clap::Command) -> String {
    let is_root = command.get_display_name().is_none_or(|name| !name.contains('-'));
    let man = Man::new(command.clone().subcommand_help_heading("COMMANDS").subcommand_value_name("COMMAND"))
        .source(concat!("snow ", env!("CARGO_PKG_VERSION")))
        .manual("Snow Manual");
    let mut page = Vec::new();
    let rendered = [
        man.render_title(&mut page),
        man.render_name_section(&mut page),
        man.render_synopsis_section(&mut page),
        man.render_description_section(&mut page),
        if command.has_subcommands() { man.render_subcommands_section(&mut page) } else { Ok(()) },
        man.render_options_section(&mut page),
        more(command, is_root).to_writer(&mut page),
    ];
    rendered.into_iter().collect::<io::Result<()>>().expect("memory takes what is written");
    String::from_utf8(page).expect("our texts are UTF-8")
}

/// The sections that the library does not know.
fn more(command: &clap::Command, is_root: bool) -> Roff {
    let mut roff = Roff::new();
    if let Some(examples) = examples(command) {
        as_written(&mut roff, "EXAMPLES", &examples);
    }
    let notes = notes(command).unwrap_or_default();
    let notes = notes.strip_suffix(GLOBAL_OPTIONS).unwrap_or(&notes).trim_end();
    if !notes.is_empty() {
        as_written(&mut roff, "NOTES", notes);
    }
    roff.control("SH", ["EXIT STATUS"]);
    entry(&mut roff, "0", "it worked");
    for (class, meaning) in EXIT_CODES {
        entry(&mut roff, &class.exit_code().to_string(), meaning);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    let (variables, files) = if is_root { (&VARIABLES[..], &FILES[..]) } else { (&VARIABLES[..1], &FILES[..2]) };
    variables.iter().for_each(|(names, text)| entry(&mut roff, names, text));
    roff.control("SH", ["FILES"]);
    files.iter().for_each(|(path, text)| entry(&mut roff, path, text));
    if !is_root {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold("snow"), roman("(1) has the global options, and the other variables and files.")]);
    }
    roff
}

/// A section whose lines stay as they are.
fn as_written(roff: &mut Roff, heading: &str, text: &str) {
    roff.control("SH", [heading]).control("nf", []);
    for line in text.lines().flat_map(|line| textwrap::wrap(line, COLUMNS)) {
        // The page is indented already.
        roff.text([roman(line.strip_prefix("  ").unwrap_or(&line))]);
    }
    roff.control("fi", []);
}

/// A term with its text.
fn entry(roff: &mut Roff, term: &str, text: &str) {
    roff.control("TP", []).text([bold(term)]).text([roman(text)]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::auth::method::{METHODS, MethodSpec};
    use crate::cli::commands::help;

    /// The words of a text that name a variable of ours.
    fn variables(text: &str) -> BTreeSet<&str> {
        let is_no_part = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
        text.split(is_no_part).filter(|word| word.starts_with("SNOW_") && word.len() > 5).collect()
    }

    #[test]
    fn the_page_has_the_variables_of_the_topic_and_of_every_way_to_sign_in() {
        let page: String = VARIABLES.map(|(names, _)| format!("{names} ")).concat();
        let (_, topic) = help::TOPICS.iter().find(|(name, _)| *name == "environment").unwrap();
        assert_eq!(variables(&page), variables(topic));
        let of_methods = METHODS.into_iter().filter(|spec| spec.has_variables).flat_map(MethodSpec::variables);
        for variable in of_methods {
            assert!(variables(&page).contains(variable), "{variable}");
        }
    }
}
