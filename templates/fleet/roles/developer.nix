# People who write programs.
{ pkgs, ... }:
{
  wsl.distribution.defaultName = "Developer";
  environment.systemPackages = [
    pkgs.git
    pkgs.gh
  ];
  programs.direnv.enable = true;
  wsl.vscode.enable = true;
}
