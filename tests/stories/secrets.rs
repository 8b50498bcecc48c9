//! The encrypted file, on every system.

use age::secrecy::ExposeSecret;

use crate::person::{PASSPHRASE, Person};
use crate::{connect_with_a_password, sandbox};

#[test]
fn the_encrypted_file_opens_with_its_passphrase_alone() {
    let sandbox = sandbox();
    let mut person = Person::new();
    person.has_an_encrypted_file();
    connect_with_a_password(&person, &sandbox);
    person.run("test acme").expect(0);
    person.file("another.txt", "not the passphrase");
    let another = person.seen("another.txt");
    let passphrase = person.seen("pass phräse.txt");
    person.set("SNOW_STORE_PASSPHRASE_FILE", &another);
    let refused = person.run("test acme --json");
    assert_ne!(refused.code, 0);
    // As editors of Windows save a text.
    person.file("pass phräse.txt", &format!("{PASSPHRASE}\r\n"));
    person.set("SNOW_STORE_PASSPHRASE_FILE", &passphrase);
    person.run("test acme").expect(0);
    person.run("remove acme --yes").expect(0);
}

#[test]
fn the_encrypted_file_opens_with_an_identity() {
    let sandbox = sandbox();
    let mut person = Person::new();
    let identity = age::x25519::Identity::generate();
    let lines = format!("# public key: {}\n{}\n", identity.to_public(), identity.to_string().expose_secret());
    person.file("age kéy.txt", &lines);
    let seen = person.seen("age kéy.txt");
    person.set("SNOW_STORE", "file");
    person.unset("SNOW_STORE_PASSPHRASE_FILE");
    person.set("SNOW_STORE_IDENTITY", &seen);
    connect_with_a_password(&person, &sandbox);
    person.run("test acme").expect(0);
    person.unset("SNOW_STORE_IDENTITY");
    assert_ne!(person.run("test acme --no-input").code, 0);
    person.set("SNOW_STORE_IDENTITY", &seen);
    person.run("logout acme --yes").expect(0);
    person.run("remove acme --yes").expect(0);
}
