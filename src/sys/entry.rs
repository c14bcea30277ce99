//! An entry point of `nixos-wsl-shell` ahead of the C library: the commonest shells become the real one at once.
//!
//! glibc's start-up asks the processor what it can do with some thirty CPUID instructions. In a virtual machine each of
//! them stops the processor for the hypervisor: half a millisecond before `main`, in every shell. So static programs of
//! glibc begin here (`checks/tools`, linker option `--entry`). Where everything is as it is on a running system — a login
//! shell whose environment is set, or `/bin/sh` — this does what [`crate::session`] would do, which is little. In every
//! other case nothing has happened, and the C library's own entry point goes on.
//!
//! Nothing works yet in here: no thread-local variable, and no `memcpy` or `strlen`, whose addresses are not known before
//! the start-up has seen the processor. Bytes are read and written with volatile accesses, because the compiler would
//! make calls of these functions out of plain loops.

use std::arch::{asm, naked_asm};
use std::ffi::CStr;
use std::mem::MaybeUninit;

use crate::namespace::{OUTSIDE, resume::MARK};
use crate::session::environment::DONE;
use crate::session::interpreter::PRINT;
use crate::session::invocation::SHELLS;

const CURRENT: &CStr = c"/run/current-system";
const PROGRAMS: &CStr = c"/run/current-system/sw/bin";
const BASH: &CStr = c"/run/current-system/sw/bin/bash";
const NOTICE: &CStr = c"/run/nixos-wsl/notice";
/// [`crate::session::programs::folders`] of a system that runs.
const FOLDERS: &[u8] = b"/run/current-system/sw/bin:/run/current-system/systemd/bin:/bin";
/// Longer paths, and more variables than this, are left to the other way.
const PATH_LIMIT: usize = 4096;
const VARIABLES: usize = 1024;

/// Where the kernel starts the program: as it came, the stack is handed to the C library if there is no shortcut.
///
/// # Safety
/// For the kernel alone.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nixos_wsl_entry() -> ! {
    naked_asm!(
        "push rdx", // what the C library is to call at its end
        "sub rsp, 8",
        "lea rdi, [rsp + 16]",
        "call {shortcut}",
        "add rsp, 8",
        "pop rdx",
        "jmp _start",
        shortcut = sym shortcut,
    )
}

/// Becomes the real shell, or comes back with everything as it was.
unsafe extern "C" fn shortcut(stack: *mut usize) {
    // SAFETY: at the start of a program the kernel has left there the number of arguments, the arguments, a null, the
    // variables and a null.
    let (argv, variables) = unsafe {
        let argv = stack.add(1).cast::<*const u8>();
        (argv, argv.add(*stack + 1))
    };
    let mut file = [MaybeUninit::uninit(); PATH_LIMIT];
    let _ = attempt(Arguments(argv), List(variables), &mut file);
}

/// Nothing means: no shortcut.
fn attempt(arguments: Arguments, variables: List, file: &mut [MaybeUninit<u8>]) -> Option<()> {
    arguments.get(0)?;
    let caller = Caller::read(variables)?;
    let program = Program::find(file)?;
    if program.is_login { login(arguments, &caller, program) } else { system_shell(arguments, &caller) }
}

fn login(arguments: Arguments, caller: &Caller, mut program: Program) -> Option<()> {
    let set = caller.done && caller.shell.is_some_and(|shell| shell.after(SHELLS.as_bytes()).is_none());
    let beside_systemd = || has_systemd() && exists(c"/run/systemd/system");
    if !set || !(caller.outside || beside_systemd()) || !exists(CURRENT) {
        return None;
    }
    let is_command = arguments.get(1).is_some_and(|argument| argument.is(b"-c"));
    if !is_command && exists(NOTICE) {
        return None;
    }
    let name = arguments.get(0)?;
    let is_own_path = name.is_text(program.path());
    let mut target = [MaybeUninit::uninit(); PATH_LIMIT];
    let real = read_link(program.neighbour(b"real")?, &mut target)?;
    if !real.starts(b"/") {
        return None;
    }
    for signal in [libc::SIGCHLD, libc::SIGPIPE] {
        default_signal(signal);
    }
    if is_own_path {
        arguments.set_name(real);
    }
    execute(real, arguments, caller.variables);
    arguments.set_name(name);
    None
}

fn system_shell(arguments: Arguments, caller: &Caller) -> Option<()> {
    let given = caller.path.filter(|path| path.bytes().next().is_some());
    if given.is_some_and(leads_to_system) {
        execute(Text(BASH.as_ptr().cast()), arguments, caller.variables);
        return None;
    }
    if !exists(PROGRAMS) {
        return None;
    }
    let mut bytes = [MaybeUninit::uninit(); PATH_LIMIT];
    let mut path = Buffer { bytes: &mut bytes, length: 0 };
    path.append(b"PATH=".iter().copied())?;
    if let Some(given) = given {
        path.append(given.bytes())?;
        path.push(b':')?;
    }
    path.append(FOLDERS.iter().copied())?;
    let path = path.end()?;
    let mut pointers = [MaybeUninit::uninit(); VARIABLES];
    let mut all = pointers.iter_mut();
    for variable in caller.variables.texts().filter(|variable| !variable.starts(b"PATH=")) {
        all.next()?.write(variable.0);
    }
    all.next()?.write(path.0);
    all.next()?.write(std::ptr::null());
    execute(Text(BASH.as_ptr().cast()), arguments, List(pointers.as_ptr().cast()));
    None
}

