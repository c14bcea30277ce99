# The stand-in system: a closure shaped like NixOS, made by Nix alone from the machine's Debian packages, and its images.
{
  # Directory of .deb files (./build makes it).
  debs,
  # The same with Nix and all its libraries.
  nixDebs ? throw "a stand-in of another architecture has no Nix",
  # Directory with the static programs in bin/ (../tools makes it).
  tools,
  # The same of this machine, for what builds.
  buildTools ? tools,
  # What builds, and what the system is for.
  system ? builtins.currentSystem,
  hostSystem ? system,
}:

let
  inherit (builtins) baseNameOf elem mapAttrs;

  lib = import ./lib.nix { inherit system; };
  everything = import ./packages.nix { inherit debs nixDebs system; };
  packages = removeAttrs everything [
    "nix"
    "ways"
  ];

  # Programs that run in the image are in its closure; the writer is not.
  select = selectFrom tools;
  selectFrom =
    path: name: names:
    builtins.path {
      inherit name path;
      filter = file: type: type == "directory" || elem (baseNameOf file) names;
    };
  programs = select "nixos-wsl" [
    "nixos-wsl"
    "nixos-wsl-enter"
    "nixos-wsl-init"
    "nixos-wsl-session"
    "nixos-wsl-sh"
    "nixos-wsl-shell"
  ];
  # As nixpkgs links it: the sandbox has no library of this machine's. With the C library of a system that does not run here it
  # would not either.
  writer =
    let
      own = selectFrom buildTools "nixos-wsl-image" [ "nixos-wsl-image" ];
    in
    if hostSystem == system then lib.relinked own packages.glibc else own;

  generation =
    settings:
    import ./generation.nix (
      {
        inherit lib packages programs;
        system = hostSystem;
      }
      // settings
    );

  generations =
    mapAttrs (_: generation) {
      first = { };
      second.version = 2;
      slow = {
        version = 3;
        activationDelay = 15;
      };
      failing = {
        version = 4;
        activationFails = true;
      };
      withoutSystemd = {
        version = 5;
        systemd = "missing";
      };
      brokenSystemd = {
        version = 6;
        systemd = "exits";
      };
      namespace = {
        version = 7;
        namespace = true;
      };
      namespaceBroken = {
        version = 8;
        namespace = true;
        systemd = "exits";
      };
      namespaceRoot = {
        version = 9;
        namespace = true;
        rootUser = true;
      };
      firstRun = {
        version = 10;
        askForUser = true;
      };
      firstRunNamespace = {
        version = 11;
        askForUser = true;
        namespace = true;
      };
      everyWay = {
        version = 40;
        inherit (everything) ways;
      };
      everyWayNamespace = {
        version = 41;
        namespace = true;
        inherit (everything) ways;
      };
    }
    // mapAttrs (_: generation) (import ./faulty-boots.nix);
  toplevels = mapAttrs (_: generation: generation.toplevel) generations;
  allToplevels = toplevels;

  image =
    settings:
    import ../../nix/image.nix (
      {
        fileName = "nixos-wsl-${hostSystem}.tar.gz";
        tools = writer;
        inherit system;
        inherit (generations.first) toplevel;
        spec = generations.first.root.spec toplevels.first;
      }
      // settings
    );
  # The first generation as the profile, and every other one in the store, found at /nix/var/nix/gcroots/standin/<name>.
  everyGeneration =
    let
      spec = generations.first.root.spec toplevels.first;
      # Those with every way in have images of their own: they are twice the others' size.
      toplevels = removeAttrs allToplevels [
        "everyWay"
        "everyWayNamespace"
      ];
    in
    {
      roots = builtins.attrValues toplevels;
      spec = spec // {
        entries =
          spec.entries
          ++ map (name: {
            path = "/nix/var/nix/gcroots/standin/${name}";
            type = "symlink";
            target = "${toplevels.${name}}";
          }) (builtins.attrNames toplevels);
      };
    };

  # The systems that are rebuilt from where they run, with their expressions in /etc/nixos; where `asks` is set, the first
  # start makes the user.
  rebuildImage =
    name: asks: arguments:
    let
      paths = lib.tree "packages.json" {
        texts."packages.json" = builtins.toJSON {
          packages = mapAttrs (_: package: "${package}") (packages // { inherit (everything) nix; });
          offered.dash = "${everything.ways.dash}";
          programs = "${programs}";
          buildTools = "${lib.farm "build-tools" "bin" [
            "${packages.bash}/bin/bash"
            "${packages.coreutils}/bin/*"
          ]}";
        };
      };
      # The store paths stand in the text alone: what is made of them inside is not made from this derivation.
      json = builtins.toFile "packages.json" (
        builtins.unsafeDiscardStringContext (builtins.readFile "${paths}/packages.json")
      );
      generation = import ./rebuild.nix {
        packages = json;
        configuration = builtins.toFile "configuration.nix" configuration;
        settings = arguments;
        user = if asks then builtins.toFile "user.nix" oobe.userNix.text else null;
      };
      oobe = import ../../nix/oobe.nix;
      configuration = "{ }\n";
      text = path: text: {
        path = "/etc/nixos/${path}";
        type = "file";
        inherit text;
      };
      spec = generation.root.spec generation.toplevel;
    in
    image {
      inherit name;
      inherit (generation) toplevel;
      spec = spec // {
        entries = spec.entries ++ [
          {
            path = "/etc/nixos/project";
            type = "tree";
            source = "${builtins.path {
              name = "project";
              path = ../..;
              filter =
                let
                  top = toString ../.. + "/";
                in
                file: type:
                elem (builtins.replaceStrings [ top ] [ "" ] file) [
                  "assets"
                  "assets/nixos-wsl.ico"
                  "checks"
                  "checks/standin"
                  "nix"
                  "nix/entries.nix"
                  "nix/oobe.nix"
                  "nix/root.nix"
                ]
                || (
                  builtins.match "${top}checks/standin/.*" file != null
                  && builtins.match ".*/(default|packages|faulty-boots)\\.nix" file == null
                );
            }}";
          }
          (text "default.nix" ''
            import ./project/checks/standin/rebuild.nix {
              packages = ./packages.json;
              configuration = ./configuration.nix;
              user = ${if asks then "./user.nix" else "null"};
              settings = ${if arguments ? namespace then "{ namespace = true; }" else "{ }"};
            }
          '')
          (text "packages.json" (builtins.readFile json))
          (text "configuration.nix" configuration)
        ];
      };
    };

  imageOf =
    name:
    image {
      name = "nixos-wsl-${name}-tarball";
      toplevel = toplevels.${name};
      spec = generations.${name}.root.spec toplevels.${name};
    };
  installerOf =
    name:
    image {
      name = "nixos-wsl-${name}-installer";
      fileName = "nixos-wsl-installer.tar.gz";
      command = "installer";
      installProgram = "${select "nixos-wsl-install" [ "nixos-wsl-install" ]}/bin/nixos-wsl-install";
      toplevel = toplevels.${name};
      spec = generations.${name}.root.spec toplevels.${name};
    };

  # In the writer's place: keeps what Nix tells the writer, so that tests can start it by hand.
  attributesOf =
    settings:
    image (
      settings
      // {
        name = "attributes";
        tools = lib.tree "keep-attributes" {
          programs."bin/nixos-wsl-image" = ''
            #!/bin/bash
            source "$NIX_ATTRS_SH_FILE"
            /bin/cp "$NIX_ATTRS_JSON_FILE" "''${outputs[out]}"
          '';
        };
      }
    );
