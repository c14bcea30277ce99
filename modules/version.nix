# wsl.version, and the command line tool in every shell.
{
  config,
  lib,
  pkgs,
  ...
}:

{
  options.wsl.version = {
    release = lib.mkOption {
      type = lib.types.str;
      default = (lib.importTOML ../Cargo.toml).package.version;
      defaultText = lib.literalMD "the version in {file}`Cargo.toml`";
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

  config = lib.mkIf config.wsl.enable {
    environment.systemPackages = [
      config.wsl.programs.nixos-wsl
      config.wsl.programs.manuals
      # The name that scripts know from NixOS-WSL.
      (pkgs.writeShellScriptBin "nixos-wsl-version" ''exec nixos-wsl version "$@"'')
    ];
    environment.etc."nixos-wsl/version.json".text = builtins.toJSON {
      inherit (config.wsl.version) release rev;
    };
  };
}
