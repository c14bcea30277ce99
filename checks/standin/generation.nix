# One generation of the stand-in: a directory shaped like a NixOS system, and the root it expects (nix/root.nix).
{
  lib,
  packages,
  # Store path with the static programs in bin/.
  programs,
  # What all of them are for.
  system ? builtins.currentSystem,

  # Told by `nixos-version` and by standin.service.
  version ? 1,

  # nixos-wsl/session.json: what the programs in the root read before activation.
  settings ? { },

  # Whether systemd is the project's to start (wsl.systemd.mode = "namespace").
  namespace ? false,

  # Every shell and every way in, from packages.nix: null, or the packages of `ways`.
  ways ? null,

  # Whether WSL's default user is root then (wsl.systemd.namespace.privileges = "root").
  rootUser ? false,

  # Whether the first start makes the default user (wsl.distribution.oobe.askForUser).
  askForUser ? false,

  # What tests need to go wrong.
  activationDelay ? 0,
  activationFails ? false,
  # "works"; "missing": the generation has none; "exits": it stops at once.
  systemd ? "works",
  # Where its systemd goes without being told.
  defaultTarget ? "multi-user.target",
  # Further units, as ./units.nix takes them.
  services ? _packages: { },

  # What ./configuration.nix gives, for a system that is rebuilt from where it runs; null for the others.
  configuration ? null,
  # Packages that a configuration can choose from, and what builds need.
  offered ? { },
  buildTools ? null,
}:

