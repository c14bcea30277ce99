//! What the optional services do: drivers of two systems in one directory, USB devices.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nixos_wsl::features::drivers::{Drivers, LinkReport, link};
use nixos_wsl::features::usbip::{Device, DeviceState, UsbipError, UsbipPaths, attach};
use tempfile::TempDir;

use crate::{directory, names, write};

#[test]
fn drivers_of_windows_join_those_of_nixos() {
    let top = directory();
    let (nixos, windows, farm) =
        (top.path().join("nixos"), top.path().join("windows"), top.path().join("run/farm"));
    write(nixos.join("lib/libGL.so"), "");
    write(nixos.join("lib/libboth.so"), "");
    write(nixos.join("share/vulkan/x.json"), "");
    write(windows.join("libd3d12.so"), "");
    write(windows.join("libboth.so"), "");
    let also = [top.path().join("missing.so"), nixos.join("share/vulkan/x.json")];
    let drivers = Drivers { nixos: &nixos, windows: &windows, also: &also };

    assert_eq!(link(&drivers, &farm).expect("links"), LinkReport { nixos: 2, windows: 3 });
    assert_eq!(names(&farm), ["lib", "share"]);
    assert_eq!(names(farm.join("lib")), ["libGL.so", "libboth.so", "libd3d12.so", "x.json"]);
    assert_eq!(fs::read_link(farm.join("lib/libboth.so")).expect("a link"), windows.join("libboth.so"));
    assert_eq!(fs::read_link(farm.join("share")).expect("a link"), nixos.join("share"));

    // The next boot, with another driver.
    fs::remove_file(windows.join("libd3d12.so")).expect("removed");
    write(windows.join("libnew.so"), "");
    link(&drivers, &farm).expect("links again");
    assert_eq!(names(farm.join("lib")), ["libGL.so", "libboth.so", "libnew.so", "x.json"]);
    assert_eq!(names(top.path().join("run")), ["farm"], "nothing is left beside it");
}

#[test]
fn drivers_without_windows_are_those_of_nixos() {
    let top = directory();
    let (nixos, farm) = (top.path().join("nixos"), top.path().join("farm"));
    write(nixos.join("lib/libGL.so"), "");
    // As an older generation left it.
    symlink("/nowhere", &farm).expect("a link");
    let drivers = Drivers { nixos: &nixos, windows: Path::new("/nowhere"), also: &[] };
    assert_eq!(link(&drivers, &farm).expect("links"), LinkReport { nixos: 1, windows: 0 });
    assert_eq!(names(farm.join("lib")), ["libGL.so"]);
    assert!(!farm.is_symlink());
}

#[test]
fn a_missing_driver_directory_is_named_and_nothing_is_left() {
    let top = directory();
    let farm = top.path().join("farm");
    let missing = top.path().join("missing");
    let drivers = Drivers { nixos: &missing, windows: Path::new("/nowhere"), also: &[] };
    let error = link(&drivers, &farm).expect_err("nothing to link");
    assert!(error.to_string().starts_with(&missing.display().to_string()), "{error}");
    assert_eq!(names(top.path()), Vec::<String>::new());
}

/// A machine with a virtual controller, a default route and a `usbip` that does what `script` says.
struct Machine {
    top: TempDir,
    places: UsbipPaths,
    usbip: PathBuf,
}

impl Machine {
    fn new(script: &str) -> Self {
        let top = directory();
        let places = UsbipPaths {
            records: top.path().join("records"),
            controllers: top.path().join("platform"),
            routes: top.path().join("route"),
        };
        write(
            places.controllers.join("vhci_hcd.0/status"),
            "hub port sta spd dev      sockfd local_busid\nhs  0000 004 000 00000000 000000 0-0\nhs  0001 004 000 00000000 000000 0-0\n",
        );
        write(
            &places.routes,
            "Iface\tDestination\tGateway\tFlags\neth0\t0010A8C0\t00000000\t0001\neth0\t00000000\t011CA8C0\t0003\n",
        );
        let usbip = top.path().join("usbip");
        write(
            &usbip,
            &format!("#!/bin/sh\necho \"$@\" > {}\n{script}\n", top.path().join("called").display()),
        );
        fs::set_permissions(&usbip, fs::Permissions::from_mode(0o755)).expect("executable");
        Self { top, places, usbip }
    }

    fn attach(&self, host: Option<&str>) -> Result<DeviceState, UsbipError> {
        attach(&Device { busid: "4-1.2", host, usbip: &self.usbip }, &self.places)
    }

    fn called(&self) -> Option<String> {
        fs::read_to_string(self.top.path().join("called")).ok()
    }
}

#[test]
fn a_device_is_attached_from_the_gateway() {
    let machine = Machine::new("exit 0");
    assert_eq!(machine.attach(None).expect("attached"), DeviceState::Attaching);
    assert_eq!(machine.called().as_deref(), Some("attach --remote 192.168.28.1 --busid 4-1.2\n"));
    machine.attach(Some("127.0.0.1")).expect("attached");
    assert_eq!(machine.called().as_deref(), Some("attach --remote 127.0.0.1 --busid 4-1.2\n"));
}

#[test]
fn an_attached_device_is_left_alone_until_it_is_pulled_out() {
    let machine = Machine::new("exit 0");
    write(machine.places.records.join("port1"), "192.168.28.1 3240 4-1.2\n");
    write(machine.places.records.join("port0"), "192.168.28.1 3240 4-2\n");
    let status = machine.places.controllers.join("vhci_hcd.0/status");
    let free = fs::read_to_string(&status).expect("text");
    write(&status, &free.replace("0001 004", "0001 006"));
    assert_eq!(machine.attach(None).expect("there"), DeviceState::Attached);
    assert_eq!(machine.called(), None);

    // The record stays, the port is free again.
    write(&status, &free);
    assert_eq!(machine.attach(None).expect("attached"), DeviceState::Attaching);
}

#[test]
fn a_device_that_is_not_there_is_waited_for() {
    let machine = Machine::new("echo 'usbip: error: Attach Request failed' >&2; exit 1");
    assert_eq!(
        machine.attach(None).expect("no error"),
        DeviceState::Refused("usbip: error: Attach Request failed".to_owned())
    );
}

#[test]
fn what_can_never_work_is_said() {
    let machine = Machine::new("exit 0");
    fs::write(&machine.places.routes, "Iface\tDestination\tGateway\tFlags\n").expect("written");
    let error = machine.attach(None).expect_err("no route").to_string();
    assert!(error.contains("wsl.usbip.host"), "{error}");

    fs::remove_file(&machine.usbip).expect("removed");
    let error = machine.attach(Some("127.0.0.1")).expect_err("no tool").to_string();
    assert!(error.contains("usbip: No such file"), "{error}");

    fs::remove_dir_all(machine.places.controllers.join("vhci_hcd.0")).expect("removed");
    let error = machine.attach(None).expect_err("no controller").to_string();
    assert!(error.contains("vhci-hcd is not loaded"), "{error}");
}
