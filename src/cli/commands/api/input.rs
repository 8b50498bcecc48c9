//! From the flags of `snow api` to a request.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use hyper::body::Bytes;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::ApiArgs;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::commands::app::App;
use crate::client::{Client, Request};
use crate::http::stream::Payload;
use crate::service::Service;

/// A body up to here is read before the request is sent, so that its length is known.
const WHOLE: usize = 1024 * 1024;
/// What is read of a larger one at a time.
const PIECE: usize = 64 * 1024;
/// The most that a file named by `-F` may have.
const FIELD_BYTES: u64 = 16 * 1024 * 1024;

/// A request as the flags want it.
pub struct Call {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    body: Source,
}

enum Source {
    None,
    Whole(Vec<u8>),
    /// What was read already, the rest, and the length of both if it is known.
    Rest(Vec<u8>, Box<dyn Read + Send>, Option<u64>),
}

/// Why a body could not be read while it was sent.
#[derive(Clone, Default)]
pub struct Unreadable(Arc<Mutex<Option<io::Error>>>);

impl Unreadable {
    pub fn failure(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map(|error| unreadable("--input", &error))
    }
}

fn usage(message: impl Into<Shown>, next: impl Into<Step>) -> Failure {
    Failure::new(Code::Usage, message).next(next)
}

fn unreadable(what: &str, error: &io::Error) -> Failure {
    usage(shown!("{} cannot be read", Shown::outside(what)), "Give a file that can be read, or - for standard input")
        .why(shown!("{}.", error))
}

impl Call {
    pub fn of(app: &mut App, arguments: &ApiArgs) -> Result<Self, Failure> {
        let (method, path) = match arguments.words.as_slice() {
            [path] if arguments.input.is_some() => (Method::POST, path),
            [path] => (Method::GET, path),
            [method, path] => (read_method(method)?, path),
            _ => unreachable!("one or two words"),
        };
        if arguments.paginate && method != Method::GET {
            return Err(usage("only GET has pages", "Leave out --paginate"));
        }
        let mut headers = Vec::new();
        for header in &arguments.headers {
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| usage("a header is written NAME: VALUE", "As in -H 'Accept: application/xml'"))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let is_in_query = matches!(method, Method::GET | Method::HEAD | Method::DELETE);
        let fields = arguments.fields.iter().map(|field| pair(field)).collect::<Result<Vec<_>, _>>()?;
        if is_in_query && !arguments.json_fields.is_empty() {
            return Err(usage(
                shown!("-F is for a body, and {} has none", Shown::outside(method.as_str())),
                "Name a method such as POST, or use -f for a parameter of the query",
            ));
        }
        if arguments.input.is_some() && matches!(method, Method::GET | Method::HEAD) {
            return Err(usage("--input is a body, and GET and HEAD have none", "Name a method such as POST"));
        }
        let has_members = !arguments.json_fields.is_empty() || (!is_in_query && !fields.is_empty());
        let body = match &arguments.input {
            Some(_) if has_members => {
                return Err(usage("--input is the whole body, and -f and -F make one", "Leave out one of them"));
            }
            Some(path) => read_body(app, path)?,
            None if has_members => Source::Whole(members(&fields, &arguments.json_fields)?),
            None => Source::None,
        };
        let path = if is_in_query { with_parameters(path, &fields) } else { path.clone() };
        Ok(Self { method, path, headers, body })
    }

    /// As it is sent to a service: files come as they were stored.
    pub fn to(mut self, service: &dyn Service) -> Self {
        let has_accept = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept"));
        if !has_accept && service.gives_a_file(&self.path) {
            self.headers.push(("Accept".to_owned(), "*/*".to_owned()));
        }
        self
    }

