//! Certificates that are somebody's concern.

use std::fs;

use super::healthy::{Healthy, finds};

#[test]
fn certificates_that_have_expired_are_named() {
    let expired = include_str!("../../../src/features/certificates/test-expired.pem");
    let valid = include_str!("../../../src/features/certificates/test-root.pem");
    let state = "/var/lib/nixos-wsl/certificates";
    let declare = |root: &Healthy, text: &str| {
        root.write("/nix/store/cert/a.pem", text);
        root.write("/nix/store/system/nixos-wsl/certificates", "/nix/store/cert/a.pem\n");
    };
    let add = |root: &Healthy, origin: &str, text: &str| {
        root.write(&format!("{state}/added.pem"), &format!("# {origin}\n{text}"));
        root.write(&format!("{state}/ca-bundle.crt"), text);
    };
    let use_it =
        |root: &Healthy| root.link("/etc/ssl/certs/ca-certificates.crt", &format!("{state}/ca-bundle.crt"));

    let name = "the certificate `Example Old Root' has expired on 2002-01-01";
    finds("certificate", &format!("/nix/store/cert/a.pem: {name}"), |root| {
        declare(root, &format!("{valid}{expired}"));
    });
    finds("certificate", &format!("/etc/company/x.crt: {name}"), |root| {
        add(root, "/etc/company/x.crt", expired);
        use_it(root);
    });
    // Where a path is that has `# ' in it, an origin begins at a line alone.
    finds("certificate", &format!("/etc/company # old/x.crt: {name}"), |root| {
        add(root, "/etc/company # old/x.crt", expired);
        use_it(root);
    });
    finds(
        "certificate",
        "/nix/store/cert/a.pem: No such file or directory (os error 2), and security.pki names it",
        |root| {
            declare(root, valid);
            fs::remove_file(root.path("/nix/store/cert/a.pem")).unwrap();
        },
    );
    // Valid ones, Windows' own, and those of a system that is not this one are nobody's concern.
    let root = Healthy::new();
    declare(&root, valid);
    add(&root, "/etc/company/x.crt", expired);
    assert!(root.examine().status.success(), "{:?}", root.examine());
    add(&root, "Windows", expired);
    use_it(&root);
    assert!(root.examine().status.success(), "{:?}", root.examine());
}