/// Whether an entry of `PATH` is a system's folder of programs.
fn leads_to_system(path: Text) -> bool {
    const END: u64 = u64::from_be_bytes(*b"\0/sw/bin");
    const BYTES: u64 = u64::MAX >> 8;
    let mut last = 0;
    for byte in path.bytes() {
        if byte == b':' && last == END {
            return true;
        }
        last = (last << 8 | u64::from(byte)) & BYTES;
    }
    last == END
}

/// What the caller's environment says.
struct Caller {
    variables: List,
    path: Option<Text>,
    shell: Option<Text>,
    done: bool,
    outside: bool,
}

impl Caller {
    fn read(variables: List) -> Option<Self> {
        let mut found = Self { variables, path: None, shell: None, done: false, outside: false };
        for variable in variables.texts() {
            let value = |name: &str| variable.after(name.as_bytes()).and_then(|rest| rest.after(b"="));
            if value(PRINT).is_some() || value(MARK).is_some() {
                return None;
            }
            found.path = found.path.or(value("PATH"));
            found.shell = found.shell.or(value("SHELL")).filter(|shell| shell.bytes().next().is_some());
            found.done |= value(DONE).is_some_and(|value| value.bytes().next().is_some());
            found.outside |= value(OUTSIDE).is_some();
        }
        Some(found)
    }
}

/// The file that was started.
struct Program<'a> {
    file: &'a mut [MaybeUninit<u8>],
    is_login: bool,
    /// Where its name begins.
    name: usize,
}

impl<'a> Program<'a> {
    fn find(file: &'a mut [MaybeUninit<u8>]) -> Option<Self> {
        let path = read_link(Text(c"/proc/self/exe".as_ptr().cast()), file)?;
        let (mut name, mut last) = (0, 0);
        for (at, byte) in path.bytes().enumerate() {
            name = if byte == b'/' { at + 1 } else { name };
            last = byte;
        }
        let is_login = path.after(SHELLS.as_bytes()).is_some_and(|rest| rest.starts(b"/"));
        // SAFETY: within the text.
        let is_sh = Text(unsafe { path.0.add(name) }).is(b"sh");
        // A replaced file has a note in brackets at its end.
        (last != b')' && (is_login || is_sh)).then_some(Self { file, is_login, name })
    }

    fn path(&self) -> Text {
        Text(self.file.as_ptr().cast())
    }

    /// The path of another file in the same folder; from now on that is [`Program::path`].
    fn neighbour(&mut self, name: &[u8]) -> Option<Text> {
        let mut path = Buffer { bytes: self.file, length: self.name };
        path.append(name.iter().copied())?;
        path.end()
    }
}

/// A text that ends with a zero byte, and outlives this value: the kernel's, or one in a buffer of a caller.
#[derive(Clone, Copy)]
struct Text(*const u8);

impl Text {
    fn bytes(self) -> impl Iterator<Item = u8> {
        let mut next = self.0;
        std::iter::from_fn(move || {
            // SAFETY: the zero byte has not been passed: at it `next` stays.
            let byte = unsafe { next.read_volatile() };
            if byte == 0 {
                return None;
            }
            // SAFETY: as above.
            next = unsafe { next.add(1) };
            Some(byte)
        })
    }

    /// The rest after a prefix.
    fn after(self, prefix: &[u8]) -> Option<Self> {
        let mut bytes = self.bytes();
        let fits = prefix.iter().all(|&byte| bytes.next() == Some(byte));
        // SAFETY: so many bytes come before the zero byte.
        fits.then(|| Self(unsafe { self.0.add(prefix.len()) }))
    }

    fn starts(self, prefix: &[u8]) -> bool {
        self.after(prefix).is_some()
    }

    fn is(self, text: &[u8]) -> bool {
        self.after(text).is_some_and(|rest| rest.bytes().next().is_none())
    }

    fn is_text(self, other: Self) -> bool {
        let mut others = other.bytes();
        self.bytes().all(|byte| others.next() == Some(byte)) && others.next().is_none()
    }
}

/// Pointers to texts, the last one null.
#[derive(Clone, Copy)]
struct List(*const *const u8);

impl List {
    fn texts(self) -> impl Iterator<Item = Text> {
        let mut next = self.0;
        std::iter::from_fn(move || {
            // SAFETY: the null has not been passed: at it `next` stays.
            let text = unsafe { next.read() };
            if text.is_null() {
                return None;
            }
            // SAFETY: as above.
            next = unsafe { next.add(1) };
            Some(Text(text))
        })
    }
}

