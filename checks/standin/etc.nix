# /etc of one generation, apart from what WSL and the users own.
{
  lib,
  packages,
  # The packages of every way in, or null.
  ways,
  units,
  osRelease,
  # What the packages are for.
  system,
  # The users' login shells.
  shells,
  # More texts, by their path below /etc.
  moreTexts ? { },
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

  triple = builtins.replaceStrings [ "-linux" ] [ "-linux-gnu" ] system;
  module = "${pam}/lib/${triple}/security";

  # What /etc/set-environment and pam_env set: the same list in two languages.
  profileFolders = home: user: [
    "${home}/.nix-profile/bin"
    "/nix/profile/bin"
    "${home}/.local/state/nix/profile/bin"
    "/etc/profiles/per-user/${user}/bin"
    "/nix/var/nix/profiles/default/bin"
    "/run/current-system/sw/bin"
  ];
  wrappers = "/run/wrappers/bin";
  joined = builtins.concatStringsSep ":";

  # PAM looks for modules at a place of its own, so each is named by its path, as NixOS does.
  pamService =
    {
      rootOk ? false,
      session ? true,
      environment ? true,
    }:
    ''
      ${if rootOk then "auth sufficient ${module}/pam_rootok.so" else ""}
      auth required ${module}/pam_unix.so likeauth try_first_pass
      account required ${module}/pam_unix.so
      password required ${module}/pam_unix.so nullok yescrypt
      ${
        if environment then
          "session required ${module}/pam_env.so conffile=/etc/pam/environment readenv=0"
        else
          ""
      }
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
      ${
        if ways == null then
          ""
        else
          "<servicedir>${ways.machined}/share/dbus-1/${kind}-services</servicedir>"
          + "<includedir>${ways.machined}/share/dbus-1/${kind}.d</includedir>"
      }
    </busconfig>
  '';
  udevRules = [
    "50-udev-default"
    "60-block"
    "60-persistent-storage"
    "75-net-description"
    "80-drivers"
  ];
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
  }
  // (
    if ways == null then
      { }
    else
      {
        "etc/systemd/system-generators/systemd-fstab-generator" =
          "${systemd}/lib/systemd/system-generators/systemd-fstab-generator";
        # Which tells systemd of devices, so that they have units.
        "etc/udev/rules.d/99-systemd.rules" = "${systemd}/lib/udev/rules.d/99-systemd.rules";
      }
      // lib.genAttrs (map (name: "etc/udev/rules.d/${name}.rules") udevRules) (
        path: "${ways.udev}/lib/udev/rules.d/${baseNameOf path}"
      )
  );
  texts = {
    "etc/dbus-1/session.conf" = busConfig "session";
    "etc/dbus-1/system.conf" = busConfig "system";

    "etc/pam.d/login" = pamService { };
    "etc/pam.d/other" = pamService { session = false; };
    "etc/pam.d/passwd" = pamService { session = false; };
    "etc/pam.d/runuser" = pamService {
      rootOk = true;
      environment = false;
    };
    "etc/pam.d/runuser-l" = pamService { rootOk = true; };
    "etc/pam.d/sshd" = pamService { };
    "etc/pam.d/su" = pamService { rootOk = true; };
    "etc/pam.d/su-l" = pamService { rootOk = true; };
    "etc/pam.d/sudo" = pamService { session = false; };
    "etc/pam.d/systemd-user" = pamService { };

    "etc/pam/environment" = ''
      PATH   DEFAULT="${joined ([ wrappers ] ++ profileFolders "@{HOME}" "@{PAM_USER}")}"
    '';

    # Of whoever is made at run time.
    "etc/default/useradd" = ''
      GROUP=100
      HOME=/home
      SHELL=/usr/lib/nixos-wsl/shells/@bash/bash
    '';

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
    # As NixOS' own rules: nobody puts a file into the home of those who have none.
    "etc/tmpfiles.d/00-nixos.conf" = ''
      D /var/empty 0555 root root -
      h /var/empty - - - - +i
    '';
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
      export PATH="${joined (profileFolders "$HOME" "$USER")}"

      # Wrappers override other bin directories.
      export PATH="${wrappers}:$PATH"
    '';
    "etc/shells" = ''
      /run/current-system/sw/bin/bash
      /bin/sh
      ${builtins.concatStringsSep "\n" shells}
    '';
    "etc/standin/shell-of-the-stand-in" = "${bash}/bin/bash\n";
  }
  // (
    if ways == null then
      { }
    else
      {
        # Debian's zsh looks here for what NixOS has in /etc.
        "etc/zsh/zshenv" = ''
          module_path=(${ways.zsh}/lib/${triple}/zsh/*)
          if [ -z "''${__NIXOS_SET_ENVIRONMENT_DONE-}" ]; then . /etc/set-environment; fi
        '';
        # As babelfish translates /etc/set-environment.
        "etc/fish/config.fish" = ''
          if [ -z "$__NIXOS_SET_ENVIRONMENT_DONE" ]
            set -gx __NIXOS_SET_ENVIRONMENT_DONE 1
            set -gx PATH ${builtins.concatStringsSep " " ([ wrappers ] ++ profileFolders "$HOME" "$USER")}
          end
        '';
        # Ids of rootless containers, as `autoSubUidGidRange` gives them: files, because newuidmap follows no link.
        "etc/tmpfiles.d/containers.conf" = ''
          f+ /etc/subgid 0644 root root - nixos:100000:65536\n
          f+ /etc/subuid 0644 root root - nixos:100000:65536\n
        '';
        # As wsl.kernelModules makes it.
        "etc/modules-load.d/nixos-wsl.conf" = "vhci-hcd\n";
        "etc/ssh/sshd_config" = ''
          AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u
          HostKey /etc/ssh/ssh_host_ed25519_key
          KbdInteractiveAuthentication no
          ListenAddress 127.0.0.1
          PasswordAuthentication no
          UsePAM yes
        '';
      }
  )
  // builtins.listToAttrs (
    map (name: {
      name = "etc/${name}";
      value = moreTexts.${name};
    }) (builtins.attrNames moreTexts)
  );
}
