//! The kernel's settings of a virtual machine: `/sys` and `/proc/sys` that can be written, and of which the machine that
//! all this runs on notices nothing.

pub mod attribute;
pub mod files;
pub mod names;
pub mod requests;
pub mod show;
pub mod uevent;
