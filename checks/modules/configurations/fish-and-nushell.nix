# Several users with several shells.
{ pkgs, ... }:
{
  wsl.defaultUser = "jane.doe";
  programs.fish.enable = true;
  users.users."jane.doe".shell = pkgs.fish;
  users.users.second = {
    isNormalUser = true;
    shell = pkgs.nushell;
  };
  environment.shells = [ pkgs.nushell ];
}
