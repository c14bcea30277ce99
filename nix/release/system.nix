# What a release's `.wsl` is beside ../mysystem.nix: a file to double click, whose first start asks for the user.
{ pkgs, ... }:
{
  wsl.distribution.oobe.askForUser = true;
  wsl.image.fileName = "nixos-wsl-${pkgs.stdenv.hostPlatform.parsed.cpu.name}.wsl";
}
