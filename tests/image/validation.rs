//! The rules by which Microsoft's validator judges a tarball, applied to the stand-in's image (W§8.1).

#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::collections::BTreeSet;

use crate::support::standin::Standin;
use crate::support::validator::{Image, judge};

#[test]
#[ignore = "needs the stand-in's image: checks/run gives it"]
fn no_error_and_only_the_known_warning() {
    let image = Image::read(&Standin::find().image);
    let (errors, warnings) = judge(&image);
    assert_eq!(errors, [""; 0]);
    // A declared user is the point of a NixOS system; WSL takes it (W§7).
    assert_eq!(warnings, ["/etc/wsl.conf: user.default is set"]);
    assert_eq!(image.attributes, BTreeSet::new(), "extended attributes");
}
