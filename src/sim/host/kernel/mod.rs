//! The kernel's settings of a virtual machine: `/sys` and `/proc/sys` that can be written, and of which the machine that
//! all this runs on notices nothing.
//!
//! That holds for what a system does with its `/sys` and `/proc`, whatever it mounts again there. It holds off nobody who means to
//! reach the machine: a `sysfs` of his own that root inside makes writable, or that is of a new network namespace, and a new `proc`
//! are the machine's, and the kernel has no lock against them but a user namespace, in which WSL's distributions are not.

pub mod attribute;
pub mod files;
pub mod names;
pub mod requests;
pub mod show;
pub mod uevent;
