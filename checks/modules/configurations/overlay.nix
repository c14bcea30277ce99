# Packages of one's own by an overlay, and values of every priority.
{ lib, pkgs, ... }:
{
  nixpkgs.overlays = [
    (_final: previous: { mine = previous.hello.overrideAttrs { pname = "mine"; }; })
  ];
  environment.systemPackages = [ pkgs.mine ];
  networking.hostName = lib.mkDefault "workstation";
  wsl.startMenuLaunchers = lib.mkForce true;
  networking.dhcpcd.enable = lib.mkForce false;
}
