//! `snow proxy`: a gateway for programs that cannot sign in themselves, until it is stopped.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use tempfile::NamedTempFile;

use super::app::App;
use super::using;
use crate::base::code::Code;
use crate::base::deferral;
use crate::base::error::Failure;
use crate::base::files::{self, Durability};
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::cli::{args, completion, signals};
use crate::gateway::Gateway;
use crate::gateway::admission::{Access, PathPrefix};
use crate::gateway::tls::Tls;
use crate::model::profile::ConnectionName;
use crate::report::json::proxy as json;

/// More than a password file has.
const PASSWORD_FILE_MAX_BYTES: u64 = 4096;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow proxy acme                                    GET and HEAD below /api/
  snow proxy acme --port 8080 -v                     print every request
  snow proxy acme --write --path /sys_report         more than that
  snow proxy acme --local-password-file ./password   for a script
  snow proxy acme --tls --json                       for programs that want https

A program uses the URL as its instance, and the local password with any user name:
  curl -u any:PASSWORD URL/api/now/table/incident

More: snow help gateway")]
pub struct ProxyArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    /// Listen on this port of 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Send on requests that may write; otherwise GET and HEAD alone
    #[arg(long)]
    pub write: bool,
    /// Serve this path and what is below it too, beside /api/ (repeatable)
    #[arg(long = "path", value_name = "PREFIX")]
    pub paths: Vec<String>,
    /// Serve https, with a certificate authority made for this run
    #[arg(long)]
    pub tls: bool,
    /// Write the local password to this file, for its owner alone; removed at the end
    #[arg(long, value_name = "FILE", value_parser = args::path())]
    pub local_password_file: Option<PathBuf>,
}

/// The file that the local password is in while the gateway serves.
struct PasswordFile {
    path: PathBuf,
    content: String,
}

pub async fn run(app: &mut App, arguments: ProxyArgs) -> Result<u8, Failure> {
    let ProxyArgs { name, port, write, paths, tls, local_password_file } = arguments;
    if local_password_file.is_none() && !app.console.json && !app.console.err.is_terminal {
        return Err(Failure::new(Code::Usage, "there is nowhere to show the local password")
            .why("Standard error is not a terminal.")
            .next("Add --local-password-file FILE, or --json"));
    }
    let chosen = using::choose_named(app, name.as_ref())?;
    if write {
        chosen.check_writes("programs could write with --write")?;
    }
    let name = chosen.name().to_owned();
    let client = using::open(app, chosen, false).await?;
    let (service, instance) = (client.connection().service(), client.connection().instance());
    let paths = paths.iter().map(|path| PathPrefix::read(service, instance, path)).collect::<Result<_, _>>()?;
    let origin = instance.to_string();
    let tls = if tls { Some(Tls::new()?) } else { None };
    let authority = tls.as_ref().map(|tls| save_authority(&tls.authority)).transpose()?;
    let access = Access { writes: write, paths, closed: Vec::new() };
    let gateway = Gateway::bind(client, access, port, tls).map_err(|error| cannot_listen(port, &error))?;
    let password = gateway.password().secret().clone();
    let password_file = local_password_file.map(|path| PasswordFile::write(path, &password)).transpose()?;
    let ca_cert = authority.as_ref().map(|file| file.path().display().to_string());
    let leftovers =
        password_file.iter().map(|file| file.path.clone()).chain(authority.iter().map(|file| file.path().to_owned()));
    signals::remove_at_end(leftovers.collect());

    let url = gateway.url();
    let in_clear = Some(&password).filter(|_| password_file.is_none());
    if app.console.json {
        app.console.document(&json::Proxy::new(&url, in_clear, ca_cert.as_deref(), &name));
    } else {
        tell(app, &Told { name: &name, origin: &origin, url: &url, write, ca_cert: ca_cert.as_deref() });
        match (in_clear, &password_file) {
            (Some(password), _) => app.console.secret_command(&format!("  Local password  {}", password.expose())),
            (None, Some(file)) => app.console.note(&format!("  Local password  in {}", file.path.display())),
            (None, None) => {}
        }
        app.console.note(&app.console.err.dim("  It serves until Ctrl-C.").to_string());
    }

    let mut stop = app.take_over_stop();
    let served = gateway.serve(async { _ = stop.asked().await }).await;
    // A renewal under way must not be dropped: its answer would be lost.
    while deferral::is_deferred() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop((password_file, authority));
    signals::remove_at_end(Vec::new());
    served.map_err(|error| cannot_listen(port, &error))?;
    Ok(0)
}

/// What a person is told.
struct Told<'a> {
    name: &'a str,
    origin: &'a str,
    url: &'a str,
    write: bool,
    ca_cert: Option<&'a str>,
}

fn tell(app: &App, told: &Told) {
    let paint = app.console.out;
    let Told { name, origin, url, write, ca_cert } = told;
    let does = if *write { "for reading and writing" } else { "for reading only" };
    app.console.text(&format!("{} serves {} at {origin}, {does}", paint.bold(url), paint.bold(name)));
    if let Some(path) = ca_cert {
        app.console.note(&format!("  CA certificate  {path}"));
    }
}

fn cannot_listen(port: Option<u16>, error: &std::io::Error) -> Failure {
    let port = port.map_or("a free port".to_owned(), |port| format!("port {port}"));
    let message = shown!("the gateway cannot listen on {} of 127.0.0.1", Shown::outside(&port));
    let failure = Failure::new(Code::PortInUse, message);
    let failure = match error.kind() {
        ErrorKind::AddrInUse => failure.why("Another program uses it."),
        _ => failure.why(shown!("{}.", error)),
    };
    failure.next("Choose another with --port, or leave it out")
}

/// The certificate of the authority in a file, which is removed when this is dropped.
fn save_authority(pem: &str) -> Result<NamedTempFile, Failure> {
    let saved = tempfile::Builder::new().prefix("snow-proxy-ca-").suffix(".pem").tempfile().and_then(|mut file| {
        file.write_all(pem.as_bytes())?;
        file.flush().map(|()| file)
    });
    saved.map_err(|error| {
        Failure::new(Code::ReportUnwritable, "the certificate of the gateway could not be written")
            .why(shown!("{}.", error))
            .next("Make the directory for temporary files writable, or set TMPDIR")
    })
}

impl PasswordFile {
    fn write(path: PathBuf, password: &Secret) -> Result<Self, Failure> {
        let content = format!("{}\n", password.expose());
        let unwritable = |why: Shown| {
            Failure::new(Code::ReportUnwritable, shown!("{} could not be written", path.display()))
                .why(why)
                .next("Name a file in a directory that you can write to")
        };
        // What is no file would be replaced by one.
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(unwritable("It is not a regular file.".into()));
        }
        files::write(&path, content.as_bytes(), Durability::Cached)
            .map_err(|error| unwritable(shown!("{}.", error)))?;
        Ok(Self { path: files::absolute(&path), content })
    }

    /// Whether it still is what this run wrote, and not what a later one did.
    fn is_ours(&self) -> bool {
        let found = files::read(&self.path, PASSWORD_FILE_MAX_BYTES);
        found.is_ok_and(|found| found.as_deref() == Some(self.content.as_bytes()))
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        if self.is_ours() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
