//! WSL's own formats.

mod conf;
