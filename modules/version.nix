# wsl.version: what `nixos-wsl version` reports.
{ lib, ... }:
{
  options.wsl.version = {
    release = lib.mkOption {
      type = lib.types.str;
      default = (lib.importTOML ../Cargo.toml).package.version;
      defaultText = lib.literalMD "the version in Cargo.toml";
      internal = true;
      description = "Release of this project.";
    };
    rev = lib.mkOption {
      type = lib.types.str;
      default = "unknown";
      internal = true;
      description = "Git revision of this project, where the flake knows it.";
    };
  };
}
