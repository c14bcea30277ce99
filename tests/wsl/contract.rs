//! `checks/wsl-paths` on a small source tree: what the contract knows is not printed, what it does not is.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(tree: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/wsl-paths");
    Command::new(script).arg(tree).output().unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(Into::into).collect()
}

#[test]
fn what_a_new_wsl_calls_is_printed_with_its_place() {
    let tree = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    // What every version has: literals, units, lines for a shell, paths of the kernel, remarks.
    write(
        "src/linux/init/known.cpp",
        "execl(\"/bin/login\", \"/bin/login\", \"-f\");\n#define FILE \"/etc/wsl.conf\"\n\
         popen(\"systemctl is-system-running | grep -E running\", \"re\");\nExecStart=/bin/true\n\
         open(\"/proc/self/ns/mnt\"); // \"/usr/bin/remark\" is of the text\n// \"/opt/remark\"\n\
         url(\"https://aka.ms/usr/share\");\nopen(\"/run/wsl/anything\");\n",
    );
    write("src/windows/known.cpp", "L\"/usr/bin/id -u -- '{}'\"\n");
    let known = run(tree.path());
    assert_eq!((lines(&known), known.status.code()), (vec![], Some(0)), "{known:?}");

    write(
        "src/linux/init/new.cpp",
        "\n\nexecl(\"/usr/bin/new-tool\", \"x\");\npopen(\"loginctl list | awk x\", \"r\");\n\
         ExecStop=-/bin/false --now\nopen(\"/etc/new.d/file.conf\");\n",
    );
    write("src/windows/new.cpp", "L\"/bin/from-windows\"\n");
    write("src/linux/init/text.md", "\"/bin/in-a-text\"\n");
    let new = run(tree.path());
    let expected = [
        "/bin/false\tsrc/linux/init/new.cpp:5",
        "/bin/from-windows\tsrc/windows/new.cpp:1",
        "/etc/new.d/file.conf\tsrc/linux/init/new.cpp:6",
        "/usr/bin/new-tool\tsrc/linux/init/new.cpp:3",
        "awk\tsrc/linux/init/new.cpp:4",
        "loginctl\tsrc/linux/init/new.cpp:4",
    ];
    assert_eq!((lines(&new), new.status.code()), (expected.map(Into::into).to_vec(), Some(1)), "{new:?}");

    let empty = tempfile::tempdir().unwrap();
    assert_eq!(run(empty.path()).status.code(), Some(2), "a wrong folder is not a tree without news");
}
