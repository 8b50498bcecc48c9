//! A Secret Service that fails where a test wants it to.
//!
//! It answers message by message, so that it can also not answer. Its half of
//! the Diffie-Hellman exchange is 1, which makes the key of every session the
//! same: it can give back what it was given without ever decrypting it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use zbus::blocking::{Connection, MessageIterator, connection};
use zbus::message::{Message, Type};
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

const ROOT: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/default";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/1";
const NONE: &str = "/";
const ATTRIBUTES: &str = "org.freedesktop.Secret.Item.Attributes";

/// `(session, parameters, value, content type)`
type WireSecret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// What a method does instead of its work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never answers.
    Silence,
    /// It answers with this D-Bus error.
    Refusal(&'static str),
    /// It asks a person, who closes the window.
    Dismissal,
    /// It says that all is well and does nothing.
    Pretence,
    /// The service dies before it answers; another one takes its name.
    Restart,
    /// The service does its work and dies before it says so; another one
    /// takes its name.
    RestartAfter,
    /// The service dies for good.
    Death,
}

/// The service; it runs until the bus ends.
pub struct SecretService {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_locked: bool,
    items: BTreeMap<u32, Item>,
    next: u32,
    /// Method, the number of good calls before it, and what happens then.
    faults: Vec<(&'static str, usize, Fault)>,
    calls: Vec<String>,
}

struct Item {
    attributes: HashMap<String, String>,
    parameters: Vec<u8>,
    value: Vec<u8>,
}

impl SecretService {
    /// Takes the name of the Secret Service on the bus at `address`.
    pub fn start(address: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let first = Owner::new(address);
        let (address, shared) = (address.to_owned(), state.clone());
        std::thread::spawn(move || {
            let mut owner = Some(first);
            while let Some(current) = owner {
                owner = current.serve(&shared, &address);
            }
        });
        Self { state }
    }

    /// Each call of `method` ends like this.
    pub fn fail(&self, method: &'static str, fault: Fault) {
        self.fail_after(0, method, fault);
    }

    /// Calls of `method` end like this, after so many good ones from now on.
    pub fn fail_after(&self, good: usize, method: &'static str, fault: Fault) {
        self.state().faults.push((method, good, fault));
    }

    /// All is well again.
    pub fn recover(&self) {
        self.state().faults.clear();
    }

    pub fn lock(&self) {
        self.state().is_locked = true;
    }

    /// The methods that were called since the last time this was asked.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }

    /// The accounts of the items, without their connections: `password`.
    pub fn fields(&self) -> Vec<String> {
        let field = |item: &Item| item.attributes["username"].split_once('/').expect("an account").1.to_owned();
        self.state().items.values().map(field).collect()
    }

    /// Whether an item holds these bytes as they are.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.state().items.values().any(|item| item.value.windows(bytes.len()).any(|part| part == bytes))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// One process that owns the name: its connection, and the sessions opened
/// with it.
struct Owner {
    connection: Connection,
    messages: MessageIterator,
    sessions: Vec<String>,
}

impl Owner {
    /// Owns the name, or waits in line for it.
    fn new(address: &str) -> Self {
        let connection = connection::Builder::address(address).unwrap().build().expect("the bus is there");
        let messages = MessageIterator::from(&connection);
        let bus = Some("org.freedesktop.DBus");
        connection
            .call_method(bus, "/org/freedesktop/DBus", bus, "RequestName", &("org.freedesktop.secrets", 0_u32))
            .expect("the bus gives the name");
        Self { connection, messages, sessions: Vec::new() }
    }

    /// Serves until a fault ends it; gives who comes after it.
    fn serve(mut self, state: &Mutex<State>, address: &str) -> Option<Self> {
        while let Some(Ok(message)) = self.messages.next() {
            let header = message.header();
            let member = header.member().map(|member| member.to_string()).unwrap_or_default();
            if header.message_type() != Type::MethodCall || !header.path().is_some_and(|path| path.starts_with(ROOT)) {
                continue;
            }
            let mut state = state.lock().unwrap();
            match state.fault(&member) {
                None => self.answer(&message, &member, &mut state, true),
                Some(Fault::Silence) => {}
                Some(Fault::Refusal(name)) => {
                    self.connection.reply_error(&header, name, &("CANARY-pass word/ü",)).unwrap();
                }
                Some(Fault::Dismissal) => {
                    let (none, prompt) = (ObjectPath::try_from(NONE).unwrap(), ObjectPath::try_from(PROMPT).unwrap());
                    match member.as_str() {
                        "Delete" => self.connection.reply(&header, &prompt).unwrap(),
                        _ => self.connection.reply(&header, &(none, prompt)).unwrap(),
                    }
                }
                Some(Fault::Pretence) => self.answer(&message, &member, &mut state, false),
                Some(Fault::Restart) => {
                    state.faults.clear();
                    return Some(self.successor(address));
                }
                Some(Fault::RestartAfter) => {
                    state.faults.clear();
                    let next = Owner::new(address);
                    self.work(&message, &member, &mut state);
                    self.close();
                    return Some(next);
                }
                Some(Fault::Death) => {
                    self.close();
                    return None;
                }
            }
        }
        None
    }

    fn successor(self, address: &str) -> Self {
        let next = Self::new(address);
        self.close();
        next
    }

    fn close(self) {
        drop(self.messages);
        self.connection.close().unwrap();
    }

