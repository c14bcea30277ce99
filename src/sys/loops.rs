//! Loop devices, whose ioctls neither `std` nor `rustix` has.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// `LOOP_CTL_GET_FREE`: the number of a device that nobody has.
const GET_FREE: libc::Ioctl = 0x4C82;
/// `LOOP_CONFIGURE`, since Linux 5.8.
const CONFIGURE: libc::Ioctl = 0x4C0A;
/// `LO_FLAGS_AUTOCLEAR`: it is free again when nobody has it open or mounted. `LO_FLAGS_PARTSCAN`: it has partitions.
const FLAGS: u32 = 4 | 8;
/// How often another process may take the device that was free.
const TRIES: u32 = 100;

/// `struct loop_config`: the file, the size of blocks, 232 bytes of `struct loop_info64`, and 64 that are reserved.
#[repr(C)]
struct LoopConfig {
    file: u32,
    block_size: u32,
    before_flags: [u32; 13],
    flags: u32,
    after_flags: [u32; 44],
    reserved: [u64; 8],
}

const _: () = assert!(size_of::<LoopConfig>() == 8 + 232 + 64);

/// Makes a disk of a file. It lasts as long as the device is open or mounted anywhere; also gives its number.
///
/// # Errors
///
/// The system's.
pub fn attach(contents: &File) -> io::Result<(File, u32)> {
    let open = |path: &str| File::options().read(true).write(true).open(path);
    let control = open("/dev/loop-control")?;
    let mut tries = TRIES;
    loop {
        // SAFETY: the request takes no argument.
        let number = unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE) };
        let Ok(number) = u32::try_from(number) else { return Err(io::Error::last_os_error()) };
        let device = open(&format!("/dev/loop{number}"))?;
        let config = LoopConfig {
            file: contents.as_raw_fd().unsigned_abs(),
            block_size: 0,
            before_flags: [0; 13],
            flags: FLAGS,
            after_flags: [0; 44],
            reserved: [0; 8],
        };
        // SAFETY: the kernel reads the 304 bytes of `config`, which outlives the call.
        if unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE, &raw const config) } == 0 {
            return Ok((device, number));
        }
        let error = io::Error::last_os_error();
        tries -= 1;
        if error.raw_os_error() != Some(libc::EBUSY) || tries == 0 {
            return Err(error);
        }
    }
}
