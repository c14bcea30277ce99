# Users: an attribute that is not the user's name, wrapped shells in every form, and ids that flow into WSL's files.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  system = lib'.systems.accounts;
  inherit (system) config;
  entries = lib'.entriesOf system;
  passwd = lib.splitString "\n" entries."/etc/passwd".text;
  shells = "/usr/lib/nixos-wsl/shells";
  has = lines: line: lib.elem line lines;
  installed = map lib.getName config.environment.systemPackages;
in
lib'.decide "users" (
  map (message: "assertion: ${message}") (lib'.failedAssertions system)
  ++ lib'.expect (has passwd "alice:x:1234:100::/home/alice:${shells}/alice/zsh") "the default user's line in /etc/passwd"
  ++ lib'.expect (has passwd "bob:x:1001:100::/home/bob:${shells}/bob/fish") "a user whose shell is a path"
  ++ lib'.expect (
    config.users.users.me.shell == "${shells}/alice/zsh"
  ) "the shell that activation writes"
  ++ lib'.expect (!(has passwd "daemon")) "a user without a uid has no place in the image"
  ++ lib'.expect (
    entries."${shells}/alice/real".target == "${pkgs.zsh}/bin/zsh"
  ) "the real shell of a package"
  ++ lib'.expect (
    entries."${shells}/bob/real".target == "/etc/profiles/per-user/bob/bin/fish"
  ) "the real shell of a path"
  ++ lib'.expect (entries."${shells}/alice/zsh".type == "file") "the wrapper is a regular file"
  ++ lib'.expect (lib.elem "${shells}/alice/zsh" config.environment.shells) "the wrapper is a permitted shell"
  ++ lib'.expect (lib.elem "zsh" installed) "the shell's package is installed"
  ++ lib'.expect (entries."/etc/shadow" ? source) "a plain password is hashed by the build"
  ++ lib'.expect (
    entries."/home/alice".uid == 1234 && entries."/home/alice".mode == "0700"
  ) "the home belongs to the user"
  ++ lib'.expect (entries."/root".mode == "0700") "root has a home"
  ++ lib'.expect (config.wsl.wslConf.user.default == "alice") "user.default is the user's name"
  ++ lib'.expect (
    config.wsl.wslConf.automount.options == "metadata,uid=1234,gid=100"
  ) "automount.options follow the uid"
  ++ lib'.expect (lib.hasInfix "defaultUid=1234" config.wsl.files.distributionConf) "wsl-distribution.conf follows the uid"
)