    /// Only the part that changes something.
    fn work(&self, message: &Message, member: &str, state: &mut State) {
        match member {
            "CreateItem" => {
                state.create(message);
            }
            "SetSecret" => state.set_secret(message),
            "Delete" => state.delete(message),
            _ => {}
        }
    }

    fn answer(&mut self, message: &Message, member: &str, state: &mut State, really: bool) {
        let header = message.header();
        let connection = self.connection.clone();
        let body = message.body();
        let path = |path: &str| OwnedObjectPath::try_from(path.to_owned()).unwrap();
        let replied = match member {
            "OpenSession" => {
                let (algorithm, _): (String, OwnedValue) = body.deserialize().unwrap();
                let output = if algorithm == "plain" { Value::from("") } else { Value::from(vec![1_u8]) };
                state.next += 1;
                let session = format!("{ROOT}/session/{}", state.next);
                self.sessions.push(session.clone());
                connection.reply(&header, &(output, path(&session)))
            }
            "ReadAlias" => connection.reply(&header, &path(COLLECTION)),
            "SearchItems" => {
                let wanted: HashMap<String, String> = body.deserialize().unwrap();
                let found: Vec<OwnedObjectPath> = state
                    .items
                    .iter()
                    .filter(|(_, item)| wanted.iter().all(|(key, value)| item.attributes.get(key) == Some(value)))
                    .map(|(number, _)| path(&format!("{COLLECTION}/{number}")))
                    .collect();
                let (unlocked, locked) = if state.is_locked { (Vec::new(), found) } else { (found, Vec::new()) };
                connection.reply(&header, &(unlocked, locked))
            }
            "Unlock" => {
                let objects: Vec<OwnedObjectPath> = body.deserialize().unwrap();
                if state.is_locked {
                    connection.reply(&header, &(Vec::<OwnedObjectPath>::new(), path(PROMPT)))
                } else {
                    connection.reply(&header, &(objects, path(NONE)))
                }
            }
            "Get" => connection.reply(&header, &Value::from(state.is_locked)),
            "CreateItem" if !self.knows_session(message) => return self.no_session(message),
            "CreateItem" => {
                let number = if really { state.create(message) } else { 0 };
                connection.reply(&header, &(path(&format!("{COLLECTION}/{number}")), path(NONE)))
            }
            "SetSecret" if !self.knows_session(message) => return self.no_session(message),
            "SetSecret" => {
                if really {
                    state.set_secret(message);
                }
                connection.reply(&header, &())
            }
            "GetSecret" if !self.knows_session(message) => return self.no_session(message),
            "GetSecret" => match state.items.get(&number_of(message)) {
                Some(item) => {
                    let session: OwnedObjectPath = body.deserialize().unwrap();
                    let kind = "application/octet-stream".to_owned();
                    let secret: WireSecret = (session, item.parameters.clone(), item.value.clone(), kind);
                    connection.reply(&header, &(secret,))
                }
                None => connection.reply_error(&header, "org.freedesktop.Secret.Error.NoSuchObject", &()),
            },
            "Delete" => {
                if really {
                    state.delete(message);
                }
                connection.reply(&header, &path(NONE))
            }
            "Prompt" => {
                connection.reply(&header, &()).unwrap();
                let (to, interface) = (header.sender().cloned(), "org.freedesktop.Secret.Prompt");
                connection.emit_signal(to, PROMPT, interface, "Completed", &(true, Value::from("")))
            }
            _ => connection.reply_error(&header, "org.freedesktop.DBus.Error.UnknownMethod", &()),
        };
        replied.unwrap();
    }

    fn knows_session(&self, message: &Message) -> bool {
        let body = message.body();
        let session = match message.header().member().unwrap().as_str() {
            "CreateItem" => body.deserialize::<(HashMap<String, OwnedValue>, WireSecret, bool)>().unwrap().1.0,
            "SetSecret" => body.deserialize::<(WireSecret,)>().unwrap().0.0,
            _ => body.deserialize::<OwnedObjectPath>().unwrap(),
        };
        self.sessions.iter().any(|known| known == session.as_str())
    }

    fn no_session(&self, message: &Message) {
        let error = "org.freedesktop.Secret.Error.NoSession";
        self.connection.reply_error(&message.header(), error, &()).unwrap();
    }
}

impl State {
    fn fault(&mut self, member: &str) -> Option<Fault> {
        self.calls.push(member.to_owned());
        let (_, good, fault) = self.faults.iter_mut().find(|(method, ..)| *method == member)?;
        match good {
            0 => Some(*fault),
            _ => {
                *good -= 1;
                None
            }
        }
    }

    fn create(&mut self, message: &Message) -> u32 {
        let body = message.body();
        let (mut properties, secret, _): (HashMap<String, OwnedValue>, WireSecret, bool) = body.deserialize().unwrap();
        let attributes = properties.remove(ATTRIBUTES).unwrap().try_into().unwrap();
        self.next += 1;
        self.items.insert(self.next, Item { attributes, parameters: secret.1, value: secret.2 });
        self.next
    }

    fn set_secret(&mut self, message: &Message) {
        let body = message.body();
        let (secret,): (WireSecret,) = body.deserialize().unwrap();
        if let Some(item) = self.items.get_mut(&number_of(message)) {
            (item.parameters, item.value) = (secret.1, secret.2);
        }
    }

    fn delete(&mut self, message: &Message) {
        self.items.remove(&number_of(message));
    }
}

/// The number of the item that a message is sent to.
fn number_of(message: &Message) -> u32 {
    let header = message.header();
    let path = header.path().expect("a call has a path").as_str();
    path.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