    /// The request, and what will have kept its body from being read.
    pub fn request(self, client: &Client) -> (Request, Unreadable) {
        let unreadable = Unreadable::default();
        let request = client.request(self.method.as_str(), &self.path);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = match self.body {
            Source::None => request,
            Source::Whole(body) => request.body(body),
            Source::Rest(begun, rest, length) => {
                let (pieces, taken) = mpsc::channel(2);
                let failed = unreadable.clone();
                std::thread::spawn(move || send_pieces(begun, rest, &pieces, &failed));
                request.payload(Payload::once(length, taken))
            }
        };
        (request, unreadable)
    }
}

/// Reads a body while it is sent.
fn send_pieces(
    begun: Vec<u8>,
    mut rest: Box<dyn Read + Send>,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
    failed: &Unreadable,
) {
    let mut piece = Ok(Bytes::from(begun));
    loop {
        let is_last = piece.is_err();
        if pieces.blocking_send(piece).is_err() || is_last {
            return;
        }
        let mut buffer = vec![0; PIECE];
        piece = match rest.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                buffer.truncate(length);
                Ok(buffer.into())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Bytes::new()),
            Err(error) => {
                let kind = error.kind();
                *failed.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(kind.into())
            }
        };
    }
}

fn read_method(word: &str) -> Result<Method, Failure> {
    let method = Some(word).filter(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase()));
    method.and_then(|word| word.parse().ok()).ok_or_else(|| {
        usage(
            "the method is a word in upper case",
            "Write the method before the path, as in: snow api POST table/incident",
        )
    })
}

fn pair(field: &str) -> Result<(&str, &str), Failure> {
    let pair = field.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.ok_or_else(|| usage("a field is written KEY=VALUE", "As in -f short_description=Printer"))
}

/// The path with these parameters at the end of its query.
fn with_parameters(path: &str, fields: &[(&str, &str)]) -> String {
    if fields.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let separator = match path.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{path}{separator}{query}")
}

/// The JSON body of `-f` and `-F`.
fn members(fields: &[(&str, &str)], json_fields: &[String]) -> Result<Vec<u8>, Failure> {
    let mut members = Map::new();
    for (key, value) in fields {
        members.insert((*key).to_owned(), (*value).into());
    }
    for field in json_fields {
        let (key, value) = pair(field)?;
        let value = match value.strip_prefix('@') {
            Some(file) => Value::String(content(file)?),
            None => serde_json::from_str(value).map_err(|_| {
                usage(shown!("the value of -F {} is not JSON", Shown::outside(key)), "Use -f for a text")
            })?,
        };
        members.insert(key.to_owned(), value);
    }
    Ok(Value::Object(members).to_string().into_bytes())
}

fn content(file: &str) -> Result<String, Failure> {
    let name = format!("the file {file}");
    let mut content = Vec::new();
    let read = File::open(file).and_then(|file| file.take(FIELD_BYTES + 1).read_to_end(&mut content));
    read.map_err(|error| unreadable(&name, &error))?;
    if content.len() as u64 > FIELD_BYTES {
        return Err(usage(shown!("{} is larger than 16 MiB", Shown::outside(name)), "Send it with --input"));
    }
    let no_text = |_| usage(shown!("{} is not UTF-8 text", Shown::outside(name)), "Send it with --input");
    String::from_utf8(content).map_err(no_text)
}

/// The body that `--input` names; a large one is read later.
fn read_body(app: &mut App, path: &Path) -> Result<Source, Failure> {
    let (mut input, length): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
        (std::mem::replace(&mut app.context.streams.stdin, Box::new(io::empty())), None)
    } else {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&name, &error))?;
        if metadata.is_dir() {
            return Err(unreadable(&name, &io::ErrorKind::IsADirectory.into()));
        }
        (Box::new(file), metadata.is_file().then_some(metadata.len()))
    };
    let mut begun = Vec::new();
    let read = input.by_ref().take(WHOLE as u64).read_to_end(&mut begun);
    read.map_err(|error| unreadable(&path.display().to_string(), &error))?;
    Ok(if begun.len() < WHOLE { Source::Whole(begun) } else { Source::Rest(begun, input, length) })
}
