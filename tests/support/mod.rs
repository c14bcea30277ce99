//! What the tests share: worlds to run programs in, images, terminals.
#![allow(dead_code, reason = "every test binary uses a part of it")]

#[macro_use]
pub mod every_call;
pub mod image;
pub mod installer;
pub mod kills;
pub mod patience;
pub mod power;
pub mod sim;
pub mod standin;
pub mod terminal;
pub mod validator;
#[macro_use]
pub mod world;
