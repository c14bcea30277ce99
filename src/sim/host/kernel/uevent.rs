//! The messages by which the kernel tells udev of its devices, for a write into one of the `uevent` files in `/sys`.
//!
//! The kernel lets root send such a message to the listeners of one network namespace, so that only those in the virtual
//! machine get it. What the file takes is in Documentation/ABI/testing/sysfs-uevent.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::{io, str};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, netlink};

const ACTIONS: [&str; 8] = ["add", "remove", "change", "move", "online", "offline", "bind", "unbind"];
/// The first type of a netlink message that is nobody's own (`NLMSG_MIN_TYPE`), and the flag of a request.
const TYPE: u16 = 16;
const REQUEST: u16 = 1;
const HEADER: usize = 16;

/// A way to the listeners in this thread's network namespace.
pub struct Sender(OwnedFd);

impl Sender {
    /// # Errors
    ///
    /// The system's.
    pub fn new() -> io::Result<Self> {
        let protocol = Some(netlink::KOBJECT_UEVENT);
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        Ok(Self(rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?))
    }

    /// Sends a message; the kernel numbers it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        let length = u32::try_from(HEADER + message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut packet = length.to_ne_bytes().to_vec();
        packet.extend(TYPE.to_ne_bytes());
        packet.extend(REQUEST.to_ne_bytes());
        packet.extend([0; 8]);
        packet.extend(message);
        rustix::net::send(&self.0, &packet, SendFlags::empty())?;
        Ok(())
    }
}

/// The message for what was written into the `uevent` file of a folder of `/sys`; `None` where the kernel refuses it.
///
/// `subsystem` is the name of what the folder's link of that name leads to, `properties` is what the file itself says.
#[must_use]
pub fn message(node: &Path, subsystem: &str, properties: &[u8], written: &[u8]) -> Option<Vec<u8>> {
    let written = str::from_utf8(written).ok()?.trim_end_matches(['\0', '\n']);
    let mut words = written.split(' ');
    let action = words.next().filter(|action| ACTIONS.contains(action))?;
    let mut lines = vec![
        format!("{action}@/{}", node.display()),
        format!("ACTION={action}"),
        format!("DEVPATH=/{}", node.display()),
        format!("SUBSYSTEM={subsystem}"),
        format!("SYNTH_UUID={}", words.next().unwrap_or("0")),
    ];
    lines.extend(words.map(|word| format!("SYNTH_ARG_{word}")));
    lines.extend(String::from_utf8_lossy(properties).lines().map(str::to_owned));
    Some((lines.join("\0") + "\0").into_bytes())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::message;

    #[test]
    fn as_the_kernel_puts_it() {
        let node = Path::new("devices/virtual/mem/null");
        let text = |written: &str| {
            let message = message(node, "mem", b"MAJOR=1\nMINOR=3\nDEVNAME=null\n", written.as_bytes());
            message.map(|message| String::from_utf8_lossy(&message).replace('\0', " "))
        };
        assert_eq!(
            text("add\n").as_deref(),
            Some(
                "add@/devices/virtual/mem/null ACTION=add DEVPATH=/devices/virtual/mem/null SUBSYSTEM=mem \
                 SYNTH_UUID=0 MAJOR=1 MINOR=3 DEVNAME=null "
            )
        );
        let own = text("change fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=1").expect("a message");
        assert!(
            own.contains(" SYNTH_UUID=fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed SYNTH_ARG_A=1 MAJOR"),
            "{own}"
        );
        assert_eq!(text("explode\n"), None);
    }
}