in
rec {
  inherit packages toplevels;

  # The image of the first generation alone.
  tarball = image { };

  # The image with all of them.
  testTarball = image ({ name = "nixos-wsl-test-tarball"; } // everyGeneration);

  # The images whose systemd the first shell starts.
  namespaceTarball = imageOf "namespace";
  namespaceBrokenTarball = imageOf "namespaceBroken";
  namespaceRootTarball = imageOf "namespaceRoot";

  # The images whose first start makes the user.
  firstRunTarball = imageOf "firstRun";
  firstRunNamespaceTarball = imageOf "firstRunNamespace";

  # The images with every shell and every way in.
  everyWayTarball = imageOf "everyWay";
  everyWayNamespaceTarball = imageOf "everyWayNamespace";

  # Images of systems that have Nix and are rebuilt by it.
  rebuildTarball = rebuildImage "nixos-wsl-rebuild-tarball" false { };
  namespaceRebuildTarball = rebuildImage "nixos-wsl-namespace-rebuild-tarball" false {
    namespace = true;
  };

  # The same, and the first start makes the user: everything that a newcomer does.
  storyTarball = rebuildImage "nixos-wsl-story-tarball" true { };
  namespaceStoryTarball = rebuildImage "nixos-wsl-namespace-story-tarball" true { namespace = true; };

  # The same system as an installer; and those whose first start does not go well, or is the first shell's.
  installer = installerOf "first";
  failingInstaller = installerOf "failing";
  brokenInstaller = installerOf "withoutSystemd";
  namespaceInstaller = installerOf "namespace";

  # The same system as a disk.
  vhdx = image {
    name = "nixos-wsl-vhdx";
    fileName = "nixos-wsl-${hostSystem}.vhdx";
    command = "vhdx";
    # The machine's own, as for everything that only builds.
    mke2fs = "/usr/sbin/mke2fs";
  };

  # A release's folder, of the same images.
  release = import ../../nix/release/folder.nix {
    tools = writer;
    inherit system;
    machine = builtins.head (builtins.split "-" system);
    version = "0.0.0-standin";
    images = [
      {
        name = "nixos-wsl.tar.gz";
        path = "${tarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      }
      {
        name = "nixos-wsl.vhdx.zst";
        path = "${vhdx}/disk/nixos-wsl-${hostSystem}.vhdx";
        compress = true;
      }
    ];
    programs = map (name: "${programs}/bin/${name}") (
      builtins.attrNames (builtins.readDir "${programs}/bin")
    );
    toplevels = [ toplevels.first ];
    lock = "${../../flake.lock}";
    changelog = "${../../CHANGELOG.md}";
  };

  # A web server's folder for `wsl --install NixOS`, with the same image.
  manifest =
    let
      pkgs = {
        lib = {
          assertMsg = _condition: _message: true;
          allUnique = _names: true;
        };
        linkFarm =
          name: files:
          lib.tree name {
            links = builtins.listToAttrs (
              map (file: {
                inherit (file) name;
                value = file.path;
              }) files
            );
          };
        stdenv = {
          buildPlatform = { inherit system; };
          hostPlatform.parsed.cpu.name = builtins.head (builtins.split "-" system);
        };
      };
    in
    import ../../nix/manifest.nix
      {
        inherit pkgs;
        tools = writer;
      }
      {
        url = "https://images.example";
        systems = [
          {
            inherit pkgs;
            config = {
              system.build = { inherit tarball; };
              wsl.distribution.defaultName = "NixOS";
              wsl.image.fileName = "nixos-wsl-${system}.tar.gz";
            };
          }
        ];
      };

  # What Nix told the writer of the first image.
  attributes = attributesOf { };

  # What the tests get, as $NIXOS_WSL_STANDIN.
  bundle = lib.tree "standin" {
    links = {
      "image.tar.gz" = "${tarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "image.vhdx" = "${vhdx}/disk/nixos-wsl-${hostSystem}.vhdx";
      "attributes.json" = "${attributes}";
      "manifest" = "${manifest}";
      "release" = "${release}";
      "installer.tar.gz" = "${installer}/tarball/nixos-wsl-installer.tar.gz";
      "failing-installer.tar.gz" = "${failingInstaller}/tarball/nixos-wsl-installer.tar.gz";
      "broken-installer.tar.gz" = "${brokenInstaller}/tarball/nixos-wsl-installer.tar.gz";
      "namespace-installer.tar.gz" = "${namespaceInstaller}/tarball/nixos-wsl-installer.tar.gz";
      "test-image.tar.gz" = "${testTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "every-way-image.tar.gz" = "${everyWayTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "every-way-namespace-image.tar.gz" =
        "${everyWayNamespaceTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "rebuild-image.tar.gz" = "${rebuildTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "namespace-rebuild-image.tar.gz" =
        "${namespaceRebuildTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "story-image.tar.gz" = "${storyTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "story-namespace-image.tar.gz" = "${namespaceStoryTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "first-run-image.tar.gz" = "${firstRunTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "first-run-namespace-image.tar.gz" =
        "${firstRunNamespaceTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "namespace-image.tar.gz" = "${namespaceTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "namespace-root-image.tar.gz" = "${namespaceRootTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "namespace-broken-image.tar.gz" =
        "${namespaceBrokenTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
    }
    // builtins.listToAttrs (
      map (name: {
        name = "toplevels/${name}";
        value = "${toplevels.${name}}";
      }) (builtins.attrNames toplevels)
    );
  };

  # The same of another architecture: a system with its generations, and one whose systemd the first shell starts.
  smallBundle = lib.tree "standin" {
    links = {
      "test-image.tar.gz" = "${testTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
      "namespace-image.tar.gz" = "${namespaceTarball}/tarball/nixos-wsl-${hostSystem}.tar.gz";
    };
  };
}
