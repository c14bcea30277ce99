# zsh as everybody's shell, with the options of its module.
{ pkgs, ... }:
{
  programs.zsh = {
    enable = true;
    autosuggestions.enable = true;
    ohMyZsh.enable = true;
  };
  users.defaultUserShell = pkgs.zsh;
}
