# People who write programs.
{ pkgs, ... }:
{
  environment.systemPackages = [
    pkgs.git
    pkgs.gh
  ];
  programs.direnv.enable = true;
  wsl.vscode.enable = true;
}
