# /etc of one generation, apart from what WSL and the users own.
{
  lib,
  packages,
  units,
  osRelease,
  # The users' login shells.
  shells,
}:

let
  inherit (packages)
    bash
    dbus
    glibc
    pam
    sudo
    systemd
    ;

  triple = builtins.replaceStrings [ "-linux" ] [ "-linux-gnu" ] builtins.currentSystem;
  module = "${pam}/lib/${triple}/security";

  # PAM looks for modules at a place of its own, so each is named by its path, as NixOS does.
  pamService =
    {
      rootOk ? false,
      session ? true,
    }:
    ''
      ${if rootOk then "auth sufficient ${module}/pam_rootok.so" else ""}
      auth required ${module}/pam_unix.so likeauth try_first_pass
      account required ${module}/pam_unix.so
      password required ${module}/pam_unix.so nullok yescrypt
      session required ${module}/pam_unix.so
      ${if session then "session optional ${systemd}/lib/${triple}/security/pam_systemd.so" else ""}
    '';

  # The package's own configuration includes these.
  busConfig = kind: ''
    <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
     "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
    <busconfig>
      <servicedir>${systemd}/share/dbus-1/${kind}-services</servicedir>
      <includedir>${systemd}/share/dbus-1/${kind}.d</includedir>
    </busconfig>
  '';
in
lib.tree "etc" {
  links = {
    "etc/systemd/system" = "${units.system}";
    "etc/systemd/user" = "${units.user}";
    "etc/tmpfiles.d/systemd.conf" = "${systemd}/lib/tmpfiles.d/systemd.conf";
    "etc/tmpfiles.d/systemd-nologin.conf" = "${systemd}/lib/tmpfiles.d/systemd-nologin.conf";
    "etc/tmpfiles.d/systemd-tmp.conf" = "${systemd}/lib/tmpfiles.d/systemd-tmp.conf";
    "etc/tmpfiles.d/tmp.conf" = "${systemd}/lib/tmpfiles.d/tmp.conf";
    "etc/tmpfiles.d/var.conf" = "${systemd}/lib/tmpfiles.d/var.conf";
  };
  texts = {
    "etc/dbus-1/session.conf" = busConfig "session";
    "etc/dbus-1/system.conf" = busConfig "system";

    "etc/pam.d/login" = pamService { };
    "etc/pam.d/other" = pamService { session = false; };
    "etc/pam.d/passwd" = pamService { session = false; };
    "etc/pam.d/runuser" = pamService { rootOk = true; };
    "etc/pam.d/runuser-l" = pamService { rootOk = true; };
    "etc/pam.d/su" = pamService { rootOk = true; };
    "etc/pam.d/su-l" = pamService { rootOk = true; };
    "etc/pam.d/sudo" = pamService { session = false; };
    "etc/pam.d/systemd-user" = pamService { };

    "etc/sudo.conf" = ''
      Plugin sudoers_policy ${sudo}/libexec/sudo/sudoers.so
      Plugin sudoers_io ${sudo}/libexec/sudo/sudoers.so
      Path noexec ${sudo}/libexec/sudo/sudo_noexec.so
    '';
    "etc/sudoers" = ''
      root ALL=(ALL:ALL) SETENV: ALL
      %wheel ALL=(ALL:ALL) NOPASSWD:SETENV: ALL
    '';

    "etc/systemd/journald.conf" = ''
      [Journal]
      Storage=persistent
    '';
    "etc/systemd/system.conf" = ''
      [Manager]
      DefaultEnvironment="PATH=/run/wrappers/bin:/run/current-system/sw/bin"
      DefaultTimeoutStopSec=20s
    '';
    "etc/systemd/user.conf" = ''
      [Manager]
      DefaultEnvironment="PATH=/run/wrappers/bin:/run/current-system/sw/bin"
    '';

    "etc/bashrc" = ''
      if [ -n "$PS1" ]; then PS1='[\u@\h:\w]\$ '; fi
    '';
    "etc/login.defs" = ''
      DEFAULT_HOME yes
      ENV_PATH PATH=/run/wrappers/bin:/run/current-system/sw/bin
      ENV_SUPATH PATH=/run/wrappers/bin:/run/current-system/sw/bin
      UID_MIN 1000
      GID_MIN 1000
    '';
    "etc/nsswitch.conf" = ''
      passwd: files
      group: files
      shadow: files
      hosts: files dns
    '';
    "etc/os-release" = osRelease;
    "etc/profile" = ''
      if [ -z "$__NIXOS_SET_ENVIRONMENT_DONE" ]; then . /etc/set-environment; fi
      if [ -n "$BASH_VERSION" ] && [ -n "$PS1" ]; then . /etc/bashrc; fi
    '';
    "etc/set-environment" = ''
      # DO NOT EDIT -- this file has been generated automatically.
      export __NIXOS_SET_ENVIRONMENT_DONE=1
      export EDITOR="nano"
      export NIX_PATH="nixpkgs=/nix/var/nix/profiles/per-user/root/channels/nixos:nixos-config=/etc/nixos/configuration.nix"
      export NIXPKGS_CONFIG="/etc/nix/nixpkgs-config.nix"
      export LOCALE_ARCHIVE="${glibc}/lib/locale/locale-archive"
      export XDG_CONFIG_DIRS="/etc/xdg:$HOME/.nix-profile/etc/xdg:/run/current-system/sw/etc/xdg"
      export PATH="/run/wrappers/bin:$HOME/.nix-profile/bin:/etc/profiles/per-user/$USER/bin:/nix/var/nix/profiles/default/bin:/run/current-system/sw/bin"
    '';
    "etc/shells" = ''
      /run/current-system/sw/bin/bash
      /bin/sh
      ${builtins.concatStringsSep "\n" shells}
    '';
    "etc/standin/shell-of-the-stand-in" = "${bash}/bin/bash\n";
  };
}