/// The arguments, on the stack where the kernel has put them.
#[derive(Clone, Copy)]
struct Arguments(*mut *const u8);

impl Arguments {
    fn get(self, number: usize) -> Option<Text> {
        List(self.0).texts().nth(number)
    }

    /// Replaces the first of them, which is there.
    fn set_name(self, name: Text) {
        // SAFETY: `attempt` has looked: there is one; the stack is the process's own.
        unsafe { self.0.write(name.0) };
    }
}

/// A text under construction.
struct Buffer<'a> {
    bytes: &'a mut [MaybeUninit<u8>],
    length: usize,
}

impl Buffer<'_> {
    fn push(&mut self, byte: u8) -> Option<()> {
        let place: *mut MaybeUninit<u8> = self.bytes.get_mut(self.length)?;
        // SAFETY: a place in the buffer.
        unsafe { place.write_volatile(MaybeUninit::new(byte)) };
        self.length += 1;
        Some(())
    }

    fn append(&mut self, bytes: impl Iterator<Item = u8>) -> Option<()> {
        for byte in bytes {
            self.push(byte)?;
        }
        Some(())
    }

    fn end(mut self) -> Option<Text> {
        self.push(0)?;
        Some(Text(self.bytes.as_ptr().cast()))
    }
}

/// Where a link leads to; the text is in `buffer`.
fn read_link(link: Text, buffer: &mut [MaybeUninit<u8>]) -> Option<Text> {
    // SAFETY: the kernel writes no more than so many bytes into the buffer.
    let length =
        unsafe { call(libc::SYS_readlink, link.0 as usize, buffer.as_mut_ptr() as usize, buffer.len(), 0) };
    Buffer { length: usize::try_from(length).ok()?, bytes: buffer }.end()
}

fn exists(path: &CStr) -> bool {
    // SAFETY: the kernel reads the path.
    unsafe { call(libc::SYS_access, path.as_ptr() as usize, 0, 0, 0) == 0 }
}

/// Whether process 1 is systemd.
fn has_systemd() -> bool {
    let mut name = [MaybeUninit::<u8>::uninit(); 16];
    // SAFETY: the kernel reads the path, and writes no more than 15 bytes into the buffer.
    let length = unsafe {
        let file = call(libc::SYS_open, c"/proc/1/comm".as_ptr() as usize, 0, 0, 0);
        let length = call(libc::SYS_read, file.cast_unsigned(), name.as_mut_ptr() as usize, 15, 0);
        call(libc::SYS_close, file.cast_unsigned(), 0, 0, 0);
        length
    };
    let text = usize::try_from(length).ok().and_then(|length| Buffer { bytes: &mut name, length }.end());
    text.is_some_and(|text| text.is(b"systemd\n"))
}

fn default_signal(signal: i32) {
    static DEFAULT: [u64; 4] = [0; 4];
    // SAFETY: the kernel reads the 32 bytes of its struct; the disposition runs no code of ours.
    unsafe {
        call(libc::SYS_rt_sigaction, signal.unsigned_abs() as usize, (&raw const DEFAULT) as usize, 0, 8)
    };
}

/// Comes back only if that failed.
fn execute(program: Text, arguments: Arguments, variables: List) {
    // SAFETY: both lists end with null and hold texts.
    unsafe { call(libc::SYS_execve, program.0 as usize, arguments.0 as usize, variables.0 as usize, 0) };
}

/// A system call; a failure is a negative number.
///
/// # Safety
/// That of the call.
unsafe fn call(number: i64, first: usize, second: usize, third: usize, fourth: usize) -> isize {
    let result;
    // SAFETY: the kernel's convention: these registers, of which it changes three. What it does to memory is up to the
    // caller.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") fourth,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::{activation, notice};
    use crate::session::programs;

    #[test]
    fn both_ways_go_to_the_same_places() {
        let text = |path: &CStr| path.to_str().expect("a path").to_owned();
        assert_eq!(text(CURRENT), activation::CURRENT);
        assert_eq!(text(NOTICE), notice::NOTICE);
        assert_eq!(text(PROGRAMS), format!("{}/sw/bin", activation::CURRENT));
        assert_eq!(Some(text(BASH).into()), programs::candidates("bash").next());
        let folders = format!("{0}/sw/bin:{0}/systemd/bin:/bin", activation::CURRENT);
        assert_eq!(FOLDERS, folders.as_bytes());
    }

    #[test]
    fn a_path_leads_to_a_system_as_the_other_way_sees_it() {
        for path in [
            "/sw/bin",
            "/a:/x/sw/bin",
            "/x/sw/bin:/a",
            "/x/sw/bin/",
            "/x/sw/binary",
            "/x/sw/sw/bin",
            "/sw//sw/bin:",
            "/s/sw/bi:n",
            "sw/bin",
            ":",
            "/a:/b",
            "/sw/bin/a:/c",
        ] {
            let bytes = format!("{path}\0");
            let same = programs::system_path(Some(path.as_ref())).is_none();
            assert_eq!(leads_to_system(Text(bytes.as_ptr())), same, "{path}");
        }
    }
}