let
  inherit (builtins) head filter;
  inherit (packages) bash coreutils;

  nixosVersion = "26.11.standin.${toString version}";
  osRelease = ''
    ID=nixos
    NAME=NixOS
    PRETTY_NAME="NixOS ${nixosVersion} (stand-in)"
    VERSION="${nixosVersion} (stand-in)"
    VERSION_ID="26.11"
  '';

  binary = name: "${programs}/bin/${name}";

  # Every shell, by name.
  shells = {
    bash = "${bash}/bin/bash";
  }
  // builtins.mapAttrs (name: _: "${ways.${name}}/bin/${name}") (
    if ways == null then
      { }
    else
      {
        inherit (ways)
          dash
          fish
          ksh
          mksh
          yash
          zsh
          ;
      }
  )
  // builtins.mapAttrs (name: package: "${package}/bin/${name}") offered;
  oobe = import ../../nix/oobe.nix;
  accounts = import ./accounts.nix {
    inherit askForUser;
    shell = shells.bash;
    otherShells =
      if ways == null then
        { }
      else
        {
          dan = shells.dash;
          fay = shells.fish;
          zoe = shells.zsh;
        };
    inherit shells configuration;
  };
  whenDeclared = settings: if configuration == null then { } else settings;
  declared = import ./declared.nix {
    inherit lib packages configuration;
  };
  user =
    if rootUser then
      "root"
    else if configuration == null then
      "nixos"
    else
      configuration.defaultUser;

  # Whether the first start's user is in the configuration by now.
  named = configuration != null && configuration.defaultUser != "nixos";

  root = import ../../nix/root.nix {
    programs = {
      init = binary "nixos-wsl-init";
      shell = binary "nixos-wsl-shell";
      sh = binary "nixos-wsl-sh";
      cli = binary "nixos-wsl";
      session = binary "nixos-wsl-session";
      enter = if namespace then binary "nixos-wsl-enter" else null;
    };
    inherit (accounts) users groups;
    otherShells =
      map (user: {
        owner = user.name;
        inherit (user) shell;
      }) accounts.usersWithoutNumber
      ++ map (name: {
        owner = "@${name}";
        shell = shells.${name};
      }) (builtins.attrNames shells);
    defaultShell = shells.bash;
    inherit osRelease;
    wslConf = ''
      [automount]
      ldconfig = false
      mountFsTab = false
      ${if configuration == null then "" else "root = ${configuration.automountRoot}"}

      [boot]
      systemd = ${if namespace then "false" else "true"}

      ${if askForUser && !named then "" else "[user]\ndefault = ${user}"}
      ${if configuration == null then "" else "\n[network]\nhostname = ${configuration.hostName}"}
    '';
    setuid = !rootUser;
    wslDistributionConf = ''
      [oobe]
      defaultName = NixOS
      ${if askForUser then "command = ${oobe.path}\ndefaultUid = 1000" else ""}

      [shortcut]
      icon = /usr/share/wsl/nixos-wsl.ico
    '';
    # W§4.5, W§5.5: what WSL and the units it generates call by absolute path.
    bin =
      lib.genAttrs
        [
          "ln"
          "mkdir"
          "true"
        ]
        (name: {
          target = "${coreutils}/bin/${name}";
        })
      // {
        bash.target = "${bash}/bin/bash";
      }
      # Where a system is used as people use it: what else WSL calls, and editors without a shell (modules/data/compat.nix).
      // whenDeclared (
        lib.genAttrs
          [
            "cat"
            "cp"
            "dirname"
            "id"
            "readlink"
            "rm"
            "rmdir"
            "uname"
          ]
          (name: {
            target = "${coreutils}/bin/${name}";
          })
        // {
          grep.target = "${packages.gnugrep}/bin/grep";
          systemctl.target = "${packages.systemd}/bin/systemctl";
        }
      );
    extraEntries = [
      {
        path = "/usr/share/wsl/nixos-wsl.ico";
        type = "file";
        source = "${../../assets/nixos-wsl.ico}";
      }
      {
        path = "/etc/nixos";
        type = "tree";
        source = "${./nixos}";
      }
      {
        path = "/usr/bin/env";
        type = "symlink";
        target = "${coreutils}/bin/env";
      }
      {
        path = "/usr/bin/id";
        type = "symlink";
        target = "${coreutils}/bin/id";
      }
      (zoneinfo // { type = "symlink"; })
    ]
    ++ (
      if askForUser then
        [
          oobe.entry
          oobe.userNix
        ]
      else
        [ ]
    );
    # As NixOS' activation of /etc does.
    extraApply.files = [
      {
        path = "/etc/wsl.conf";
        source = "${accountFiles}/wsl.conf";
        mode = "0644";
      }
    ];
    extraApply.links = [
      {
        path = "/usr/bin/env";
        target = "${coreutils}/bin/env";
      }
      {
        path = "/usr/bin/id";
        target = "${coreutils}/bin/id";
      }
      zoneinfo
    ];
  };

  # As modules/time.nix.
  zoneinfo = {
    path = "/usr/share/zoneinfo";
    target = "${packages.tzdata}/share/zoneinfo";
  };

  lines = list: builtins.concatStringsSep "" (map (line: "${line}\n") list);
  textOf = path: (head (filter (entry: entry.path == path) root.entries)).text;
  accountFiles = lib.tree "accounts" {
    texts = {
      # A name, group, home and shell for each of those whose number the activation finds.
      users-without-number = builtins.concatStringsSep "" (
        map (
          user: "${user.name} ${toString user.gid} ${user.home} ${root.loginShell user}\n"
        ) accounts.usersWithoutNumber
      );
      passwd = textOf "/etc/passwd";
      group = textOf "/etc/group";
      "wsl.conf" = textOf "/etc/wsl.conf";
    }
    // whenDeclared {
      # Whose shell an activation changes.
      login-shells = lines (
        map (user: "${user.name} ${root.loginShell user}") (filter (user: user.gid == 100) accounts.users)
      );
    };
  };

  units = import ./units.nix {
    inherit
      lib
      packages
      defaultTarget
      ways
      ;
    services =
      services packages
      // whenDeclared declared.units
      // {
        "standin.service" = {
          wantedBy = [ "multi-user.target" ];
          text = ''
            [Unit]
            Description=Says which generation runs

            [Service]
            Type=oneshot
            RemainAfterExit=true
            ExecStart=${coreutils}/bin/echo generation ${toString version}
          '';
        };

        # As modules/boot.nix makes them.
        "nixos-wsl-boot-complete.service" = {
          wantedBy = [ "multi-user.target" ];
          text = ''
            [Unit]
            Description=Record that this generation boots
            After=multi-user.target

            [Service]
            Type=oneshot
            RemainAfterExit=true
            ExecStart=${binary "nixos-wsl"} boot-complete
            ${if namespace then "ExecStop=${binary "nixos-wsl"} boot-complete --stopping" else ""}
          '';
        };
        # As modules/store.nix makes it.
        "nixos-wsl-clean-store.timer" = {
          wantedBy = [ "timers.target" ];
          text = ''
            [Unit]
            Description=Remove what interrupted copies have left in the Nix store, after a start

            [Timer]
            OnActiveSec=10
            AccuracySec=1
          '';
        };
        "nixos-wsl-clean-store.service" = {
          wantedBy = [ ];
          text = ''
            [Unit]
            Description=Remove what interrupted copies have left in the Nix store

            [Service]
            Type=exec
            ExecStart=${binary "nixos-wsl"} clean-store
            IOSchedulingClass=idle
            Nice=19
          '';
        };
        "nixos-wsl-boot-emergency.service" = {
          wantedBy = [
            "emergency.target"
            "rescue.target"
          ];
          text = ''
            [Unit]
            Description=Record that this start ended where its user is to take over
            DefaultDependencies=false
            Conflicts=shutdown.target
            Before=shutdown.target

            [Service]
            Type=oneshot
            ExecStart=${binary "nixos-wsl"} boot-complete --emergency
          '';
        };
        "nixos-wsl-boot-stop.service" = {
          wantedBy = [ "shutdown.target" ];
          text = ''
            [Unit]
            Description=Record who stops the system
            DefaultDependencies=false
            Before=shutdown.target umount.target final.target

            [Service]
            Type=oneshot
            ExecStart=${binary "nixos-wsl"} boot-complete --stopping
          '';
        };
      }
      // (
        if ways == null then
          { }
        else
          {
            "sshd.service" = {
              wantedBy = [ "multi-user.target" ];
              text = ''
                [Unit]
                Description=SSH daemon

                [Service]
                RuntimeDirectory=sshd
                ExecStartPre=-${ways.openssh}/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
                ExecStart=${ways.openssh}/bin/sshd -D -f /etc/ssh/sshd_config
              '';
            };
          }
      )
      // (
        if namespace then
          {
            # As modules/namespace.nix does.
            "session-.scope.d/overrides.conf".text = ''
              [Unit]
              Before=nixos-wsl-boot-complete.service
            '';
          }
        else
          { }
      );
  };
  etc = import ./etc.nix {
    inherit
      lib
      packages
      ways
      units
      osRelease
      system
      ;
    inherit (root) shells;
    moreTexts = whenDeclared (
      declared.texts
      // {
        "wsl.conf" = textOf "/etc/wsl.conf";
      }
    );
  };

  nixosVersionProgram = lib.tree "nixos-version" {
    programs."bin/nixos-version" = ''
      #!${bash}/bin/bash
      echo "${nixosVersion}"
    '';
  };
  nixosRebuild = lib.tree "nixos-rebuild" {
    programs."bin/nixos-rebuild" = ''
      #!${bash}/bin/bash
      # What NixOS' program of that name does, in short.
      set -e
      system=$(nix-build /etc/nixos -A toplevel --no-out-link)
      [ "$1" = test ] || nix-env -p /nix/var/nix/profiles/system --set "$system"
      exec "$system/bin/switch-to-configuration" "$1"
    '';
  };
  path = lib.farm "system-path" "bin" (
    map (package: "${package}/bin/*") (
      builtins.attrValues packages
      ++ (if ways == null then [ ] else builtins.attrValues ways)
      ++ (
        if configuration == null then
          [ ]
        else
          [ nixosRebuild ] ++ map (name: offered.${name}) configuration.programs
      )
      ++ [
        nixosVersionProgram
        programs
      ]
    )
  );

  helpers = lib.farm "systemd-helpers" "." "${packages.systemd}/lib/systemd/systemd*";
  brokenSystemd = lib.tree "broken-systemd" {
    programs."lib/systemd/systemd" = ''
      #!${bash}/bin/bash
      echo "systemd: stops on purpose" >&2
      exit 1
    '';
  };
  systemdLink =
    {
      works.systemd = "${packages.systemd}";
      exits.systemd = "${brokenSystemd}";
      missing = { };
    }
    .${systemd};

  setuidPrograms = [
    "${packages.sudo}/bin/sudo"
    "${packages.util-linux}/bin/mount"
    "${packages.util-linux}/bin/umount"
    "${packages.shadow}/bin/newgrp"
    "${packages.shadow}/bin/passwd"
    "${packages.util-linux}/bin/su"
    "${packages.pam}/bin/unix_chkpwd"
  ]
  ++ (
    if ways == null then
      [ ]
    else
      [
        "${ways.uidmap}/bin/newgidmap"
        "${ways.uidmap}/bin/newuidmap"
      ]
  );
  variables = ''
    #!${bash}/bin/bash
    export PATH=${
      builtins.concatStringsSep ":" (
        map (package: "${package}/bin") [
          coreutils
          packages.findutils
          packages.gnugrep
          packages.hostname
          packages.util-linux
          packages.systemd
        ]
      )
    }
    systemConfig=@out@
    systemdHelpers=${helpers}
    accounts=${accountFiles}
    setuidPrograms="${toString setuidPrograms}"
    nixosWsl=${binary "nixos-wsl"}
    activationDelay=${toString activationDelay}
    activationFails=${if activationFails then "1" else "0"}
    hostName=${if configuration == null then "" else configuration.hostName}
  '';
in
rec {
  inherit root;

  toplevel = lib.tree "nixos-system-standin-${nixosVersion}" {
    texts = {
      nixos-version = nixosVersion;
      inherit system;
      "nixos-wsl/root.json" = builtins.toJSON root.apply;
      "nixos-wsl/session.json" = builtins.toJSON (
        {
          systemdMode = if namespace then "namespace" else "native";
          systemdUser = if rootUser then "nixos" else null;
        }
        // (if configuration == null then { } else { inherit (configuration) automountRoot; })
        // settings
      );
    }
    // whenDeclared {
      "nixos-wsl/default-user" = lines (
        map root.passwdLine (filter (declared: declared.name == user) accounts.users)
      );
      # As `system.extraDependencies`.
      extra-dependencies = toString ([ buildTools ] ++ builtins.attrValues (packages // offered));
    };
    programs = {
      activate = variables + builtins.readFile ./activate.sh;
      "bin/switch-to-configuration" = variables + builtins.readFile ./switch-to-configuration.sh;
    };
    links = {
      etc = "${etc}/etc";
      sw = "${path}";
    }
    // systemdLink;
  };
}
