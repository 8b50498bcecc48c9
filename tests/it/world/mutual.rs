//! Mutual TLS with real counterparts: certificates by openssl, and nginx or HAProxy in
//! front of the embedded instance, which demand one of a client.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::process::{Guard, tool};

/// The passphrase of what has one. It is searched for in all that is written.
pub const PASSPHRASE: &str = "CANARY-pass word/ü";

/// Certificates and keys in a directory of their own.
pub struct Pki {
    directory: tempfile::TempDir,
}

/// The files of a client certificate, in PEM format.
#[derive(Debug, Clone)]
pub struct Issued {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Issued {
    /// As flags of `connect`.
    pub fn flags(&self) -> String {
        format!("--client-cert {} --client-key {}", self.certificate.display(), self.key.display())
    }
}

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy)]
pub enum Validity {
    Now,
    Expired,
    NotYet,
    /// For so many days from now.
    Days(i64),
}

impl Validity {
    /// As openssl ca takes it.
    fn dates(self) -> [String; 2] {
        let at = |time: chrono::DateTime<chrono::Utc>| time.format("%Y%m%d%H%M%SZ").to_string();
        let now = chrono::Utc::now();
        let days = |days: i64| at(now + chrono::TimeDelta::days(days));
        match self {
            Self::Now => [days(-1), days(365)],
            Self::Expired => [days(-30), days(-2)],
            Self::NotYet => [days(10), days(100)],
            Self::Days(left) => [days(-1), days(left)],
        }
    }
}

const CONFIGURATION: &str = "\
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = own
[own]
dir = .
serial = serial
new_certs_dir = .
unique_subject = no
default_md = sha256
default_days = 365
default_crl_days = 30
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
";

