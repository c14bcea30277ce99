# The programs that people install by name, each with its own manual pages and completions. In a system the modules bring those
# of all programs (../modules/version.nix).
{
  pkgs,
  # ./packages.nix.
  programs,
  # `nixos-wsl-image` of the machine that builds.
  writer ? programs.nixos-wsl-image,
}:

let
  inherit (pkgs) lib;

  manualOf =
    name:
    pkgs.runCommand "${name}-manual" { } ''
      ${lib.getExe writer} manuals --program ${name} $out
    '';

  documented =
    name:
    pkgs.symlinkJoin {
      inherit (programs.${name}) name meta;
      paths = [
        programs.${name}
        (manualOf name)
      ];
    };

  all = lib.genAttrs [
    "nixos-wsl"
    "nixos-wsl-accept"
    "nixos-wsl-image"
    "wsl-sim"
  ] documented;
in
all // { default = all.nixos-wsl-image; }
