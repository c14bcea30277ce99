# Small by nixpkgs' own profiles.
{ lib, modulesPath, ... }:
{
  imports = [
    (modulesPath + "/profiles/minimal.nix")
    (modulesPath + "/profiles/headless.nix")
  ];
  environment.defaultPackages = lib.mkForce [ ];
  programs.command-not-found.enable = false;
  xdg.autostart.enable = lib.mkForce false;
  security.polkit.enable = lib.mkForce false;
  nix.channel.enable = false;
}