impl Pki {
    /// With the authority `root`, the authority `middle` below it, and a server.
    pub fn new() -> Self {
        let pki = Self { directory: tempfile::tempdir_in("/tmp").unwrap() };
        std::fs::write(pki.path("ca.cnf"), CONFIGURATION).unwrap();
        std::fs::write(pki.path("serial"), "1000\n").unwrap();
        pki.authority("root", None);
        pki.authority("middle", Some("root"));
        pki.issue_as("server", "localhost", "root", "server", Validity::Now);
        let combined = [pki.path("server.pem"), pki.path("server.key")].map(|path| std::fs::read(path).unwrap());
        std::fs::write(pki.path("server-and-key.pem"), combined.concat()).unwrap();
        pki
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The authority that issued the certificate of the servers.
    pub fn ca(&self) -> PathBuf {
        self.path("root.pem")
    }

    /// Adds an authority; without an issuer it vouches for itself.
    pub fn authority(&self, name: &str, issuer: Option<&str>) {
        std::fs::write(self.path(&format!("{name}.index")), "").unwrap();
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        match issuer {
            Some(issuer) => drop(self.issue_as(name, name, issuer, "authority", Validity::Days(400))),
            None => self.openssl(&[
                "req",
                "-x509",
                "-config",
                "ca.cnf",
                "-extensions",
                "authority",
                "-days",
                "400",
                "-nodes",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-subj",
                &format!("/CN={name}"),
                "-keyout",
                &key,
                "-out",
                &certificate,
            ]),
        }
    }

    /// A certificate for a user, which `issuer` signs.
    pub fn issue(&self, user: &str, issuer: &str, validity: Validity) -> Issued {
        self.issue_as(user, user, issuer, "client", validity)
    }

    fn issue_as(&self, file: &str, name: &str, issuer: &str, kind: &str, validity: Validity) -> Issued {
        let (key, request, certificate) = (format!("{file}.key"), format!("{file}.csr"), format!("{file}.pem"));
        self.openssl(&[
            "req",
            "-new",
            "-config",
            "ca.cnf",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            &key,
            "-out",
            &request,
        ]);
        let [from, until] = validity.dates();
        let by = self.as_authority(issuer);
        let by = by.each_ref().map(String::as_str);
        let mut words = vec!["ca", "-batch", "-notext", "-extensions", kind, "-startdate", &from];
        words.extend(["-enddate", &until, "-in", &request, "-out", &certificate]);
        words.extend(by);
        self.openssl(&words);
        private(&self.path(&key));
        Issued { certificate: self.path(&certificate), key: self.path(&key) }
    }

    /// The flags of openssl ca for an authority.
    fn as_authority(&self, name: &str) -> [String; 6] {
        let text = std::fs::read_to_string(self.path("ca.cnf")).unwrap();
        let configuration = format!("{name}.cnf");
        let own = text.replace("dir = .\n", &format!("dir = .\ndatabase = {name}.index\n"));
        std::fs::write(self.path(&configuration), own).unwrap();
        ["-config", &configuration, "-cert", &format!("{name}.pem"), "-keyfile", &format!("{name}.key")]
            .map(str::to_owned)
    }

    /// Revokes a certificate; gives the list of the issuer.
    pub fn revoke(&self, issued: &Issued, issuer: &str) -> PathBuf {
        let by = self.as_authority(issuer);
        let by = by.each_ref().map(String::as_str);
        let list = format!("{issuer}.crl");
        self.openssl(&[&["ca", "-revoke", issued.certificate.to_str().unwrap()], &by[..]].concat());
        self.openssl(&[&["ca", "-gencrl", "-out", &list], &by[..]].concat());
        self.path(&list)
    }

    /// The certificates of several files in one, in this order.
    pub fn joined(&self, name: &str, files: &[&Path]) -> PathBuf {
        let parts: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        std::fs::write(self.path(name), parts.concat()).unwrap();
        self.path(name)
    }

    /// The key with a passphrase.
    pub fn encrypted(&self, issued: &Issued, name: &str, flags: &[&str]) -> Issued {
        let path = self.path(name);
        let passphrase = format!("pass:{PASSPHRASE}");
        let (from, to) = (issued.key.to_str().unwrap(), path.to_str().unwrap());
        self.openssl(&[&["pkcs8", "-topk8", "-in", from, "-out", to, "-passout", &passphrase], flags].concat());
        private(&path);
        Issued { key: path, ..issued.clone() }
    }

    /// Certificate and key in a PKCS#12 file, with the certificates of `chain`.
    pub fn pkcs12(&self, issued: &Issued, name: &str, passphrase: &str, flags: &[&str]) -> PathBuf {
        let path = self.path(name);
        let (certificate, key) = (issued.certificate.to_str().unwrap(), issued.key.to_str().unwrap());
        let passphrase = format!("pass:{passphrase}");
        let to = path.to_str().unwrap();
        let words = ["pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", to, "-passout", &passphrase];
        self.openssl(&[&words[..], flags].concat());
        private(&path);
        path
    }

    pub fn openssl(&self, words: &[&str]) {
        let output = tool("openssl").args(words).current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn private(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// What a front end wants of a client.
#[derive(Debug, Clone)]
pub struct Demands<'a> {
    pub verify: Verify,
    /// The only version: `TLSv1.2` or `TLSv1.3`.
    pub version: &'a str,
    /// The authorities of clients.
    pub ca: &'a Path,
    pub revoked: Option<&'a Path>,
    /// The value that the header `X-Gateway-Key` must have.
    pub key: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// No certificate is asked for.
    Off,
    Optional,
    Required,
}

/// A front end that serves until this goes out of scope.
pub struct FrontEnd {
    port: u16,
    _process: Guard,
    _directory: tempfile::TempDir,
}

impl FrontEnd {
    /// `https://localhost:PORT`
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// nginx before `target` (`http://127.0.0.1:PORT`).
    pub fn nginx(pki: &Pki, demands: &Demands<'_>, target: &str) -> Self {
        let (directory, port) = (tempfile::tempdir_in("/tmp").unwrap(), free_port());
        let (server, key) = (pki.path("server.pem"), pki.path("server.key"));
        let verify = match demands.verify {
            Verify::Off => "off",
            Verify::Optional => "optional",
            Verify::Required => "on",
        };
        let list = demands.revoked.map(|list| format!("ssl_crl {};", list.display())).unwrap_or_default();
        let wanted = |key| format!("if ($http_x_gateway_key != \"{key}\") {{ return 401; }}");
        let wanted = demands.key.map(wanted).unwrap_or_default();
        let at = directory.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .concat();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log {at}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}server {{\nlisten 127.0.0.1:{port} ssl;\nserver_name localhost;\n\
             ssl_certificate {server};\nssl_certificate_key {key};\nssl_protocols {version};\n\
             ssl_client_certificate {ca};\nssl_verify_client {verify};\nssl_verify_depth 3;\n{list}\n{wanted}\n\
             location / {{\nproxy_pass {target};\nproxy_set_header Host $http_host;\n\
             proxy_set_header X-SSL-Client-DN $ssl_client_s_dn;\n}}\n}}\n}}\n",
            server = server.display(),
            key = key.display(),
            version = demands.version,
            ca = demands.ca.display(),
        );
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut command = server_program("nginx");
        command.arg("-c").arg(&file).arg("-p").arg(directory.path()).arg("-e").arg("stderr");
        Self::start(command, port, directory)
    }

    /// HAProxy before `target` (`http://127.0.0.1:PORT`).
    pub fn haproxy(pki: &Pki, demands: &Demands<'_>, target: &str) -> Self {
        let (directory, port) = (tempfile::tempdir_in("/tmp").unwrap(), free_port());
        let verify = match demands.verify {
            Verify::Off => "none",
            Verify::Optional => "optional",
            Verify::Required => "required",
        };
        let list = demands.revoked.map(|list| format!("crl-file {}", list.display())).unwrap_or_default();
        let wanted = |key| format!("http-request deny deny_status 401 unless {{ req.hdr(x-gateway-key) {key} }}");
        let wanted = demands.key.map(wanted).unwrap_or_default();
        let configuration = format!(
            "defaults\n mode http\n timeout connect 10s\n timeout client 10s\n timeout server 10s\n\
             frontend in\n bind 127.0.0.1:{port} ssl crt {crt} ca-file {ca} verify {verify} {list} \
             ssl-min-ver {version} ssl-max-ver {version}\n\
             {wanted}\n\
             http-request set-header X-SSL-Client-DN %[ssl_c_s_dn(cn)] if {{ ssl_c_used }}\n\
             default_backend out\nbackend out\n server instance {target}\n",
            crt = pki.path("server-and-key.pem").display(),
            ca = demands.ca.display(),
            version = demands.version,
            target = target.trim_start_matches("http://"),
        );
        let file = directory.path().join("haproxy.cfg");
        std::fs::write(&file, configuration).unwrap();
        let mut command = server_program("haproxy");
        command.arg("-db").arg("-f").arg(&file);
        Self::start(command, port, directory)
    }

    fn start(mut command: Command, port: u16, directory: tempfile::TempDir) -> Self {
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).current_dir(directory.path());
        let mut process = Guard(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
            assert!(process.0.try_wait().unwrap().is_none(), "{command:?} ended: {}", said());
            assert!(Instant::now() < until, "{command:?} does not listen: {}", said());
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { port, _process: process, _directory: directory }
    }
}

/// A program of an administrator, which may not be in the PATH of others.
fn server_program(name: &str) -> Command {
    let path = Path::new("/usr/sbin").join(name);
    if path.exists() { Command::new(path) } else { tool(name) }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
