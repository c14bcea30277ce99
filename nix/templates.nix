# What `nix flake init -t` offers.
let
  firstSteps = ''
    Write the place of this project's repository for `OWNER` in `flake.nix`, your user's name in `configuration.nix`, and
    build the image:

        nix build .#nixosConfigurations.mysystem.config.system.build.tarball
  '';
in
{
  default = {
    path = ../templates/default;
    description = "NixOS on WSL: one machine";
    welcomeText = firstSteps;
  };
  fleet = {
    path = ../templates/fleet;
    description = "NixOS on WSL: several machines, whose users are asked for at the first start, with one binary cache";
    welcomeText = ''
      Write your repositories for `OWNER` in `flake.nix` and `machine/flake.nix`, your cache in `common.nix`, and build an image:

          nix build .#nixosConfigurations.developer.config.system.build.tarball
    '';
  };
  channel = {
    path = ../templates/channel;
    description = "NixOS on WSL: one machine, without flakes";
    welcomeText = "The first lines of `configuration.nix` say how the image is built.";
  };
}
