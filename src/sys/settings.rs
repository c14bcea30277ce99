//! Keeps the kernel's settings (sysctl) from the processes of a cgroup, whichever proc file system they have mounted, by a small
//! BPF program: `bpf(2)` is in neither `std` nor `rustix`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// Numbers of linux/bpf.h: commands, the program's type and its place, a flag, a helper function.
const PROG_LOAD: libc::c_long = 5;
const PROG_ATTACH: libc::c_long = 8;
const TYPE_CGROUP_SYSCTL: u32 = 23;
const AT_CGROUP_SYSCTL: u32 = 18;
/// Groups below may have programs of their own, and both are asked.
const ALLOW_MULTI: u32 = 2;
const GET_NAME: i32 = 101;

/// Where the name is on the program's stack, and how much of it.
const NAME: i16 = -32;
const NAME_SIZE: i32 = 32;

/// Registers: the result and four arguments, one that calls keep, the end of the stack.
const R0: u8 = 0;
const R1: u8 = 1;
const R2: u8 = 2;
const R3: u8 = 3;
const R4: u8 = 4;
const R6: u8 = 6;
const STACK: u8 = 10;

/// One instruction: operation, both registers, offset, number.
fn instruction(operation: u8, to: u8, from: u8, offset: i16, number: i32) -> u64 {
    let [low, high] = offset.to_ne_bytes();
    let [a, b, c, d] = number.to_ne_bytes();
    let registers = if cfg!(target_endian = "little") { to | from << 4 } else { to << 4 | from };
    u64::from_ne_bytes([operation, registers, low, high, a, b, c, d])
}

/// A program under construction. Jumps to the end that allows are told where that is once it is known.
#[derive(Default)]
struct Program {
    code: Vec<u64>,
    to_allow: Vec<usize>,
}

impl Program {
    fn add(&mut self, operation: u8, to: u8, from: u8, offset: i16, number: i32) {
        self.code.push(instruction(operation, to, from, offset, number));
    }

    /// `to = number`
    fn set(&mut self, to: u8, number: i32) {
        self.add(0xb7, to, 0, 0, number);
    }

    /// `to = from`
    fn copy(&mut self, to: u8, from: u8) {
        self.add(0xbf, to, from, 0, 0);
    }

    /// Goes on at the end that allows, if a register has this number.
    fn allow_if(&mut self, register: u8, number: i32) {
        self.to_allow.push(self.code.len());
        self.add(0x15, register, 0, 0, number);
    }

    /// Allows a name that begins with these bytes.
    fn allow_name(&mut self, bytes: &[u8]) {
        let mut skips = Vec::new();
        for (index, byte) in (0_i16..).zip(bytes) {
            // r1 = the name's byte; on if it is another.
            self.add(0x71, R1, STACK, NAME + index, 0);
            skips.push(self.code.len());
            self.add(0x55, R1, 0, 0, i32::from(*byte));
        }
        self.to_allow.push(self.code.len());
        self.add(0x05, 0, 0, 0, 0);
        let end = self.code.len();
        for skip in skips {
            self.jump(skip, end);
        }
    }

    /// Sets the place to which an instruction jumps.
    fn jump(&mut self, from: usize, to: usize) {
        let [operation, registers, _, _, number @ ..] = self.code[from].to_ne_bytes();
        let offset = i16::try_from(to - from - 1).unwrap_or(0).to_ne_bytes();
        let [a, b, c, d] = number;
        self.code[from] = u64::from_ne_bytes([operation, registers, offset[0], offset[1], a, b, c, d]);
    }
}

/// The program: every reading is allowed, and the writing of names that begin so. A name ends with a zero byte.
fn program(writable: &[&[u8]]) -> Vec<u64> {
    let mut program = Program::default();
    // r0 = context.write
    program.copy(R6, R1);
    program.add(0x61, R0, R6, 0, 0);
    program.allow_if(R0, 0);
    for offset in (0..).step_by(8).take(4) {
        program.add(0x7a, STACK, 0, NAME + offset, 0);
    }
    // sysctl_get_name(context, name, size, 0)
    program.copy(R1, R6);
    program.copy(R2, STACK);
    program.add(0x07, R2, 0, 0, NAME.into());
    program.set(R3, NAME_SIZE);
    program.set(R4, 0);
    program.add(0x85, 0, 0, 0, GET_NAME);
    for name in writable {
        program.allow_name(name);
    }
    program.set(R0, 0);
    program.add(0x95, 0, 0, 0, 0);
    let allow = program.code.len();
    program.set(R0, 1);
    program.add(0x95, 0, 0, 0, 0);
    for from in std::mem::take(&mut program.to_allow) {
        program.jump(from, allow);
    }
    program.code
}

/// What `PROG_LOAD` takes, up to the field that is needed last.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log: [u64; 2],
    version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    place: u32,
}

/// What `PROG_ATTACH` takes.
#[repr(C)]
struct Attach {
    group: u32,
    program: u32,
    place: u32,
    flags: u32,
}

/// Calls `bpf(2)`.
fn bpf<T>(command: libc::c_long, argument: &T) -> io::Result<i32> {
    // SAFETY: the kernel reads the argument, all of it plain data, and what its addresses lead to, which the callers keep.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(argument), size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(i32::try_from(result).unwrap_or(-1)) }
}

/// Refuses processes of a cgroup, and of all below it, to change the kernel's settings, but for those whose names (`kernel/…`)
/// begin with one of these. It lasts as long as the cgroup.
///
/// # Errors
///
/// The system's: a kernel without BPF for cgroups, or before 5.2.
pub fn keep_settings(cgroup: impl AsFd, writable: &[&[u8]]) -> io::Result<()> {
    let code = program(writable);
    let load = Load {
        kind: TYPE_CGROUP_SYSCTL,
        count: u32::try_from(code.len()).unwrap_or(0),
        instructions: code.as_ptr() as u64,
        // Any: no function that it calls asks for a licence of the kernel's own.
        license: c"MIT".as_ptr() as u64,
        log: [0; 2],
        version: 0,
        flags: 0,
        name: [0; 16],
        interface: 0,
        place: AT_CGROUP_SYSCTL,
    };
    // SAFETY: the descriptor is new and nobody else's.
    let program = unsafe { OwnedFd::from_raw_fd(bpf(PROG_LOAD, &load)?) };
    let attach = Attach {
        group: cgroup.as_fd().as_raw_fd().unsigned_abs(),
        program: program.as_raw_fd().unsigned_abs(),
        place: AT_CGROUP_SYSCTL,
        flags: ALLOW_MULTI,
    };
    bpf(PROG_ATTACH, &attach).map(drop)
}
