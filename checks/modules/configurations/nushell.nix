# nushell for everybody, as a default and by hand.
{ pkgs, ... }:
{
  users.defaultUserShell = pkgs.nushell;
  environment.shells = [ pkgs.nushell ];
  users.users.root.shell = pkgs.bashInteractive;
  environment.systemPackages = [
    pkgs.carapace
    pkgs.starship
  ];
}
