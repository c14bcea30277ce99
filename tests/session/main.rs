//! Login shells, `/bin/sh` and the environment they get.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod environment_set;
mod keep_running;
mod login;
mod set_environment;
mod shell;
mod system_shell;
mod user_session;
mod users;
mod variables;
mod ways_in;
