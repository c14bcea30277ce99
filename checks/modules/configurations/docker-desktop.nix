# Docker Desktop, and programs that its scripts call, as published configurations list them.
{ pkgs, ... }:
{
  wsl.docker-desktop.enable = true;
  wsl.extraBin = map (name: { src = "${pkgs.coreutils}/bin/${name}"; }) [
    "cat"
    "mkdir"
    "whoami"
  ];
}
