# `nix flake init -t .#channel`, with both channels.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }:
    let
      scope = {
        __nixPath = [
          {
            prefix = "nixos-wsl";
            path = nixos-wsl.outPath;
          }
        ];
        __findFile = builtins.findFile;
      };
    in
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [ (builtins.scopedImport scope ../../../templates/channel/configuration.nix) ];
      };
    };
  holds = config: {
    "the user is the template's" = config.users.users.alice.isNormalUser;
    "the image has a configuration for channels" = config.wsl.image.config == "channel";
  };
}
