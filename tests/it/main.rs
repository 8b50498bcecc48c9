//! One binary for all tests that go through the front door.
//!
//! [`world::World`] is a home of its own with a store in memory, for commands
//! run inside this process. [`world::keyring::Session`] is a real D-Bus session
//! with a real keyring, for the program itself. [`world::tls`] makes
//! certificates and puts TLS before the embedded instance. [`world::browser`]
//! is a person who signs in there, [`world::chromium`] a real browser,
//! [`world::waiting`] a sign-in that waits for either, [`world::oauth`] a program
//! that signs in; [`world::authorization_server`] is a real authorization server
//! instead. When a world ends, every output and file of it is searched for its
//! secrets.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot go on should panic")]

mod world;

mod api;
#[cfg(unix)]
mod api_key;
mod api_key_policies;
mod app;
mod app_create;
mod app_create_jwt;
#[cfg(target_os = "linux")]
mod borrowers;
mod browser;
#[cfg(unix)]
mod callback;
#[cfg(target_os = "linux")]
mod cancelled;
#[cfg(unix)]
mod certificate;
#[cfg(unix)]
mod certificate_beside;
#[cfg(unix)]
mod certificate_files;
mod changed;
#[cfg(unix)]
mod ci_recipes;
#[cfg(unix)]
mod clients;
mod codes;
#[cfg(target_os = "linux")]
mod command_store;
mod completion;
mod connect;
mod disabled;
#[cfg(unix)]
mod doctor;
mod environment;
mod everyday;
mod examples;
mod expectations;
mod expiry;
mod explain;
mod exports;
#[cfg(unix)]
mod exposure;
mod faces;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(unix)]
mod file_store;
#[cfg(target_os = "linux")]
mod file_store_faults;
mod files;
mod fleet;
#[cfg(unix)]
mod gateway;
mod gateway_headers;
#[cfg(unix)]
mod gateway_limits;
#[cfg(unix)]
mod gateway_way_in;
mod guide;
mod help;
mod hostile;
#[cfg(target_os = "linux")]
mod html_report;
mod imports;
#[cfg(target_os = "linux")]
mod imports_keyring;
mod instance;
mod jwt_bearer;
#[cfg(target_os = "linux")]
mod keepassxc;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(target_os = "linux")]
mod keyring_faults;
#[cfg(target_os = "linux")]
mod landing;
mod library;
mod listing;
#[cfg(unix)]
mod manual;
#[cfg(target_os = "linux")]
mod many;
mod oauth;
mod offer;
mod one_time_code;
#[cfg(target_os = "linux")]
mod pinned;
mod query;
#[cfg(unix)]
mod query_faults;
mod real_oauth;
mod recorded;
#[cfg(unix)]
mod reports;
#[cfg(unix)]
mod runner_recipes;
mod salesforce;
#[cfg(unix)]
mod salesforce_clients;
mod salesforce_codes;
mod salesforce_hosts;
mod salesforce_renewals;
mod salesforce_sandbox;
mod salesforce_scenarios;
mod salesforce_sessions;
mod sandbox_access;
mod sandbox_command;
mod sandbox_faults;
mod sandbox_oauth;
mod sandbox_table;
mod sandbox_tokens;
mod saved;
mod scenarios;
mod screens;
mod scripts;
mod sequences;
#[cfg(target_os = "linux")]
mod server_recipes;
mod services;
#[cfg(unix)]
mod services_programs;
mod services_rows;
mod session;
mod session_end;
#[cfg(target_os = "linux")]
mod session_faults;
mod shared_session;
#[cfg(unix)]
mod shared_status;
mod simulation;
#[cfg(target_os = "linux")]
mod spec;
mod stampede;
#[cfg(unix)]
mod store;
#[cfg(target_os = "linux")]
mod store_crash;
#[cfg(unix)]
mod store_migrate;
mod tables;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod token;
#[cfg(target_os = "linux")]
mod token_answers;
mod token_command;
#[cfg(target_os = "linux")]
mod token_process;
mod token_words;
#[cfg(unix)]
#[cfg(target_os = "linux")]
mod tools;
mod topics;
#[cfg(unix)]
mod vault;
#[cfg(unix)]
mod vault_cluster;
#[cfg(unix)]
mod vault_faults;
#[cfg(unix)]
mod vault_machines;
#[cfg(unix)]
mod vault_sign_in;
mod verdicts;
mod waiting;
#[cfg(target_os = "linux")]
mod way;
#[cfg(target_os = "linux")]
mod window;
mod wire;
