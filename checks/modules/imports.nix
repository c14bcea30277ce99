# Every way of importing the module gives a system and an image: by the flake, by flake-compat, by a channel, by a fetched
# archive, by a path in /etc/nixos, and by several of them at once. Only the flake knows the hashes that a lock needs, so the
# others leave a configuration for channels in the image.
{
  pkgs,
  lib',
  inputs,
}:

let
  inherit (pkgs) lib;

  # As `fetchTarball`, `builtins.fetchGit` or an input without a flake give it: a path in the store.
  archive = inputs.self.outPath;
  channels = [
    {
      prefix = "nixos-wsl";
      path = archive;
    }
  ];

  ways = {
    flake = inputs.self.nixosModules.default;
    flake-compat =
      (import ./../../default.nix { nixpkgs = inputs.nixpkgs.outPath; }).nixosModules.default;
    channel = builtins.findFile channels "nixos-wsl/modules";
    archive = "${archive}/modules";
    "path" = ../../modules;
    "several at once" = {
      imports = [
        inputs.self.nixosModules.default
        inputs.self.nixosModules.wsl
        (import ../../nix/module.nix inputs)
        ../../modules
        "${archive}/modules"
        (import ../../modules)
      ];
    };
  };

  failures =
    name: module:
    let
      inherit
        (lib'.bare [
          module
          {
            wsl.enable = true;
            documentation.enable = false;
          }
        ])
        config
        ;
      result = builtins.tryEval (builtins.deepSeq failed failed);
      failed =
        map (assertion: assertion.message) (lib.filter (assertion: !assertion.assertion) config.assertions)
        ++ lib'.expect (lib.isString (builtins.toJSON config.system.build.tarball.spec.entries)) "no image"
        # The others are those of configurations/, evaluated there to the image.
        ++ lib'.expect (
          !lib.elem name [
            "flake-compat"
            "path"
          ]
          || lib.isString config.system.build.tarball.drvPath
        ) "no image"
        ++ lib'.expect (
          config.wsl.image.config
          == (if name == "flake" || name == "several at once" then "flake" else "channel")
        ) "the image has a ${config.wsl.image.config} in /etc/nixos";
    in
    map (message: "${name}: ${message}") (
      if result.success then result.value else [ "does not evaluate" ]
    );
in
lib'.decide "imports" (lib.concatLists (lib.mapAttrsToList failures ways))
